// The kernel: hands the parts of the OS layer to each other and runs guest
// processes until the last one ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/statistics.h"
#include "os/memory/user_memory.h"
#include "os/process/futex.h"
#include "os/process/process.h"
#include "os/process/process_table.h"
#include "os/process/scheduler.h"
#include "os/process/terminal.h"
#include "os/process/timekeeping.h"
#include "os/run_outcome.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

class MemoryManager;
class ProcessFactsSource;
class SystemVIpc;
class Vfs;

class Kernel {
 public:
  // All must outlive the kernel; but for the scheduler all may hold coroutines
  // of the kernel's processes when it goes.
  struct Parts {
    Cpu& cpu;
    Scheduler& scheduler;
    MemoryManager& memory;
    Vfs& vfs;  // built
    const OsConfig& config;
    // One line to whoever watches the run; no newline in it.
    std::function<void(std::string_view)> say;
    // Set by the host (Ctrl-C); looked at once a time slice. May be null.
    const std::atomic<bool>* stop = nullptr;
  };

  explicit Kernel(Parts parts);
  ~Kernel();
  Kernel(const Kernel&) = delete;
  Kernel& operator=(const Kernel&) = delete;

  // Begins the first program, which `request` outlives. Called once, on the thread
  // that stands for the first hart.
  void start(const RunRequest& request);
  // Runs what there is to run on the hart of the calling thread, until the last
  // process has ended. True for the one hart that saw the end: outcome() is there
  // then, and no hart runs any more.
  bool run_hart();
  const RunOutcome& outcome() const { return outcome_; }
  // Both, where there is one hart.
  RunOutcome run(const RunRequest& request);

  // --- the parts ------------------------------------------------------------------
  Cpu& cpu() { return parts_.cpu; }
  Scheduler& scheduler() { return parts_.scheduler; }
  MemoryManager& memory() { return parts_.memory; }
  Vfs& vfs() { return parts_.vfs; }
  const OsConfig& config() const { return parts_.config; }
  const OsCosts& costs() const { return parts_.config.costs; }
  ProcessTable& processes() { return processes_; }
  FutexTable& futexes() { return futexes_; }
  SystemVIpc& ipc() { return *ipc_; }
  const Timekeeping& clock() const { return clock_; }
  Cycles now() const { return parts_.cpu.now(); }
  const SyscallTable& syscalls() const { return syscalls_; }
  UserMemory user_memory(Task& task);
  // The kernel's seeded generator: getrandom, AT_RANDOM.
  uint64_t random() { return random_(); }
  void say(std::string_view line) const { parts_.say(line); }

  // --- processes ------------------------------------------------------------------
  // With the next free pid; null at the limit. It does not run yet.
  Process* create_process();
  void start_task(Task& task);
  // The only task left of its process is its first one from here on.
  void make_first(Task& task);
  // A task other than its process's first goes from the table now; destroyed as
  // below.
  void bury(Task& task);
  // The process goes from the table now and is destroyed when no strand runs.
  void bury(Process& process);
  // The process group in the foreground of the session's terminal (tcgetpgrp).
  int32_t foreground_group() const { return foreground_group_; }
  void set_foreground_group(int32_t group) { foreground_group_ = group; }
  TerminalSettings& terminal() { return terminal_; }
  // What reports need of a process at the turns of its life.
  void note_fatal_signal(Task& task, const SignalInfo& info);
  void before_teardown(Process& process);
  void record_end(Process& process);

  void count_syscall(uint64_t number);
  // Named on the host's standard error once each.
  void report_unknown_syscall(uint64_t number);

  // --- statistics, after run() ------------------------------------------------------
  struct SyscallCount {
    std::string name;  // "syscall_444" where Linux has no name, "syscall_1024" for all from there on
    uint64_t count = 0;
  };
  std::vector<SyscallCount> syscall_counts() const;                               // those made, by number
  const std::vector<ProcessRecord>& process_records() const { return records_; }  // by pid
  uint64_t processes_made() const { return processes_made_; }
  // As they were when the first process ended, before its memory went.
  const FrameStatistics& frames_at_exit() const { return frames_at_exit_; }
  const FragmentationStatistics& fragmentation_at_exit() const { return fragmentation_at_exit_; }
  const PageTableStatistics& page_tables_at_exit() const { return page_tables_at_exit_; }
  const AreaStatistics& areas_at_exit() const { return areas_at_exit_; }
  const LayoutStatistics& layout_at_exit() const { return layout_at_exit_; }

 private:
  struct Daemon;

  void start_daemon(Co<> (MemoryManager::*body)());
  bool run_some();
  void stop_other_harts();
  void kill_largest();
  void end_of_run();
  RunOutcome deadlock() const;
  std::string end_of_time() const;
  void clear_graveyard();

  Parts parts_;
  Timekeeping clock_;
  ProcessTable processes_;
  SyscallTable syscalls_;
  FutexTable futexes_;
  std::mt19937_64 random_;
  std::unique_ptr<SystemVIpc> ipc_;
  std::unique_ptr<ProcessFactsSource> facts_;
  std::vector<std::unique_ptr<Daemon>> daemons_;
  std::vector<std::unique_ptr<Process>> graveyard_;
  std::vector<std::unique_ptr<Task>> task_graveyard_;

  bool started_ = false;
  bool ending_ = false;  // a hart has seen the end
  bool over_ = false;    // nothing is left to do for the others
  unsigned harts_running_ = 0;
  RunOutcome outcome_;
  int32_t first_pid_ = 0;
  int32_t foreground_group_ = 0;
  TerminalSettings terminal_;
  FrameStatistics frames_at_exit_;
  FragmentationStatistics fragmentation_at_exit_;
  PageTableStatistics page_tables_at_exit_;
  AreaStatistics areas_at_exit_{};
  LayoutStatistics layout_at_exit_;
  std::vector<ProcessRecord> records_;
  uint64_t processes_made_ = 0;
  std::map<uint64_t, uint64_t> syscall_counts_;  // by number
  std::set<uint64_t> unknown_syscalls_;          // those named already
};

}  // namespace faultline::os
