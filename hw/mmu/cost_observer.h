// Where translation's cycles went: by page, and by the instruction that paid.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "hw/base/types.h"
#include "hw/mmu/translation_observer.h"

namespace faultline::hw {

struct TranslationCost {
  uint64_t address = 0;  // of the page's first byte, or of the instruction
  uint32_t process = 0;
  Asid asid = 0;        // of the process's address space, when the address was first seen
  uint64_t walks = 0;   // that found a page
  uint64_t faults = 0;  // attempts that ended in a fault
  uint64_t cycles = 0;  // look-ups beyond the first level and walks, those of faulting attempts too
};

// Books what each user-mode look-up took beyond the first level, so that the
// costs of all pages add up to the cycles that the MMU booked as `walk` and, but
// for what the first level adds to every reference, as `tlb`; those of all
// instructions likewise. Pages are base pages, whatever size maps them.
class CostObserver final : public TranslationObserver {
 public:
  // The most pages, and instructions, that are told apart: a guest must not
  // fill the host's memory. What comes later is counted together.
  static constexpr size_t kMost = 1 << 20;

  explicit CostObserver(PageSize page) : page_(page) {}

  bool wants_every_change() const override { return false; }
  void looked_up(const ObservedLookUp& look_up) override {
    if (look_up.walks != 0 || look_up.tlb.value != 0) book(look_up, false);
  }
  void faulted(const ObservedLookUp& look_up) override { book(look_up, true); }

  void set_counting(bool counting) { counting_ = counting; }
  void clear_counts();

  // The `most` that cost most cycles; of equals those with more walks, then by
  // address and process.
  std::vector<TranslationCost> top_pages(size_t most) const { return top(pages_, most); }
  std::vector<TranslationCost> top_instructions(size_t most) const { return top(instructions_, most); }
  // Of all together.
  const TranslationCost& total() const { return total_; }
  uint64_t pages() const { return pages_.by_key.size(); }
  uint64_t instructions() const { return instructions_.by_key.size(); }
  // Whether there were more than could be told apart.
  bool more_pages() const { return pages_.more; }
  bool more_instructions() const { return instructions_.more; }

 private:
  struct Key {
    uint64_t address;
    uint32_t process;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    size_t operator()(const Key& key) const { return (key.address ^ uint64_t{key.process} << 40) * 0x9E3779B97F4A7C15; }
  };
  struct Costs {
    std::unordered_map<Key, TranslationCost, Hash> by_key{};
    bool more = false;
  };

  void book(const ObservedLookUp& look_up, bool fault);
  static void book_in(Costs& costs, const Key& key, const ObservedLookUp& look_up, bool fault);
  static std::vector<TranslationCost> top(const Costs& costs, size_t most);

  PageSize page_;
  bool counting_ = true;
  Costs pages_;
  Costs instructions_;
  TranslationCost total_;
};

}  // namespace faultline::hw
