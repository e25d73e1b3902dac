#include "os/process/futex.h"

#include <algorithm>

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
    if (waiter.for_lock || !(waiter.bits & bits)) {
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

// --- locks with an owner -----------------------------------------------------------------

bool FutexTable::somebody_waits_for_lock(const Key& key) const {
  const auto queue = waiters_.find(key);
  if (queue == waiters_.end()) return false;
  return std::any_of(queue->second.begin(), queue->second.end(), [](const Waiter* w) { return w->for_lock; });
}

FutexTable::Waiter* FutexTable::next_owner(const Key& key) {
  const auto queue = waiters_.find(key);
  if (queue == waiters_.end()) return nullptr;
  const auto first =
      std::find_if(queue->second.begin(), queue->second.end(), [](const Waiter* w) { return w->for_lock; });
  if (first == queue->second.end()) return nullptr;
  Waiter* const waiter = *first;
  queue->second.erase(first);
  if (queue->second.empty()) waiters_.erase(queue);
  return waiter;
}

Co<Result<FutexTable::Lock>> FutexTable::take_lock(Task& task, UserMemory& user, VirtAddr address, uint32_t gone,
                                                   bool own) {
  if (address.value % 4 != 0) co_return Errno{EINVAL};
  const auto tid = static_cast<uint32_t>(task.tid());
  const Result<uint32_t> seen = co_await user.get<uint32_t>(address);
  if (!seen.ok()) co_return seen.error();
  const Key where = key(user.space(), address, own);
  const Result<uint32_t> old = co_await user.update(address, [this, tid, gone, where](uint32_t word) {
    const uint32_t owner = word & kOwnerMask;
    if (owner == tid) return word;
    if (owner == 0) return tid | (word & kOwnerDied) | (somebody_waits_for_lock(where) ? kHasWaiters : 0u);
    // The kernel is asked when it is released, as Linux has it, whoever waits by then.
    return owner == gone ? tid | kOwnerDied | kHasWaiters : word | kHasWaiters;
  });
  if (!old.ok()) co_return old.error();
  if ((old.value() & kOwnerMask) == tid) co_return Errno{EDEADLK};
  const uint32_t owner = old.value() & kOwnerMask;
  co_return Lock{.owner = owner == gone ? 0 : owner};
}

// Nothing sleeps between take_lock's look at the word and the entry in the table.
Co<Result<bool>> FutexTable::wait_for_lock(Task& task, UserMemory& user, VirtAddr address, uint32_t& owner,
                                           Cycles until, bool own) {
  Waiter waiter{
      .task = task, .bits = kAnyBit, .key = key(user.space(), address, own), .for_lock = true, .owner = owner};
  waiters_[waiter.key].push_back(&waiter);
  lock_waiters_.push_back(&waiter);
  Wake wake = Wake::woken;
  while (!waiter.woken && !waiter.orphaned && wake == Wake::woken)
    wake = co_await sleep_interruptibly(task, task.nap, until);
  lock_waiters_.remove(&waiter);
  if (waiter.woken) co_return true;
  forget(waiter);
  owner = waiter.owner;
  if (waiter.orphaned) co_return false;
  if (wake == Wake::timeout) co_return Errno{ETIMEDOUT};
  co_return kRestartSys;
}

void FutexTable::owner_ended(uint32_t tid) {
  for (Waiter* const waiter : lock_waiters_) {
    if (waiter->owner != tid || waiter->woken) continue;
    waiter->orphaned = true;
    waiter->task.nap.wake_all();
  }
}

// The new owner is chosen at the moment at which the word changes.
Co<Result<>> FutexTable::pass_lock(UserMemory& user, VirtAddr address, uint32_t tid, uint32_t bits, bool own) {
  const Key where = key(user.space(), address, own);
  Waiter* next = nullptr;
  const Result<uint32_t> old = co_await user.update(address, [this, tid, bits, where, &next](uint32_t word) {
    if ((word & kOwnerMask) != tid) return word;
    next = next_owner(where);
    if (!next) return bits;
    next->woken = true;
    for (Waiter* const waiter : lock_waiters_)
      if (waiter->key == where) waiter->owner = static_cast<uint32_t>(next->task.tid());
    return static_cast<uint32_t>(next->task.tid()) | bits | (somebody_waits_for_lock(where) ? kHasWaiters : 0u);
  });
  if (!old.ok()) co_return old.error();
  if (next) next->task.nap.wake_all();
  co_return Unit{};
}

}  // namespace faultline::os
