// Waiting on a word of user memory, futex(2): wait, wake, requeue, with time
// limits and bit sets; no priority inheritance.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <utility>

#include "hw/base/types.h"
#include "os/process/co.h"
#include "os/process/task.h"
#include "os/result.h"

namespace faultline::os {

class AddressSpace;
class UserMemory;

class FutexTable {
 public:
  static constexpr uint32_t kAnyBit = ~uint32_t{0};

  // Sleeps while the word holds `expected`. EAGAIN when it does not, EFAULT,
  // EINVAL (not aligned), ETIMEDOUT at `until`, kRestartSys for a signal.
  Co<Result<>> wait(Task& task, UserMemory& user, VirtAddr address, uint32_t expected, uint32_t bits, Cycles until,
                  bool own = false);

  // Wakes at most `count` that wait for one of `bits`; how many it were.
  // `own`: FUTEX_PRIVATE_FLAG; who waits with it is not woken without it, nor the other way round.
  uint64_t wake(AddressSpace& space, VirtAddr address, uint64_t count, uint32_t bits, bool own = false);

  // Wakes `wake_count` and lets `move_count` of the rest wait at `to`. How many
  // were woken or moved.
  uint64_t requeue(AddressSpace& space, VirtAddr from, VirtAddr to, uint64_t wake_count, uint64_t move_count,
                   bool own = false);

 private:
  // The word's identity: a shared page's object and offset, or else the address
  // space and address. Only compared for equality; the map is never walked.
  struct Key {
    uintptr_t object = 0;
    uint64_t offset = 0;
    bool own = false;
    auto operator<=>(const Key&) const = default;
  };
  struct Waiter {
    Task& task;
    uint32_t bits;
    Key key;
    bool woken = false;
  };
  using Waiters = std::list<Waiter*>;  // first come, first woken

  static Key key(AddressSpace& space, VirtAddr address, bool own);
  void forget(Waiter& waiter);

  std::map<Key, Waiters> waiters_;
};

}  // namespace faultline::os
