// Who wants to hear what happens to a file (inotify(7)), kept with its inode.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace faultline::os {

class Inode;

// linux/inotify.h.
enum WatchEvent : uint32_t {
  kWatchAccess = 0x1,
  kWatchModify = 0x2,
  kWatchAttributes = 0x4,
  kWatchCloseWrite = 0x8,
  kWatchCloseNoWrite = 0x10,
  kWatchOpen = 0x20,
  kWatchMovedFrom = 0x40,
  kWatchMovedTo = 0x80,
  kWatchCreate = 0x100,
  kWatchDelete = 0x200,
  kWatchDeleteSelf = 0x400,
  kWatchMoveSelf = 0x800,
  kWatchAllEvents = 0xfff,
  kWatchOverflow = 0x4000,
  kWatchIgnored = 0x8000,
  kWatchOnlyDirectory = 0x01000000,
  kWatchNoFollow = 0x02000000,
  kWatchNoUnlinked = 0x04000000,
  kWatchMaskCreate = 0x10000000,
  kWatchMaskAdd = 0x20000000,
  kWatchDirectory = 0x40000000,  // the event is about a directory
  kWatchOneShot = 0x80000000,
};

// What happened, to a file or to the one of that name in a directory.
struct WatchNews {
  uint32_t events = 0;
  uint32_t cookie = 0;  // the same for both sides of a rename
  std::string_view name{};
  bool unlinked = false;  // the file has no name any more
};

class Watcher {
 public:
  virtual ~Watcher() = default;
  virtual void hear(int32_t watch, const WatchNews& news) = 0;
  // The file is gone: it will not be heard of again.
  virtual void lose(int32_t watch) = 0;
};

struct Watch {
  Watcher* watcher;
  int32_t number;
};

using WatchList = std::vector<Watch>;

// Nothing where nobody watches the inode.
void tell_watchers(Inode& inode, const WatchNews& news);
// Tells of the end of a file that has neither name nor user.
void tell_of_end(Inode& inode);

}  // namespace faultline::os
