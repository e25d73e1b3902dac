#include "os/files/notify_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "os/config.h"
#include "os/cpu.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

constexpr uint64_t kHead = 16;  // struct inotify_event before its name

}  // namespace

// The name with its zero, filled up to a multiple of the head (Linux, round_event_name_len).
uint64_t NotifyFile::Event::bytes() const {
  return kHead + (name.empty() ? 0 : (name.size() + 1 + kHead - 1) / kHead * kHead);
}

NotifyFile::NotifyFile(const Vfs::Unnamed& place)
    : Inode(place.mount, InodeType::unnamed, place.number, place.attributes),
      services_(place.services),
      readers_(place.services.executor) {}

Result<int32_t> NotifyFile::watch(const InodePtr& inode, uint32_t mask) {
  constexpr uint32_t kKept = kWatchAllEvents | kWatchNoUnlinked | kWatchOneShot;
  for (const Watch& known : inode->watches ? *inode->watches : WatchList()) {
    if (known.watcher != this) continue;
    if (mask & kWatchMaskCreate) return Errno{EEXIST};
    uint32_t& kept = watches_.at(known.number).mask;
    kept = (mask & kKept) | ((mask & kWatchMaskAdd) ? kept : 0);
    return known.number;
  }
  if (watches_.size() >= kWatchesMost) return Errno{ENOSPC};
  const int32_t number = ++last_;
  watches_[number] = {inode, mask & kKept};
  if (!inode->watches) inode->watches = std::make_unique<WatchList>();
  inode->watches->push_back({this, number});
  ++services_.watches;
  return number;
}

// Takes the watch away, here and with the inode.
void NotifyFile::forget(int32_t number) {
  const auto it = watches_.find(number);
  if (it == watches_.end()) return;
  const InodePtr inode = std::move(it->second.inode);
  watches_.erase(it);
  --services_.watches;
  if (!inode->watches) return;
  std::erase_if(*inode->watches, [&](const Watch& w) { return w.watcher == this && w.number == number; });
  if (inode->watches->empty()) inode->watches.reset();
}

void NotifyFile::drop_watches() {
  while (!watches_.empty()) forget(watches_.begin()->first);
}

Result<> NotifyFile::unwatch(int32_t number) {
  if (!watches_.contains(number)) return Errno{EINVAL};
  lose(number);
  return Unit{};
}

void NotifyFile::hear(int32_t number, const WatchNews& news) {
  const auto it = watches_.find(number);
  if (it == watches_.end() || (it->second.mask & news.events & kWatchAllEvents) == 0) return;
  const uint32_t mask = it->second.mask;
  if (news.unlinked && !news.name.empty() && (mask & kWatchNoUnlinked)) return;
  put({number, news.events, news.cookie, std::string(news.name)});
  if (mask & kWatchOneShot) lose(number);
}

void NotifyFile::lose(int32_t number) {
  forget(number);
  put({number, kWatchIgnored, 0, ""});
}

// The same twice in a row is told once.
void NotifyFile::put(Event event) {
  if (!queue_.empty() && queue_.back() == event) return;
  if (queue_.size() >= kEventsMost) {
    if (queue_.back().mask == kWatchOverflow) return;
    event = {-1, kWatchOverflow, 0, ""};
  }
  queued_bytes_ += event.bytes();
  queue_.push_back(std::move(event));
  ++arrivals_;
  readers_.wake_all();
  services_.poll_changes.wake_all();
}

Co<Result<uint64_t>> NotifyFile::read(IoContext& io, OpenFile& file, uint64_t, VirtAddr to, uint64_t bytes) {
  io.cpu.charge(Cycles(io.costs.pipe));
  while (queue_.empty()) {
    if (file.nonblocking()) co_return Errno{EAGAIN};
    const Wake wake = co_await io.sleeper.sleep(readers_);
    if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  }
  std::vector<uint8_t> out;
  while (!queue_.empty() && out.size() + queue_.front().bytes() <= bytes) {
    const Event event = std::move(queue_.front());
    queue_.pop_front();
    const uint64_t at = out.size(), size = event.bytes();
    queued_bytes_ -= size;
    out.resize(at + size);
    const auto name_bytes = static_cast<uint32_t>(size - kHead);
    std::memcpy(out.data() + at, &event.watch, 4);
    std::memcpy(out.data() + at + 4, &event.mask, 4);
    std::memcpy(out.data() + at + 8, &event.cookie, 4);
    std::memcpy(out.data() + at + 12, &name_bytes, 4);
    std::memcpy(out.data() + at + kHead, event.name.data(), event.name.size());
  }
  if (out.empty()) co_return Errno{EINVAL};
  auto put_out = co_await io.user.write(to, out);
  if (!put_out) co_return put_out.error();
  co_return out.size();
}

}  // namespace faultline::os
