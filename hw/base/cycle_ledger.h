// Where every cycle of a hart went. Each advance of a hart's clock is booked in
// one account, so that the accounts add up to the clock: an invariant that
// every run checks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "hw/base/types.h"

namespace faultline {

enum class CycleAccount : uint8_t {
  compute,         // instructions themselves
  fetch,           // instruction bytes: L1I and what lies behind it
  data,            // loads, stores, atomics: L1D and what lies behind it
  tlb,             // second-level TLB look-ups
  walk,            // page-walk reads and writes of the walker
  minor_fault,     // OS work on page faults that needed no disk
  major_fault,     // OS work on page faults that needed the disk (not the waiting)
  syscall,         // OS work on system calls
  exec,            // OS work on fork, exec and exit
  signal,          // delivery and return of signals, and faults that end in one
  context_switch,  // changing from one task to another
  interrupt,       // device and timer interrupts
  pageout,         // the page-out daemon and write-behind
  idle,            // nothing to run
};

inline constexpr size_t kCycleAccounts = 14;

inline constexpr std::array<std::string_view, kCycleAccounts> kCycleAccountNames = {
    "compute", "fetch",  "data",           "tlb",       "walk",    "minor_fault", "major_fault",
    "syscall", "exec",   "signal",         "context_switch", "interrupt", "pageout", "idle"};

class CycleLedger {
 public:
  void book(CycleAccount account, Cycles cycles) { booked_[static_cast<size_t>(account)] += cycles.value; }

  // Moves cycles booked as `from` to `to`: a fault shows only on the way
  // whether it is minor or major. At most what stands in `from` may be moved.
  void rebook(CycleAccount from, CycleAccount to, Cycles cycles) {
    booked_[static_cast<size_t>(from)] -= cycles.value;
    booked_[static_cast<size_t>(to)] += cycles.value;
  }

  uint64_t operator[](CycleAccount account) const { return booked_[static_cast<size_t>(account)]; }

  uint64_t total() const {
    uint64_t sum = 0;
    for (uint64_t cycles : booked_) sum += cycles;
    return sum;
  }

 private:
  std::array<uint64_t, kCycleAccounts> booked_{};
};

}  // namespace faultline
