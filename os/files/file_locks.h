// Advisory locks on a file: fcntl(2) record locks, owned by a table of
// descriptors, and flock(2) locks, owned by an open file description.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "os/process/wait_queue.h"

namespace faultline::os {

class FileLocks {
 public:
  explicit FileLocks(Executor& executor) : changed_(executor) {}

  struct Lock {
    const void* owner = nullptr;  // compared, never followed or ordered
    int32_t pid = 0;              // for F_GETLK
    bool exclusive = false;
    uint64_t first = 0;
    uint64_t last = 0;  // inclusive
  };
  // The first lock of another owner that forbids this one, by place.
  std::optional<Lock> conflict(const Lock& wanted) const;
  // No room for more: ENOLCK.
  bool full() const { return locks_.size() >= kMost; }
  // Takes the place of what the owner had in the range. There is no conflict.
  void set(const Lock& lock);
  void clear(const void* owner, uint64_t first, uint64_t last);
  void clear_all(const void* owner) { clear(owner, 0, ~uint64_t{0}); }
  // Who waits for a conflict to go away sleeps here.
  WaitQueue& changed() { return changed_; }

  // The locks that are waited for, over all files: whether `owner`, waiting for
  // `holder`, would wait for itself (EDEADLK). Both are told of as they come and go.
  class Waits {
   public:
    bool closes_circle(const void* owner, const void* holder) const;
    void begin(const void* owner, const void* holder) { holders_.emplace_back(owner, holder); }
    void end(const void* owner);

   private:
    std::vector<std::pair<const void*, const void*>> holders_;  // who waits, and for whom
  };

 private:
  static constexpr size_t kMost = 4096;
  std::vector<Lock> locks_;
  WaitQueue changed_;
};

}  // namespace faultline::os
