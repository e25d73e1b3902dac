// The machine: builds the modules that a MachineConfig asks for and binds them.
//
//            hart              (hart.count of them, each with what stands up to here,
//      fetch |   \ data        walker  which enters where walker.entry says)
//          L1I   L1D             |
//             \  /  <------------+   disk (DMA)
//              L2 <--------------+    |
//              L3                |    |
//              bus <-------------+----+
//              DRAM, or a TLM target of the user's own
//
// A cache that is off is not built: what would lie above it is bound to what
// lies below. DMA goes past the caches, which drop the tags of what it wrote.
// Knows nothing of an operating system.
//
// A run that is fast-forwarded begins on another, functional side, where only
// the harts, the bytes and the disk are the same.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <systemc>
#include <tlm>
#include <utility>
#include <vector>

#include "hw/base/clock.h"
#include "hw/config/machine_config.h"
#include "hw/devices/block_storage.h"
#include "hw/devices/disk.h"
#include "hw/hart/hart.h"
#include "hw/hart/instruction_stop.h"
#include "hw/machine/functional_side.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/bus.h"
#include "hw/memory/cache.h"
#include "hw/memory/dram.h"
#include "hw/memory/memory_port.h"
#include "hw/mmu/host_tables.h"
#include "hw/mmu/mmu.h"
#include "hw/mmu/page_table_format.h"
#include "hw/mmu/page_table_walker.h"

namespace faultline::hw {

// Binds the bus to a memory of the user's own, in DRAM's place. That memory
// gives time alone (the bytes are in the BackingStore), answers any address
// below dram.size and in the host's tables above it, and its b_transport must
// not wait. If it grants DMI for its
// whole range, accesses are taken to last as long as the grant says and are
// not shown to it one by one.
using BindMemory = std::function<void(tlm::tlm_initiator_socket<>& bus)>;

class Machine : public sc_core::sc_module {
 public:
  // Sets SystemC's time resolution, so it (or set_time_resolution()) must come
  // before any sc_time. `storage` must outlive the machine. Throws
  // std::invalid_argument, one line, for what cannot be built.
  Machine(const MachineConfig& config, BlockStorage& storage, BindMemory bind_memory = {},
          sc_core::sc_module_name name = "machine");
  ~Machine() override;

  const MachineConfig& config() const { return config_; }
  const Clock& clock() const { return clock_; }
  const PageTableFormat& format() const { return format_; }
  BackingStore& memory() { return memory_; }
  // hart.count of them, from 0 on; the default below is the first one.
  size_t harts() const { return cores_.size(); }
  Hart& hart(size_t n = 0) { return *cores_[n].hart; }
  // Where the machine is as configured; the one that a hart translates by is Hart::mmu().
  Mmu& mmu(size_t n = 0) { return *cores_[n].mmu; }
  PageTableWalker& walker(size_t n = 0) { return *cores_[n].walker; }
  // Memory that an operating system may use, in bytes; what lies above holds
  // the host's tables of nested translation.
  uint64_t guest_memory() const { return config_.dram.size; }
  // Null without nested translation.
  const HostTables* host_tables() const { return host_tables_ ? &*host_tables_ : nullptr; }
  Disk& disk() { return *disk_; }
  // What instruction fetches and data accesses of the first hart enter: a
  // first-level cache, or what lies behind it.
  MemorySide& fetch_side() { return cores_[0].fetch_side(); }
  MemorySide& data_side() { return cores_[0].data_side(); }

  // Who takes what users of flat memory count in bulk; null where that is a memory of the user's own.
  BulkCounter* bulk_counter() { return dram_.get(); }

  // Makes a functional side, of a machine as `config` says, and has the harts begin there. It differs from the
  // machine's own configuration in what gives time and in the TLBs. Before simulation starts, and once.
  void begin_functionally(const MachineConfig& config);
  // Takes all harts to the functional side, or to the machine as configured. They meet TLBs and page-walk caches
  // that are empty there, and caches as they were left. On a hart's thread; where there is no functional side it
  // does nothing.
  void set_functional(bool functional);
  bool functional() const { return at_functional_side_; }
  // Has `reached` called when so many more instructions, 1 or more, have been retired by all harts together
  // (InstructionStop); in place of what was asked for before.
  void stop_after(uint64_t instructions, std::function<void()> reached);

  // For statistics. Null where there is none.
  const Dram* dram() const { return dram_.get(); }
  const Cache* l1i(size_t n = 0) const { return cores_[n].l1i.get(); }
  const Cache* l1d(size_t n = 0) const { return cores_[n].l1d.get(); }
  const Cache* l2() const { return l2_.get(); }
  const Cache* l3() const { return l3_.get(); }
  // Those that were built, by the names of their keys, from the hart outwards; of
  // harts but the first what is theirs alone.
  std::vector<std::pair<std::string_view, const Cache*>> caches(size_t n = 0) const;

 private:
  void start_of_simulation() override;

  // What a hart has of its own.
  struct Core {
    std::unique_ptr<Cache> l1d;
    std::unique_ptr<Cache> l1i;
    std::unique_ptr<PageTableWalker> walker;
    std::unique_ptr<Mmu> mmu;
    std::unique_ptr<MemoryPort> fetch_port;
    std::unique_ptr<MemoryPort> data_port;
    std::unique_ptr<Hart> hart;

    MemorySide& fetch_side() { return l1i ? static_cast<MemorySide&>(*l1i) : *fetch_port; }
    MemorySide& data_side() { return l1d ? static_cast<MemorySide&>(*l1d) : *data_port; }
  };

  std::unique_ptr<Cache> make_cache(const std::string& name, const CacheLevelConfig& level, uint64_t salt,
                                    uint64_t offset = 0);
  // Binds to the first of these that was built: L2, L3, the bus.
  template <class Target>
  void bind(MemoryPort& port, Target& target);
  void bind_to_bus(MemoryPort& port);
  void bind_below_first_level(MemoryPort& port);
  void bind_below_second_level(MemoryPort& port);
  void build_shared_caches();
  void build_core(size_t n);
  void build_walker(Core& core, size_t n, const MachineConfig& config);
  void build_disk(BlockStorage& storage);
  HartEnvironment environment(Core& core);
  // Where there is no first level, a port past it.
  std::unique_ptr<MemoryPort> port_past(const std::unique_ptr<Cache>& cache, const std::string& name);

  MachineConfig config_;
  Clock clock_;
  PageTableFormat format_;
  std::optional<HostTables> host_tables_;
  BackingStore memory_;
  std::unique_ptr<Bus> bus_;
  std::unique_ptr<Dram> dram_;
  std::unique_ptr<Cache> l3_;
  std::unique_ptr<Cache> l2_;
  HartGroup group_;
  InstructionStop stop_;
  std::unique_ptr<FunctionalSide> functional_;  // null: no run is fast-forwarded
  bool at_functional_side_ = false;
  std::vector<Core> cores_;
  std::unique_ptr<Disk> disk_;
};

}  // namespace faultline::hw
