#include "os/files/epoll_set.h"

#include <algorithm>
#include <cerrno>

#include "os/files/posix_queue.h"
#include "os/files/tree_services.h"

namespace faultline::os {

namespace {

constexpr uint32_t kAlways = kPollError | kPollHangUp;
// What EPOLLEXCLUSIVE goes with (epoll_ctl(2)).
constexpr uint32_t kWithExclusive = kPollIn | kPollOut | kAlways | kEpollWakeUp | kEpollEdge | kEpollExclusive;

}  // namespace

bool EpollSet::may_watch(const Inode& inode) {
  if (inode.is(InodeType::directory)) return false;
  if (inode.is(InodeType::regular)) return dynamic_cast<const PosixQueue*>(&inode) != nullptr;
  return !inode.is(InodeType::character) || inode.is_terminal();
}

EpollSet::EpollSet(const Vfs::Unnamed& place)
    : Inode(place.mount, InodeType::unnamed, place.number, place.attributes), services_(place.services) {}

EpollSet::Entries::iterator EpollSet::find(int descriptor, const OpenFilePtr& file) {
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.descriptor == descriptor && entry.file.lock() == file; });
}

void EpollSet::forget_closed() {
  std::erase_if(entries_, [](const Entry& entry) { return entry.file.expired(); });
}

std::shared_ptr<OpenFile> EpollSet::watched_set(const Entry& entry) const {
  std::shared_ptr<OpenFile> file = entry.file.lock();
  return file && dynamic_cast<const EpollSet*>(&file->inode()) ? file : nullptr;
}

bool EpollSet::reaches(const EpollSet& other) const {
  if (this == &other) return true;
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    const auto file = watched_set(entry);
    return file && static_cast<const EpollSet&>(file->inode()).reaches(other);
  });
}

unsigned EpollSet::depth() const {
  unsigned deepest = 0;
  for (const Entry& entry : entries_) {
    if (const auto file = watched_set(entry)) {
      deepest = std::max(deepest, 1 + static_cast<const EpollSet&>(file->inode()).depth());
    }
  }
  return deepest;
}

Result<> EpollSet::add(int descriptor, const OpenFilePtr& file, const EpollEvent& event) {
  const auto* const set = dynamic_cast<const EpollSet*>(&file->inode());
  if (!may_watch(file->inode())) return Errno{EPERM};
  if ((event.events & kEpollExclusive) && (set || (event.events & ~kWithExclusive))) return Errno{EINVAL};
  if (find(descriptor, file) != entries_.end()) return Errno{EEXIST};
  const auto is_set = [this](const Entry& entry) { return watched_set(entry) != nullptr; };
  if (set && std::count_if(entries_.begin(), entries_.end(), is_set) >= static_cast<ptrdiff_t>(kSetsMost)) {
    return Errno{EINVAL};
  }
  if (set && (set->reaches(*this) || set->depth() + 1 > kNestsMost)) return Errno{ELOOP};
  forget_closed();
  if (entries_.size() >= kMost) return Errno{ENOSPC};
  entries_.push_back({.descriptor = descriptor, .file = file, .event = event});
  services_.poll_changes.wake_all();
  return Unit{};
}

Result<> EpollSet::change(int descriptor, const OpenFilePtr& file, const EpollEvent& event) {
  const auto found = find(descriptor, file);
  if (found == entries_.end()) return Errno{ENOENT};
  if ((event.events | found->event.events) & kEpollExclusive) return Errno{EINVAL};
  found->event = event;
  found->off = false;
  found->fresh = true;
  services_.poll_changes.wake_all();
  return Unit{};
}

Result<> EpollSet::remove(int descriptor, const OpenFilePtr& file) {
  const auto found = find(descriptor, file);
  if (found == entries_.end()) return Errno{ENOENT};
  entries_.erase(found);
  return Unit{};
}

uint32_t EpollSet::ready(const Entry& entry, const OpenFile& file) {
  if (entry.off) return 0;
  const uint32_t wanted = entry.event.events | kAlways;
  const uint32_t events = file.inode().poll(file) & wanted;
  const bool edge = (entry.event.events & kEpollEdge) != 0;
  if (edge && !entry.fresh && file.inode().activity(wanted) == entry.seen) return 0;
  return events;
}

size_t EpollSet::take_ready(std::span<EpollEvent> to) {
  forget_closed();
  Entries told;
  size_t found = 0;
  for (auto next = entries_.begin(); next != entries_.end() && found < to.size();) {
    const auto entry = next++;
    const OpenFilePtr file = entry->file.lock();
    const uint32_t events = ready(*entry, *file);
    if (events == 0) continue;
    to[found++] = {.events = events, .padding = 0, .data = entry->event.data};
    entry->fresh = false;
    entry->seen = file->inode().activity(entry->event.events | kAlways);
    entry->off = (entry->event.events & kEpollOneShot) != 0;
    told.splice(told.end(), entries_, entry);
  }
  entries_.splice(entries_.end(), told);
  return found;
}

uint32_t EpollSet::poll(const OpenFile&) const {
  const bool any = std::any_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
    const OpenFilePtr file = entry.file.lock();
    return file && ready(entry, *file) != 0;
  });
  return any ? uint32_t{kPollIn} : 0u;
}

uint64_t EpollSet::activity(uint32_t) const {
  uint64_t sum = 0;
  for (const Entry& entry : entries_) {
    if (const OpenFilePtr file = entry.file.lock()) sum += file->inode().activity(entry.event.events | kAlways);
  }
  return sum;
}

}  // namespace faultline::os
