#include "cli/trace/trace_machine.h"

namespace faultline::cli {
namespace {
uint64_t line_of(const hw::Cache* cache, PageSize page) { return cache ? cache->line_bytes() : page.bytes(); }
}  // namespace

TraceMachine::TraceMachine(const Configuration& configuration)
    : machine_(configuration.machine, storage_), observation_(machine_) {
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
  const PageSize page = machine_.format().page();
  hart_.emplace(TraceHart::Environment{.mmu = machine_.mmu(),
                                       .memory = machine_.memory(),
                                       .fetch_side = machine_.fetch_side(),
                                       .data_side = machine_.data_side(),
                                       .fetch_line = line_of(machine_.l1i(), page),
                                       .data_line = line_of(machine_.l1d(), page),
                                       .base_cycles = Cycles(machine_.config().hart.base_cycles),
                                       .counter = machine_.bulk_counter(),
                                       .in_bulk = machine_.config().hart.fast_path});
}

RunStatistics TraceMachine::counted() {
  hart_->settle();
  RunStatistics s;
  s.instructions = hart_->instructions();
  s.cycles = hart_->now().value;
  s.seconds = machine_.clock().seconds(hart_->now());
  s.references = {hart_->references()[0], hart_->references()[1], hart_->references()[2]};
  s.cycle_stack = hart_->ledger();
  const hw::Mmu& mmu = machine_.mmu();
  s.translation = mmu.statistics();
  s.levels = machine_.format().levels();
  for (unsigned level = 1; level < machine_.format().levels(); ++level)
    if (machine_.walker().caches().has(level)) s.walk_caches.push_back({level, mmu.walk_cache(level)});
  s.nested = mmu.nested();
  if (const hw::HostTables* host = machine_.host_tables()) {
    s.host_levels = machine_.walker().host_format()->levels();
    s.host_table_bytes = host->bytes();
  }
  s.l1i = mmu.l1i(s.references.fetch);
  s.l1d = mmu.l1d(s.references.load + s.references.store);
  s.l2 = mmu.l2();
  s.kernel.translation = mmu.kernel();
  for (const auto& [name, cache] : machine_.caches()) s.caches.push_back({std::string(name), cache->statistics()});
  if (machine_.dram()) s.dram = machine_.dram()->statistics();
  return s;
}

}  // namespace faultline::cli
