#include "os/kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "os/files/file_table.h"
#include "os/files/fs_context.h"
#include "os/files/vfs.h"
#include "os/memory/memory_manager.h"
#include "os/process/exec.h"
#include "os/process/exit.h"
#include "os/process/process_facts_source.h"
#include "os/process/signal_send.h"
#include "os/process/system_v_ipc.h"
#include "os/process/task_loop.h"
#include "os/syscall/groups.h"

namespace faultline::os {

struct Kernel::Daemon {
  Strand strand;
  Co<> life;
};

namespace {

constexpr int kInterruptedStatus = 130;  // 128 + SIGINT, as a shell has it
// Beyond every number that Linux has; all calls beyond count as one.
constexpr uint64_t kFarNumber = 1024;
constexpr size_t kSleepersNamed = 8;  // in the line about a deadlock
constexpr uint64_t kFilesSoft = 1024;
constexpr uint64_t kFilesHard = 4096;
constexpr uint64_t kLockedBytes = uint64_t{8} << 20;  // Linux, MLOCK_LIMIT

// Those that an instruction of the program causes.
constexpr SignalSet kFaultSignals = SignalSet::of(kSigSegv) | SignalSet::of(kSigBus) | SignalSet::of(kSigIll) |
                                    SignalSet::of(kSigTrap) | SignalSet::of(kSigFpe);

void set_limits(Process& process, const OsConfig& config) {
  process.limits[kLimitStack].current = config.stack_limit;
  process.limits[kLimitCore].current = 0;
  process.limits[kLimitProcesses] = {ProcessTable::kPidMax, ProcessTable::kPidMax};
  process.limits[kLimitLocked] = {kLockedBytes, kLockedBytes};
  process.limits[kLimitNice] = {0, 0};
  process.limits[kLimitRealTime] = {0, 0};
  process.limits[kLimitQueues] = {819'200, 819'200};  // MQ_BYTES_MAX
  process.limits[kLimitFiles] = {kFilesSoft, kFilesHard};
}

// The first process: execs the program that the run is about, then is it.
Co<> first_task(Kernel& kernel, Task& task, const RunRequest& request, RunOutcome& outcome) {
  ExecRequest exec{.path = request.program, .arguments = request.arguments, .environment = request.environment};
  const ExecFailure failed = co_await exec_program(kernel, task, exec);
  if (failed.error) {
    outcome.reason = RunOutcome::Reason::not_started;
    outcome.message = failed.what;
    end_process(task.process(), ExitStatus{.code = 127});
  }
  co_await task_loop(kernel, task);
}

// The bits at pc, if they can still be read without disturbing anything.
uint32_t instruction_at(AddressSpace& space, uint64_t pc) {
  const auto half = [&space](uint64_t address) -> uint32_t {
    const AddressSpace::Bytes bytes = space.user_bytes(VirtAddr(address), Access::fetch);
    if (!bytes.data || bytes.size < 2) return 0;
    return static_cast<uint32_t>(bytes.data[0]) | static_cast<uint32_t>(bytes.data[1]) << 8;
  };
  const uint32_t low = half(pc);
  const bool compressed = (low & 3) != 3;
  return compressed ? low : low | half(pc + 2) << 16;
}

void interrupt_other_harts(Cpu& cpu) {
  for (unsigned hart = 0; hart < cpu.harts(); ++hart) {
    if (hart != cpu.hart()) cpu.interrupt(hart);
  }
}

std::string waits_for(const Task& task) {
  if (!task.in_syscall) return "a page";
  const std::string_view name = syscall_name(*task.in_syscall);
  return name.empty() ? fmt::format("system call {}", *task.in_syscall) : std::string(name);
}

}  // namespace

Kernel::Kernel(Parts parts)
    : parts_(std::move(parts)),
      clock_(parts_.cpu),
      processes_(parts_.scheduler),
      random_(parts_.config.seed),
      ipc_(std::make_unique<SystemVIpc>()),
      facts_(std::make_unique<ProcessFactsSource>(*this)) {
  register_all(syscalls_);
  parts_.vfs.set_processes(facts_.get());
  parts_.memory.on_out_of_memory([this] { kill_largest(); });
}

// Coroutines first, while everything that they hold on to is alive; then what
// closing may wake, while all strands are; then the processes.
Kernel::~Kernel() {
  for (const auto& [pid, process] : processes_) {
    for (const auto& task : process->tasks) task->loop = Co<>{};
  }
  for (const auto& daemon : daemons_) daemon->life = Co<>{};
  for (const auto& [pid, process] : processes_) {
    process->files.reset();
    process->fs.reset();
    process->execution.reset();
    process->space.reset();
  }
  // What was on its way from socket to socket may be anything that a process had open.
  parts_.vfs.socket_names().drop_everything();
  parts_.vfs.set_processes(nullptr);
  parts_.memory.on_out_of_memory(nullptr);
}

UserMemory Kernel::user_memory(Task& task) { return parts_.memory.user_memory(*task.process().space); }

// --- running ---------------------------------------------------------------------

void Kernel::start_daemon(Co<> (MemoryManager::*body)()) {
  Daemon& daemon = *daemons_.emplace_back(std::make_unique<Daemon>());
  daemon.strand.daemon = true;
  daemon.strand.account = CycleAccount::pageout;
  daemon.life = parts_.scheduler.start(daemon.strand, [this, body] { return (parts_.memory.*body)(); });
}

void Kernel::start(const RunRequest& request) {
  start_daemon(&MemoryManager::pageout_daemon);
  start_daemon(&MemoryManager::write_behind_daemon);
  start_daemon(&MemoryManager::collapse_daemon);

  Process& first = *create_process();
  first_pid_ = first.pid();
  first.from_shell = true;
  foreground_group_ = first.group;
  first.uid = parts_.vfs.uid();
  first.gid = parts_.vfs.gid();
  first.fs = parts_.vfs.initial_context();
  first.files = parts_.vfs.initial_files();
  set_limits(first, parts_.config);
  Task& task = first.main_task();
  task.loop = parts_.scheduler.start(task, [&] { return first_task(*this, task, request, outcome_); });
  started_ = true;
}

RunOutcome Kernel::run(const RunRequest& request) {
  start(request);
  run_hart();
  return outcome_;
}

// One step of this hart. False when the run ends.
bool Kernel::run_some() {
  if (parts_.stop && parts_.stop->load(std::memory_order_relaxed)) {
    outcome_.reason = RunOutcome::Reason::interrupted;
    outcome_.status = kInterruptedStatus;
    return false;
  }
  const Scheduler::Step step = parts_.scheduler.step();
  if (ending_) return false;
  if (step == Scheduler::Step::deadlock) {
    outcome_ = deadlock();
    return false;
  }
  if (now() >= parts_.cpu.end_of_time()) {
    outcome_.reason = RunOutcome::Reason::time_over;
    outcome_.message = end_of_time();
    return false;
  }
  clear_graveyard();
  return !started_ || !processes_.empty();
}

bool Kernel::run_hart() {
  ++harts_running_;
  while (!ending_ && run_some()) {
  }
  if (!ending_) {
    ending_ = true;
    end_of_run();
    return true;
  }
  // Transfers may still end on this hart, and the one that ends the run sleeps until they have.
  while (!over_) {
    const bool stuck = parts_.scheduler.step() == Scheduler::Step::deadlock;
    if (stuck || parts_.memory.requests_in_flight() == 0) interrupt_other_harts(parts_.cpu);
  }
  --harts_running_;
  interrupt_other_harts(parts_.cpu);
  return false;
}

// Every strand is suspended when it returns.
void Kernel::stop_other_harts() {
  over_ = true;
  parts_.scheduler.stop_strands();
  interrupt_other_harts(parts_.cpu);
  while (harts_running_ > 1) {
    parts_.cpu.deliver_interrupts();
    parts_.cpu.idle(Cpu::kForever);
  }
}

// Transfers that are under way end, so that every frame and slot is where it
// belongs when it is counted.
void Kernel::end_of_run() {
  const bool all_ended = processes_.empty();
  while (all_ended && parts_.memory.requests_in_flight() != 0) {
    if (parts_.scheduler.step() == Scheduler::Step::deadlock) break;
  }
  if (parts_.cpu.harts() > 1) stop_other_harts();
  for (const auto& [pid, process] : processes_) {
    if (process->life != Process::Life::zombie) record_end(*process);
  }
  std::sort(records_.begin(), records_.end(), [](const auto& a, const auto& b) { return a.pid < b.pid; });
}

std::string Kernel::end_of_time() const {
  return fmt::format("the simulated clock ends here, after {} seconds, and the guest still runs",
                     parts_.cpu.end_of_time().value / parts_.cpu.clock_hz());
}

RunOutcome Kernel::deadlock() const {
  std::string who;
  size_t asleep = 0;
  for (const auto& [pid, process] : processes_) {
    if (process->life == Process::Life::zombie || ++asleep > kSleepersNamed) continue;
    const bool stopped = process->life == Process::Life::stopped;
    who += fmt::format("{}{} ({}) {}", who.empty() ? "" : ", ", pid, process->command,
                       stopped ? "is stopped" : "waits in " + waits_for(process->live_task()));
  }
  if (asleep > kSleepersNamed) who += fmt::format(", and {} more", asleep - kSleepersNamed);
  RunOutcome outcome;
  outcome.reason = RunOutcome::Reason::deadlock;
  outcome.message = "deadlock: every process sleeps and nothing can wake one: " + who;
  return outcome;
}

// --- processes ----------------------------------------------------------------------

Process* Kernel::create_process() {
  Process* const process = processes_.create();
  if (!process) return nullptr;
  process->started = parts_.cpu.now();
  process->timer_pace = TimerPace(clock_);
  ++processes_made_;
  return process;
}

void Kernel::start_task(Task& task) {
  task.loop = parts_.scheduler.start(task, [this, &task] { return task_loop(*this, task); });
}

void Kernel::bury(Process& process) { graveyard_.push_back(processes_.take(process)); }

void Kernel::make_first(Task& task) {
  if (std::unique_ptr<Task> before = processes_.make_first(task)) task_graveyard_.push_back(std::move(before));
}

void Kernel::bury(Task& task) { task_graveyard_.push_back(processes_.take(task)); }

void Kernel::clear_graveyard() {
  for (const auto& task : task_graveyard_) parts_.scheduler.forget(*task);
  task_graveyard_.clear();
  // A thread that was not waited for is there still. Another may get its place in the host's memory.
  for (const auto& process : graveyard_) {
    for (const auto& task : process->tasks) parts_.scheduler.forget(*task);
  }
  graveyard_.clear();
}

void Kernel::note_fatal_signal(Task& task, const SignalInfo& info) {
  // Sent by a process or for another reason: nothing about this instruction.
  if (info.code <= 0 || !kFaultSignals.has(info.signal)) return;
  Process& process = task.process();
  CrashReport crash{.pid = process.pid(),
                    .command = process.command,
                    .signal = info.signal,
                    .pc = task.state.pc,
                    .address = info.address,
                    .instruction = task.last_trap.instruction};
  if (crash.instruction == 0) crash.instruction = instruction_at(*process.space, crash.pc);
  if (process.pid() == first_pid_) {
    outcome_.crash = std::move(crash);  // told by whoever started the run
    return;
  }
  say(fmt::format("{} (pid {}) died of {} at pc {:#x}: address {:#x}, instruction {:#x}", crash.command, crash.pid,
                  signal_name(crash.signal), crash.pc, crash.address, crash.instruction));
}

void Kernel::before_teardown(Process& process) {
  if (process.pid() != first_pid_) return;
  frames_at_exit_ = parts_.memory.frames();
  fragmentation_at_exit_ = parts_.memory.frame_allocator().fragmentation();
  page_tables_at_exit_ = parts_.memory.page_table_statistics();
  areas_at_exit_ = parts_.memory.area_statistics();
  if (process.space) layout_at_exit_ = process.space->layout();
  if (outcome_.reason != RunOutcome::Reason::exited) return;
  const ExitStatus& ending = *process.ending;
  if (ending.signal != 0) outcome_.reason = RunOutcome::Reason::killed;
  outcome_.signal = ending.signal;
  outcome_.status = ending.code & 0xff;
}

void Kernel::record_end(Process& process) {
  const bool ended = process.life == Process::Life::zombie;
  if (process.space) {
    process.usage.peak_resident_pages =
        std::max(process.usage.peak_resident_pages, process.space->peak_resident_pages());
  }
  records_.push_back(
      {.pid = process.pid(), .command = process.command, .exit = process.exit, .ended = ended, .usage = process.usage});
}

// The process that gives most back dies; the one made last among equals.
void Kernel::kill_largest() {
  Process* victim = nullptr;
  MemoryHeld most;
  int64_t highest = 0;
  const auto total = static_cast<int64_t>(parts_.memory.frames().total + parts_.memory.swap().slots_total);
  for (const auto& [pid, process] : processes_) {
    if (!process->space || process->live_task().dying()) continue;
    const MemoryHeld held = process->space->memory_held();
    // Linux, oom_badness: what it has, and what was written to /proc/PID/oom_score_adj.
    const int64_t badness = static_cast<int64_t>(held.all()) + process->settings.oom_adjustment * (total / 1000);
    if (victim && badness < highest) continue;
    victim = process.get();
    most = held;
    highest = badness;
  }
  if (!victim) {
    say("out of memory: every process is ending already, and gets no more");
    return parts_.memory.give_up();
  }
  const std::shared_ptr<AddressSpace> space = victim->space;
  const uint64_t page = parts_.memory.page().bytes();
  say(fmt::format(
      "out of memory: killed process {} ({}), which had {} KB in memory, {} KB on swap and {} KB of page tables",
      victim->pid(), victim->command, most.resident * page / 1024, most.swapped * page / 1024,
      most.tables * page / 1024));
  space->set_dying();
  SignalInfo info;
  info.signal = kSigKill;
  info.code = kCodeKernel;
  // All that share the memory (vfork): it comes back only with the last.
  for (const auto& [pid, process] : processes_) {
    if (process->space == space) (void)send_signal(*process, info);
  }
}

// --- system calls --------------------------------------------------------------------

void Kernel::count_syscall(uint64_t number) { ++syscall_counts_[std::min(number, kFarNumber)]; }

void Kernel::report_unknown_syscall(uint64_t number) {
  if (!unknown_syscalls_.insert(std::min(number, kFarNumber)).second) return;
  const std::string_view name = syscall_name(number);
  say(name.empty() ? fmt::format("system call {} does not exist: ENOSYS", number)
                   : fmt::format("system call {} ({}) is not there yet: ENOSYS", name, number));
}

std::vector<Kernel::SyscallCount> Kernel::syscall_counts() const {
  std::vector<SyscallCount> counts;
  for (const auto& [number, count] : syscall_counts_) {
    const std::string_view name = syscall_name(number);
    counts.push_back({name.empty() ? fmt::format("syscall_{}", number) : std::string(name), count});
  }
  return counts;
}

}  // namespace faultline::os
