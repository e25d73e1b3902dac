#include "cli/simulation.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <memory>
#include <new>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "cli/config/detail.h"
#include "cli/gather.h"
#include "cli/interrupt.h"
#include "cli/measurement.h"
#include "cli/observation.h"
#include "cli/policy/paging_record.h"
#include "cli/recording.h"
#include "cli/regions.h"
#include "cli/report/invariants.h"
#include "cli/report/say.h"
#include "cli/series.h"
#include "hw/machine/machine.h"
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
    if (config_.run.functional_at_first()) machine_.begin_functionally(functional_machine(config_.machine));
    if (!paging_recording_) return;
    paging_recorder_.emplace(paging_recording_->writer());
    memory_.daemon().record(*paging_recorder_);
  }

  SimulationResult run() {
    if (machine_.mmu().relocation() != nullptr) return run_without_paging();
    disk_content_.set_faults(std::make_unique<os::MediumFaults>(config_.machine.disk.fault, config_.machine.seed,
                                                                config_.os.swap.size / hw::kSectorBytes));
    std::optional<std::string> unusable = memory_.unusable();
    if (!unusable) unusable = vfs_.build(namespace_config(options_, stop_));
    if (unusable) return not_started(*unusable);

    os::Kernel kernel({.cpu = cpu_,
                       .scheduler = scheduler_,
                       .memory = memory_,
                       .vfs = vfs_,
                       .config = config_.os,
                       .say = say,
                       .stop = stop_});
    Watch watch(*this, kernel);
    const os::RunRequest request = run_request(options_, vfs_);
    for (unsigned n = 0; n < machine_.harts(); ++n) {
      machine_.hart(n).on_start([&, n] {
        cpu_.power_on(n);
        if (n == 0) kernel.start(request);
        if (kernel.run_hart()) sc_core::sc_stop();
      });
    }
    sc_core::sc_start();
    if (kernel.outcome().reason == os::RunOutcome::Reason::not_started) return not_started(kernel.outcome().message);
    return finish(kernel, watch);
  }

 private:
  // What is looked at on the way: the part that is measured, regions of interest in it, the time series.
  struct Watch {
    Watch(Computer& computer, const os::Kernel& kernel);
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    void begin();
    void set_counting(bool counting);

    Computer& computer;
    std::optional<Series> series;
    Measurement measurement;
    Regions regions;
  };

  static SimulationResult not_started(std::string why) {
    return {.started = false, .statistics = {}, .errors = {std::move(why)}};
  }

  // The run has ended.
  SimulationResult finish(const os::Kernel& kernel, Watch& watch) {
    SimulationResult result;
    const os::RunOutcome& outcome = kernel.outcome();
    if (!outcome.message.empty()) result.errors.push_back(outcome.message);
    if (std::optional<std::string> refused = vfs_.finish()) result.errors.push_back(*refused);
    if (std::optional<std::string> broken = memory_.check_invariants())
      result.errors.push_back("internal error: " + *broken);
    if (watch.series) {
      if (const std::string unwritten = watch.series->finish(); !unwritten.empty()) result.errors.push_back(unwritten);
    }
    RunStatistics& statistics = result.statistics;
    statistics = counted(kernel);
    finish_recordings(result);
    identify(statistics, outcome);
    gather_processes(statistics, kernel.process_records());
    observation_.gather(statistics, options_.root ? "" : options_.program);
    // What holds in the whole run is checked of the whole run; of regions, like any run's, later. What
    // is fast-forwarded makes references that this machine never looks up.
    if (watch.regions.any() && !config_.run.functional_at_first()) {
      for (const std::string& broken : broken_invariants(statistics))
        result.errors.push_back("internal error: " + broken);
    }
    watch.measurement.leave_part(statistics);
    watch.regions.finish(statistics, machine_.clock());
    if (const std::string nothing = watch.measurement.finish(statistics); !nothing.empty()) say(nothing);
    return result;
  }

  // The machine is the same but for its registers in the tables' place; above it is
  // another OS layer, which takes nothing of this one but the guest's name space.
  SimulationResult run_without_paging() {
    SimulationResult result;
    std::optional<std::string> unusable = vfs_.build(namespace_config(options_, stop_));
    if (!unusable && options_.record_file) unusable = "--record writes down page tables, and memory.model has none";
    if (!unusable && paging_recording_) unusable = "--record-paging writes down page-out, and memory.model has none";
    if (unusable) return not_started(*unusable);
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
    if (outcome.reason == os::RunOutcome::Reason::not_started) return not_started(outcome.message);
    if (!outcome.message.empty()) result.errors.push_back(outcome.message);
    gather_hardware(result.statistics, machine_, cpu_, disk_content_);
    identify(result.statistics, outcome);
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
    gather_hardware(statistics, machine_, cpu_, disk_content_);
    gather_memory(statistics, memory_);
    gather_kernel(statistics, kernel, scheduler_);
    statistics.files_changed_in_memory = vfs_.files_kept_in_memory();
    return statistics;
  }

  void identify(RunStatistics& statistics, const os::RunOutcome& outcome) const {
    statistics.run = {options_.machine.machine, options_.program, options_.arguments};
    statistics.config = config_;
    gather_outcome(statistics, outcome);
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

Computer::Watch::Watch(Computer& of, const os::Kernel& kernel)
    : computer(of),
      measurement(of.config_.run, {.machine = of.machine_,
                                   .count = [&of, &kernel] { return of.counted(kernel); },
                                   .begun = [this] { begin(); }}),
      regions({.count = [this] { return measurement.counted(); },
               .begin_anew = [&of] { of.observation_.clear_counts(); },
               .set_counting = [this](bool counting) { set_counting(counting); }}) {
  hw::Machine& machine = of.machine_;
  const bool counting = measurement.begun() && !machine.functional();
  if (!counting) of.observation_.set_counting(false);
  for (size_t n = 0; n < machine.harts(); ++n) {
    machine.hart(n).on_mark([this](hw::RegionMark mark) {
      if (computer.recording_) computer.recording_->writer().mark(static_cast<uint64_t>(mark));
      if (measurement.begun()) regions.mark(mark);
    });
  }
  if (of.recording_) machine.hart().record(&of.recording_->writer());
  if (of.options_.series_file) {
    series.emplace(
        *of.options_.series_file, machine, [this] { return measurement.counted(); }, counting);
    of.observation_.add(series->working_set());
    machine.hart().on_interval(Cycles(of.config_.machine.observe.interval), [this] { series->sample(); });
  }
}

// The part of the run that is measured begins.
void Computer::Watch::begin() {
  computer.observation_.clear_counts();
  computer.observation_.set_counting(true);
  if (series) series->set_running(true);
}

// A region of interest begins or ends.
void Computer::Watch::set_counting(bool counting) {
  computer.observation_.set_counting(counting);
  if (computer.config_.run.detail != DetailIn::regions) return;
  if (series && !counting) series->set_running(false);
  measurement.set_functional(!counting);
  if (series && counting) series->set_running(true);
}

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
