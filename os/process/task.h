// A task is one line of user execution, a thread: registers, signal mask, the
// coroutine that runs it. A process (os/process/process.h) is what its tasks
// share.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "hw/hart/hart_state.h"
#include "hw/hart/trap.h"
#include "os/process/co.h"
#include "os/process/cpu_clock.h"
#include "os/process/signal.h"
#include "os/process/usage.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class AddressSpace;
class FileTable;
class Process;

class Task : public Strand {
 public:
  Task(Executor& executor, Process& process, int32_t tid) : nap(executor), process_(process), tid_(tid) {}

  Process& process() { return process_; }
  const Process& process() const { return process_; }
  int32_t tid() const { return tid_; }

  // A signal waits that this task does not block: an interruptible sleep must
  // not begin. Shared signals of the process count.
  bool signal_pending() const;
  // The same for one that sleeps: signals that it waits for count too.
  bool hears_signal() const;
  // It runs no more instructions of its program: it called exit, its process
  // ends, or another task of the process calls exec.
  bool must_end() const;
  // The task will die before it runs another instruction of its program, so
  // sleeps on its way out of the kernel may be cut short.
  bool dying() const;
  // exec makes of any task the first one, whose number is the process's.
  void become_leader();

  // The default of PR_SET_TIMERSLACK.
  static constexpr uint64_t kTimerSlack = 50'000;

  hw::HartState state;
  SignalSet blocked;
  PendingSignals pending;
  // The mask to go back to after sigsuspend, ppoll, pselect6 put another one
  // in its place: set by the call, used when the handler's frame is made.
  std::optional<SignalSet> saved_mask;
  AlternateStack alternate_stack;

  // Blocked signals that sigtimedwait wants to hear of all the same.
  SignalSet awaited;

  int death_signal = 0;          // prctl(2), PR_SET_PDEATHSIG; 0: none
  uint64_t timer_slack = kTimerSlack;  // PR_SET_TIMERSLACK, nanoseconds; kept, without effect
  std::string name;  // prctl(2), PR_SET_NAME; empty: the process's command

  std::optional<int> exit_code;  // of exit(2), which ends the task alone
  bool over = false;             // has ended; a first task stays until the others have
  int32_t vfork_child = 0;       // the process that this task sleeps for

  uint64_t clear_child_tid = 0;  // CLONE_CHILD_CLEARTID; 0: none
  uint64_t robust_list = 0;
  uint64_t robust_list_size = 0;

  // What a system call that a signal interrupted needs to begin again.
  struct Restart {
    int code = 0;            // kRestartSys and so on; 0: nothing to restart
    uint64_t argument0 = 0;  // a0 before the call's answer replaced it
  };
  Restart restart;
  // Of a call that answered kRestartBlock: when it would have ended, on the
  // clock, or on a process's own time in nanoseconds.
  struct CpuSleep {
    CpuClockName clock;
    uint64_t until = 0;
  };
  struct FutexWait {
    uint64_t address = 0;
    uint32_t expected = 0;
    uint32_t bits = 0;
    bool own = false;
  };
  Cycles restart_deadline{};
  std::optional<CpuSleep> restart_cpu_sleep;
  std::optional<FutexWait> restart_futex;

  hw::Trap last_trap;  // for the report when it was fatal
  // The system call that the task is in, for a report of who waits for what.
  std::optional<uint64_t> in_syscall;

  // What is to happen at moments of the task's own time.
  std::shared_ptr<CpuEvents> cpu_events = std::make_shared<CpuEvents>();

  WaitQueue nap;  // for sleeps that only time and signals end
  Usage usage;    // the task's own part of the process's, faults of others in between included

  Co<> loop;  // task_loop's frame

 private:
  Process& process_;
  int32_t tid_;
};

// Sleeps on `queue` until it is woken, `until`, or a signal for `task`, which
// must be the current one. Wake::interrupted at once when a signal waits.
Co<Wake> sleep_interruptibly(Task& task, WaitQueue& queue, Cycles until = WaitQueue::kNever);

}  // namespace faultline::os
