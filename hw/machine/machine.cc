#include "hw/machine/machine.h"

#include <stdexcept>
#include <string>

namespace faultline::hw {
namespace {

// The one virtual machine that there is.
constexpr Vmid kFirstVm = 1;

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
  build_caches();
  build_walker();
  mmu_ = std::make_unique<Mmu>("mmu", config_, format_, memory_, *walker_);
  MemorySide& fetch_side = side(l1i_, fetch_port_, "fetch_port");
  MemorySide& data_side = side(l1d_, data_port_, "data_port");
  hart_ = std::make_unique<Hart>("hart", config_.hart,
                                 HartEnvironment{.memory = memory_,
                                                 .mmu = *mmu_,
                                                 .l1i = l1i_.get(),
                                                 .l1d = l1d_.get(),
                                                 .fetch_side = fetch_side,
                                                 .data_side = data_side,
                                                 .counter = dram_.get(),
                                                 .clock = clock_});
  build_disk(storage);
}

Machine::~Machine() = default;

std::unique_ptr<Cache> Machine::make_cache(const char* name, const CacheLevelConfig& level, uint64_t salt) {
  if (!config_.cache.enabled || !level.enabled) return nullptr;
  return std::make_unique<Cache>(name, level, clock_, config_.seed + salt);
}

void Machine::build_caches() {
  l3_ = make_cache("l3", config_.cache.l3, 13);
  l2_ = make_cache("l2", config_.cache.l2, 12);
  l1d_ = make_cache("l1d", config_.cache.l1d, 11);
  l1i_ = make_cache("l1i", config_.cache.l1i, 10);
  if (l3_) bind_to_bus(l3_->lower());
  if (l2_) bind_below_second_level(l2_->lower());
  if (l1d_) bind_below_first_level(l1d_->lower());
  if (l1i_) bind_below_first_level(l1i_->lower());
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

void Machine::build_walker() {
  MemorySide* first_level = config_.walker.entry == WalkerEntry::l1d ? l1d_.get() : nullptr;
  walker_ = std::make_unique<PageTableWalker>("walker", format_, memory_, clock_, first_level, config_);
  if (host_tables_) {
    host_tables_->build(memory_);
    walker_->set_host(host_tables_->root(), kFirstVm);
  }
  if (first_level) return;
  if (config_.walker.entry == WalkerEntry::memory) {
    bind_to_bus(walker_->port());
  } else {
    bind_below_first_level(walker_->port());
  }
}

MemorySide& Machine::side(std::unique_ptr<Cache>& cache, std::unique_ptr<MemoryPort>& port, const char* name) {
  if (cache) return *cache;
  port = std::make_unique<MemoryPort>(name, clock_);
  bind_below_first_level(*port);
  return *port;
}

void Machine::build_disk(BlockStorage& storage) {
  disk_ = std::make_unique<Disk>("disk", config_.disk, clock_, memory_, storage);
  disk_->dma().socket().bind(bus_->upper());
  disk_->on_dma_write([this](PhysAddr address, uint64_t bytes) {
    for (Cache* cache : {l1i_.get(), l1d_.get(), l2_.get(), l3_.get()}) {
      if (cache) cache->invalidate(address, bytes);
    }
  });
}

void Machine::start_of_simulation() {
  if (config_.hart.fast_path) walker_->count_in_bulk(dram_.get());
}

std::vector<std::pair<std::string_view, const Cache*>> Machine::caches() const {
  std::vector<std::pair<std::string_view, const Cache*>> built;
  const std::pair<std::string_view, const Cache*> all[] = {
      {"l1i", l1i_.get()}, {"l1d", l1d_.get()}, {"l2", l2_.get()}, {"l3", l3_.get()}};
  for (const auto& entry : all) {
    if (entry.second) built.push_back(entry);
  }
  return built;
}

}  // namespace faultline::hw
