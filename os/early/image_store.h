// Contiguous memory for whole programs: where images lie, how they grow, move,
// leave for the disk and come back.
//
// With base registers an image may lie anywhere, since every address of it counts
// from the base: it is moved by copying it and loading another base. Without them
// its addresses are those of memory, so that it has one place for life: two images
// that want the same place are never in memory together.
//
// A wish for memory is met by the first of these that helps:
//   1  a hole                     placement says which
//   2  compaction                 base registers: images move together
//   3  swapping others out        the one that ran longest ago first
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hw/mmu/relocation.h"
#include "os/config.h"
#include "os/cpu.h"
#include "os/early/file_reader.h"
#include "os/early/hole_map.h"
#include "os/early/program.h"
#include "os/early/statistics.h"
#include "os/result.h"

namespace faultline::os::early {

class ImageStore {
 public:
  ImageStore(Cpu& cpu, uint64_t disk_sectors, hw::RelocationUnit& registers, FileReader& transfers,
             const OsConfig& config, Statistics& statistics);

  // Memory and, with swapping, swap space for a new image of image.pages (more than
  // 0), all zero. The image must stay where it is on the host until release().
  // ENOMEM: not now. Others may have been moved or swapped out.
  Result<> create(Image& image);
  void release(Image& image);
  // Makes it `pages` long, at its end: new pages are zero. It may be moved. ENOMEM:
  // nothing has changed. EIO: it was lost on its way through the disk.
  Result<> resize(Image& image, uint64_t pages);
  // Brings it into memory, if it is not there. ENOMEM, EIO.
  Result<> bring_in(Image& image);
  // Whether memory could ever hold such an image, were it alone.
  bool could_hold(const Image& image) const;

  // Into the relocation unit; the image must be in memory.
  void load_registers(const Image& image);
  // Where these bytes of the program's lie, if its registers let it use them all.
  // The image must be in memory.
  std::optional<PhysAddr> user_range(const Image& image, uint64_t address, uint64_t bytes) const;
  // Of the image's own byte `address`, unchecked.
  PhysAddr physical(const Image& image, uint64_t address) const;

  bool relocates() const { return registers_.model() == hw::MemoryModel::base_bounds; }
  PageSize page() const { return page_; }
  Pfn first_frame() const { return first_frame_; }
  uint64_t memory_bytes() const { return cpu_.memory().size(); }
  uint64_t resident_pages() const { return resident_pages_; }
  // Of swap space, that images have.
  uint64_t slot_pages() const { return swap_total_ - swap_.free_units(); }
  Layout layout() const;

 private:
  uint64_t end_frame() const { return cpu_.memory().frames(); }
  std::optional<Pfn> room_for(const Image& image);
  std::optional<Pfn> fixed_room(const Image& image);
  std::optional<Pfn> any_room(const Image& image);
  bool make_way(const Image& for_image, uint64_t first, uint64_t pages);
  Image* longest_unused(const Image& but) const;
  void occupy(Image& image, Pfn place);
  void vacate(Image& image);
  void move(Image& image, Pfn to);
  // Images up to `growing`, and all where it is null, go down as far as they can, the others up.
  void compact(const Image* growing);
  bool extend(Image& image, uint64_t pages);
  bool extend_in_place(Image& image, uint64_t pages);
  void zero(Pfn first, uint64_t pages);

  // image_swap.cc
  bool reserve_slot(Image& image, uint64_t pages);
  bool swap_out(Image& image);
  Result<> swap_in(Image& image);
  Result<> resize_through_swap(Image& image, uint64_t pages);
  std::vector<Pfn> frames_of(const Image& image) const;
  uint64_t slot_sector(const Image& image) const;

  Cpu& cpu_;
  hw::RelocationUnit& registers_;
  FileReader& transfers_;
  const EarlyConfig& config_;
  Statistics& statistics_;
  PageSize page_;
  Pfn first_frame_;  // the first that is no part of the OS layer
  HoleMap memory_;   // by frame
  HoleMap swap_;     // by page, from the disk's first sector on
  uint64_t swap_total_;
  std::vector<Image*> images_;
  uint64_t resident_pages_ = 0;
  uint64_t resident_images_ = 0;
};

}  // namespace faultline::os::early
