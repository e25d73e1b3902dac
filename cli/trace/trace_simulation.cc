#include "cli/trace/trace_simulation.h"

#include <fmt/format.h>

#include <memory>
#include <utility>
#include <vector>

#include "cli/trace/byte_source.h"
#include "cli/trace/page_mapper.h"
#include "cli/trace/trace_error.h"
#include "cli/trace/trace_hart.h"
#include "hw/machine/machine.h"

namespace faultline::cli {
namespace {

constexpr Asid kAsid = 1;

// A trace has no files: nobody asks.
class NoStorage final : public hw::BlockStorage {
 public:
  bool read(uint64_t, std::span<uint8_t>) override { return false; }
  bool write(uint64_t, std::span<const uint8_t>) override { return false; }
};

std::unique_ptr<TraceReader> make_reader(TraceFormat format, TraceInput& input) {
  switch (format) {
    case TraceFormat::lackey:
      return make_lackey_reader(input);
    case TraceFormat::din:
      return make_din_reader(input);
    case TraceFormat::champsim:
      return make_champsim_reader(input);
    case TraceFormat::faultline:
      break;
  }
  throw TraceError(fmt::format("{}: recordings cannot be replayed yet", input.name()));
}

uint64_t line_of(const hw::Cache* cache, PageSize page) { return cache ? cache->line_bytes() : page.bytes(); }

class TraceSimulation {
 public:
  TraceSimulation(const TraceOptions& options, TraceInput& input, TraceFormat format)
      : options_(options),
        format_(format),
        reader_(make_reader(format, input)),
        machine_(options.machine.values.machine, storage_),
        mapper_(machine_.format(), machine_.memory(), machine_.guest_memory()),
        hart_({.mmu = machine_.mmu(),
               .memory = machine_.memory(),
               .fetch_side = machine_.fetch_side(),
               .data_side = machine_.data_side(),
               .fetch_line = line_of(machine_.l1i(), machine_.format().page()),
               .data_line = line_of(machine_.l1d(), machine_.format().page()),
               .base_cycles = Cycles(machine_.config().hart.base_cycles)}) {}

  RunStatistics run() {
    // Binds the modules; what a trace does takes its own count of time.
    sc_core::sc_start(sc_core::SC_ZERO_TIME);
    machine_.mmu().set_address_space(mapper_.root(), kAsid);
    std::vector<Reference> batch;
    while (reader_->read(batch)) {
      for (const Reference& reference : batch) refer(reference);
    }
    return gather();
  }

 private:
  void refer(const Reference& reference) {
    const auto ensure = [this](VirtAddr va) { return !machine_.format().valid_address(va) || mapper_.ensure(va); };
    if (reference.access == Access::fetch) ++instructions_;
    switch (hart_.refer(reference.access, VirtAddr(reference.address), reference.bytes, ensure)) {
      case TraceHart::Outcome::ok:
        return;
      case TraceHart::Outcome::refused:
        reader_->fail(reference.position,
                      fmt::format("no memory is left for another page, after {} pages and {} bytes of page tables; "
                                  "give more with -s dram.size (now {} bytes)",
                                  mapper_.pages(), mapper_.table_bytes(), machine_.guest_memory()));
        break;
      case TraceHart::Outcome::faulted:
        reader_->fail(reference.position,
                      fmt::format("address {:#x}: {} translates {} bits; choose another with -s paging.format",
                                  reference.address, machine_.format().name(), machine_.format().address_bits()));
    }
  }

  RunStatistics gather() {
    RunStatistics s;
    s.run = {options_.machine.machine, options_.file, {}};
    s.config = options_.machine.values;
    s.trace = TraceStatistics{reader_->records(), std::string(kTraceFormatNames[static_cast<size_t>(format_)])};
    s.instructions = instructions_;
    s.cycles = hart_.now().value;
    s.seconds = machine_.clock().seconds(hart_.now());
    s.references = {hart_.references()[0], hart_.references()[1], hart_.references()[2]};
    s.cycle_stack = hart_.ledger();
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
    for (const auto& [name, cache] : machine_.caches()) s.caches.push_back({std::string(name), cache->statistics()});
    if (machine_.dram()) s.dram = machine_.dram()->statistics();
    return s;
  }

  const TraceOptions& options_;
  TraceFormat format_;
  std::unique_ptr<TraceReader> reader_;
  NoStorage storage_;
  hw::Machine machine_;
  PageMapper mapper_;
  TraceHart hart_;
  uint64_t instructions_ = 0;
};

}  // namespace

RunStatistics simulate_trace(const TraceOptions& options) {
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  TraceInput input(options.file, decompress(open_file(options.file)));
  const TraceFormat format = options.format ? *options.format : detect_trace_format(input);
  return TraceSimulation(options, input, format).run();
}

}  // namespace faultline::cli
