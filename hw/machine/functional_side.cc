#include "hw/machine/functional_side.h"

#include <algorithm>

namespace faultline::hw {

FunctionalSide::FunctionalSide(sc_core::sc_module_name name, const MachineConfig& config, const Clock& clock,
                               const PageTableFormat& format, BackingStore& memory)
    : sc_module(name),
      fast_path_(config.hart.fast_path),
      bus_("bus", config.bus, clock),
      dram_("dram", config.dram, clock, memory),
      cores_(std::max<size_t>(1, config.hart.count)) {
  bus_.lower().bind(dram_.socket());
  bus_.call_directly(dram_);
  if (cores_.size() > 1) {
    bus_.several_harts();
    dram_.several_harts();
  }
  for (size_t n = 0; n < cores_.size(); ++n) {
    Core& core = cores_[n];
    const std::string number = std::to_string(n);
    core.walker =
        std::make_unique<PageTableWalker>(("walker" + number).c_str(), format, memory, clock, nullptr, config);
    core.mmu = std::make_unique<Mmu>(("mmu" + number).c_str(), config, format, memory, *core.walker);
    core.fetch_port = std::make_unique<MemoryPort>(("fetch_port" + number).c_str(), clock);
    core.data_port = std::make_unique<MemoryPort>(("data_port" + number).c_str(), clock);
    for (MemoryPort* port : {&core.walker->port(), core.fetch_port.get(), core.data_port.get()}) bind(*port);
  }
}

void FunctionalSide::bind(MemoryPort& port) {
  port.socket().bind(bus_.upper());
  if (fast_path_) port.call_directly(bus_);
}

void FunctionalSide::start_of_simulation() {
  if (!fast_path_) return;
  for (Core& core : cores_) core.walker->count_in_bulk(&dram_);
}

HartEnvironment FunctionalSide::environment(size_t n, const HartEnvironment& detailed) {
  Core& core = cores_[n];
  return {.memory = detailed.memory,
          .mmu = *core.mmu,
          .l1i = nullptr,
          .l1d = nullptr,
          .fetch_side = *core.fetch_port,
          .data_side = *core.data_port,
          .counter = &dram_,
          .clock = detailed.clock,
          .group = detailed.group,
          .stop = detailed.stop};
}

}  // namespace faultline::hw
