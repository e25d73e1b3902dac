// fork(2): areas and tables are duplicated, pages are shared. Every private
// page loses its write permission in both; who writes first gets a copy, the
// last owner the page itself (fault.cc).
#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"

namespace faultline::os {

Reply<std::unique_ptr<AddressSpace>> AddressSpace::fork() {
  Reply<std::unique_ptr<AddressSpace>> created = manager_.create_address_space();
  if (!created.ok()) return created;
  AddressSpace& child = **created;
  for (const auto& [start, area] : areas_) {
    manager_.cpu().charge(Cycles(manager_.costs().fork_area));
    if (area.not_for_children) continue;
    // Each committed page may be written by both. What the child has been
    // charged so far goes back with it.
    if (area.committed && !manager_.commit().charge(page().pages(area.bytes()))) return Errno{ENOMEM};
    VmArea copy = area;
    copy.lock = AreaLock::none;  // a child inherits no locks (mlock(2))
    child.areas_.insert(std::move(copy));
  }
  child.brk_start_ = brk_start_;
  child.brk_ = brk_;
  child.mmap_top_ = mmap_top_;
  child.limits_ = limits_;
  child.wants_barriers = wants_barriers;
  for (const auto& [start, area] : areas_) {
    if (area.not_for_children || area.empty_in_children) continue;
    share_private_pages(area, child);
    copy_entries(area, child);
  }
  manager_.cpu().flush_asid(asid());
  return created;
}

void AddressSpace::share_private_pages(const VmArea& area, AddressSpace& child) {
  if (area.shared) return;
  private_.for_each(area.start >> page().shift, area.end >> page().shift, [&](uint64_t number, Anon& anon) {
    manager_.anons().add_reference(anon);
    child.private_.set(number, anon);
  });
}

// The child's entries are a help, not a must: without a frame for a table it
// makes them itself, by faults.
void AddressSpace::copy_entries(const VmArea& area, AddressSpace& child) {
  bool room = true;
  table_->for_each_present(VirtAddr(area.start), VirtAddr(area.end), [&](VirtAddr at, const TableEntry& entry) {
    hw::Permissions permissions = entry.permissions();
    if (!area.shared && entry.writable) {
      permissions.write = false;
      table_->set_permissions(at, permissions, false);
    }
    room = room && child.table_->prepare(at, entry.level);
    if (!room) return;
    if (entry.level == 0) {
      child.table_->map(at, entry.pfn, permissions, false, false);
    } else {
      child.table_->map_large(at, entry.level, entry.pfn, permissions, false, false);
    }
  });
}

}  // namespace faultline::os
