// Waiting on a word of user memory, futex(2): wait, wake, requeue, with time
// limits and bit sets; and locks whose word says who owns them.
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

  // --- locks with an owner (FUTEX_LOCK_PI). The word is the owner's number, 0 for none,
  // --- and two bits.
  static constexpr uint32_t kOwnerMask = 0x3fffffff;
  static constexpr uint32_t kOwnerDied = 0x40000000;
  static constexpr uint32_t kHasWaiters = 0x80000000;
  struct Lock {
    uint32_t owner = 0;  // who has it, and knows now that somebody waits; 0: the task itself
  };
  // What belongs to `gone`, who ended, is taken too. EDEADLK, EFAULT, EINVAL.
  Co<Result<Lock>> take_lock(Task& task, UserMemory& user, VirtAddr address, uint32_t gone, bool own);
  // Sleeps until `owner` or who has it next passes the lock on to the task. False: the one who had
  // it ended, and `owner` is who that was. ETIMEDOUT, a signal.
  Co<Result<bool>> wait_for_lock(Task& task, UserMemory& user, VirtAddr address, uint32_t& owner, Cycles until,
                                 bool own);
  // A task ended: who waits for its locks looks again.
  void owner_ended(uint32_t tid);
  bool lock_is_awaited(AddressSpace& space, VirtAddr address, bool own) const {
    return somebody_waits_for_lock(key(space, address, own));
  }
  // From `tid`, which owns it, to who waits longest, or nobody. `bits` go with it.
  Co<Result<>> pass_lock(UserMemory& user, VirtAddr address, uint32_t tid, uint32_t bits, bool own);

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
    bool for_lock = false;  // woken by pass_lock alone, or
    bool orphaned = false;  // by the end of
    uint32_t owner = 0;     // who has the lock
  };
  using Waiters = std::list<Waiter*>;  // first come, first woken

  static Key key(AddressSpace& space, VirtAddr address, bool own);
  void forget(Waiter& waiter);
  bool somebody_waits_for_lock(const Key& key) const;
  // Takes the first one that waits for the lock out of the queue; null: nobody does.
  Waiter* next_owner(const Key& key);

  std::map<Key, Waiters> waiters_;
  Waiters lock_waiters_;  // those for locks, of all words: the first that came first
};

}  // namespace faultline::os
