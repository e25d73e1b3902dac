// A process: address space, open files, signal actions, parent and children.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/process/cpu_timer.h"
#include "os/process/posix_timer.h"
#include "os/process/signal.h"
#include "os/process/task.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class AddressSpace;
class Execution;
class FileTable;
struct FsContext;  // current directory and umask

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
  kLimitNice = 13,
  kLimitRealTime = 14,
  kResources = 16,
};

// sched_setscheduler(2). Kept without effect: all processes take turns.
struct SchedulingPolicy {
  int32_t policy = 0;          // SCHED_OTHER
  bool reset_on_fork = false;  // the child has SCHED_OTHER again, and no negative nice value
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

// getrusage and the statistics of one process.
struct Usage {
  uint64_t instructions = 0;
  uint64_t user_cycles = 0;
  uint64_t system_cycles = 0;
  uint64_t minor_faults = 0;
  uint64_t major_faults = 0;
  uint64_t voluntary_switches = 0;
  uint64_t involuntary_switches = 0;
  uint64_t peak_resident_pages = 0;

  void add(const Usage& other);
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
  // into the usage.
  void collect_faults(AddressSpace& from);
  int32_t parent_pid() const { return parent ? parent->pid() : 1; }
  Task& main_task() { return *tasks.front(); }
  const Task& main_task() const { return *tasks.front(); }

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

  std::vector<std::unique_ptr<Task>> tasks;

  // Shared with the parent between vfork and exec; null once a zombie.
  std::shared_ptr<AddressSpace> space;
  std::shared_ptr<FileTable> files;  // null once a zombie
  std::shared_ptr<FsContext> fs;

  std::shared_ptr<Execution> execution;  // of the program file; null once a zombie

  SignalActions actions;
  PendingSignals pending;
  int exit_signal = kSigChld;      // to the parent at the end; 0: none
  uint64_t signal_trampoline = 0;  // user address of the rt_sigreturn code, 0: not mapped yet

  std::array<ResourceLimit, kResources> limits{};
  int32_t nice = 0;  // -20..19; kept, without effect
  SchedulingPolicy policy;

  std::string command;                 // last component of the program's path, at most 15 bytes as comm
  std::string executable;              // absolute path in the guest's name space
  std::vector<std::string> arguments;  // for /proc/PID/cmdline

  // Set when the process is to end: by exit_group, or by a signal that kills.
  // Its task sees it before it would go back to user mode.
  std::optional<ExitStatus> ending;
  ExitStatus exit;                  // of a zombie
  int stop_signal = 0;              // unwaited stop to report (WUNTRACED), 0: none
  bool continued = false;           // unwaited continue to report (WCONTINUED)
  Process* vfork_parent = nullptr;  // sleeps until this process execs or exits
  int32_t vfork_child = 0;          // that this process sleeps for
  Usage usage;
  Usage children_usage;      // of those waited for
  uint64_t alarm_timer = 0;  // TimerQueue::Id of ITIMER_REAL, 0: off
  Cycles alarm_due{};
  uint64_t alarm_interval = 0;  // nanoseconds, 0: once
  CpuTimer virtual_timer;       // ITIMER_VIRTUAL
  CpuTimer profile_timer;       // ITIMER_PROF
  PosixTimers posix_timers;
  Cycles started{};

  WaitQueue child_events;  // this process sleeps here for its children
  WaitQueue resumed;       // a stopped task sleeps here for SIGCONT

 private:
  int32_t pid_;
};

}  // namespace faultline::os
