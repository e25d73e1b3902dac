// What the disk holds: the swap area first, then the files' pages, each at a
// place of its own. Files' bytes stay with their files; this maps sectors to them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hw/base/types.h"
#include "hw/devices/block_storage.h"
#include "os/files/medium_faults.h"

namespace faultline::os {

// A file whose pages lie on the disk.
class DiskFile {
 public:
  virtual ~DiskFile() = default;
  // The bytes of a page, zero beyond the file's end. False: they cannot be read.
  virtual bool read_page(uint64_t index, std::span<uint8_t> page) = 0;
  // Bytes beyond the file's end are not kept.
  virtual bool write_page(uint64_t index, std::span<const uint8_t> page) = 0;
  // The guest's, for whoever names it.
  virtual std::string_view path() const { return {}; }
};

class DiskContent final : public hw::BlockStorage {
 public:
  // Sizes in bytes. The swap area takes the first sectors.
  DiskContent(uint64_t swap_bytes, uint64_t disk_bytes, PageSize page);

  // Pages fail as it says from here on.
  void set_faults(std::unique_ptr<MediumFaults> faults) { faults_ = std::move(faults); }
  uint64_t injected_faults() const { return faults_ ? faults_->injected() : 0; }
  // Pages that could not be moved, for whatever reason: the first ones.
  struct FailedPage {
    uint64_t sector = 0;
    bool write = false;
    std::string path;     // empty: of swap, or of a file that is gone
    uint64_t offset = 0;  // in the file, in bytes
  };
  static constexpr size_t kFailedPagesKept = 32;
  const std::vector<FailedPage>& failed_pages() const { return failed_pages_; }

  bool read(uint64_t sector, std::span<uint8_t> bytes) override;
  bool write(uint64_t sector, std::span<const uint8_t> bytes) override;

  PageSize page() const { return page_; }
  uint64_t file_area_bytes() const { return (end_block_ - first_file_block_) << page_.shift; }
  uint64_t free_bytes() const { return free_blocks_ << page_.shift; }

  // A run of pages of one file in consecutive blocks (a block is a page's worth
  // of sectors).
  struct Extent {
    uint64_t first_page = 0;
    uint64_t pages = 0;
    uint64_t first_block = 0;
  };
  // Room for at most `pages` pages from `first_page` on; at least one page, or
  // nothing when the disk is full. Fresh blocks are handed out in order, so a
  // file that grows alone stays in one piece.
  std::optional<Extent> allocate(DiskFile& owner, uint64_t first_page, uint64_t pages);
  // The file gives its place back. What is still under way to it is dropped.
  void release(std::span<const Extent> extents);

  uint64_t sector_of(uint64_t block) const { return block << (page_.shift - 9); }

 private:
  struct Owned {
    DiskFile* owner;
    Extent extent;
  };
  struct Place {
    DiskFile* owner = nullptr;
    uint64_t page = 0;
  };
  Place find(uint64_t block) const;
  std::optional<uint64_t> take_run(uint64_t& pages);
  bool read_block(uint64_t block, std::span<uint8_t> to);
  bool write_block(uint64_t block, std::span<const uint8_t> from);
  bool medium_fails(uint64_t block, bool write);
  // Answers `ok`, and keeps it in mind where it is false.
  bool note(uint64_t block, bool write, bool ok);

  std::unique_ptr<MediumFaults> faults_;  // null: none are injected
  std::vector<FailedPage> failed_pages_;
  PageSize page_;
  uint64_t first_file_block_;
  uint64_t end_block_;
  uint64_t next_block_;  // never used yet from here on
  uint64_t free_blocks_;
  std::map<uint64_t, uint64_t> holes_;                             // given back: first block, blocks
  std::map<uint64_t, Owned> owned_;                                // by first block
  std::unordered_map<uint64_t, std::unique_ptr<uint8_t[]>> swap_;  // by block, once written
};

}  // namespace faultline::os
