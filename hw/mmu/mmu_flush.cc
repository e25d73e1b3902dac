// What an MMU forgets: entries, what stands in filters, what the walker knows.
#include "hw/mmu/mmu.h"

namespace faultline::hw {

// What the entries have noted may stay: they note anew what they put there later.
void Mmu::clear_filters() {
  instruction_.filter.clear();
  data_.filter.clear();
}

void Mmu::count_flush() {
  ++instruction_.flushes;
  ++data_.flushes;
  ++l2_flushes_;
  ++walk_cache_flushes_;
}

template <class Flush>
void Mmu::flush_levels(Flush flush) {
  for (std::optional<Tlb>* tlb : {&instruction_.tlb, &data_.tlb, &l2_}) {
    if (*tlb) flush(**tlb);
  }
  count_flush();
}

void Mmu::set_address_space(PhysAddr root, Asid asid) {
  if (asid == Tlb::kReservedAsid) SC_REPORT_ERROR("/faultline/mmu", "this address-space identifier is reserved");
  root_ = root;
  asid_ = asid;
  clear_filters();
  if (observer_) observer_->changed_address_space(root, asid);
  if (asids_) return;
  flush_levels([](Tlb& tlb) { tlb.flush_not_global(); });
  walker_.flush_all_spaces();
  if (observer_) observer_->flushed_not_global();
}

void Mmu::flush_page(Asid asid, VirtAddr va) {
  for (Side* side : {&instruction_, &data_}) {
    if (side->tlb) side->tlb->flush_page(va, asid, [&](uint32_t slot) { drop_pieces(*side, slot); });
  }
  if (l2_) l2_->flush_page(va, asid);
  count_flush();
  walker_.flush_page(asid, va);
  if (!observer_) return;
  forget_recent();
  observer_->flushed_page(asid, va);
}

void Mmu::flush_asid(Asid asid) {
  if (asid == asid_) clear_filters();
  flush_levels([=](Tlb& tlb) { tlb.flush_asid(asid); });
  walker_.flush_asid(asid);
  if (observer_) observer_->flushed_asid(asid);
}

void Mmu::flush_all() {
  clear_filters();
  flush_levels([](Tlb& tlb) { tlb.flush_all(); });
  walker_.flush_all();
  if (observer_) observer_->flushed_all();
}

void Mmu::drop_store_filter(Pfn frame) { data_.filter.drop_stores(memory_.at(page_.address(frame)), page_.bytes()); }

}  // namespace faultline::hw
