#include "cli/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "cli/interrupt.h"
#include "cli/observation.h"
#include "cli/policy/paging_record.h"
#include "cli/recording.h"
#include "cli/regions.h"
#include "cli/report/counters.h"
#include "cli/report/invariants.h"
#include "cli/report/say.h"
#include "cli/series.h"
#include "hw/machine/machine.h"
#include "hw/riscv/disassemble.h"
#include "os/early/monitor.h"
#include "os/files/disk_content.h"
#include "os/files/vfs.h"
#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/platform/machine_cpu.h"
#include "os/process/scheduler.h"

namespace faultline::cli {
namespace {

os::NamespaceConfig namespace_config(const RunOptions& options, const std::atomic<bool>* stop) {
  os::NamespaceConfig config;
  config.program = options.program;
  config.root = options.root.value_or("");
  config.sysroot = options.sysroot;
  for (const Bind& bind : options.binds)
    config.binds.push_back({.host = bind.host, .guest = bind.guest, .writable = bind.writable});
  config.terminal = options.tty;
  config.stop = stop;
  return config;
}

os::RunRequest run_request(const RunOptions& options, const os::Vfs& vfs) {
  os::RunRequest request;
  request.program = vfs.program_path();
  request.arguments = {options.program};
  request.arguments.insert(request.arguments.end(), options.arguments.begin(), options.arguments.end());
  request.environment = options.environment;
  return request;
}

// One simulated computer: the hardware, and the OS layer on it. The members
// stand in the order in which they need each other.
class Computer {
 public:
  Computer(const RunOptions& options, const std::atomic<bool>* stop)
      : options_(options),
        config_(options.machine.values),
        stop_(stop),
        disk_content_(config_.os.swap.size, config_.machine.disk.size, config_.page()),
        machine_(config_.machine, disk_content_),
        observation_(machine_),
        recording_(make_recording("--record", options.record_file)),
        paging_recording_(make_recording("--record-paging", options.record_paging_file)),
        cpu_(machine_, config_.os, recording_ ? &recording_->writer() : nullptr),
        scheduler_(cpu_, config_.os),
        memory_(cpu_, cpu_, scheduler_, machine_.format(), config_.os),
        vfs_({.cpu = cpu_,
              .executor = scheduler_,
              .cache = memory_.page_cache(),
              .disk = disk_content_,
              .config = config_.os}) {
    if (!paging_recording_) return;
    paging_recorder_.emplace(paging_recording_->writer());
    memory_.daemon().record(*paging_recorder_);
  }

  SimulationResult run() {
    if (machine_.mmu().relocation() != nullptr) return run_without_paging();
    SimulationResult result;
    disk_content_.set_faults(std::make_unique<os::MediumFaults>(config_.machine.disk.fault, config_.machine.seed,
                                                                config_.os.swap.size / hw::kSectorBytes));
    std::optional<std::string> unusable = memory_.unusable();
    if (!unusable) unusable = vfs_.build(namespace_config(options_, stop_));
    if (unusable) return {.started = false, .statistics = {}, .errors = {*unusable}};

    os::Kernel kernel({.cpu = cpu_,
                       .scheduler = scheduler_,
                       .memory = memory_,
                       .vfs = vfs_,
                       .config = config_.os,
                       .say = say,
                       .stop = stop_});
    Regions regions({.count = [&] { return counted(kernel); },
                     .begin_anew = [this] { observation_.clear_counts(); },
                     .set_counting = [this](bool counting) { observation_.set_counting(counting); }});
    for (size_t n = 0; n < machine_.harts(); ++n) {
      machine_.hart(n).on_mark([this, &regions](hw::RegionMark mark) {
        if (recording_) recording_->writer().mark(static_cast<uint64_t>(mark));
        regions.mark(mark);
      });
    }
    if (recording_) machine_.hart().record(&recording_->writer());
    std::optional<Series> series;
    if (options_.series_file) {
      series.emplace(*options_.series_file, machine_, [&] { return counted(kernel); });
      observation_.add(series->working_set());
      machine_.hart().on_interval(Cycles(config_.machine.observe.interval), [&series] { series->sample(); });
    }
    const os::RunRequest request = run_request(options_, vfs_);
    for (unsigned n = 0; n < machine_.harts(); ++n) {
      machine_.hart(n).on_start([&, n] {
        cpu_.power_on(n);
        if (n == 0) kernel.start(request);
        if (kernel.run_hart()) sc_core::sc_stop();
      });
    }
    sc_core::sc_start();
    const os::RunOutcome& outcome = kernel.outcome();

    if (outcome.reason == os::RunOutcome::Reason::not_started)
      return {.started = false, .statistics = {}, .errors = {outcome.message}};
    if (!outcome.message.empty()) result.errors.push_back(outcome.message);
    if (std::optional<std::string> refused = vfs_.finish()) result.errors.push_back(*refused);
    if (std::optional<std::string> broken = memory_.check_invariants())
      result.errors.push_back("internal error: " + *broken);
    if (series) {
      if (const std::string unwritten = series->finish(); !unwritten.empty()) result.errors.push_back(unwritten);
    }
    result.statistics = counted(kernel);
    finish_recordings(result);
    gather_identity(result.statistics, outcome);
    gather_processes(result.statistics, kernel.process_records());
    observation_.gather(result.statistics, options_.root ? "" : options_.program);
    if (regions.any()) {
      // What holds in the whole run is checked of the whole run; of the regions, like any run's, later.
      for (const std::string& broken : broken_invariants(result.statistics))
        result.errors.push_back("internal error: " + broken);
      regions.finish(result.statistics, machine_.clock());
    }
    return result;
  }

 private:
  // The machine is the same but for its registers in the tables' place; above it is
  // another OS layer, which takes nothing of this one but the guest's name space.
  SimulationResult run_without_paging() {
    SimulationResult result;
    std::optional<std::string> unusable = vfs_.build(namespace_config(options_, stop_));
    if (!unusable && options_.record_file) unusable = "--record writes down page tables, and memory.model has none";
    if (!unusable && paging_recording_) unusable = "--record-paging writes down page-out, and memory.model has none";
    if (unusable) return {.started = false, .statistics = {}, .errors = {*unusable}};
    // Memory as at power-on: the other OS layer's tables are none of this machine's.
    machine_.memory().zero(PhysAddr(0), machine_.memory().size());
    os::early::Monitor monitor({.cpu = cpu_,
                                .disk = cpu_,
                                .registers = *machine_.mmu().relocation(),
                                .vfs = vfs_,
                                .config = config_.os,
                                .say = say,
                                .stop = stop_});
    os::RunOutcome outcome;
    machine_.hart().on_start([&] {
      cpu_.power_on(0);
      outcome = monitor.run(run_request(options_, vfs_));
      sc_core::sc_stop();
    });
    sc_core::sc_start();
    if (outcome.reason == os::RunOutcome::Reason::not_started)
      return {.started = false, .statistics = {}, .errors = {outcome.message}};
    if (!outcome.message.empty()) result.errors.push_back(outcome.message);
    gather_hardware(result.statistics);
    gather_identity(result.statistics, outcome);
    gather_processes(result.statistics, monitor.process_records());
    gather_early(result.statistics, monitor, *machine_.mmu().relocation());
    return result;
  }

  std::unique_ptr<Recording> make_recording(const char* option, const std::optional<std::string>& file) const {
    return file ? std::make_unique<Recording>(option, *file, config_, options_.program) : nullptr;
  }

  void finish_recordings(SimulationResult& result) {
    if (recording_) {
      cpu_.stop_recording();
      if (std::string unwritten = recording_->finish(result.statistics.references); !unwritten.empty())
        result.errors.push_back(std::move(unwritten));
    }
    if (paging_recording_) {
      if (std::string unwritten = paging_recording_->finish({}); !unwritten.empty())
        result.errors.push_back(std::move(unwritten));
    }
  }

  // What stands in the counters, and the gauges beside them, at this moment.
  RunStatistics counted(const os::Kernel& kernel) {
    RunStatistics statistics;
    gather_hardware(statistics);
    gather_memory(statistics, kernel);
    for (const os::Kernel::SyscallCount& call : kernel.syscall_counts())
      statistics.syscalls.emplace_back(call.name, call.count);
    return statistics;
  }

  void gather_identity(RunStatistics& statistics, const os::RunOutcome& outcome) const {
    statistics.run = {options_.machine.machine, options_.program, options_.arguments};
    statistics.config = config_;
    statistics.exit.status = outcome.status;
    statistics.exit.signal = outcome.signal;
    switch (outcome.reason) {
      case os::RunOutcome::Reason::exited:
      case os::RunOutcome::Reason::not_started:
        statistics.exit.reason = "exited";
        break;
      case os::RunOutcome::Reason::killed:
        statistics.exit.reason = "killed";
        break;
      case os::RunOutcome::Reason::interrupted:
        statistics.exit.reason = "interrupted";
        break;
      case os::RunOutcome::Reason::time_over:
        statistics.exit.reason = "time over";
        break;
      case os::RunOutcome::Reason::deadlock:
        statistics.exit.reason = "deadlock";
        break;
    }
    if (!outcome.crash) return;
    const os::CrashReport& crash = *outcome.crash;
    statistics.exit.crash =
        CrashRecord{.pid = crash.pid,
                    .command = crash.command,
                    .signal = crash.signal,
                    .pc = crash.pc,
                    .address = crash.address,
                    .instruction = crash.instruction,
                    .disassembly = crash.instruction ? hw::disassemble(crash.instruction, crash.pc) : ""};
  }

  // Of one hart, as if there were no other.
  RunStatistics hart_statistics(size_t n) {
    RunStatistics statistics;
    const hw::HartStatistics counts = machine_.hart(n).statistics();
    statistics.instructions = counts.instructions;
    statistics.references = {counts.fetch_references, counts.load_references, counts.store_references};
    statistics.cycle_stack = machine_.hart(n).ledger();
    const hw::Mmu& mmu = machine_.mmu(n);
    statistics.translation = mmu.statistics();
    for (unsigned level = 1; level < machine_.format().levels(); ++level)
      if (machine_.walker(n).caches().has(level)) statistics.walk_caches.push_back({level, mmu.walk_cache(level)});
    statistics.nested = mmu.nested();
    statistics.l1i = mmu.l1i(counts.fetch_references);
    statistics.l1d = mmu.l1d(counts.load_references + counts.store_references);
    statistics.l2 = mmu.l2();
    statistics.kernel.translation = mmu.kernel();
    for (const auto& [name, cache] : machine_.caches(n))
      statistics.caches.push_back({std::string(name), cache->statistics()});
    return statistics;
  }

  // The run is as long as the longest clock; the others have nothing to do from
  // where they are to there.
  void gather_harts(RunStatistics& statistics) {
    for (size_t n = 0; n < machine_.harts(); ++n)
      statistics.cycles = std::max(statistics.cycles, machine_.hart(n).now().value);
    for (size_t n = 0; n < machine_.harts(); ++n) {
      RunStatistics one = hart_statistics(n);
      const uint64_t behind = statistics.cycles - machine_.hart(n).now().value;
      one.cycle_stack.book(CycleAccount::idle, Cycles(behind));
      add_counters(statistics, one);
      if (machine_.harts() == 1) return;
      statistics.harts.push_back({.instructions = one.instructions,
                                  .idle = one.cycle_stack[CycleAccount::idle],
                                  .references = one.references,
                                  .translation = one.translation,
                                  .l1i = one.l1i,
                                  .l1d = one.l1d,
                                  .l2 = one.l2});
    }
  }

  void gather_hardware(RunStatistics& statistics) {
    gather_harts(statistics);
    statistics.seconds = machine_.clock().seconds(Cycles(statistics.cycles));
    statistics.levels = machine_.format().levels();
    if (const hw::HostTables* host = machine_.host_tables()) {
      statistics.host_levels = machine_.walker().host_format()->levels();
      statistics.host_table_bytes = host->bytes();
    }
    statistics.kernel.reads = cpu_.accesses().reads;
    statistics.kernel.writes = cpu_.accesses().writes;
    const os::ShootdownStatistics& shot = cpu_.shootdowns();
    statistics.shootdowns = {shot.sent, shot.received, shot.pages, shot.spaces, shot.deferred};

    if (machine_.dram()) statistics.dram = machine_.dram()->statistics();
    const hw::DiskStatistics& disk = machine_.disk().statistics();
    statistics.disk = {.reads = disk.reads,
                       .writes = disk.writes,
                       .bytes_read = disk.bytes_read,
                       .bytes_written = disk.bytes_written,
                       .merged = disk.merged,
                       .errors = disk.errors,
                       .failed_pages = disk.failed_pages,
                       .injected = disk_content_.injected_faults(),
                       .queued_peak = disk.queued_peak,
                       .busy_seconds = static_cast<double>(disk.busy_fs) * 1e-15,
                       .seek_seconds = static_cast<double>(disk.seek_fs) * 1e-15,
                       .rotation_seconds = static_cast<double>(disk.rotation_fs) * 1e-15,
                       .transfer_seconds = static_cast<double>(disk.transfer_fs) * 1e-15};
    for (const os::DiskContent::FailedPage& page : disk_content_.failed_pages())
      statistics.disk_failures.push_back({page.sector, page.write, page.path, page.offset});
  }

  void gather_memory(RunStatistics& statistics, const os::Kernel& kernel) {
    statistics.faults = memory_.faults();
    statistics.frames = kernel.frames_at_exit();
    statistics.fragmentation = kernel.fragmentation_at_exit();
    statistics.page_tables = memory_.page_table_statistics();
    statistics.page_tables_at_exit = kernel.page_tables_at_exit();
    statistics.areas = kernel.areas_at_exit();
    statistics.huge = memory_.huge();
    statistics.layout = kernel.layout_at_exit();
    statistics.copies = memory_.copies();
    statistics.zeroed = memory_.zeroed();
    statistics.swap = memory_.swap();
    statistics.pageout = memory_.pageout();
    statistics.page_cache = memory_.page_cache_statistics();
    statistics.commit = memory_.commit_statistics();
    const os::SchedulerStatistics scheduling = scheduler_.statistics();
    statistics.context_switches = scheduling.context_switches;
    statistics.hart_interrupts = scheduling.hart_interrupts;
    statistics.migrations = scheduling.migrations;
    statistics.files_changed_in_memory = vfs_.files_kept_in_memory();
    const os::FrameStatistics after = memory_.frames();
    statistics.after_exit = {after.anonymous, after.page_tables, statistics.swap.slots_used};
  }

  static void gather_processes(RunStatistics& statistics, const std::vector<os::ProcessRecord>& records) {
    for (const os::ProcessRecord& process : records) {
      statistics.processes.push_back({.pid = process.pid,
                                      .command = process.command,
                                      .exit = process.exit.signal ? 128 + process.exit.signal : process.exit.code,
                                      .instructions = process.usage.instructions,
                                      .minor_faults = process.usage.minor_faults,
                                      .major_faults = process.usage.major_faults,
                                      .max_rss_pages = process.usage.peak_resident_pages});
    }
  }

  static void gather_early(RunStatistics& statistics, const os::early::Monitor& monitor,
                           const hw::RelocationUnit& registers) {
    statistics.early = EarlyRun{registers.statistics(), monitor.statistics(), monitor.layout_at_exit()};
    statistics.frames = monitor.frames_at_exit();
    statistics.zeroed.pages = monitor.statistics().zeroed_pages;
    statistics.context_switches = monitor.context_switches();
    statistics.syscalls = monitor.syscall_counts();
    statistics.after_exit = {.anonymous_frames = monitor.pages_left(), .swap_slots = monitor.slots_left()};
  }

  const RunOptions& options_;
  const Configuration& config_;
  const std::atomic<bool>* stop_;
  os::DiskContent disk_content_;
  hw::Machine machine_;
  Observation observation_;
  std::unique_ptr<Recording> recording_;         // null: none is asked for
  std::unique_ptr<Recording> paging_recording_;  // the same
  std::optional<PagingRecorder> paging_recorder_;
  os::MachineCpu cpu_;
  os::Scheduler scheduler_;
  os::MemoryManager memory_;
  os::Vfs vfs_;
};

}  // namespace

SimulationResult simulate(const RunOptions& options) {
  // SystemC's remarks would stand in the guest's output.
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  // Writing to a pipe that nobody reads is the guest's EPIPE, not our end.
  std::signal(SIGPIPE, SIG_IGN);
  const InterruptFlag interrupt;
  try {
    return Computer(options, interrupt.flag()).run();
  } catch (const std::invalid_argument& error) {
    return {.started = false, .statistics = {}, .errors = {error.what()}};
  } catch (const std::bad_alloc&) {
    return {.started = false,
            .statistics = {},
            .errors = {fmt::format("dram.size: this host cannot give {} bytes of address space",
                                   options.machine.values.machine.dram.size)}};
  }
}

}  // namespace faultline::cli
