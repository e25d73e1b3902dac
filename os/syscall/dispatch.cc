#include "os/syscall/dispatch.h"

#include "os/kernel.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

constexpr unsigned kArgument0 = 10;
constexpr unsigned kSyscallNumber = 17;
constexpr uint64_t kEcallBytes = 4;

bool asks_for_restart(Errno error) {
  return error == kRestartSys || error == kRestartNoHandler || error == kRestartBlock;
}

// What comes before the handler, for each call.
SyscallContext begin(Kernel& kernel, Task& task, uint64_t number) {
  const OsCosts& costs = kernel.costs();
  kernel.cpu().charge(Cycles(costs.trap_entry + costs.syscall));
  hw::HartState& state = task.state;
  SyscallContext call{.kernel = kernel, .task = task, .args = {}};
  for (unsigned i = 0; i < call.args.size(); ++i) call.args[i] = state.x[kArgument0 + i];
  state.pc += kEcallBytes;
  task.restart = {};
  kernel.count_syscall(number);
  task.in_syscall = number;
  return call;
}

// What comes after it.
void end(const SyscallContext& call, SyscallResult result) {
  Task& task = call.task;
  hw::HartState& state = task.state;
  task.in_syscall.reset();
  if (result.ok()) {
    state.x[kArgument0] = *result;
  } else if (asks_for_restart(result.error())) {
    task.restart = {.code = result.error().value, .argument0 = call.args[0]};
    state.x[kArgument0] = static_cast<uint64_t>(-int64_t{EINTR});
  } else {
    state.x[kArgument0] = static_cast<uint64_t>(-int64_t{result.error().value});
  }
  call.kernel.cpu().charge(Cycles(call.kernel.costs().trap_return));
}

}  // namespace

bool system_call_at_once(Kernel& kernel, Task& task) {
  const uint64_t number = task.state.x[kSyscallNumber];
  const SyscallHandler handler = kernel.syscalls().find(number);
  if (handler.coroutine) return false;
  AccountScope account(kernel.cpu(), CycleAccount::syscall);
  SyscallContext call = begin(kernel, task, number);
  if (handler.function) {
    end(call, handler.function(call));
  } else {
    kernel.report_unknown_syscall(number);
    end(call, Errno{ENOSYS});
  }
  return true;
}

Co<> system_call(Kernel& kernel, Task& task) {
  AccountScope account(kernel.cpu(), CycleAccount::syscall);
  const uint64_t number = task.state.x[kSyscallNumber];
  SyscallContext call = begin(kernel, task, number);
  const SyscallCoroutine handler = kernel.syscalls().find(number).coroutine;
  const SyscallResult result = co_await handler(call);
  end(call, result);
}

}  // namespace faultline::os
