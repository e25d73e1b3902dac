#include "os/files/file_locks.h"

#include <algorithm>

namespace faultline::os {

namespace {

bool overlap(const FileLocks::Lock& lock, uint64_t first, uint64_t last) {
  return lock.first <= last && first <= lock.last;
}

}  // namespace

std::optional<FileLocks::Lock> FileLocks::conflict(const Lock& wanted) const {
  std::optional<Lock> first;
  for (const Lock& lock : locks_) {
    if (lock.owner == wanted.owner || !overlap(lock, wanted.first, wanted.last)) continue;
    if (!lock.exclusive && !wanted.exclusive) continue;
    if (!first || lock.first < first->first) first = lock;
  }
  return first;
}

bool FileLocks::Waits::closes_circle(const void* owner, const void* holder) const {
  // Each step follows another wait, so there are no more steps than waits.
  for (size_t step = 0; step <= holders_.size(); ++step) {
    if (holder == owner) return true;
    const auto next =
        std::find_if(holders_.begin(), holders_.end(), [&](const auto& wait) { return wait.first == holder; });
    if (next == holders_.end()) return false;
    holder = next->second;
  }
  return false;
}

void FileLocks::Waits::end(const void* owner) {
  const auto found =
      std::find_if(holders_.begin(), holders_.end(), [&](const auto& wait) { return wait.first == owner; });
  if (found != holders_.end()) holders_.erase(found);
}

void FileLocks::clear(const void* owner, uint64_t first, uint64_t last) {
  std::vector<Lock> kept;
  bool freed = false;
  for (const Lock& lock : locks_) {
    if (lock.owner != owner || !overlap(lock, first, last)) {
      kept.push_back(lock);
      continue;
    }
    freed = true;
    if (lock.first < first) kept.push_back({owner, lock.pid, lock.exclusive, lock.first, first - 1});
    if (lock.last > last) kept.push_back({owner, lock.pid, lock.exclusive, last + 1, lock.last});
  }
  locks_ = std::move(kept);
  if (freed) changed_.wake_all();
}

// Neighbours of one owner and kind are one lock (fcntl(2)).
void FileLocks::set(const Lock& given) {
  Lock lock = given;
  clear(lock.owner, lock.first, lock.last);
  std::erase_if(locks_, [&lock](const Lock& other) {
    if (other.owner != lock.owner || other.exclusive != lock.exclusive) return false;
    const bool before = lock.first != 0 && other.last == lock.first - 1;
    const bool after = lock.last != ~uint64_t{0} && other.first == lock.last + 1;
    if (before) lock.first = other.first;
    if (after) lock.last = other.last;
    return before || after;
  });
  locks_.push_back(lock);
}

}  // namespace faultline::os
