#include "os/process/task_loop.h"

#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/memory/user_memory.h"
#include "os/process/cpu_clock.h"
#include "os/process/exit.h"
#include "os/process/signal_delivery.h"
#include "os/process/signal_send.h"
#include "os/syscall/dispatch.h"

namespace faultline::os {

namespace {

SignalInfo fault_signal(int signal, int32_t code, uint64_t address) {
  SignalInfo info;
  info.signal = signal;
  info.code = code;
  info.address = address;
  return info;
}

void raise_fault(Task& task, FaultReply::Kind kind, VirtAddr address) {
  switch (kind) {
    case FaultReply::Kind::segv_maperr:
      return force_signal(task, fault_signal(kSigSegv, kCodeSegvMapErr, address.value));
    case FaultReply::Kind::segv_accerr:
      return force_signal(task, fault_signal(kSigSegv, kCodeSegvAccErr, address.value));
    case FaultReply::Kind::bus_adrerr:
      return force_signal(task, fault_signal(kSigBus, kCodeBusAdrErr, address.value));
    case FaultReply::Kind::out_of_memory: {
      // The one that was chosen to die, or one for whom there is no frame.
      SignalInfo info;
      info.signal = kSigKill;
      info.code = kCodeKernel;
      return force_signal(task, info);
    }
    case FaultReply::Kind::resolved:
    case FaultReply::Kind::must_sleep:
      return;
  }
}

// Resolves a page fault, or raises the signal that it is. Whether it was major
// shows only at the end: what was booked as minor on the way is moved then.
Co<> page_fault(Kernel& kernel, Task& task, hw::Trap trap) {
  Cpu& cpu = kernel.cpu();
  Process& process = task.process();
  AccountScope account(cpu, CycleAccount::minor_fault);
  const Cycles before = kernel.scheduler().cpu_time(task);
  cpu.charge(Cycles(kernel.costs().trap_entry));
  const FaultReply reply = co_await resolve_fault(*process.space, trap.address, trap.access);
  cpu.charge(Cycles(kernel.costs().trap_return));

  const Cycles spent = kernel.scheduler().cpu_time(task) - before;
  if (!reply.resolved()) {
    cpu.rebook(CycleAccount::minor_fault, CycleAccount::signal, spent);
    raise_fault(task, reply.kind, trap.address);
  } else if (reply.disk) {
    cpu.rebook(CycleAccount::minor_fault, CycleAccount::major_fault, spent);
  }
}

void raise_trap(Kernel& kernel, Task& task, const hw::Trap& trap) {
  AccountScope account(kernel.cpu(), CycleAccount::signal);
  kernel.cpu().charge(Cycles(kernel.costs().trap_entry + kernel.costs().trap_return));
  switch (trap.cause) {
    case hw::Trap::Cause::ebreak:
      return force_signal(task, fault_signal(kSigTrap, kCodeTrapBrkpt, task.state.pc));
    case hw::Trap::Cause::illegal_instruction:
      return force_signal(task, fault_signal(kSigIll, kCodeIllOpc, task.state.pc));
    case hw::Trap::Cause::misaligned:
      return force_signal(task, fault_signal(kSigBus, kCodeBusAdrAln, trap.address.value));
    case hw::Trap::Cause::access_fault:
      return force_signal(task, fault_signal(kSigSegv, kCodeSegvAccErr, trap.address.value));
    default:
      return;
  }
}

Co<> handle(Kernel& kernel, Task& task, hw::Trap trap) {
  task.last_trap = trap;
  switch (trap.cause) {
    case hw::Trap::Cause::budget:
      break;
    case hw::Trap::Cause::ecall:
      co_await system_call(kernel, task);
      break;
    case hw::Trap::Cause::page_fault:
      co_await page_fault(kernel, task, trap);
      break;
    default:
      raise_trap(kernel, task, trap);
  }
}

MemoryLimits memory_limits(const Process& process) {
  return {.address_space = process.limits[kLimitAddressSpace].current,
          .data = process.limits[kLimitData].current,
          .data_maximum = process.limits[kLimitData].maximum,
          .stack = process.limits[kLimitStack].current,
          .locked = process.limits[kLimitLocked].current};
}

hw::Trap run_user(Kernel& kernel, Task& task) {
  Cpu& cpu = kernel.cpu();
  Usage& usage = task.process().usage;
  kernel.scheduler().use(*task.process().space);
  // The address space may be another process's too, with limits of its own.
  task.process().space->set_limits(memory_limits(task.process()));
  cpu.enter_process(task.process().pid());
  const Cycles before = cpu.now();
  const uint64_t instructions = cpu.instructions_here();
  const Cycles until = until_cpu_event(kernel, task, kernel.scheduler().run_until());
  const hw::Trap trap = cpu.run_user(task.state, until);
  const uint64_t cycles = (cpu.now() - before).value;
  usage.user_cycles += cycles;
  task.usage.user_cycles += cycles;
  usage.instructions += cpu.instructions_here() - instructions;
  return trap;
}

bool needs_attention(const Task& task) {
  return task.signal_pending() || task.restart.code != 0 || task.saved_mask ||
         task.process().life == Process::Life::stopped;
}

}  // namespace

Co<> task_loop(Kernel& kernel, Task& task) {
  Process& process = task.process();
  Scheduler& scheduler = kernel.scheduler();
  for (;;) {
    if (task.must_end()) break;
    // Again while it sleeps there another task may stop the process.
    while (needs_attention(task) && !task.must_end()) co_await deliver_signals(kernel, task);
    if (task.must_end()) break;
    const hw::Trap trap = run_user(kernel, task);
    co_await handle(kernel, task, trap);
    process.collect_faults(*process.space, &task);
    run_cpu_events(kernel, task);
    if (!scheduler.take_interrupts()) continue;
    ++process.usage.involuntary_switches;
    ++task.usage.involuntary_switches;
    co_await scheduler.step_aside();
  }
  co_await exit_task(kernel, task);
}

}  // namespace faultline::os
