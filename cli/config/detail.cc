#include "cli/config/detail.h"

namespace faultline::cli {
namespace {

// A page that is in a direct-mapped TLB is the most recent one of its set, which
// is what the interpreter's shortcut asks for.
constexpr hw::TlbLevelConfig kHostTlb{.sets = 4096, .ways = 1};

void leave_out_memory(hw::MachineConfig& machine) {
  machine.cache.enabled = false;
  machine.bus = {};
  machine.dram.timing = hw::DramTiming::flat;
  machine.dram.hart_waits = false;
}

void leave_out_translation(hw::MachineConfig& machine) {
  machine.dram.flat_cycles = 0;
  machine.walker = {};
  machine.nested.enabled = false;
  machine.tlb = {};
  machine.tlb.l1i = kHostTlb;
  machine.tlb.l1d = kHostTlb;
  machine.tlb.l2.enabled = false;
}

}  // namespace

Configuration with_detail(Configuration given) {
  if (given.timing == kTimingFull) return given;
  leave_out_memory(given.machine);
  if (given.timing == kTimingNone) leave_out_translation(given.machine);
  return given;
}

// The OS layer flushes as the TLBs of the machine itself need it.
hw::MachineConfig functional_machine(hw::MachineConfig given) {
  const bool asids = given.tlb.asids;
  leave_out_memory(given);
  leave_out_translation(given);
  given.tlb.asids = asids;
  return given;
}

Configuration without_paging(Configuration given) {
  if (given.machine.relocation.model == hw::MemoryModel::paging) return given;
  given.machine.tlb.enabled = false;
  given.machine.walker.caches = false;
  return given;
}

}  // namespace faultline::cli
