#include "hw/machine/machine.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace faultline::hw {
namespace {

// The one virtual machine that there is.
constexpr Vmid kFirstVm = 1;
// Harts choose at random independently of each other.
constexpr uint64_t kHartSeed = 1000;

// The first hart's parts bear plain names.
std::string numbered(const char* name, size_t n) { return n == 0 ? name : name + std::to_string(n); }

// Time first: the clock's periods are in its units.
Clock make_clock(const MachineConfig& config) {
  if (config.hart.clock_mhz == 0) throw std::invalid_argument("hart.clock_mhz: at least 1");
  set_time_resolution();
  return Clock(config.hart.clock_mhz);
}

uint64_t memory_size(const MachineConfig& config, const PageTableFormat& format) {
  const uint64_t size = config.dram.size;
  if (size == 0 || !format.page().aligned(size)) {
    throw std::invalid_argument("dram.size: not a whole number of pages");
  }
  if (format.physical_limit() != 0 && size > format.physical_limit()) {
    throw std::invalid_argument("dram.size: more than the entries of " + std::string(format.name()) + " can name");
  }
  return size;
}

std::optional<HostTables> make_host_tables(const MachineConfig& config, const PageTableFormat& format) {
  if (!config.nested.enabled) return std::nullopt;
  return HostTables(make_host_page_table_format(config), config.nested, memory_size(config, format), format.page());
}

// The guest's memory, and what lies above it.
uint64_t all_memory(const MachineConfig& config, const PageTableFormat& format, const HostTables* host) {
  return host ? format.page().round_up(host->end()) : memory_size(config, format);
}

}  // namespace

Machine::Machine(const MachineConfig& config, BlockStorage& storage, BindMemory bind_memory,
                 sc_core::sc_module_name name)
    : sc_module(name),
      config_(config),
      clock_(make_clock(config)),
      format_(make_page_table_format(config)),
      host_tables_(make_host_tables(config, format_)),
      memory_(all_memory(config, format_, host_tables()), format_.page()) {
  bus_ = std::make_unique<Bus>("bus", config_.bus, clock_);
  if (bind_memory) {
    bind_memory(bus_->lower());
  } else {
    dram_ = std::make_unique<Dram>("dram", config_.dram, clock_, memory_);
    bus_->lower().bind(dram_->socket());
    bus_->call_directly(*dram_);
  }
  if (config_.hart.count > 1) {
    bus_->several_harts();
    if (dram_) dram_->several_harts();
  }
  build_shared_caches();
  cores_.resize(std::max<size_t>(1, config_.hart.count));
  for (size_t n = 0; n < cores_.size(); ++n) build_core(n);
  build_disk(storage);
}

Machine::~Machine() = default;

std::unique_ptr<Cache> Machine::make_cache(const std::string& name, const CacheLevelConfig& level, uint64_t salt,
                                           uint64_t offset) {
  if (!config_.cache.enabled || !level.enabled) return nullptr;
  return std::make_unique<Cache>(name.c_str(), level, clock_, config_.seed + salt, offset);
}

void Machine::build_shared_caches() {
  l3_ = make_cache("l3", config_.cache.l3, 13);
  l2_ = make_cache("l2", config_.cache.l2, 12);
  if (l3_) bind_to_bus(l3_->lower());
  if (l2_) bind_below_second_level(l2_->lower());
}

void Machine::build_core(size_t n) {
  Core& core = cores_[n];
  core.l1d = make_cache(numbered("l1d", n), config_.cache.l1d, 11 + n * kHartSeed, memory_.host_offset());
  core.l1i = make_cache(numbered("l1i", n), config_.cache.l1i, 10 + n * kHartSeed);
  if (core.l1d) bind_below_first_level(core.l1d->lower());
  if (core.l1i) bind_below_first_level(core.l1i->lower());
  MachineConfig own = config_;
  own.seed += n * kHartSeed;
  build_walker(core, n, own);
  core.mmu = std::make_unique<Mmu>(numbered("mmu", n).c_str(), own, format_, memory_, *core.walker);
  core.fetch_port = port_past(core.l1i, numbered("fetch_port", n));
  core.data_port = port_past(core.l1d, numbered("data_port", n));
  core.hart = std::make_unique<Hart>(numbered("hart", n).c_str(), config_.hart, environment(core));
}

HartEnvironment Machine::environment(Core& core) {
  return {.memory = memory_,
          .mmu = *core.mmu,
          .l1i = core.l1i.get(),
          .l1d = core.l1d.get(),
          .fetch_side = core.fetch_side(),
          .data_side = core.data_side(),
          .counter = dram_.get(),
          .clock = clock_,
          .group = cores_.size() > 1 ? &group_ : nullptr,
          .stop = &stop_};
}

void Machine::begin_functionally(const MachineConfig& config) {
  functional_ = std::make_unique<FunctionalSide>("functional", config, clock_, format_, memory_);
  for (size_t n = 0; n < cores_.size(); ++n)
    cores_[n].hart->begin_functionally(functional_->environment(n, environment(cores_[n])));
  at_functional_side_ = true;
}

void Machine::set_functional(bool functional) {
  if (!functional_) return;
  at_functional_side_ = functional;
  for (Core& core : cores_) core.hart->set_functional(functional);
}

void Machine::stop_after(uint64_t instructions, std::function<void()> reached) {
  stop_ = {.left = instructions, .reached = std::move(reached)};
}

// The sockets are the machine; where both ends are of our own, a port may call
// past them.
template <class Target>
void Machine::bind(MemoryPort& port, Target& target) {
  port.socket().bind(target.upper());
  if (config_.hart.fast_path) port.call_directly(target);
}

void Machine::bind_to_bus(MemoryPort& port) {
  if (dram_) {
    bind(port, *bus_);
  } else {
    port.socket().bind(bus_->upper());
  }
}

void Machine::bind_below_second_level(MemoryPort& port) {
  if (l3_) {
    bind(port, *l3_);
  } else {
    bind_to_bus(port);
  }
}

void Machine::bind_below_first_level(MemoryPort& port) {
  if (l2_) {
    bind(port, *l2_);
  } else {
    bind_below_second_level(port);
  }
}

void Machine::build_walker(Core& core, size_t n, const MachineConfig& config) {
  MemorySide* first_level = config.walker.entry == WalkerEntry::l1d ? core.l1d.get() : nullptr;
  core.walker =
      std::make_unique<PageTableWalker>(numbered("walker", n).c_str(), format_, memory_, clock_, first_level, config);
  if (host_tables_) {
    if (n == 0) host_tables_->build(memory_);
    core.walker->set_host(host_tables_->root(), kFirstVm);
  }
  if (first_level) return;
  if (config.walker.entry == WalkerEntry::memory) {
    bind_to_bus(core.walker->port());
  } else {
    bind_below_first_level(core.walker->port());
  }
}

std::unique_ptr<MemoryPort> Machine::port_past(const std::unique_ptr<Cache>& cache, const std::string& name) {
  if (cache) return nullptr;
  auto port = std::make_unique<MemoryPort>(name.c_str(), clock_);
  bind_below_first_level(*port);
  return port;
}

void Machine::build_disk(BlockStorage& storage) {
  disk_ = std::make_unique<Disk>("disk", config_.disk, clock_, memory_, storage);
  bind_to_bus(disk_->dma());
  disk_->on_dma_write([this](PhysAddr address, uint64_t bytes) {
    for (Core& core : cores_) {
      for (Cache* cache : {core.l1i.get(), core.l1d.get()}) {
        if (cache) cache->invalidate(address, bytes);
      }
    }
    for (Cache* cache : {l2_.get(), l3_.get()}) {
      if (cache) cache->invalidate(address, bytes);
    }
  });
}

void Machine::start_of_simulation() {
  if (!config_.hart.fast_path) return;
  for (Core& core : cores_) core.walker->count_in_bulk(dram_.get());
}

std::vector<std::pair<std::string_view, const Cache*>> Machine::caches(size_t n) const {
  std::vector<std::pair<std::string_view, const Cache*>> built;
  const std::pair<std::string_view, const Cache*> all[] = {
      {"l1i", l1i(n)}, {"l1d", l1d(n)}, {"l2", n == 0 ? l2_.get() : nullptr}, {"l3", n == 0 ? l3_.get() : nullptr}};
  for (const auto& entry : all) {
    if (entry.second) built.push_back(entry);
  }
  return built;
}

}  // namespace faultline::hw
