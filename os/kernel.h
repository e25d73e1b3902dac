// The kernel: owns every part of the OS layer, hands them to each other, and
// runs guest processes until the last one ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/config.h"
#include "os/cpu.h"
#include "os/process/process.h"
#include "os/process/process_table.h"
#include "os/process/scheduler.h"
#include "os/process/timekeeping.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

class FutexTable;
class MemoryManager;
class Vfs;

// What the run begins with. Paths are of the guest's name space.
struct RunRequest {
  std::string program;
  std::vector<std::string> arguments;    // argv, argv[0] included
  std::vector<std::string> environment;  // NAME=VALUE
};

// A process that died of an instruction of its own.
struct CrashReport {
  int32_t pid = 0;
  std::string command;
  int signal = 0;
  uint64_t pc = 0;
  uint64_t address = 0;
  uint32_t instruction = 0;  // raw bits at pc; 0 where they cannot be read
};

struct RunOutcome {
  enum class Reason : uint8_t {
    exited,       // status is the first process's
    killed,       // signal ended the first process
    interrupted,  // the host's stop flag
    deadlock,     // every process sleeps and nothing can wake one; message says what each waits for
    not_started,  // the first program cannot be run; message says why
  };
  Reason reason = Reason::exited;
  int status = 0;
  int signal = 0;
  std::string message;               // one line, for reasons that need one
  std::optional<CrashReport> crash;  // of the first process
};

struct ProcessRecord {
  int32_t pid = 0;
  std::string command;
  ExitStatus exit;
  bool ended = true;  // false: the run was stopped before
  Usage usage;
};

struct SyscallCount {
  uint64_t number = 0;
  std::string_view name;  // empty: a number that Linux does not know
  uint64_t count = 0;
};

class Kernel {
 public:
  struct Parts {
    Cpu& cpu;
    MemoryManager& memory;
    Vfs& vfs;
    Scheduler& scheduler;
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

  // Runs the first program and all that come of it. Called once, on the
  // thread that stands for the hart.
  RunOutcome run(const RunRequest& request);

  Cpu& cpu() { return parts_.cpu; }
  MemoryManager& memory() { return parts_.memory; }
  Vfs& vfs() { return parts_.vfs; }
  Scheduler& scheduler() { return parts_.scheduler; }
  const OsConfig& config() const { return parts_.config; }
  const OsCosts& costs() const { return parts_.config.costs; }
  ProcessTable& processes() { return processes_; }
  const Timekeeping& clock() const { return clock_; }
  FutexTable& futexes() { return *futexes_; }
  const SyscallTable& syscalls() const { return syscalls_; }
  uint64_t random();  // the kernel's seeded generator: getrandom, /dev/urandom, AT_RANDOM
  void say(std::string_view line) const;

  // Counts a call; names an unknown one on the host's standard error, once.
  void count_syscall(uint64_t number);
  void report_unknown_syscall(uint64_t number);

  // --- statistics, after run() ------------------------------------------------
  std::vector<SyscallCount> syscall_counts() const;            // those made, by number
  const std::vector<ProcessRecord>& process_records() const;   // by pid

 private:
  RunOutcome outcome(Scheduler::Step last) const;

  Parts parts_;
  Timekeeping clock_;
  ProcessTable processes_;
  SyscallTable syscalls_;
  std::unique_ptr<FutexTable> futexes_;
  std::vector<uint64_t> syscall_counts_;  // by number
};

}  // namespace faultline::os
