// Which pages were touched since one last asked.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "hw/mmu/translation_observer.h"

namespace faultline::hw {

// Distinct pages, of the size that maps them, of user-mode references. Pages of
// two address spaces are two, also where they share a frame.
class WorkingSetObserver final : public TranslationObserver {
 public:
  void looked_up(const ObservedLookUp& look_up) override {
    if (look_up.kernel) return;
    const Page page{.first = look_up.address.value >> look_up.page_shift << look_up.page_shift,
                    .space = look_up.global ? kGlobal : look_up.asid,
                    .shift = look_up.page_shift};
    if (touched_.insert(page).second) {
      bytes_ += uint64_t{1} << look_up.page_shift;
    }
  }

  // Bytes of the pages touched since the last call. The caller makes the MMU
  // forget what it saw last (Mmu::forget_recent), or a page that is in use all
  // along is not told again.
  uint64_t take() {
    const uint64_t bytes = bytes_;
    touched_.clear();
    bytes_ = 0;
    return bytes;
  }

 private:
  static constexpr Asid kGlobal = 0xFFFF;  // no address space has it
  struct Page {
    uint64_t first;
    Asid space;
    uint8_t shift;
    bool operator==(const Page&) const = default;
  };
  struct Hash {
    size_t operator()(const Page& page) const {
      return (page.first ^ uint64_t{page.space} << 48 ^ page.shift) * 0x9E3779B97F4A7C15;
    }
  };

  std::unordered_set<Page, Hash> touched_;
  uint64_t bytes_ = 0;
};

}  // namespace faultline::hw
