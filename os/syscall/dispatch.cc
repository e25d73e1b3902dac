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

}  // namespace

Co<> system_call(Kernel& kernel, Task& task) {
  Cpu& cpu = kernel.cpu();
  AccountScope account(cpu, CycleAccount::syscall);
  const OsCosts& costs = kernel.costs();
  cpu.charge(Cycles(costs.trap_entry + costs.syscall));

  hw::HartState& state = task.state;
  const uint64_t number = state.x[kSyscallNumber];
  SyscallContext call{.kernel = kernel, .task = task, .args = {}};
  for (unsigned i = 0; i < call.args.size(); ++i) call.args[i] = state.x[kArgument0 + i];
  state.pc += kEcallBytes;
  task.restart = {};
  kernel.count_syscall(number);
  task.in_syscall = number;

  SyscallResult result = Errno{ENOSYS};
  const SyscallHandler handler = kernel.syscalls().find(number);
  if (handler.coroutine) {
    result = co_await handler.coroutine(call);
  } else if (handler.function) {
    result = handler.function(call);
  } else {
    kernel.report_unknown_syscall(number);
  }

  task.in_syscall.reset();
  if (result.ok()) {
    state.x[kArgument0] = *result;
  } else if (asks_for_restart(result.error())) {
    task.restart = {.code = result.error().value, .argument0 = call.args[0]};
    state.x[kArgument0] = static_cast<uint64_t>(-int64_t{EINTR});
  } else {
    state.x[kArgument0] = static_cast<uint64_t>(-int64_t{result.error().value});
  }
  cpu.charge(Cycles(costs.trap_return));
}

}  // namespace faultline::os
