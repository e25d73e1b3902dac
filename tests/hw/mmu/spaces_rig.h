// An MMU rig with address spaces to switch between.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/hw/mmu/mmu_rig.h"

namespace faultline::hw {

struct SpacesRig {
  static constexpr int kSpaces = 3;

  SpacesRig(const std::string& name, const MachineConfig& config) : rig(name, config) {}

  void prepare() {
    for (uint64_t n = 1; n <= kSpaces; ++n) {
      tables.push_back(std::make_unique<PageTableBuilder>(rig.format, rig.memory, Pfn(2048 * n)));
    }
    switch_to(0);
  }
  void switch_to(int to) {
    space = to;
    rig.mmu.set_address_space(tables[to]->root(), static_cast<Asid>(to + 1));
  }

  MmuRig rig;
  std::vector<std::unique_ptr<PageTableBuilder>> tables;
  int space = 0;
};

}  // namespace faultline::hw
