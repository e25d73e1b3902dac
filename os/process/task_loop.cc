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

// A page fault of the program that is being taken apart.
struct FaultUnderWay {
  AddressSpace& space;
  VirtAddr address;
  Access access;
  Cycles begun;  // of the task's processor time
  FaultProgress progress{};

  FaultReply go_on() { return space.handle_fault(address, access, progress); }
};

// Whether it was major, or ends in a signal, shows only at the end: what was
// booked as minor on the way is moved then.
void end_fault(Kernel& kernel, Task& task, const FaultUnderWay& fault, const FaultReply& reply) {
  Cpu& cpu = kernel.cpu();
  cpu.charge(Cycles(kernel.costs().trap_return));
  if (reply.resolved() && !reply.disk) return;
  const Cycles spent = kernel.scheduler().cpu_time(task) - fault.begun;
  cpu.rebook(CycleAccount::minor_fault, reply.resolved() ? CycleAccount::major_fault : CycleAccount::signal, spent);
  if (!reply.resolved()) raise_fault(task, reply.kind, fault.address);
}

// The rest of a fault that must sleep first, on `queue`.
Co<> wait_out_fault(Kernel& kernel, Task& task, FaultUnderWay fault, WaitQueue* queue) {
  AccountScope account(kernel.cpu(), CycleAccount::minor_fault);
  for (;;) {
    co_await queue->sleep();
    const FaultReply reply = fault.go_on();
    if (reply.kind != FaultReply::Kind::must_sleep) {
      end_fault(kernel, task, fault, reply);
      co_return;
    }
    queue = reply.queue;
  }
}

// The first try, which mostly settles it; else what to sleep on.
WaitQueue* begin_fault(Kernel& kernel, Task& task, FaultUnderWay& fault) {
  AccountScope account(kernel.cpu(), CycleAccount::minor_fault);
  kernel.cpu().charge(Cycles(kernel.costs().trap_entry));
  const FaultReply reply = fault.go_on();
  if (reply.kind == FaultReply::Kind::must_sleep) return reply.queue;
  end_fault(kernel, task, fault, reply);
  return nullptr;
}

Co<> page_fault(Kernel& kernel, Task& task, const hw::Trap& trap) {
  FaultUnderWay fault{*task.process().space, trap.address, trap.access, kernel.scheduler().cpu_time(task)};
  if (WaitQueue* const queue = begin_fault(kernel, task, fault)) return wait_out_fault(kernel, task, fault, queue);
  return {};
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

// What a trap asks for. Most of it is done when this returns and needs no
// coroutine of its own; what must sleep is in the answer.
Co<> handle(Kernel& kernel, Task& task, const hw::Trap& trap) {
  task.last_trap = trap;
  switch (trap.cause) {
    case hw::Trap::Cause::budget:
      break;
    case hw::Trap::Cause::ecall:
      if (!system_call_at_once(kernel, task)) return system_call(kernel, task);
      break;
    case hw::Trap::Cause::page_fault:
      return page_fault(kernel, task, trap);
    default:
      raise_trap(kernel, task, trap);
  }
  return {};
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
