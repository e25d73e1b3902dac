// Who runs when and where, as far as a program may ask: sched(7), affinity, nice
// values. Policies and nice values are kept, and without effect: tasks take turns.
#include "os/syscall/scheduling_calls.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/process_argument.h"
#include "os/syscall/syscall.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

Co<SyscallResult> sys_sched_yield(SyscallContext& call) {
  co_await call.kernel.scheduler().yield();
  co_return uint64_t{0};
}

constexpr uint64_t kAffinityBytes = 8;  // one word: harts 0 to 63

// By a thread's number, as with all of these calls; 0 is the caller.
Task* named_task(SyscallContext& call) {
  const int32_t tid = call.integer(0);
  return tid == 0 ? &call.task : call.kernel.processes().find_task(tid);
}

Co<SyscallResult> sys_sched_getaffinity(SyscallContext& call) {
  const Task* const task = named_task(call);
  if (!task) co_return Errno{ESRCH};
  if (call.word(1) < kAffinityBytes || call.word(1) % 8 != 0) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(2), call.kernel.scheduler().affinity(*task));
  if (!stored.ok()) co_return stored.error();
  co_return kAffinityBytes;
}

Co<SyscallResult> sys_sched_setaffinity(SyscallContext& call) {
  uint64_t mask = 0;
  UserMemory user = call.kernel.user_memory(call.task);
  const uint64_t bytes = std::min<uint64_t>(call.word(1), sizeof(mask));
  const Result<> read = co_await user.read(call.address(2), std::span(reinterpret_cast<uint8_t*>(&mask), bytes));
  if (!read.ok()) co_return read.error();
  // The call may have slept in between.
  Task* const task = named_task(call);
  if (!task) co_return Errno{ESRCH};
  Scheduler& scheduler = call.kernel.scheduler();
  if ((mask & scheduler.all_harts()) == 0) co_return Errno{EINVAL};  // no hart of those exists
  scheduler.set_affinity(*task, mask);
  // Not on this hart any more, where it may not stay.
  if (!scheduler.may_stay()) co_await scheduler.yield();
  co_return uint64_t{0};
}

// --- policies ---------------------------------------------------------------------------

enum Policy : int32_t {
  kPolicyOther = 0,
  kPolicyFifo = 1,
  kPolicyRoundRobin = 2,
  kPolicyBatch = 3,
  kPolicyIdle = 5,
  kPolicyDeadline = 6,
};
constexpr int32_t kResetOnFork = 0x40000000;  // SCHED_RESET_ON_FORK
constexpr int32_t kPriorityMost = 99;         // of SCHED_FIFO and SCHED_RR

bool is_real_time(int32_t policy) { return policy == kPolicyFifo || policy == kPolicyRoundRobin; }

}  // namespace

bool may_be_nice(const Process& process, int32_t nice) {
  return static_cast<uint64_t>(20 - nice) <= process.limits[kLimitNice].current;
}

Result<Process*> scheduled_process(SyscallContext& call) {
  if (call.integer(0) < 0) return Errno{EINVAL};
  Process* const process = named_process(call, call.integer(0));
  if (!process) return Errno{ESRCH};
  return process;
}

Result<> set_policy(const Process& caller, Process& process, int32_t wanted, int32_t priority) {
  const bool reset = (wanted & kResetOnFork) != 0;
  const int32_t policy = wanted & ~kResetOnFork;
  const bool known = is_real_time(policy) || policy == kPolicyOther || policy == kPolicyBatch || policy == kPolicyIdle;
  if (!known || priority < 0 || priority > kPriorityMost) return Errno{EINVAL};
  if (is_real_time(policy) != (priority != 0)) return Errno{EINVAL};
  // Nobody here has CAP_SYS_NICE, and RLIMIT_RTPRIO is 0.
  if (is_real_time(policy)) return Errno{EPERM};
  const bool leaves_idle = process.policy.policy == kPolicyIdle && policy != kPolicyIdle;
  if (leaves_idle && !may_be_nice(caller, process.nice)) return Errno{EPERM};
  if (process.policy.reset_on_fork && !reset) return Errno{EPERM};
  process.policy = {.policy = policy, .reset_on_fork = reset};
  return Unit{};
}

namespace {

// sched_setscheduler, and sched_setparam, which keeps the policy.
Co<SyscallResult> change_policy(SyscallContext& call, std::optional<int32_t> policy, unsigned parameter) {
  if (policy.value_or(0) < 0 || call.args[parameter] == 0 || call.integer(0) < 0) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<int32_t> priority = co_await user.get<int32_t>(call.address(parameter));
  if (!priority.ok()) co_return priority.error();
  const Result<Process*> process = scheduled_process(call);
  if (!process.ok()) co_return process.error();
  const SchedulingPolicy& old = process.value()->policy;
  const int32_t wanted = policy.value_or(old.policy | (old.reset_on_fork ? kResetOnFork : 0));
  const Result<> set = set_policy(call.task.process(), *process.value(), wanted, priority.value());
  if (!set.ok()) co_return set.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_sched_setscheduler(SyscallContext& call) { return change_policy(call, call.integer(1), 2); }
Co<SyscallResult> sys_sched_setparam(SyscallContext& call) { return change_policy(call, std::nullopt, 1); }

SyscallResult sys_sched_getscheduler(SyscallContext& call) {
  const Result<Process*> process = scheduled_process(call);
  if (!process.ok()) return process.error();
  const SchedulingPolicy& policy = process.value()->policy;
  return static_cast<uint64_t>(policy.policy | (policy.reset_on_fork ? kResetOnFork : 0));
}

Co<SyscallResult> sys_sched_getparam(SyscallContext& call) {
  if (call.args[1] == 0) co_return Errno{EINVAL};
  const Result<Process*> process = scheduled_process(call);
  if (!process.ok()) co_return process.error();
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(1), int32_t{0});
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

// The range of priorities of a policy: `real_time` is the end that is asked for.
SyscallResult priority_limit(SyscallContext& call, uint64_t real_time) {
  const int32_t policy = call.integer(0);
  if (is_real_time(policy)) return real_time;
  const bool known =
      policy == kPolicyOther || policy == kPolicyBatch || policy == kPolicyIdle || policy == kPolicyDeadline;
  return known ? SyscallResult(uint64_t{0}) : SyscallResult(Errno{EINVAL});
}

SyscallResult sys_sched_get_priority_max(SyscallContext& call) { return priority_limit(call, kPriorityMost); }
SyscallResult sys_sched_get_priority_min(SyscallContext& call) { return priority_limit(call, 1); }

Co<SyscallResult> sys_sched_rr_get_interval(SyscallContext& call) {
  const Result<Process*> process = scheduled_process(call);
  if (!process.ok()) co_return process.error();
  const TimeSpec slice = TimeSpec::of(kNanosecondsPerSecond / call.kernel.config().timer_hz);
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(1), slice);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

// --- nice values --------------------------------------------------------------------------

// The processes that (which, who) of getpriority and setpriority name.
Result<std::vector<Process*>> named_processes(SyscallContext& call) {
  constexpr int32_t kProcess = 0, kGroup = 1, kUser = 2;  // PRIO_PROCESS, PRIO_PGRP, PRIO_USER
  const int32_t which = call.integer(0), who = call.integer(1);
  if (which < kProcess || which > kUser) return Errno{EINVAL};
  const Process& self = call.task.process();
  std::vector<Process*> found;
  for (const auto& [pid, process] : call.kernel.processes()) {
    bool matches = false;
    if (which == kProcess) matches = pid == (who ? who : self.pid());
    if (which == kGroup) matches = process->group == (who ? who : self.group);
    if (which == kUser) matches = process->uid == (who ? static_cast<uint32_t>(who) : self.uid);
    if (matches) found.push_back(process.get());
  }
  if (found.empty()) return Errno{ESRCH};
  return found;
}

// Answers 20 - nice, so that it is never negative; the most favoured of several.
SyscallResult sys_getpriority(SyscallContext& call) {
  const Result<std::vector<Process*>> processes = named_processes(call);
  if (!processes.ok()) return processes.error();
  int32_t least = 19;
  for (const Process* process : processes.value()) least = std::min(least, process->nice);
  return static_cast<uint64_t>(20 - least);
}

SyscallResult sys_setpriority(SyscallContext& call) {
  const int32_t nice = std::clamp(call.integer(2), -20, 19);
  const Result<std::vector<Process*>> processes = named_processes(call);
  if (!processes.ok()) return processes.error();
  SyscallResult done = uint64_t{0};
  for (Process* process : processes.value()) {
    if (nice < process->nice && !may_be_nice(call.task.process(), nice)) {
      done = Errno{EACCES};
    } else {
      process->nice = nice;
    }
  }
  return done;
}

}  // namespace

void register_scheduling_calls(SyscallTable& table) {
  table.add(118, sys_sched_setparam);
  table.add(119, sys_sched_setscheduler);
  table.add(120, sys_sched_getscheduler);
  table.add(121, sys_sched_getparam);
  table.add(122, sys_sched_setaffinity);
  table.add(123, sys_sched_getaffinity);
  table.add(124, sys_sched_yield);
  table.add(125, sys_sched_get_priority_max);
  table.add(126, sys_sched_get_priority_min);
  table.add(127, sys_sched_rr_get_interval);
  table.add(140, sys_setpriority);
  table.add(141, sys_getpriority);
  register_scheduling_attributes(table);
}

}  // namespace faultline::os
