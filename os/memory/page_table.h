// Page tables: the only code of the OS layer that knows table entries.
//
// The entries are real bytes in modelled memory, read and written through
// Cpu::load and Cpu::store. Beside each table frame stand the host's notes:
// whose it is, how many entries are present, and the links of the reverse map
// (from a frame to the entries that map it), so that a page can be unmapped
// everywhere in time proportional to its mappings.
//
// A table is made when an entry in it is first needed and given back when its
// last present entry goes. What it says can be made again from the areas, so
// it may be thrown away at any time.
//
// An entry above level 0 may map a large page: an aligned run of frames, each
// of which keeps its own owner. Whoever wants less than the whole run splits
// the entry into a table of smaller ones first (large_leaves.cc).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hw/base/types.h"
#include "hw/mmu/page_table_format.h"
#include "os/memory/frame_allocator.h"
#include "os/memory/free_map.h"
#include "os/memory/statistics.h"

namespace faultline::os {

class Cpu;
class PageTable;
struct OsCosts;

// An entry and where it stands. Above level 0 it maps a large page; `pfn` is
// that of the base page which was asked for, or of the first.
struct TableEntry : hw::Entry {
  unsigned level = 0;
};

// What an entry said when it was taken away.
struct RemovedEntry {
  bool present = false;
  Pfn pfn{};
  bool referenced = false;
  bool modified = false;
};

// What all page tables of the machine have in common: the format, the kernel's
// part, the notes and the reverse map.
class PageTables {
 public:
  // Builds the kernel's part, untimed: all of memory that fits, at
  // kernel_begin(), closed to user mode. Its tables take kernel_tables() frames
  // from `first_kernel_table` on, which the kernel owns.
  PageTables(Cpu& cpu, FrameAllocator& frames, const hw::PageTableFormat& format, const OsCosts& costs,
             bool flush_on_clear, Pfn first_kernel_table);
  // Frames for the kernel's shared tables when there are `frames` in all.
  static uint64_t kernel_tables(const hw::PageTableFormat& format, uint64_t frames);
  ~PageTables();
  PageTables(const PageTables&) = delete;
  PageTables& operator=(const PageTables&) = delete;

  // A root with the kernel's part in it. Nothing: no frame now (`must_wait`),
  // or no run of frames, or no address-space identifier left.
  std::unique_ptr<PageTable> create(bool& must_wait);

  const hw::PageTableFormat& format() const { return format_; }
  PageSize page() const { return format_.page(); }
  // Where the kernel sees a physical address; nothing beyond its window.
  std::optional<VirtAddr> kernel_address(PhysAddr address) const;
  // Base pages that an entry of this level spans, as log2.
  unsigned order(unsigned level) const { return format_.entry_shift(level) - page().shift; }
  // The lowest level above 0 that may map a page; 0: there is none, or memory
  // is smaller than such a page.
  unsigned large_level() const { return large_.empty() ? 0 : large_.front().level; }
  // The level whose pages have 2^shift bytes; 0: there is none, likewise.
  unsigned large_level_of(unsigned shift) const;

  // --- the reverse map: every entry that maps a frame ---------------------------
  bool mapped(Pfn pfn) const { return frames_[pfn].mappings != 0; }
  // Whether `is_it` says so of one of them, by address space and address.
  bool any_mapping(Pfn pfn, const std::function<bool(Asid, VirtAddr)>& is_it) const;
  bool referenced(Pfn pfn);
  bool modified(Pfn pfn);
  void clear_referenced(Pfn pfn);
  // Takes the page away from everybody. What the entries said of it goes into
  // Frame::dirty and Frame::used, as whenever an entry is taken away. Large
  // pages around it are split.
  void unmap_everywhere(Pfn pfn);
  // The same for the whole large page of which this is a frame.
  void unmap_large_everywhere(Pfn pfn);
  // So that the next store faults; modified bits are cleared.
  void write_protect_everywhere(Pfn pfn);

  // --- under pressure --------------------------------------------------------------
  // Gives back tables without a present entry; how many frames that freed.
  uint64_t free_empty_tables();
  // The same for one whose entries all map the zero page, if there is one.
  uint64_t free_one_zero_page_table();

  PageTableStatistics statistics() const;
  const LargeLeafStatistics& large_leaves() const { return large_statistics_; }
  std::optional<std::string> check_invariants() const;

 private:
  friend class PageTable;
  static constexpr uint64_t kNone = ~uint64_t{0};

  struct Link {  // of one leaf entry in its frame's chain, by position
    uint64_t next = kNone;
    uint64_t prev = kNone;
  };
  // A position names an entry in memory: frame * entries_per_frame_ + index.
  enum class List : uint8_t { none, empty, zero_only };
  struct Notes {
    PageTable* owner = nullptr;
    List list = List::none;
    unsigned level = 0;
    uint64_t first_address = 0;  // that the first entry of this frame translates
    uint64_t parent = kNone;     // position of the entry that points here
    uint32_t present = 0;        // entries
    uint32_t tracked = 0;        // of them, those that map pages and are in the reverse map
    std::vector<Link> links;     // level 0 only
  };

  uint64_t position(PhysAddr entry) const { return entry.value >> entry_shift_; }
  PhysAddr address(uint64_t position) const { return PhysAddr(position << entry_shift_); }
  // The frame that an entry lies in, and which of the frame's it is.
  uint64_t frame_of(uint64_t position) const { return position >> frame_shift_; }
  uint64_t slot_of(uint64_t position) const { return position & (entries_per_frame_ - 1); }
  // Null: the frame is no table.
  Notes* notes_at(uint64_t frame) const {
    const std::unique_ptr<Notes>* const notes = notes_.find(frame);
    return notes == nullptr ? nullptr : notes->get();
  }
  Notes& notes_of(uint64_t position) { return *notes_at(frame_of(position)); }
  const Notes& notes_of(uint64_t position) const { return *notes_at(frame_of(position)); }
  // Entries that a frame of a table of this level holds: with large base pages
  // far fewer than there is room for.
  uint64_t entries_in_frame(unsigned level) const { return std::min(entries_per_frame_, format_.entries(level)); }
  VirtAddr translated_by(uint64_t position) const;
  uint64_t raw(uint64_t position) const;            // untimed
  void set_raw(uint64_t position, uint64_t value);  // untimed
  uint64_t load(uint64_t position);
  void store(uint64_t position, uint64_t value);
  void link(uint64_t position, Pfn pfn);
  void unlink(uint64_t position, Pfn pfn);
  bool tracked(Pfn pfn) const { return frames_[pfn].kind != FrameKind::kernel; }
  void walk_chain(Pfn pfn, const std::function<void(uint64_t)>& visit);
  void place(uint64_t position, uint64_t value, Pfn pfn);
  RemovedEntry take_away(uint64_t position);
  RemovedEntry take_away(uint64_t position, uint64_t value);  // which was loaded
  RemovedEntry remove(uint64_t position);
  RemovedEntry remove(uint64_t position, uint64_t value);
  void forget_leaf(uint64_t position, const hw::Entry& entry);
  void flush(uint64_t position);
  void sort_in(uint64_t frame);
  void sort_out(uint64_t frame);
  void free_if_empty(uint64_t frame);
  void add_notes(Pfn pfn, PageTable& owner, unsigned level, uint64_t first_address, uint64_t parent);
  void forget_notes(Pfn pfn);
  void build_kernel_part(Pfn next_table);
  PhysAddr kernel_table(VirtAddr va, Pfn& next_table);
  void write_kernel_part(Pfn root_frame, uint64_t index_of_first_entry);
  hw::Entry entry_at(uint64_t position) const;
  // The frame of the base page at `address` under an entry.
  Pfn base_page(const TableEntry& entry, VirtAddr address) const {
    return entry.pfn + (address.value >> page().shift & (pages_of(entry.level) - 1));
  }
  std::optional<std::string> check_table(uint64_t frame, uint64_t& entries) const;
  std::optional<std::string> check_chain(uint64_t frame) const;

  // --- large leaves (large_leaves.cc) -----------------------------------------------
  // Those of one level, by the first frame that they map.
  struct LargeLeaves {
    unsigned level;
    std::map<uint64_t, std::vector<uint64_t>> by_frame;  // positions
  };
  uint64_t pages_of(unsigned level) const { return uint64_t{1} << order(level); }
  LargeLeaves& large_leaves_of(unsigned level);
  void find_large_levels();
  void link_large(uint64_t position, unsigned level, Pfn first);
  void unlink_large(uint64_t position, unsigned level, Pfn first);
  void forget_large_leaf(uint64_t position, const hw::Entry& entry);
  bool any_large_mapping(Pfn pfn, const std::function<bool(Asid, VirtAddr)>& is_it) const;
  void visit_large(Pfn pfn, const std::function<void(uint64_t)>& visit);
  void split(uint64_t position);
  void split_everywhere(Pfn pfn);
  void clear_entry(uint64_t position);
  uint64_t large_leaves_over(uint64_t frame) const;
  std::optional<std::string> check_large_leaves() const;

  Cpu& cpu_;
  FrameAllocator& frames_;
  const hw::PageTableFormat& format_;
  const OsCosts& costs_;
  bool flush_on_clear_;
  unsigned entry_shift_;  // log2 of an entry's bytes
  unsigned frame_shift_;  // log2 of entries_per_frame_
  uint64_t entries_per_frame_;
  ChunkedTable<std::unique_ptr<Notes>> notes_;  // by frame; null: no table
  uint64_t kernel_first_ = 0;                   // index in the root of the kernel's first entry
  std::vector<uint64_t> kernel_entries_;        // the root's, from kernel_first_ on
  uint64_t kernel_window_ = 0;                  // bytes of memory that the kernel's part maps
  std::set<uint64_t> empty_;                    // level-0 table frames without a present entry
  std::set<uint64_t> zero_only_;                // ... with present entries, none in the reverse map
  FreeMap asids_;                               // not in use
  uint64_t roots_ = 0;
  uint64_t entries_present_ = 0;
  std::vector<LargeLeaves> large_;  // by level, the lowest first
  LargeLeafStatistics large_statistics_;
  struct LevelFrames {
    uint64_t now = 0;
    uint64_t peak = 0;
  };
  std::array<LevelFrames, hw::PageTableFormat::kMaxLevels> level_frames_;
};

// One process's page table.
class PageTable {
 public:
  PageTable(PageTables& tables, Pfn root, Asid asid);
  ~PageTable();
  PageTable(const PageTable&) = delete;
  PageTable& operator=(const PageTable&) = delete;

  PhysAddr root() const { return root_; }
  Asid asid() const { return asid_; }

  // Makes the tables that an entry for `address` at `level` needs; a large page
  // above it is split. False: no frame, sleep for one. True holds until the
  // caller sleeps.
  bool prepare(VirtAddr address, unsigned level = 0);
  // The entry, timed as a walk in software; invalid where there is none.
  TableEntry find(VirtAddr address);
  // Maps a page; prepare() said true. What was there is taken away first and
  // returned. Frames of the kernel (the zero page) are in no reverse map.
  RemovedEntry map(VirtAddr address, Pfn pfn, hw::Permissions permissions, bool referenced, bool modified);
  // Maps the large page at `address`, a run of frames from `first` on, aligned
  // to their number; prepare() said true for the level, above 0. Whatever was
  // mapped in its place goes.
  void map_large(VirtAddr address, unsigned level, Pfn first, hw::Permissions permissions, bool referenced,
                 bool modified);
  // Takes the entry away that maps `address`, with the whole of a large page.
  RemovedEntry unmap(VirtAddr address);
  // After it no large page lies on both sides of `address`. Where no frame is
  // left for a table, the large page's entry goes, and faults map its pages again.
  void split_at(VirtAddr address);
  // The level of the entry that maps `address`, 0 also where none does; untimed.
  unsigned leaf_level(VirtAddr address);
  // Changes what a present entry permits; `flush` false: the caller flushes
  // the whole address space.
  void set_permissions(VirtAddr address, hw::Permissions permissions, bool flush = true);
  // The entry's referenced bit, that of a whole large page, and Frame::used.
  void clear_referenced(VirtAddr address);
  // For user_bytes: the entry, with the bits set that an access sets; untimed.
  // Nothing: it does not permit the access.
  std::optional<Pfn> access(VirtAddr address, Access access);

  // Present entries of [begin, end), in order; no large page lies across one of
  // both. `visit` may unmap or change the entry that it is given and no other.
  void for_each_present(VirtAddr begin, VirtAddr end, const std::function<void(VirtAddr, const TableEntry&)>& visit);

  // Whether an entry ever went because it could not be split: its pages may have none.
  bool has_lost_pages() const { return has_lost_pages_; }
  uint64_t frames() const { return table_frames_; }  // that its tables take
  uint64_t resident_pages() const { return resident_; }
  uint64_t peak_resident_pages() const { return peak_resident_; }
  void forget_peak() { peak_resident_ = resident_; }

 private:
  friend class PageTables;

  // The entry of level 0 for an address, or the large page's above it. Nothing:
  // there is no table for it.
  struct Leaf {
    uint64_t position;
    unsigned level;
  };
  std::optional<Leaf> find_leaf(VirtAddr address, bool timed);
  // The same, and what it says: all of it timed.
  struct LoadedLeaf : Leaf {
    uint64_t value;
  };
  std::optional<LoadedLeaf> load_leaf(VirtAddr address);
  // The entries that lead to a table of level 0, from the root's on, and that
  // table. The last one asked for is kept: faults follow each other in one
  // region, and each asks more than once.
  struct Way {
    uint64_t region = ~uint64_t{0};  // what the table translates: address >> region_shift_
    PhysAddr table{};
    std::array<PhysAddr, hw::PageTableFormat::kMaxLevels> entries{};  // the last: where load_leaf() puts its own
  };
  // Null: there is no such table.
  Way* way_to(VirtAddr address);
  void load_way(const Way& way);
  void visit_table(PhysAddr table, unsigned level, uint64_t first_address, uint64_t begin, uint64_t end,
                   const std::function<void(VirtAddr, const TableEntry&)>& visit);
  void release_below(PhysAddr table, unsigned level);

  PageTables& tables_;
  PhysAddr root_;
  Asid asid_;
  uint64_t table_frames_ = 0;
  uint64_t resident_ = 0;  // base pages of tracked entries
  uint64_t peak_resident_ = 0;
  bool has_lost_pages_ = false;
  unsigned region_shift_;  // log2 of what a table of level 0 translates
  Way way_;                // forgotten when one of the tables goes
};

}  // namespace faultline::os
