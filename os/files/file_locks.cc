#include "os/files/file_locks.h"

#include <algorithm>

namespace faultline::os {

namespace {

bool overlap(const FileLocks::Lock& lock, uint64_t first, uint64_t last) {
  return lock.first <= last && first <= lock.last;
}

}  // namespace

std::optional<FileLocks::Lock> FileLocks::conflict(const Lock& wanted) const {
  for (const Lock& lock : locks_) {
    if (lock.owner == wanted.owner || !overlap(lock, wanted.first, wanted.last)) continue;
    if (lock.exclusive || wanted.exclusive) return lock;
  }
  return std::nullopt;
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

void FileLocks::set(const Lock& lock) {
  clear(lock.owner, lock.first, lock.last);
  locks_.push_back(lock);
}

}  // namespace faultline::os
