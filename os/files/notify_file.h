// The file behind inotify(7): watches, and a queue of what they heard.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "os/files/vfs.h"
#include "os/files/watch_list.h"

namespace faultline::os {

class NotifyFile final : public Inode, public Watcher {
 public:
  // fs.inotify.max_queued_events, max_user_watches.
  static constexpr size_t kEventsMost = 16384;
  static constexpr size_t kWatchesMost = 65536;

  explicit NotifyFile(const Vfs::Unnamed& place);
  ~NotifyFile() override { drop_watches(); }

  // The watch's number. EEXIST, ENOSPC.
  Result<int32_t> watch(const InodePtr& inode, uint32_t mask);
  Result<> unwatch(int32_t number);  // EINVAL

  void hear(int32_t number, const WatchNews& news) override;
  void lose(int32_t number) override;

  void close(OpenFile&) override { drop_watches(); }
  // Whole events: EINVAL where the first does not fit.
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  uint32_t poll(const OpenFile&) const override { return queue_.empty() ? 0u : uint32_t{kPollIn}; }
  uint64_t activity(uint32_t) const override { return arrivals_; }
  std::optional<uint64_t> readable_bytes(const OpenFile&) const override { return queued_bytes_; }

 private:
  struct Event {
    int32_t watch;
    uint32_t mask, cookie;
    std::string name;
    bool operator==(const Event&) const = default;
    uint64_t bytes() const;
  };
  struct Watched {
    InodePtr inode;
    uint32_t mask;
  };
  void put(Event event);
  void forget(int32_t number);
  void drop_watches();

  TreeServices& services_;
  WaitQueue readers_;
  std::map<int32_t, Watched> watches_;
  std::deque<Event> queue_;
  uint64_t queued_bytes_ = 0;
  uint64_t arrivals_ = 0;
  int32_t last_ = 0;
};

}  // namespace faultline::os
