// A hart: runs RV64GC user code from decoded blocks, translates through its
// Mmu, counts in bulk, and gives the machine back to the OS on a trap.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <systemc>

#include "hw/base/clock.h"
#include "hw/base/cycle_ledger.h"
#include "hw/base/types.h"
#include "hw/hart/hart_state.h"
#include "hw/hart/trap.h"
#include "hw/config/machine_config.h"

namespace faultline::hw {

class Mmu;
class L1Cache;
class BackingStore;

struct HartStatistics {
  uint64_t instructions = 0;  // retired by user mode
  uint64_t fetch_references = 0;
  uint64_t load_references = 0;
  uint64_t store_references = 0;
};

// INTERFACE (the owner of hw/hart completes this):
//
//   Hart(name, config, clock, memory, mmu, l1i*, l1d*)   l1i/l1d null when off
//   void on_start(std::function<void()>)   what the hart's SC_THREAD runs: the OS
//   Trap run(HartState& state, Cycles until)
//       runs user code until a trap, or until now() >= until or an interrupt is
//       pending at the first control transfer or page entry (the only places
//       where interrupts are taken, so that host-side block sizes do not show).
//   Cycles now() const                     the local clock, ahead of SystemC's
//   void spend(CycleAccount, Cycles)       advances the clock by OS work
//   void synchronise()                     wait() until SystemC time = now()
//   void idle(Cycles until)                synchronise, then sleep to `until`
//                                          or until wake(); books `idle`
//   void wake()                            from any SC_THREAD: an interrupt
//   CycleLedger& ledger();  HartStatistics statistics() const;

}  // namespace faultline::hw
