// What an MMU tells its observer.
#include <algorithm>

#include "hw/mmu/mmu.h"

namespace faultline::hw {
namespace {
using Status = Translation::Status;
}

void Mmu::forget_recent() {
  for (Side* side : {&instruction_, &data_}) keep_only(*side, kNoPiece);
}

void Mmu::observe(TranslationObserver* observer) {
  observer_ = observer;
  every_change_ = observer != nullptr && observer->wants_every_change();
  short_misses_ = observer == nullptr && !relocation_;
  clear_filters();
}

ObservedLookUp Mmu::seen(const Lookup& lookup) const {
  const bool kernel = lookup.privilege == Privilege::supervisor;
  return {.address = lookup.va,
          .pc = kernel ? 0 : pc_,
          .asid = asid_,
          .process = process_,
          .access = lookup.access,
          .kernel = kernel,
          .walks = lookup.walks,
          .walk_reads = lookup.reads,
          .tlb = lookup.tlb,
          .walk = lookup.walk};
}

// As a TLB holds the page, whether the entry comes from one or from a walk.
void Mmu::tell_size(ObservedLookUp& told, const TlbEntry& entry) const {
  told.page_shift =
      pieces_ ? static_cast<uint8_t>(page_.shift) : std::max(entry.page_shift, static_cast<uint8_t>(page_.shift));
  told.leaf_shift = entry.leaf_shift;
  told.global = entry.permissions.global;
}

Translation Mmu::found(const Lookup& lookup, const TlbEntry& entry) {
  if (observer_) [[unlikely]] {
    ObservedLookUp told = seen(lookup);
    tell_size(told, entry);
    observer_->looked_up(told);
  }
  return {Status::ok, address_of(lookup.va, entry)};
}

Translation Mmu::tell_of_fault(const Lookup& lookup, const Translation& failed) {
  if (observer_) observer_->faulted(seen(lookup));
  return failed;
}

void Mmu::tell_of_hit(VirtAddr va, Access access, const TlbEntry& entry) {
  ObservedLookUp told{.address = va, .pc = pc_, .asid = asid_, .process = process_, .access = access};
  tell_size(told, entry);
  observer_->looked_up(told);
}

// The address space and the process are told to observers as any other change of them.
void Mmu::take_over(const Mmu& other) {
  flush_all();
  set_address_space(other.root_, other.asid_);
  process_ = other.process_;
}

}  // namespace faultline::hw
