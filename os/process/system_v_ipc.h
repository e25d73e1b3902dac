// The objects of System V IPC (sysvipc(7)): shared memory, semaphores, message
// queues. They live until they are removed, or the run ends.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "os/files/inode.h"
#include "os/process/wait_queue.h"
#include "os/result.h"

namespace faultline::os {

// What all three kinds have.
struct IpcObject {
  int32_t key = 0;  // 0: IPC_PRIVATE
  uint32_t mode = 0;
  uint32_t uid = 0, gid = 0;
  int64_t changed_seconds = 0;  // shm_ctime and the like
  bool removed = false;         // who sleeps on it answers EIDRM
};

struct SharedSegment : IpcObject {
  uint64_t bytes = 0;
  InodePtr file;  // a file without a name has the contents
  int32_t creator = 0;
  int32_t last = 0;  // who attached or detached it last
  int64_t attached_seconds = 0, detached_seconds = 0;
};

struct SemaphoreSet : IpcObject {
  explicit SemaphoreSet(Executor& executor) : changes(executor) {}

  struct Semaphore {
    int32_t value = 0;
    int32_t last = 0;      // pid of the last operation
    int32_t increase = 0;  // who waits for more, and for zero
    int32_t zero = 0;
  };
  std::vector<Semaphore> semaphores;
  // SEM_UNDO: what the end of a process adds to a semaphore, by pid and number.
  std::map<std::pair<int32_t, size_t>, int32_t> undo;
  int64_t operated_seconds = 0;
  WaitQueue changes;
};

struct MessageQueue : IpcObject {
  explicit MessageQueue(Executor& executor) : changes(executor) {}

  struct Message {
    int64_t type = 0;
    std::vector<uint8_t> bytes;
  };
  std::deque<Message> messages;  // the oldest first
  uint64_t used = 0;             // bytes of all
  int32_t last_sender = 0, last_receiver = 0;
  int64_t sent_seconds = 0, received_seconds = 0;
  WaitQueue changes;
};

template <class Object>
class IpcTable {
 public:
  // Objects at once. Linux has room for more; here it bounds what a guest can
  // make the host remember.
  static constexpr size_t kMost = 256;

  // Null: there is none.
  std::shared_ptr<Object> find(int32_t id) const {
    const auto found = objects_.find(id);
    return found == objects_.end() ? nullptr : found->second;
  }
  // The id of the object with that key, which is not IPC_PRIVATE; -1: none.
  int32_t id_of(int32_t key) const {
    for (const auto& [id, object] : objects_) {
      if (object->key == key) return id;
    }
    return -1;
  }
  Result<int32_t> add(std::shared_ptr<Object> object) {
    if (objects_.size() >= kMost) return Errno{ENOSPC};
    const int32_t id = next_;
    next_ = next_ == INT32_MAX ? 0 : next_ + 1;
    if (objects_.contains(id)) return Errno{ENOSPC};
    objects_.emplace(id, std::move(object));
    return id;
  }
  void remove(int32_t id) {
    const auto found = objects_.find(id);
    if (found == objects_.end()) return;
    found->second->removed = true;
    objects_.erase(found);
  }
  // In order of id.
  auto begin() const { return objects_.begin(); }
  auto end() const { return objects_.end(); }

 private:
  std::map<int32_t, std::shared_ptr<Object>> objects_;
  int32_t next_ = 0;
};

class SystemVIpc {
 public:
  static constexpr int32_t kValueMost = 32767;  // SEMVMX

  IpcTable<SharedSegment> segments;
  IpcTable<SemaphoreSet> sets;
  IpcTable<MessageQueue> queues;

  // SEM_UNDO, when a process ends.
  void process_ended(int32_t pid) {
    for (const auto& [id, set] : sets) {
      const auto first = set->undo.lower_bound({pid, 0});
      auto next = first;
      for (; next != set->undo.end() && next->first.first == pid; ++next) {
        SemaphoreSet::Semaphore& semaphore = set->semaphores[next->first.second];
        semaphore.value = std::clamp(semaphore.value + next->second, 0, kValueMost);
        semaphore.last = pid;
      }
      if (next == first) continue;
      set->undo.erase(first, next);
      set->changes.wake_all();
    }
  }
};

}  // namespace faultline::os
