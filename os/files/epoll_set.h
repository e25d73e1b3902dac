// The interest list behind epoll(7).
#pragma once

#include <cstdint>
#include <list>
#include <span>

#include "os/files/open_file.h"
#include "os/files/vfs.h"

namespace faultline::os {

// Flags beside the events of poll(2) (linux/eventpoll.h).
enum EpollFlag : uint32_t {
  kEpollExclusive = 1u << 28,
  kEpollWakeUp = 1u << 29,
  kEpollOneShot = 1u << 30,
  kEpollEdge = 1u << 31,
};

// struct epoll_event, as 64-bit machines but x86-64 lay it out.
struct EpollEvent {
  uint32_t events = 0;
  uint32_t padding = 0;
  uint64_t data = 0;
};
static_assert(sizeof(EpollEvent) == 16);

class EpollSet final : public Inode {
 public:
  // How deep sets may watch sets (Linux, EP_MAX_NESTS).
  static constexpr unsigned kNestsMost = 4;
  // Bounds on what a set remembers, and on the ways from set to set that a look
  // at one must follow.
  static constexpr size_t kMost = 8192;
  static constexpr size_t kSetsMost = 4;

  explicit EpollSet(const Vfs::Unnamed& place);

  // Not a file that is always ready.
  static bool may_watch(const Inode& inode);

  // EEXIST, EPERM for a file that is always ready, ELOOP, ENOSPC; EINVAL where too
  // many of its files are sets themselves.
  Result<> add(int descriptor, const OpenFilePtr& file, const EpollEvent& event);
  Result<> change(int descriptor, const OpenFilePtr& file, const EpollEvent& event);  // ENOENT, EINVAL
  Result<> remove(int descriptor, const OpenFilePtr& file);                           // ENOENT

  // What is ready now, as much as there is room for; how many. Those that were
  // told of come last the next time.
  size_t take_ready(std::span<EpollEvent> to);

  uint32_t poll(const OpenFile& file) const override;
  uint64_t activity(uint32_t events) const override;

 private:
  struct Entry {
    int descriptor;
    // Its last descriptor's close takes it out; so this must not keep it open.
    std::weak_ptr<OpenFile> file;
    EpollEvent event;
    bool off = false;   // EPOLLONESHOT, told once
    bool fresh = true;  // looked at for the first time since it was set
    uint64_t seen = 0;  // activity of the file when it was told of last
  };
  using Entries = std::list<Entry>;

  Entries::iterator find(int descriptor, const OpenFilePtr& file);
  void forget_closed();
  // The events to tell of; 0: none.
  static uint32_t ready(const Entry& entry, const OpenFile& file);
  // Whether this set, or one that it watches, watches `other`, and how deep it goes.
  bool reaches(const EpollSet& other) const;
  unsigned depth() const;
  std::shared_ptr<OpenFile> watched_set(const Entry& entry) const;

  TreeServices& services_;
  Entries entries_;
};

}  // namespace faultline::os
