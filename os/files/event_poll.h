// The set of files behind epoll(7): who is interested in what, and what of it
// holds now.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "os/files/inode.h"
#include "os/files/open_file.h"

namespace faultline::os {

// Beside the events of poll(2).
enum EventPollFlag : uint32_t {
  kEventExclusive = 1u << 28,
  kEventWakeUp = 1u << 29,
  kEventOneShot = 1u << 30,
  kEventEdge = 1u << 31,
};

// struct epoll_event of riscv64, where it is not packed.
struct PolledEvent {
  uint32_t events = 0;
  uint32_t unused = 0;
  uint64_t data = 0;
};
static_assert(sizeof(PolledEvent) == 16);

class EventPoll final : public Inode {
 public:
  // Interests of one set (Linux: max_user_watches).
  static constexpr size_t kMost = 65536;

  EventPoll(const Mount& mount, uint64_t number, Attributes given) : Inode(mount, InodeType::unnamed, number, given) {}

  // epoll_ctl. An interest is of a descriptor and its open file, and ends with
  // the file. EEXIST, ENOENT, ENOSPC; EPERM for a file that is always ready;
  // ELOOP for sets within sets within sets.
  Result<> add(int32_t descriptor, const OpenFilePtr& file, const PolledEvent& wanted);
  Result<> modify(int32_t descriptor, const OpenFilePtr& file, const PolledEvent& wanted);
  Result<> remove(int32_t descriptor, const OpenFilePtr& file);

  // At most so many of what holds; they go to the end, so that all get their turn.
  std::vector<PolledEvent> take(size_t most);
  uint32_t poll(const OpenFile& file) const override;

 private:
  struct Interest {
    int32_t descriptor;
    std::weak_ptr<OpenFile> file;
    PolledEvent wanted;
    std::optional<uint64_t> edges_seen;  // when it was told of last
    bool spent = false;                  // told of once, and that was asked for
  };
  using Interests = std::list<Interest>;

  Interests::iterator find(int32_t descriptor, const OpenFilePtr& file);
  static uint32_t ready(const Interest& interest);
  void drop_ended();

  Interests interests_;
  bool holds_sets_ = false;  // one of its interests was a set itself
  bool held_ = false;        // it is an interest of another
};

}  // namespace faultline::os
