// What the harts run on while a run is fast-forwarded: for each an MMU with a
// large TLB and a walker of its own, and below them memory without time, over
// the bytes of the one backing store.
#pragma once

#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "hw/base/clock.h"
#include "hw/config/machine_config.h"
#include "hw/hart/interpreter.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/bus.h"
#include "hw/memory/dram.h"
#include "hw/memory/memory_port.h"
#include "hw/mmu/mmu.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/page_table_walker.h"

namespace faultline::hw {

class FunctionalSide : public sc_core::sc_module {
 public:
  // Of `config`, a machine without caches, all but what the parameters bring. They outlive it.
  FunctionalSide(sc_core::sc_module_name name, const MachineConfig& config, const Clock& clock,
                 const PageTableFormat& format, BackingStore& memory);

  // The environment of hart n, which on the machine itself is `detailed`.
  HartEnvironment environment(size_t n, const HartEnvironment& detailed);

 private:
  struct Core {
    std::unique_ptr<PageTableWalker> walker;
    std::unique_ptr<Mmu> mmu;
    std::unique_ptr<MemoryPort> fetch_port;
    std::unique_ptr<MemoryPort> data_port;
  };

  void start_of_simulation() override;
  void bind(MemoryPort& port);

  const bool fast_path_;
  Bus bus_;
  Dram dram_;
  std::vector<Core> cores_;
};

}  // namespace faultline::hw
