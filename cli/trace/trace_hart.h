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

class TraceHart {
 public:
  // `fetch_side` and `data_side`: what lies behind look-ups; accesses of at most a
  // line. `line`: bytes of a line there, or where there is no cache of a page.
  // After elaboration.
  struct Environment {
    hw::Mmu& mmu;
    hw::BackingStore& memory;
    hw::MemorySide& fetch_side;
    hw::MemorySide& data_side;
    uint64_t fetch_line;
    uint64_t data_line;
    Cycles base_cycles;  // of an instruction, beyond its accesses
  };

  explicit TraceHart(const Environment& environment) : env_(environment), page_(environment.mmu.format().page()) {}

  // One reference; where it crosses a page one for each page, of which the first
  // may have been made when the second faults. `before_look_up(VirtAddr)` is called
  // for each page that no filter knows; false ends the reference.
  enum class Outcome : uint8_t { ok, faulted, refused };
  template <class Before>
  Outcome refer(Access access, VirtAddr va, uint64_t bytes, Before&& before_look_up) {
    if (access == Access::fetch) book(CycleAccount::compute, env_.base_cycles);
    while (true) {
      const uint64_t here = std::min(bytes, page_.bytes() - (va.value & page_.mask()));
      const Outcome outcome = refer_to_page(access, va, here, before_look_up);
      if (outcome != Outcome::ok || here == bytes) return outcome;
      bytes -= here;
      va += here;
    }
  }

  // The user's references that were made, as they are counted.
  const std::array<uint64_t, 3>& references() const { return references_; }
  Cycles now() const { return now_; }
  const CycleLedger& ledger() const { return ledger_; }

 private:
  template <class Before>
  Outcome refer_to_page(Access access, VirtAddr va, uint64_t bytes, Before&& before_look_up) {
    PhysAddr address;
    if (const uint8_t* host = env_.mmu.filter(access).find(va.value)) {
      address = PhysAddr(static_cast<uint64_t>(host - env_.memory.base()));
    } else {
      if (!before_look_up(va)) return Outcome::refused;
      const hw::Translation found = env_.mmu.translate(va, access, now_, ledger_);
      if (found.status != hw::Translation::Status::ok) return Outcome::faulted;
      address = found.address;
    }
    ++references_[static_cast<size_t>(access)];
    book(CycleAccount::tlb, env_.mmu.first_level_cycles(access));
    transport(access, address, bytes);
    return Outcome::ok;
  }

  // One access for each line.
  void transport(Access access, PhysAddr address, uint64_t bytes) {
    const bool fetch = access == Access::fetch;
    hw::MemorySide& side = fetch ? env_.fetch_side : env_.data_side;
    const uint64_t line = fetch ? env_.fetch_line : env_.data_line;
    while (bytes != 0) {
      const uint64_t here = std::min(bytes, line - (address.value & (line - 1)));
      const Cycles done = side.access(address, static_cast<unsigned>(here), access == Access::store,
                                      fetch ? hw::Requester::fetch : hw::Requester::data, now_);
      ledger_.book(fetch ? CycleAccount::fetch : CycleAccount::data, done - now_);
      now_ = done;
      address += here;
      bytes -= here;
    }
  }

  void book(CycleAccount account, Cycles cycles) {
    now_ += cycles;
    ledger_.book(account, cycles);
  }

  Environment env_;
  PageSize page_;
  std::array<uint64_t, 3> references_{};  // by Access
  Cycles now_{};
  CycleLedger ledger_;
};

}  // namespace faultline::cli
