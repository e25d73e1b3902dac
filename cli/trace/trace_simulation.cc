#include "cli/trace/trace_simulation.h"

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "cli/config/user_error.h"
#include "cli/interrupt.h"
#include "cli/regions.h"
#include "cli/trace/byte_source.h"
#include "cli/trace/page_mapper.h"
#include "cli/trace/progress.h"
#include "cli/trace/recorded_machine.h"
#include "cli/trace/replay.h"
#include "cli/trace/trace_error.h"
#include "cli/trace/trace_machine.h"

namespace faultline::cli {
namespace {

constexpr Asid kAsid = 1;

// What both kinds of traces need while they are read.
struct Reading {
  TraceInput& input;
  const std::atomic<bool>* stop;
  bool show_progress;

  bool stopped() const { return stop->load(); }

  // What `read` answers; false once it is to stop. Ctrl-C ends the program at the other end of a
  // pipe too, so that what comes is cut short then.
  template <class Read>
  bool on(Read&& read) const {
    if (stopped()) return false;
    try {
      return read();
    } catch (const TraceError&) {
      if (!stopped()) throw;
      return false;
    }
  }
};

std::unique_ptr<TraceReader> make_reader(TraceFormat format, TraceInput& input) {
  if (format == TraceFormat::lackey) return make_lackey_reader(input);
  if (format == TraceFormat::din) return make_din_reader(input);
  return make_champsim_reader(input);
}

void name_trace(RunStatistics& statistics, uint64_t records, TraceFormat format, bool interrupted) {
  statistics.trace = TraceStatistics{records, std::string(kTraceFormatNames[static_cast<size_t>(format)])};
  if (interrupted) statistics.exit = {.reason = "interrupted", .status = kInterruptedStatus};
}

// References of another tool's, on pages that come about as they are referred to.
class ListedTrace {
 public:
  ListedTrace(const Configuration& configuration, TraceFormat format, const Reading& reading)
      : reading_(reading),
        format_(format),
        reader_(make_reader(format, reading.input)),
        machine_(configuration),
        mapper_(machine_.machine().format(), machine_.machine().memory(), machine_.machine().guest_memory()) {}

  RunStatistics run() {
    machine_.machine().mmu().set_address_space(mapper_.root(), kAsid);
    Progress progress(reading_.input.source(), reading_.show_progress);
    std::vector<Reference> batch;
    while (reading_.on([&] { return reader_->read(batch); })) {
      for (const Reference& reference : batch) refer(reference);
      references_ += batch.size();
      progress.tell(references_);
    }
    RunStatistics statistics = machine_.counted();
    name_trace(statistics, reader_->records(), format_, reading_.stopped());
    gather_tables(statistics);
    machine_.observation().gather(statistics, "");
    return statistics;
  }

 private:
  void refer(const Reference& reference) {
    const hw::PageTableFormat& format = machine_.machine().format();
    const auto ensure = [this, &format](VirtAddr va) { return !format.valid_address(va) || mapper_.ensure(va); };
    switch (machine_.hart().refer(reference.access, VirtAddr(reference.address), reference.bytes, ensure)) {
      case TraceHart::Outcome::ok:
        return;
      case TraceHart::Outcome::refused:
        reader_->fail(reference.position,
                      fmt::format("no memory is left for another page, after {} pages and {} bytes of page tables; "
                                  "give more with -s dram.size (now {} bytes)",
                                  mapper_.pages(), mapper_.table_bytes(), machine_.machine().guest_memory()));
        break;
      case TraceHart::Outcome::faulted:
        reader_->fail(reference.position,
                      fmt::format("address {:#x}: {} translates {} bits; choose another with -s paging.format",
                                  reference.address, format.name(), format.address_bits()));
    }
  }

  // They only grow.
  void gather_tables(RunStatistics& statistics) const {
    os::PageTableStatistics& tables = statistics.page_tables;
    tables.bytes = tables.peak_bytes = mapper_.table_bytes();
    tables.entries_present = mapper_.pages();
    for (unsigned level = 0; level < statistics.levels; ++level)
      tables.by_level[level] = {mapper_.table_bytes(level), mapper_.table_bytes(level)};
    statistics.page_tables_at_exit = tables;
  }

  const Reading reading_;
  TraceFormat format_;
  std::unique_ptr<TraceReader> reader_;
  TraceMachine machine_;
  PageMapper mapper_;
  uint64_t references_ = 0;
};

// A run of faultline's own, on the tables that it had.
class RecordedTrace {
 public:
  RecordedTrace(const Configuration& configuration, CompactReader& reader, const Reading& reading)
      : reading_(reading), reader_(reader), machine_(configuration) {}

  RunStatistics run() {
    Observation& observation = machine_.observation();
    Regions regions({.count = [this] { return machine_.counted(); },
                     .begin_anew = [&observation] { observation.clear_counts(); },
                     .set_counting = [&observation](bool counting) { observation.set_counting(counting); }});
    hw::Machine& machine = machine_.machine();
    Replay replay(reader_, machine_.hart(), machine.mmu(), machine.memory(), machine.guest_memory(),
                  [&regions](hw::RegionMark mark) { regions.mark(mark); });
    Progress progress(reading_.input.source(), reading_.show_progress);
    while (reading_.on([&] { return reader_.read(replay); })) {
      const std::array<uint64_t, 3>& made = machine_.hart().references();
      progress.tell(made[0] + made[1] + made[2]);
    }
    if (!reading_.stopped()) check_counts();
    RunStatistics statistics = machine_.counted();
    name_trace(statistics, reader_.records(), TraceFormat::faultline, reading_.stopped());
    observation.gather(statistics, "");
    regions.finish(statistics, machine.clock());
    return statistics;
  }

 private:
  void check_counts() const {
    const std::array<uint64_t, 3>& made = machine_.hart().references();
    const RecordedCounts& recorded = reader_.counts();
    if (RecordedCounts{made[0], made[1], made[2]} == recorded) return;
    reader_.fail(fmt::format("the recorded run made {} fetches, {} loads and {} stores, and its replay {}, {} and {}",
                             recorded.fetch, recorded.load, recorded.store, made[0], made[1], made[2]));
  }

  const Reading reading_;
  CompactReader& reader_;
  TraceMachine machine_;
};

}  // namespace

RunStatistics simulate_trace(const TraceOptions& options) {
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  const InterruptFlag interrupt;
  if (options.machine.values.machine.relocation.model != hw::MemoryModel::paging)
    throw UserError("a trace is of page tables: memory.model must be \"paging\"");
  TraceInput input(options.file, decompress(open_file(options.file, interrupt.flag())));
  const Reading reading{.input = input, .stop = interrupt.flag(), .show_progress = !options.quiet};
  const TraceFormat format = options.format ? *options.format : detect_trace_format(input);
  const auto named = [&](RunStatistics statistics, const LoadedConfiguration& machine) {
    statistics.run = {machine.machine, options.file, {}};
    statistics.config = machine.values;
    return statistics;
  };
  if (format != TraceFormat::faultline)
    return named(ListedTrace(options.machine.values, format, reading).run(), options.machine);
  CompactReader reader(input);
  const LoadedConfiguration machine =
      machine_for(reader.header(), options.file, options.machine.machine, options.settings);
  return named(RecordedTrace(machine.values, reader, reading).run(), machine);
}

}  // namespace faultline::cli
