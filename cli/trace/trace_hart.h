// What a trace has in a hart's place: the same references to the same Mmu, and
// through it to caches and memory. There are no instructions; each fetch stands for one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "hw/base/cycle_ledger.h"
#include "hw/base/types.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/memory_side.h"
#include "hw/mmu/mmu.h"

namespace faultline::cli {

// Where memory has one flat latency and no first-level cache stands before it,
// references that the Mmu's filters know are only counted, and their time and
// their accesses follow from the counts. No figure changes.
class TraceHart {
 public:
  // `fetch_side` and `data_side`: what lies behind look-ups; accesses of at most a
  // line. `line`: bytes of a line there, or where there is no cache of a page.
  struct Environment {
    hw::Mmu& mmu;
    hw::BackingStore& memory;
    hw::MemorySide& fetch_side;
    hw::MemorySide& data_side;
    uint64_t fetch_line;
    uint64_t data_line;
    Cycles base_cycles;                  // of an instruction, beyond its accesses
    hw::BulkCounter* counter = nullptr;  // takes what is counted in bulk; may be null
    bool in_bulk = true;                 // hart.fast_path
  };

  // After elaboration.
  explicit TraceHart(const Environment& environment);

  // One reference; where it crosses a page one for each page, of which the first
  // may have been made when the second faults. `before_look_up(VirtAddr)` is called
  // for each page that no filter knows; false ends the reference.
  enum class Outcome : uint8_t { ok, faulted, refused };
  template <class Before>
  Outcome refer(Access access, VirtAddr va, uint64_t bytes, Before&& before_look_up) {
    const auto side = static_cast<size_t>(access);
    const bool one_page = bytes <= page_.bytes() - (va.value & page_.mask());
    if (one_page && flat_[side] && env_.mmu.find_known(va, access, now_) != nullptr) [[likely]] {
      ++references_[side];
      now_ += each_[side];
    } else if (const Outcome outcome = refer_in_full(access, va, bytes, before_look_up); outcome != Outcome::ok) {
      return outcome;
    }
    if (access == Access::fetch) count_instructions(1);
    return Outcome::ok;
  }

  // `count` instructions one after another, which take `bytes` together: all of
  // them at once, as fetches that change nothing. False: nothing has happened,
  // and they must be made one by one.
  bool fetch_run(VirtAddr begin, uint32_t bytes, uint32_t count) {
    constexpr auto kFetch = static_cast<size_t>(Access::fetch);
    const bool one_piece =
        begin.value >> hw::TranslationFilter::kShift == (begin.value + bytes - 1) >> hw::TranslationFilter::kShift;
    if (!one_piece || !flat_[kFetch] || env_.mmu.find_known(begin, Access::fetch, now_) == nullptr) return false;
    references_[kFetch] += count;
    now_ += each_[kFetch] * count;
    count_instructions(count);
    return true;
  }

  // A look-up of the OS layer's, as Mmu::translate_kernel; books its time as `walk`.
  Outcome refer_as_kernel(VirtAddr va, bool write);

  // Books and counts what was put off. Before ledger() and the statistics of memory are read.
  void settle();

  // The user's references that were made, as they are counted.
  const std::array<uint64_t, 3>& references() const { return references_; }
  // Instructions whose fetch did not fault, without those that trapped later.
  uint64_t instructions() const { return instructions_ - trapped_; }
  // The latest instruction did not come to its end. Its own cycles stay.
  void note_trap() { ++trapped_; }
  Cycles now() const { return now_; }
  const CycleLedger& ledger() const { return ledger_; }

 private:
  template <class Before>
  Outcome refer_in_full(Access access, VirtAddr va, uint64_t bytes, Before&& before_look_up) {
    while (true) {
      const uint64_t here = std::min(bytes, page_.bytes() - (va.value & page_.mask()));
      const Outcome outcome = refer_to_page(access, va, here, before_look_up);
      if (outcome != Outcome::ok || here == bytes) return outcome;
      bytes -= here;
      va += here;
    }
  }

  template <class Before>
  Outcome refer_to_page(Access access, VirtAddr va, uint64_t bytes, Before&& before_look_up) {
    PhysAddr address;
    if (const uint8_t* host = env_.mmu.find_known(va, access, now_)) {
      address = PhysAddr(static_cast<uint64_t>(host - env_.memory.base()));
    } else {
      if (!before_look_up(va)) return Outcome::refused;
      const hw::Translation found = env_.mmu.translate(va, access, now_, ledger_);
      if (found.status != hw::Translation::Status::ok) return Outcome::faulted;
      address = found.address;
    }
    const auto side = static_cast<size_t>(access);
    ++references_[side];
    now_ += each_[side];
    if (!flat_[side]) transport(access, address, bytes);
    return Outcome::ok;
  }

  void count_instructions(uint32_t count) {
    instructions_ += count;
    now_ += env_.base_cycles * count;
  }
  void transport(Access access, PhysAddr address, uint64_t bytes);

  Environment env_;
  PageSize page_;
  // By Access:
  std::array<bool, 3> flat_{};      // accesses are counted, not made
  std::array<Cycles, 3> access_{};  // what one takes then
  std::array<Cycles, 3> each_{};    // of a reference, for certain
  std::array<uint64_t, 3> references_{};
  std::array<uint64_t, 3> settled_{};  // of these, those booked
  uint64_t instructions_ = 0;
  uint64_t settled_instructions_ = 0;
  uint64_t trapped_ = 0;
  Cycles now_{};
  CycleLedger ledger_;
};

}  // namespace faultline::cli
