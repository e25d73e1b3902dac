// A process's address space: areas over memory objects, and the page table
// that the hardware sees, which is no more than a cache of them.
//
// Nothing here sleeps. What would, says so (Reply, FaultReply) and is called
// again after the sleep: no state of a fault lives across one but FaultProgress.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hw/base/types.h"
#include "os/memory/anon_map.h"
#include "os/memory/area_map.h"
#include "os/memory/file_backing.h"
#include "os/memory/page_table.h"
#include "os/memory/statistics.h"
#include "os/memory/vm_area.h"
#include "os/result.h"

namespace faultline::os {

struct AreaUsage;
struct Frame;
struct PageFacts;
struct ResidentPages;
class MemoryManager;
class WaitQueue;

struct MapRequest {
  VirtAddr hint{};                         // 0: anywhere
  uint64_t length = 0;                     // bytes, rounded up to pages
  int protection = 0;                      // Linux PROT_ bits
  int flags = 0;                           // Linux MAP_ bits
  std::shared_ptr<FileBacking> file = {};  // null: anonymous
  std::shared_ptr<FileUse> file_use = {};  // of the open file description; may be null
  uint64_t offset = 0;                     // bytes into the file, page aligned
  bool file_readable = true;               // how the descriptor was opened: EACCES
  bool file_writable = true;
  bool of_zero_device = false;  // anonymous, by the name of /dev/zero
};

// setrlimit(2), in bytes.
struct MemoryLimits {
  static constexpr uint64_t kNone = ~uint64_t{0};
  uint64_t address_space = kNone;  // RLIMIT_AS: all areas together
  uint64_t data = kNone;           // RLIMIT_DATA: private areas that may be written, the stack apart
  uint64_t data_maximum = kNone;   // ... its hard limit, which binds where the soft one is 0
  uint64_t stack = kNone;          // RLIMIT_STACK: what grows down, each
  uint64_t locked = kNone;         // RLIMIT_MEMLOCK: what is locked together
};

// Faults that were resolved.
struct FaultCounts {
  uint64_t minor = 0;
  uint64_t major = 0;
};

// What the caller of handle_fault keeps across the sleeps of one fault.
struct FaultProgress {
  bool disk = false;     // a read from the disk was waited for: the fault is major
  bool swapped = false;  // ... from swap
  bool kernel = false;   // by the kernel for a user: a failure is EFAULT and counts as nothing
};

struct FaultReply {
  enum class Kind : uint8_t {
    resolved,       // run the instruction again
    must_sleep,     // sleep on `queue`, then call again
    segv_maperr,    // SIGSEGV, no area there
    segv_accerr,    // SIGSEGV, the area forbids it
    bus_adrerr,     // SIGBUS, beyond the file's end or the disk failed
    out_of_memory,  // the process is to die and gets no more frames
  };
  Kind kind = Kind::resolved;
  WaitQueue* queue = nullptr;  // must_sleep
  bool disk = false;           // must_sleep: for a read from the disk; resolved: the fault was major

  bool resolved() const { return kind == Kind::resolved; }
};

// What populate() makes present of a range.
enum class Populate : uint8_t {
  all,     // MAP_POPULATE
  locked,  // what is locked
  held,    // mlock(2): that, and MAP_HUGETLB's, which need no lock
  read,    // MADV_POPULATE_READ and _WRITE: a hole is segv_maperr
  write,
};

// What a process gives back when it dies, in pages (Linux, oom_badness).
struct MemoryHeld {
  uint64_t resident = 0;  // mapped
  uint64_t swapped = 0;   // private pages that page-out took: on swap, or on their way to it or back
  uint64_t tables = 0;    // frames of its page tables

  uint64_t all() const { return resident + swapped + tables; }
};

class AddressSpace {
 public:
  // Use MemoryManager::create_address_space.
  AddressSpace(MemoryManager& manager, std::unique_ptr<PageTable> table);
  ~AddressSpace();  // gives everything back
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  // --- areas ------------------------------------------------------------------
  // mmap(2) and every errno of it but EBADF and ENODEV, which the caller knows;
  // it populates what MAP_POPULATE and MAP_LOCKED ask for.
  Result<VirtAddr> map(const MapRequest& request);
  // munmap(2): EINVAL; ENOMEM when a split would make too many areas.
  Result<> unmap(VirtAddr start, uint64_t length);
  // mprotect(2): EINVAL, ENOMEM, EACCES.
  Result<> protect(VirtAddr start, uint64_t length, int protection);
  // madvise(2): MADV_DONTNEED and MADV_REMOVE drop the pages, MADV_WILLNEED
  // starts to read a file's, MADV_SEQUENTIAL and MADV_RANDOM are for read-ahead,
  // MADV_DONTFORK and its like for fork; other known advice is taken and changes nothing. MADV_POPULATE_* are the
  // caller's. EINVAL, EACCES, EOPNOTSUPP, ENOMEM.
  Result<> advise(VirtAddr start, uint64_t length, int advice);
  // msync(2): writes the dirty pages of the shared files in the range. EINVAL,
  // ENOMEM where nothing is mapped, EBUSY where it is locked, EIO once for each
  // description and failure.
  Reply<> sync(VirtAddr start, uint64_t length, int flags);
  // mremap(2): EINVAL, EFAULT, ENOMEM, EAGAIN.
  Result<VirtAddr> remap(VirtAddr old_start, uint64_t old_length, uint64_t new_length, int flags, VirtAddr new_start);
  // mlock2(2) or, with AreaLock::none, munlock(2): EPERM, ENOMEM, EINVAL. The
  // caller populates the range then.
  Result<> lock(VirtAddr start, uint64_t length, AreaLock how);
  // mlockall(2): EINVAL, EPERM, ENOMEM; populating follows. munlockall(2).
  Result<> lock_all(int flags);
  void unlock_all();
  // Makes the page at `at` present, if it is one of those, and moves `at`
  // behind it, or behind pages that are not; for as long as `at` is below
  // `end`. Any other answer than resolved leaves `at` where it was: sleep and
  // call again, or give up. `progress` begins with `kernel` set.
  FaultReply populate(uint64_t& at, uint64_t end, Populate which, FaultProgress& progress);
  // brk(2): the break after the call, unchanged where it cannot move.
  VirtAddr set_brk(VirtAddr wanted);
  // exec: where the heap begins, after the bss; the heap is empty.
  void set_brk_start(VirtAddr start);
  // exec: a stack that ends at `top` and grows down on demand to `limit` bytes.
  // Only its first page is an area from the start; nothing is in it.
  Result<> map_stack(VirtAddr top, uint64_t limit);

  // Those of whoever runs in it from now on. What stands, stands.
  void set_limits(const MemoryLimits& limits) { limits_ = limits; }
  // The file that the area at `start` shows became shorter: private pages of it
  // beyond its new end go, copied or not (Linux, unmap_mapping_range with even_cows).
  void drop_beyond_end(uint64_t start, uint64_t size);

  // fork(2): areas and tables duplicated, pages shared and read-only in both.
  // ENOMEM when the commit limit forbids it or no root table can be had.
  Reply<std::unique_ptr<AddressSpace>> fork();

  // --- faults -----------------------------------------------------------------
  // Resolves one fault and counts it once, when it is resolved or fails; or
  // says what to wait for. Charges the current account.
  //   FaultProgress progress;
  //   for (;;) { reply = handle_fault(a, access, progress); if must_sleep: sleep; else break; }
  FaultReply handle_fault(VirtAddr address, Access access, FaultProgress& progress);
  // The user's bytes at `address` up to the end of the page, if they are mapped
  // with that right now, setting the referenced and modified bits as hardware
  // would; no bytes: call handle_fault. Valid until the caller sleeps.
  struct Bytes {
    uint8_t* data = nullptr;
    PhysAddr physical{};
    uint64_t size = 0;  // to the end of the page
  };
  Bytes user_bytes(VirtAddr address, Access access);
  // A process that was killed gets no frame that must be waited for: faults
  // answer out_of_memory instead of sleeping for one.
  void set_dying() { dying_ = true; }

  // --- what others look at ------------------------------------------------------
  PhysAddr root() const { return table_->root(); }
  Asid asid() const { return table_->asid(); }
  PageSize page() const;
  VirtAddr user_end() const;  // first address above user space
  uint64_t resident_pages() const { return table_->resident_pages(); }
  uint64_t peak_resident_pages() const { return table_->peak_resident_pages(); }
  // Looks at every private page.
  MemoryHeld memory_held() const;
  uint64_t mapped_bytes() const { return areas_.totals().mapped; }  // of all areas: VmSize
  uint64_t peak_mapped_bytes() const { return areas_.peak_mapped(); }
  uint64_t locked_bytes() const { return areas_.totals().locked; }  // VmLck
  uint64_t data_bytes() const { return areas_.totals().data; }      // VmData
  uint64_t table_frames() const { return table_->frames(); }
  VirtAddr brk_start() const { return VirtAddr(brk_start_); }
  VirtAddr brk() const { return VirtAddr(brk_); }
  // Areas in order of address; for /proc/self/maps.
  void for_each_area(const std::function<void(const VmArea&)>& visit) const;
  const VmArea* find_area(VirtAddr address) const;
  // For page-out: whether the area at an address is locked, and whether a page
  // without an entry is one of a locked area that nobody may touch.
  bool locks(VirtAddr address) const;
  bool locks_out_of_reach(const Frame& frame) const;
  // The page size that an area is made of.
  PageSize unit_of(const VmArea& area) const { return unit(area); }
  // mincore(2): the page is in memory, mapped or not.
  bool in_memory(VirtAddr address) const;
  // For /proc/PID, as page_facts.h says: of one area, of all, of the page at an
  // address. They read the tables, which is timed.
  AreaUsage usage_of(const VmArea& area) const;
  ResidentPages resident_by_kind() const;
  PageFacts page_facts(VirtAddr address) const;
  // Nothing that this process maps, or only files' pages or only others, counts
  // as referenced any more.
  enum class References : uint8_t { all, anonymous, files };
  void clear_references(References which);
  // membarrier(2): registered for private expedited barriers.
  bool wants_barriers = false;
  // Faults since the last time, the program's own and those of the kernel for
  // it; for the usage of the process that caused them.
  FaultCounts take_fault_counts() { return std::exchange(fault_counts_, {}); }

  // How its areas lie, and what of its large pages is not in use.
  LayoutStatistics layout() const;
  // For the collapse daemon: looks at the places for large pages from `from` on
  // and makes those that it can, until it has seen `budget` base pages. Where to
  // go on; nothing: that was the last.
  std::optional<uint64_t> collapse_from(uint64_t from, uint64_t& budget);

  PageTable& table() { return *table_; }
  const AnonMap& private_pages() const { return private_; }
  // The first contradiction, for MemoryManager::check_invariants.
  std::optional<std::string> check_invariants() const;

 private:
  using Areas = AreaMap;

  // --- areas (address_space.cc, mapping.cc) -------------------------------------
  Areas::iterator first_ending_after(uint64_t address);
  // Makes `address` a border between areas, if it lies inside one.
  void split_at(uint64_t address);
  void insert(VmArea area);
  void merge_around(uint64_t start);
  // Takes everything in [start, end) away.
  void remove_range(uint64_t start, uint64_t end);
  // Takes the pages away and leaves the area.
  void drop_pages(const VmArea& area, uint64_t start, uint64_t end);
  bool too_many_areas(unsigned more) const;
  bool range_is_free(uint64_t start, uint64_t end) const;
  bool all_mapped(uint64_t start, uint64_t end) const;
  Result<uint64_t> place(const MapRequest& request, uint64_t length, PageSize unit);
  uint64_t stack_gap() const;
  bool clear_of_stack(uint64_t end) const;
  std::optional<uint64_t> find_hole(uint64_t hint, uint64_t length, PageSize unit) const;
  bool wants_commit(const VmArea& area) const;
  std::shared_ptr<AnonMap> new_shared_object(uint64_t pages, bool no_reserve);
  bool charge_growth(const VmArea& area, uint64_t pages);
  bool data_within_limit(uint64_t more) const;
  bool within_limits(const VmArea& area, uint64_t more, uint64_t replaced = 0) const;
  uint64_t mapped_bytes_in(uint64_t start, uint64_t end) const;
  Result<> protect_area(Areas::iterator area, uint64_t start, uint64_t end, int protection);
  void apply_protection(const VmArea& area);
  bool may_lock_more(uint64_t bytes) const;
  uint64_t locked_bytes_in(uint64_t start, uint64_t end) const;
  template <class Change>
  Result<> change_part(Areas::iterator area, uint64_t start, uint64_t end, Change&& how);
  Result<> advise_area(Areas::iterator area, uint64_t start, uint64_t end, int advice);
  Result<> set_reading_advice(Areas::iterator area, uint64_t start, uint64_t end, ReadAdvice advice);
  Result<> set_huge_advice(Areas::iterator area, uint64_t start, uint64_t end, HugeAdvice advice);
  void remove_pages(const VmArea& area, uint64_t start, uint64_t end);
  void remove_hugetlb_pages(const VmArea& area, uint64_t start, uint64_t end);
  Result<> lock_area(Areas::iterator area, uint64_t start, uint64_t end, AreaLock how);
  void lock_every_area(AreaLock how);
  Access populating_access(const VmArea& area) const;
  bool shows(const VmArea& area, const Frame& frame) const;
  bool range_is_valid(uint64_t start, uint64_t length) const;
  Result<> cut_mapping(uint64_t start, uint64_t bytes);
  Result<> grow_mapping(Areas::iterator area, uint64_t new_end);
  enum class Source : uint8_t { goes, stays_empty, stays };
  Result<VirtAddr> move_mapping(uint64_t start, uint64_t length, uint64_t new_length, uint64_t to, Source source);

  // --- for /proc (page_facts.cc) -----------------------------------------------------
  template <class Visit>
  void each_mapped_page(const VmArea& area, Visit&& visit) const;
  uint64_t swapped_pages(const VmArea& area) const;

  // --- faults (fault.cc) --------------------------------------------------------------
  struct Fault {
    const VmArea& area;
    uint64_t page_start;
    Access access;
    FaultProgress& progress;
    TableEntry entry;  // as it stood
  };
  const VmArea* area_for_fault(uint64_t address);
  bool grow_down(Areas::iterator area, uint64_t address);
  bool permitted(const VmArea& area, Access access) const;
  hw::Permissions permissions(const VmArea& area, bool writable) const;
  Anon* anon_of(const VmArea& area, uint64_t address) const;
  void set_anon(const VmArea& area, uint64_t address, Anon& anon);
  FaultReply fault_anonymous(const Fault& fault, Anon& anon);
  FaultReply fault_no_page_yet(const Fault& fault);
  FaultReply fault_private_file(const Fault& fault);
  FaultReply fault_shared_file(const Fault& fault);
  FaultReply copy_on_write(const Fault& fault, Pfn from);
  FaultReply map_page(const Fault& fault, Pfn pfn, bool writable, uint64_t FaultStatistics::*kind);
  FaultReply count(FaultProgress& progress, uint64_t FaultStatistics::*kind);
  FaultReply fail(FaultReply::Kind kind, const FaultProgress& progress);
  FaultReply wait_for_frame() const;
  FaultReply wait_for_disk(WaitQueue& queue, FaultProgress& progress) const;
  Reply<Pfn> file_page(const Fault& fault);

  // --- large pages (large_pages.cc, hugetlb.cc, collapse.cc) ----------------------------------
  struct LargeRange {  // a place for one large page
    unsigned level;
    uint64_t start;  // bytes
    uint64_t first;  // and as a page number
    uint64_t pages;  // base pages in it
  };
  LargeRange large_range(unsigned level, uint64_t address) const;
  unsigned large_level(const VmArea& area) const;
  std::optional<FaultReply> fault_large_page(const Fault& fault);
  std::optional<FaultReply> map_new_large_page(const Fault& fault);
  std::optional<FaultReply> widen_large_page(const Fault& fault);
  Result<uint8_t> hugetlb_level(const MapRequest& request) const;
  PageSize unit(const VmArea& area) const;
  bool cuts_hugetlb(uint64_t start, uint64_t end) const;
  bool reserve_large_pages(const VmArea& area);
  void set_anons(const VmArea& area, const LargeRange& range, Pfn run);
  FaultReply fault_hugetlb(const Fault& fault);
  FaultReply copy_hugetlb(const Fault& fault, const LargeRange& range, Pfn from);
  enum class Collapse : uint8_t { made, already, unsuitable, no_frames };
  LargeAreaStatistics large_pages_of(const VmArea& area) const;
  Collapse collapse(const VmArea& area, const LargeRange& range, bool must_be_used);
  bool may_collapse(const LargeRange& range, bool must_be_used);
  void move_into_run(const LargeRange& range, Pfn run, std::vector<Pfn>& left);
  Result<> collapse_all(const VmArea& area, uint64_t start, uint64_t end);

  // --- fork (fork.cc) -------------------------------------------------------------------
  void share_private_pages(const VmArea& area, AddressSpace& child);
  void copy_entries(const VmArea& area, AddressSpace& child);

  MemoryManager& manager_;
  std::unique_ptr<PageTable> table_;
  AreaMap areas_;
  AnonMap private_;  // pages of private areas, by virtual page number
  uint64_t brk_start_ = 0;
  uint64_t brk_ = 0;
  uint64_t mmap_top_ = 0;  // mmap(2) places below it
  MemoryLimits limits_;
  AreaLock future_lock_ = AreaLock::none;  // of areas to come: MCL_FUTURE
  FaultCounts fault_counts_;
  bool dying_ = false;
};

}  // namespace faultline::os
