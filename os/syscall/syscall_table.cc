#include <cassert>

#include "os/syscall/syscall.h"

namespace faultline::os {

void SyscallTable::add(unsigned number, SyscallFunction function) { place(number, {.function = function}); }

void SyscallTable::add(unsigned number, SyscallCoroutine coroutine) { place(number, {.coroutine = coroutine}); }

void SyscallTable::place(unsigned number, SyscallHandler handler) {
  if (number >= handlers_.size()) handlers_.resize(number + 1);
  assert(!handlers_[number].function && !handlers_[number].coroutine);
  handlers_[number] = handler;
}

}  // namespace faultline::os
