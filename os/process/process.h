// A process: address space, open files, signal actions, parent and children.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/process/cpu_clock.h"
#include "os/process/interval_timer.h"
#include "os/process/posix_timer.h"
#include "os/process/signal.h"
#include "os/process/task.h"
#include "os/process/timer_pace.h"
#include "os/process/usage.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class AddressSpace;
class Execution;
class FileTable;
class Scheduler;
struct FsContext;  // current directory and umask
struct ProgramFacts;

struct ResourceLimit {
  static constexpr uint64_t kInfinity = ~uint64_t{0};
  uint64_t current = kInfinity;
  uint64_t maximum = kInfinity;
};

// Indices of asm-generic/resource.h.
enum Resource : unsigned {
  kLimitCpu = 0,
  kLimitFileSize = 1,
  kLimitData = 2,
  kLimitStack = 3,
  kLimitCore = 4,
  kLimitProcesses = 6,
  kLimitFiles = 7,
  kLimitLocked = 8,
  kLimitAddressSpace = 9,
  kLimitSignals = 11,
  kLimitQueues = 12,
  kLimitNice = 13,
  kLimitRealTime = 14,
  kResources = 16,
};

// sched_setscheduler(2). Kept without effect: all processes take turns.
struct SchedulingPolicy {
  int32_t policy = 0;          // SCHED_OTHER
  bool reset_on_fork = false;  // the child has SCHED_OTHER again, and no negative nice value
};

// What is kept, told and inherited, without effect.
struct KeptSettings {
  uint32_t personality = 0;  // personality(2)
  uint32_t io_priority = 0;  // ioprio_set(2)
  int32_t memory_mode = 0;   // set_mempolicy(2): there is one node
  uint64_t memory_nodes = 0;
  bool keep_capabilities = false;  // prctl(2), PR_SET_KEEPCAPS; lost by exec
  bool no_huge_pages = false;      // PR_SET_THP_DISABLE
  int32_t oom_adjustment = 0;      // /proc/PID/oom_score_adj; this one counts
  int32_t machine_checks = 2;      // PR_MCE_KILL: the default
};

// How a process ended, or that it stopped: what wait reports.
struct ExitStatus {
  int code = 0;    // of exit, 0..255
  int signal = 0;  // that killed it, 0: it exited
  bool core = false;

  // The status word of wait4(2).
  uint32_t wait_word() const {
    return signal ? static_cast<uint32_t>(signal) | (core ? 0x80u : 0u) : (static_cast<uint32_t>(code) & 0xff) << 8;
  }
};

class Process {
 public:
  enum class Life : uint8_t { running, stopped, zombie };

  Process(Executor& executor, int32_t pid);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int32_t pid() const { return pid_; }
  // Takes the faults that happened in an address space since the last time
  // into the usage; into that of the task too, if there is one.
  void collect_faults(AddressSpace& from, Task* task = nullptr);
  int32_t parent_pid() const { return parent ? parent->pid() : 1; }
  // The first one, whose number is the process's. It may be over before others.
  Task& main_task() { return *tasks.front(); }
  const Task& main_task() const { return *tasks.front(); }
  size_t live_tasks() const;
  // The first that is not over; the main one when all are.
  const Task& live_task() const;
  // CPU time of all tasks that there were.
  Cycles cpu_time(const Scheduler& scheduler) const;

  Life life = Life::running;
  Process* parent = nullptr;       // null: pid 1, which is no guest
  std::vector<Process*> children;  // in order of creation, zombies included
  uint32_t uid = 0;                // real and effective; the same for all of a run
  uint32_t gid = 0;
  int32_t group = 0;
  int32_t session = 0;
  // The first of a run: pid 1 stands for the shell that started it, in the same
  // session and a group of its own.
  bool from_shell = false;
  bool has_execed = false;  // since it was forked

  std::vector<std::unique_ptr<Task>> tasks;  // in order of creation, the first one first; never empty

  // Shared with the parent between vfork and exec; null once a zombie.
  std::shared_ptr<AddressSpace> space;
  std::shared_ptr<FileTable> files;  // null once a zombie
  std::shared_ptr<FsContext> fs;

  std::shared_ptr<Execution> execution;  // of the program file; null once a zombie

  std::shared_ptr<SignalActions> actions = std::make_shared<SignalActions>();  // shared by CLONE_SIGHAND
  PendingSignals pending;
  uint64_t signals_sent = 0;             // to it or one of its tasks
  WaitQueue* signal_watchers = nullptr;  // woken by each: somebody polls a signalfd(2)
  int exit_signal = kSigChld;            // to the parent at the end; 0: none
  uint64_t signal_trampoline = 0;        // user address of the rt_sigreturn code, 0: not mapped yet

  std::array<ResourceLimit, kResources> limits{};
  int32_t nice = 0;  // -20..19; kept, without effect
  SchedulingPolicy policy;
  KeptSettings settings;

  // prctl(2).
  bool subreaper = false;          // orphans below it become its children
  bool no_new_privileges = false;  // inherited, and for good; nobody here could have any
  bool dumpable = true;            // kept, without effect

  std::string command;                 // last component of the program's path, at most 15 bytes as comm
  std::string executable;              // absolute path in the guest's name space
  std::vector<std::string> arguments;  // for /proc/PID/cmdline
  std::shared_ptr<const ProgramFacts> program;

  // Set when the process is to end: by exit_group, or by a signal that kills.
  // Its tasks see it before they would go back to user mode.
  std::optional<ExitStatus> ending;
  Task* exec_task = nullptr;     // that replaces the program: all others end
  ExitStatus exit;               // of a zombie
  int stop_signal = 0;           // unwaited stop to report (WUNTRACED), 0: none
  bool continued = false;        // unwaited continue to report (WCONTINUED)
  Task* vfork_parent = nullptr;  // sleeps until this process execs or exits
  Usage usage;
  Usage children_usage;  // of those waited for
  std::shared_ptr<CpuEvents> cpu_events = std::make_shared<CpuEvents>();
  TimerPace timer_pace;
  IntervalTimers interval_timers;
  PosixTimers posix_timers;
  Cycles started{};
  Cycles ended_cpu_time{};  // of the tasks that are over

  WaitQueue child_events;  // this process sleeps here for its children
  WaitQueue resumed;       // stopped tasks sleep here for SIGCONT
  WaitQueue task_ended;    // exec sleeps here for the other tasks

 private:
  int32_t pid_;
};

}  // namespace faultline::os
