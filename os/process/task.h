// A task is one line of user execution: registers, signal mask, the coroutine
// that runs it. A process (os/process/process.h) is what its tasks share; as
// long as there are no threads each process has exactly one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "hw/hart/hart_state.h"
#include "os/process/co.h"
#include "os/process/signal.h"
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
  // The task is to die as soon as it leaves the kernel; sleeps in the kernel
  // that nobody else depends on may be cut short.
  bool dying() const;

  hw::HartState state;
  SignalSet blocked;
  PendingSignals pending;
  // The mask to go back to after sigsuspend, ppoll, pselect6 put another one
  // in its place: set by the call, used when the handler's frame is made.
  std::optional<SignalSet> saved_mask;
  AlternateStack alternate_stack;

  uint64_t clear_child_tid = 0;  // CLONE_CHILD_CLEARTID; 0: none
  uint64_t robust_list = 0;
  uint64_t robust_list_size = 0;
  Cycles restart_deadline{};  // of a call that answered kRestartBlock

  WaitQueue nap;  // for sleeps that only time and signals end

  Co<> loop;      // task_loop's frame

 private:
  Process& process_;
  int32_t tid_;
};

// Sleeps on `queue` until it is woken, `until`, or a signal for `task`, which
// must be the current one. Wake::interrupted at once when a signal waits.
Co<Wake> sleep_interruptibly(Task& task, WaitQueue& queue, Cycles until = WaitQueue::kNever);

}  // namespace faultline::os
