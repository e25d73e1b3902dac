// What the two files about futex(2) share.
#pragma once

#include "os/process/co.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

inline constexpr uint32_t kFutexPrivate = 0x80;
inline bool is_own_futex(const SyscallContext& call) { return (call.word(1) & kFutexPrivate) != 0; }

// FUTEX_LOCK_PI; `waits` false: FUTEX_TRYLOCK_PI. EDEADLK, ESRCH, EAGAIN, ETIMEDOUT.
Co<SyscallResult> lock_owned(SyscallContext& call, Cycles until, bool waits);
Co<SyscallResult> unlock_owned(SyscallContext& call);  // EPERM

}  // namespace faultline::os
