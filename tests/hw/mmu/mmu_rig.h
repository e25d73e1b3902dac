// An MMU with its walker, a DRAM and real tables, and the least of a hart:
// references that look into the filters first.
#pragma once

#include <string>

#include "hw/memory/dram.h"
#include "hw/mmu/mmu.h"
#include "tests/hw/memory/bench.h"
#include "tests/hw/mmu/page_table_builder.h"

namespace faultline::hw {

class MmuRig : Resolution {
 public:
  MmuRig(const std::string& name, const MachineConfig& machine)
      : config(machine),
        format(*find_page_table_format(machine.paging_format)),
        dram((name + "_dram").c_str(), machine.dram, clock, memory),
        walker((name + "_walker").c_str(), format, memory, clock, nullptr, machine),
        mmu((name + "_mmu").c_str(), machine, format, memory, walker) {
    walker.port().socket().bind(dram.socket());
  }

  // One reference, as a hart makes it. The status, and where it led.
  Translation refer(uint64_t va, Access access) {
    Translation result;
    if (const uint8_t* host = mmu.find_known(VirtAddr(va), access, now)) {
      result.address = PhysAddr(static_cast<uint64_t>(host - memory.base()));
      ++filtered;
    } else {
      result = mmu.translate(VirtAddr(va), access, now, ledger);
    }
    if (result.status == Translation::Status::ok) ++references[static_cast<size_t>(access)];
    return result;
  }

  uint64_t fetches() const { return references[0]; }
  uint64_t data() const { return references[1] + references[2]; }

  MachineConfig config;
  const PageTableFormat& format;
  Clock clock{1000};
  BackingStore memory{64 << 20, PageSize{12}};
  Dram dram;
  PageTableWalker walker;
  Mmu mmu;
  CycleLedger ledger;
  Cycles now{0};
  std::array<uint64_t, 3> references{};
  uint64_t filtered = 0;
};

}  // namespace faultline::hw
