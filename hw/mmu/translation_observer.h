// Who wants to watch translation: told by the Mmu of what reaches it, asked
// nothing, able to change nothing. A run with an observer has the counts and
// the cycles of one without.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "hw/base/types.h"

namespace faultline::hw {

// One page's part of one access, looked up in the TLBs.
struct ObservedLookUp {
  VirtAddr address{};
  // Of the user's instruction, where the look-up took more than the first level
  // or faulted; else of an earlier one. 0 for the OS layer's own accesses.
  uint64_t pc = 0;
  Asid asid = 0;  // of the address space in use, for global pages too
  // As the OS layer names it (Mmu::set_process); unlike an address space's
  // identifier it is not given to another one later.
  uint32_t process = 0;
  Access access = Access::load;
  uint8_t page_shift = 0;  // log2 of the page's bytes, as a TLB holds it; 0 where it faulted
  uint8_t leaf_shift = 0;  // and of the page in the tables that this is a piece of; the two are flushed together
  bool global = false;     // the page's translation is the same in every address space
  bool kernel = false;     // by the OS layer, through the data side
  uint8_t walks = 0;       // that found a page
  uint16_t walk_reads = 0;
  // What it took beyond a look-up in the first level.
  Cycles tlb{};
  Cycles walk{};
};

class TranslationObserver {
 public:
  virtual ~TranslationObserver() = default;

  // Whether every reference to another page than the one before on its side
  // (fetches; loads and stores) is to be told: then those that are not are
  // references to the page of the look-up told last. Otherwise look-ups that the
  // first level settles may go untold.
  virtual bool wants_every_change() const { return true; }

  // A look-up that succeeded.
  virtual void looked_up(const ObservedLookUp& /*look_up*/) {}
  // One that ended in a fault, and counts as no reference.
  virtual void faulted(const ObservedLookUp& /*look_up*/) {}

  // What leaves the TLBs, whether it is in one or not: the page of one address
  // space (of any size) and a global page there; all of one address space but
  // global pages; of every address space but global pages; everything.
  virtual void flushed_page(Asid /*asid*/, VirtAddr /*address*/) {}
  virtual void flushed_asid(Asid /*asid*/) {}
  virtual void flushed_not_global() {}
  virtual void flushed_all() {}
  // Before the flush that comes with it where TLBs have no address-space identifiers.
  virtual void changed_address_space(PhysAddr /*root*/, Asid /*asid*/) {}
};

// Tells several, in order.
class TranslationObservers final : public TranslationObserver {
 public:
  // The observer must outlive the list.
  void add(TranslationObserver& observer) { all_.push_back(&observer); }
  bool empty() const { return all_.empty(); }

  bool wants_every_change() const override {
    return std::any_of(all_.begin(), all_.end(), [](const auto* observer) { return observer->wants_every_change(); });
  }
  void looked_up(const ObservedLookUp& look_up) override {
    for (TranslationObserver* observer : all_) observer->looked_up(look_up);
  }
  void faulted(const ObservedLookUp& look_up) override {
    for (TranslationObserver* observer : all_) observer->faulted(look_up);
  }
  void flushed_page(Asid asid, VirtAddr address) override {
    for (TranslationObserver* observer : all_) observer->flushed_page(asid, address);
  }
  void flushed_asid(Asid asid) override {
    for (TranslationObserver* observer : all_) observer->flushed_asid(asid);
  }
  void flushed_not_global() override {
    for (TranslationObserver* observer : all_) observer->flushed_not_global();
  }
  void flushed_all() override {
    for (TranslationObserver* observer : all_) observer->flushed_all();
  }
  void changed_address_space(PhysAddr root, Asid asid) override {
    for (TranslationObserver* observer : all_) observer->changed_address_space(root, asid);
  }

 private:
  std::vector<TranslationObserver*> all_;
};

}  // namespace faultline::hw
