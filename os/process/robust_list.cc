#include "os/process/robust_list.h"

#include <utility>

#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/process/futex.h"

namespace faultline::os {

namespace {

// linux/futex.h
constexpr uint32_t kWaiters = 0x80000000;
constexpr uint32_t kOwnerDied = 0x40000000;
constexpr uint32_t kTidMask = 0x3fffffff;
constexpr unsigned kListLimit = 2048;  // ROBUST_LIST_LIMIT
constexpr uint64_t kInheriting = 1;    // bit of a pointer: a lock with priority inheritance

// struct robust_list_head
struct Head {
  uint64_t first = 0;
  int64_t futex_offset = 0;  // from a list entry to its futex word
  uint64_t pending = 0;      // that is being taken or released, not on the list
};

// False: go no farther, the list is bad.
Co<bool> give_up(Kernel& kernel, Task& task, uint64_t entry, int64_t offset, bool pending) {
  const VirtAddr word((entry & ~kInheriting) + static_cast<uint64_t>(offset));
  const bool inheriting = (entry & kInheriting) != 0;
  if (word.value % 4 != 0) co_return false;
  UserMemory user = kernel.user_memory(task);
  const Result<uint32_t> seen = co_await user.get<uint32_t>(word);
  if (!seen.ok()) co_return false;
  AddressSpace& space = *task.process().space;
  if (pending && !inheriting && seen.value() == 0) {
    // It was released, and who waits may not have been woken.
    kernel.futexes().wake(space, word, 1, FutexTable::kAnyBit);
    co_return true;
  }
  const auto tid = static_cast<uint32_t>(task.tid());
  // A word that is not this task's is not even written to.
  if ((seen.value() & kTidMask) != tid) co_return true;
  if (inheriting) {
    // Whoever waits has it now, and is told. Which of the two kinds of wait it was, the
    // word does not say.
    const bool own = kernel.futexes().lock_is_awaited(space, word, true);
    const Result<> passed = co_await kernel.futexes().pass_lock(user, word, tid, kOwnerDied, own);
    co_return passed.ok();
  }
  const Result<uint32_t> old = co_await user.update(
      word, [tid](uint32_t value) { return (value & kTidMask) == tid ? (value & kWaiters) | kOwnerDied : value; });
  if (!old.ok()) co_return false;
  const bool had = (old.value() & kTidMask) == tid;
  if (had && (old.value() & kWaiters)) kernel.futexes().wake(space, word, 1, FutexTable::kAnyBit);
  co_return true;
}

}  // namespace

Co<> give_up_robust_locks(Kernel& kernel, Task& task) {
  const uint64_t list = std::exchange(task.robust_list, 0);
  if (list == 0) co_return;
  UserMemory user = kernel.user_memory(task);
  const Result<Head> head = co_await user.get<Head>(VirtAddr(list));
  if (!head.ok()) co_return;
  const auto [first, offset, pending] = head.value();
  uint64_t entry = first;
  for (unsigned count = 0; count < kListLimit && (entry & ~kInheriting) != list; ++count) {
    // The next one first: the entry may change hands once it is given up.
    const Result<uint64_t> next = co_await user.get<uint64_t>(VirtAddr(entry & ~kInheriting));
    if ((entry & ~kInheriting) != (pending & ~kInheriting)) {
      const bool good = co_await give_up(kernel, task, entry, offset, false);
      if (!good) co_return;
    }
    if (!next.ok()) co_return;
    entry = next.value();
  }
  if ((pending & ~kInheriting) != 0) (void)co_await give_up(kernel, task, pending, offset, true);
}

}  // namespace faultline::os
