// Page faults, in the order in which a fault is taken apart:
//
//   no area there ......................................... SIGSEGV, maperr
//   the area forbids the access ........................... SIGSEGV, accerr
//   the entry permits it by now ........................... spurious
//   a large page can be mapped, or made to permit it ...... large_pages.cc
//   the place has an anonymous page (an anon):
//     on swap ............................................. read it back, sleep
//     on the free list .................................... take it back
//     a store, private, shared with another place ......... copy
//     otherwise ........................................... map it; writable for the last owner
//   it has none, and the area is
//     anonymous:     load ................................. map the zero page
//                    store, or shared ..................... a frame of zeros
//     a private file: load ................................ map the file's page, read-only
//                    store ................................ copy the file's page
//     a shared file:  load ................................ map the file's page
//                    store ................................ the same, dirty and writable
//
// Tables and frames are had before anything changes, so that a fault that must
// wait for one can be called again from the start. A page that is copied stays
// on the free list until the copy has its frame: taken back before, it could be
// the very one that page-out needs.
#include <utility>

#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {

const VmArea* AddressSpace::area_for_fault(uint64_t address) {
  manager_.cpu().charge(Cycles(manager_.costs().area_lookup));
  auto area = first_ending_after(address);
  if (area == areas_.end()) return nullptr;
  if (area->second.start <= address) return &area->second;
  return grow_down(area, address) ? find_area(VirtAddr(address)) : nullptr;
}

bool AddressSpace::permitted(const VmArea& area, Access access) const {
  const hw::PageTableFormat& format = manager_.format();
  const int protection = area.protection;
  switch (access) {
    case Access::store:
      return (protection & kProtWrite) != 0;
    case Access::load:
      // PROT_WRITE implies PROT_READ; where a present entry is readable
      // anyway, so does PROT_EXEC.
      return (protection & (kProtRead | kProtWrite)) != 0 || (protection != 0 && format.layout().readable == 0);
    case Access::fetch:
      return (protection & kProtExec) != 0 || (protection != 0 && !format.has_execute());
  }
  return false;
}

hw::Permissions AddressSpace::permissions(const VmArea& area, bool writable) const {
  const int protection = area.protection;
  return {.read = (protection & (kProtRead | kProtWrite)) != 0,
          .write = writable,
          .execute = (protection & kProtExec) != 0,
          .user = true,
          .global = false};
}

Anon* AddressSpace::anon_of(const VmArea& area, uint64_t address) const {
  if (area.object) return area.object->find(area.backing_page(address, page()));
  return area.shared ? nullptr : private_.find(address >> page().shift);
}

void AddressSpace::set_anon(const VmArea& area, uint64_t address, Anon& anon) {
  if (area.object) {
    area.object->set(area.backing_page(address, page()), anon);
  } else {
    private_.set(address >> page().shift, anon);
  }
}

// --- answers ---------------------------------------------------------------------

FaultReply AddressSpace::count(FaultProgress& progress, uint64_t FaultStatistics::*kind) {
  FaultStatistics& counts = manager_.fault_counts();
  ++(counts.*kind);
  ++(progress.disk ? counts.major : counts.minor);
  ++(progress.disk ? fault_counts_.major : fault_counts_.minor);
  return {.kind = FaultReply::Kind::resolved, .disk = progress.disk};
}

FaultReply AddressSpace::fail(FaultReply::Kind kind, const FaultProgress& progress) {
  if (!progress.kernel) ++manager_.fault_counts().protection;
  return {.kind = kind};
}

FaultReply AddressSpace::wait_for_frame() const {
  if (dying_) return {.kind = FaultReply::Kind::out_of_memory};
  return {.kind = FaultReply::Kind::must_sleep, .queue = &manager_.frame_allocator().available()};
}

FaultReply AddressSpace::wait_for_disk(WaitQueue& queue, FaultProgress& progress) const {
  progress.disk = true;
  return {.kind = FaultReply::Kind::must_sleep, .queue = &queue, .disk = true};
}

FaultReply AddressSpace::map_page(const Fault& fault, Pfn pfn, bool writable, uint64_t FaultStatistics::*kind) {
  const bool store = fault.access == Access::store;
  table_->map(VirtAddr(fault.page_start), pfn, permissions(fault.area, writable), true, store);
  return count(fault.progress, kind);
}

// --- the cases -----------------------------------------------------------------------

FaultReply AddressSpace::handle_fault(VirtAddr address, Access access, FaultProgress& progress) {
  manager_.cpu().charge(Cycles(manager_.costs().fault));
  const VmArea* area = area_for_fault(address.value);
  if (!area) return fail(FaultReply::Kind::segv_maperr, progress);
  if (!permitted(*area, access)) return fail(FaultReply::Kind::segv_accerr, progress);
  const VirtAddr start(page().round_down(address.value));
  const TableEntry entry = table_->find(start);
  const bool stale = entry.valid && (access == Access::store   ? entry.writable
                                     : access == Access::fetch ? entry.executable
                                                               : entry.readable);
  if (stale) {
    manager_.cpu().flush_page_here(asid(), start);
    return count(progress, &FaultStatistics::spurious);
  }
  const Fault fault{*area, start.value, access, progress, entry};
  if (const std::optional<FaultReply> reply = fault_large_page(fault)) return *reply;
  if (!table_->prepare(start)) return wait_for_frame();
  if (Anon* anon = anon_of(*area, start.value)) return fault_anonymous(fault, *anon);
  if (area->anonymous()) return fault_no_page_yet(fault);
  return area->shared ? fault_shared_file(fault) : fault_private_file(fault);
}

FaultReply AddressSpace::fault_anonymous(const Fault& fault, Anon& anon) {
  const bool store = fault.access == Access::store;
  FrameAllocator& frames = manager_.frame_allocator();
  if (anon.damaged) return fail(FaultReply::Kind::bus_adrerr, fault.progress);
  if (!anon.in_memory() && !manager_.start_swap_in(anon, dying_ ? Urgency::dying : Urgency::user)) {
    return wait_for_frame();
  }
  const Pfn pfn(anon.frame);
  if (frames[pfn].reading) {
    fault.progress.swapped = true;
    return wait_for_disk(manager_.waits().queue(pfn), fault.progress);
  }
  if (frames[pfn].ahead) {
    frames[pfn].ahead = false;
    manager_.swap_area().count_readaround_hit();
    fault.progress.swapped = true;
  }
  uint64_t FaultStatistics::*kind = fault.progress.swapped       ? &FaultStatistics::swap_in
                                    : fault.entry.valid && store ? &FaultStatistics::cow_reuse
                                                                 : &FaultStatistics::spurious;
  const bool last_owner = anon.references == 1;
  if (store && !fault.area.shared && !last_owner) return copy_on_write(fault, pfn);
  if (frames[pfn].listed) {
    frames.take_back(pfn);
    if (!fault.progress.swapped) kind = &FaultStatistics::reclaimed;
  }
  // What lies on swap is about to be out of date.
  if (store && !anon.under_io) manager_.anons().drop_slot(anon);
  const bool writable = (fault.area.protection & kProtWrite) != 0 && (fault.area.shared || last_owner);
  return map_page(fault, pfn, writable, kind);
}

// The place gets a page of its own with the bytes of `from`.
FaultReply AddressSpace::copy_on_write(const Fault& fault, Pfn from) {
  const std::optional<Pfn> pfn = manager_.copied_frame(from, dying_ ? Urgency::dying : Urgency::user);
  if (!pfn) return wait_for_frame();
  if (manager_.frame_allocator()[from].listed) manager_.frame_allocator().take_back(from);
  Anon* anon = manager_.anons().create(*pfn);
  // In this order: the old page loses its mapping before it may lose an owner.
  const FaultReply reply = map_page(fault, *pfn, true, &FaultStatistics::cow);
  set_anon(fault.area, fault.page_start, *anon);
  return reply;
}

FaultReply AddressSpace::fault_no_page_yet(const Fault& fault) {
  if (fault.access != Access::store && !fault.area.shared) {
    return map_page(fault, manager_.zero_page(), false, &FaultStatistics::zero_page);
  }
  const std::optional<Pfn> pfn = manager_.zeroed_frame(dying_ ? Urgency::dying : Urgency::user);
  if (!pfn) return wait_for_frame();
  set_anon(fault.area, fault.page_start, *manager_.anons().create(*pfn));
  return map_page(fault, *pfn, (fault.area.protection & kProtWrite) != 0, &FaultStatistics::demand_zero);
}

Reply<Pfn> AddressSpace::file_page(const Fault& fault) {
  FileBacking& file = *fault.area.file;
  const uint64_t index = fault.area.backing_page(fault.page_start, page());
  // Whole pages beyond the end are no memory (SIGBUS).
  if (index >= page().pages(file.size())) return Errno{EFAULT};
  return manager_.page_cache().page(file, index, Fill::read, fault.area.file_use.get(), fault.area.reading);
}

FaultReply AddressSpace::fault_private_file(const Fault& fault) {
  const uint64_t index = fault.area.backing_page(fault.page_start, page());
  const bool exists = index < page().pages(fault.area.file->size());
  if (fault.access == Access::store && exists) {
    if (const std::optional<Pfn> from = manager_.page_cache().find(*fault.area.file, index)) {
      const FaultReply reply = copy_on_write(fault, *from);
      // A use of the page like any other: a hit, and it may start read-ahead.
      if (reply.resolved() && manager_.page_cache().find(*fault.area.file, index)) (void)file_page(fault);
      return reply;
    }
  }
  Reply<Pfn> pfn = file_page(fault);
  if (pfn.failed()) return fail(FaultReply::Kind::bus_adrerr, fault.progress);
  if (pfn.must_sleep()) {
    const bool for_frame = &pfn.queue() == &manager_.frame_allocator().available();
    return for_frame ? wait_for_frame() : wait_for_disk(pfn.queue(), fault.progress);
  }
  if (fault.access == Access::store) return copy_on_write(fault, pfn.value());
  return map_page(fault, pfn.value(), false, &FaultStatistics::file);
}

FaultReply AddressSpace::fault_shared_file(const Fault& fault) {
  Reply<Pfn> pfn = file_page(fault);
  if (pfn.failed()) return fail(FaultReply::Kind::bus_adrerr, fault.progress);
  if (pfn.must_sleep()) {
    const bool for_frame = &pfn.queue() == &manager_.frame_allocator().available();
    return for_frame ? wait_for_frame() : wait_for_disk(pfn.queue(), fault.progress);
  }
  if (fault.access == Access::store) {
    const bool one_more = !manager_.frame_allocator()[pfn.value()].dirty && !dying_;
    if (WaitQueue* room = one_more ? manager_.page_cache().too_dirty() : nullptr) {
      return {.kind = FaultReply::Kind::must_sleep, .queue = room};
    }
    fault.area.file->stored_through_mapping();
    manager_.page_cache().mark_dirty(pfn.value());
  }
  const bool dirty = manager_.frame_allocator()[pfn.value()].dirty;
  return map_page(fault, pfn.value(), dirty && (fault.area.protection & kProtWrite), &FaultStatistics::file);
}

AddressSpace::Bytes AddressSpace::user_bytes(VirtAddr address, Access access) {
  if (address >= user_end()) return {};
  const std::optional<Pfn> pfn = table_->access(address, access);
  if (!pfn) return {};
  manager_.frame_allocator().count_use();
  const uint64_t offset = address.value & page().mask();
  const PhysAddr physical = page().address(*pfn) + offset;
  return {manager_.cpu().memory().at(physical), physical, page().bytes() - offset};
}

}  // namespace faultline::os
