// System calls: what a handler looks like, and the table that holds them.
//
// A handler is a plain function, or a coroutine when it may sleep:
//
//   SyscallResult sys_getpid(SyscallContext& call) { return call.task.process().pid(); }
//   Co<SyscallResult> sys_read(SyscallContext& call) { ... co_await ...; co_return count; }
//
//   void register_file_io(SyscallTable& table) {
//     table.add(63, sys_read);
//   }
//
// The context outlives the call, across every sleep. The table charges
// OsCosts::syscall and books everything to CycleAccount::syscall, so a handler
// charges only what is its own.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "hw/base/types.h"
#include "os/process/co.h"
#include "os/result.h"

namespace faultline::os {

class Kernel;
class Task;

using SyscallResult = Result<uint64_t>;

// A handler whose interruptible sleep ended with Wake::interrupted answers one
// of these instead of EINTR (Linux, include/linux/errno.h; the guest never
// sees them).
inline constexpr Errno kRestartSys{512};        // again when no handler runs or its action has SA_RESTART, else EINTR
inline constexpr Errno kRestartNoHandler{514};  // again only when no handler runs, else EINTR
inline constexpr Errno kRestartBlock{516};      // as 514, by restart_syscall with Task::restart_deadline

struct SyscallContext {
  Kernel& kernel;
  Task& task;  // who calls
  std::array<uint64_t, 6> args;

  VirtAddr address(unsigned i) const { return VirtAddr(args[i]); }
  // Arguments of type int and unsigned int have no meaning above 32 bits.
  int32_t integer(unsigned i) const { return static_cast<int32_t>(args[i]); }
  uint32_t word(unsigned i) const { return static_cast<uint32_t>(args[i]); }
};

using SyscallFunction = SyscallResult (*)(SyscallContext&);
using SyscallCoroutine = Co<SyscallResult> (*)(SyscallContext&);

struct SyscallHandler {
  SyscallFunction function = nullptr;    // at most one of the two is set;
  SyscallCoroutine coroutine = nullptr;  // neither: ENOSYS
};

class SyscallTable {
 public:
  // Numbers of riscv64 Linux (asm-generic/unistd.h). A number is added once.
  void add(unsigned number, SyscallFunction function);
  void add(unsigned number, SyscallCoroutine coroutine);

  SyscallHandler find(uint64_t number) const {
    return number < handlers_.size() ? handlers_[number] : SyscallHandler{};
  }

 private:
  void place(unsigned number, SyscallHandler handler);
  std::vector<SyscallHandler> handlers_;
};

// The name of a riscv64 Linux system call, empty when Linux has none there.
std::string_view syscall_name(uint64_t number);

}  // namespace faultline::os
