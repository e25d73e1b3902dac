#include "os/process/futex.h"

#include "os/memory/address_space.h"
#include "os/memory/user_memory.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

FutexTable::Key FutexTable::key(AddressSpace& space, VirtAddr address, bool own) {
  const VmArea* const area = own ? nullptr : space.find_area(address);
  if (!area || !area->shared) {
    return {.object = reinterpret_cast<uintptr_t>(&space), .offset = address.value, .own = own};
  }
  const uint64_t offset = area->offset + (address.value - area->start);
  const void* const object = area->file ? static_cast<const void*>(area->file.get()) : area->object.get();
  return {.object = reinterpret_cast<uintptr_t>(object), .offset = offset};
}

void FutexTable::forget(Waiter& waiter) {
  const auto queue = waiters_.find(waiter.key);
  if (queue == waiters_.end()) return;
  queue->second.remove(&waiter);
  if (queue->second.empty()) waiters_.erase(queue);
}

Co<Result<>> FutexTable::wait(Task& task, UserMemory& user, VirtAddr address, uint32_t expected, uint32_t bits,
                              Cycles until, bool own) {
  if (address.value % 4 != 0 || bits == 0) co_return Errno{EINVAL};
  const Result<uint32_t> word = co_await user.get<uint32_t>(address);
  if (!word.ok()) co_return word.error();
  // Nothing sleeps between the look at the word and the entry in the table.
  if (word.value() != expected) co_return Errno{EAGAIN};
  Waiter waiter{.task = task, .bits = bits, .key = key(user.space(), address, own)};
  waiters_[waiter.key].push_back(&waiter);
  Wake wake = Wake::woken;
  while (!waiter.woken && wake == Wake::woken) wake = co_await sleep_interruptibly(task, task.nap, until);
  if (waiter.woken) co_return Unit{};
  forget(waiter);
  if (wake == Wake::timeout) co_return Errno{ETIMEDOUT};
  co_return kRestartSys;
}

uint64_t FutexTable::wake(AddressSpace& space, VirtAddr address, uint64_t count, uint32_t bits, bool own) {
  const auto queue = waiters_.find(key(space, address, own));
  if (queue == waiters_.end()) return 0;
  uint64_t woken = 0;
  Waiters& waiters = queue->second;
  for (auto next = waiters.begin(); next != waiters.end() && woken < count;) {
    Waiter& waiter = **next;
    if (!(waiter.bits & bits)) {
      ++next;
      continue;
    }
    next = waiters.erase(next);
    waiter.woken = true;
    waiter.task.nap.wake_all();
    ++woken;
  }
  if (waiters.empty()) waiters_.erase(queue);
  return woken;
}

uint64_t FutexTable::requeue(AddressSpace& space, VirtAddr from, VirtAddr to, uint64_t wake_count, uint64_t move_count,
                             bool own) {
  uint64_t done = wake(space, from, wake_count, kAnyBit, own);
  const Key from_key = key(space, from, own);
  const Key to_key = key(space, to, own);
  const auto queue = waiters_.find(from_key);
  if (queue == waiters_.end() || from_key == to_key) return done;
  Waiters& target = waiters_[to_key];
  for (uint64_t moved = 0; moved < move_count && !queue->second.empty(); ++moved, ++done) {
    Waiter* const waiter = queue->second.front();
    queue->second.pop_front();
    waiter->key = to_key;
    target.push_back(waiter);
  }
  if (target.empty()) waiters_.erase(to_key);
  if (queue->second.empty()) waiters_.erase(queue);
  return done;
}

}  // namespace faultline::os
