#include "os/files/event_poll.h"

#include <algorithm>
#include <cerrno>

#include "os/files/edge_source.h"

namespace faultline::os {

namespace {

uint64_t edges(const Inode& inode, uint32_t wanted) {
  const auto* source = dynamic_cast<const EdgeSource*>(&inode);
  if (!source) return 0;
  const bool writes = (wanted & kPollOut) != 0, reads = (wanted & ~uint32_t{kPollOut}) != 0;
  return (reads ? source->in_edges() : 0) + (writes ? source->out_edges() : 0);
}

// Files that never make anybody wait (Linux: those without a poll operation).
bool always_ready(const Inode& inode) {
  return inode.is(InodeType::regular) || inode.is(InodeType::directory) || inode.is(InodeType::block) ||
         (inode.is(InodeType::character) && !inode.is_terminal());
}

}  // namespace

EventPoll::Interests::iterator EventPoll::find(int32_t descriptor, const OpenFilePtr& file) {
  return std::find_if(interests_.begin(), interests_.end(), [&](const Interest& interest) {
    return interest.descriptor == descriptor && interest.file.lock() == file;
  });
}

void EventPoll::drop_ended() {
  interests_.remove_if([](const Interest& interest) { return interest.file.expired(); });
}

Result<> EventPoll::add(int32_t descriptor, const OpenFilePtr& file, const PolledEvent& wanted) {
  drop_ended();
  if (always_ready(file->inode())) return Errno{EPERM};
  if (find(descriptor, file) != interests_.end()) return Errno{EEXIST};
  if (interests_.size() >= kMost) return Errno{ENOSPC};
  if (auto* const set = dynamic_cast<EventPoll*>(&file->inode())) {
    if (set->holds_sets_ || held_) return Errno{ELOOP};
    holds_sets_ = set->held_ = true;
  }
  interests_.push_back({.descriptor = descriptor, .file = file, .wanted = wanted, .edges_seen = {}});
  return Unit{};
}

Result<> EventPoll::modify(int32_t descriptor, const OpenFilePtr& file, const PolledEvent& wanted) {
  const auto interest = find(descriptor, file);
  if (interest == interests_.end()) return Errno{ENOENT};
  interest->wanted = wanted;
  interest->edges_seen.reset();
  interest->spent = false;
  return Unit{};
}

Result<> EventPoll::remove(int32_t descriptor, const OpenFilePtr& file) {
  const auto interest = find(descriptor, file);
  if (interest == interests_.end()) return Errno{ENOENT};
  interests_.erase(interest);
  return Unit{};
}

uint32_t EventPoll::ready(const Interest& interest) {
  const OpenFilePtr file = interest.file.lock();
  if (!file || interest.spent) return 0;
  const uint32_t events = file->inode().poll(*file) & (interest.wanted.events | kPollError | kPollHangUp);
  const bool told = (interest.wanted.events & kEventEdge) != 0 && interest.edges_seen &&
                    *interest.edges_seen == edges(file->inode(), interest.wanted.events);
  return told ? 0 : events;
}

std::vector<PolledEvent> EventPoll::take(size_t most) {
  drop_ended();
  std::vector<PolledEvent> taken;
  Interests told;
  for (auto at = interests_.begin(); at != interests_.end() && taken.size() < most;) {
    const auto interest = at++;
    const uint32_t events = ready(*interest);
    if (events == 0) continue;
    taken.push_back({.events = events, .data = interest->wanted.data});
    interest->spent = (interest->wanted.events & kEventOneShot) != 0;
    const OpenFilePtr file = interest->file.lock();
    interest->edges_seen = edges(file->inode(), interest->wanted.events);
    told.splice(told.end(), interests_, interest);
  }
  interests_.splice(interests_.end(), told);
  return taken;
}

uint32_t EventPoll::poll(const OpenFile&) const {
  return std::any_of(interests_.begin(), interests_.end(),
                     [](const Interest& interest) { return ready(interest) != 0; })
             ? uint32_t{kPollIn}
             : 0u;
}

}  // namespace faultline::os
