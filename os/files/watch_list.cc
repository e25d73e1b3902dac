#include "os/files/watch_list.h"

#include "os/files/directory.h"
#include "os/files/open_file.h"

namespace faultline::os {

// Who hears may take watches away: the list is not gone through itself.
void tell_watchers(Inode& inode, const WatchNews& news) {
  if (!inode.watches) return;
  const WatchList listeners = *inode.watches;
  for (const Watch& watch : listeners) watch.watcher->hear(watch.number, news);
}

void tell_of_end(Inode& inode) {
  if (!inode.watches) return;
  tell_watchers(inode, {.events = kWatchDeleteSelf});
  if (!inode.watches) return;
  const WatchList listeners = *inode.watches;
  for (const Watch& watch : listeners) watch.watcher->lose(watch.number);
}

void tell_watchers(const OpenFile& file, uint32_t events) {
  Inode& inode = file.inode();
  Inode* const parent = file.parent.get();
  if (file.path_only() || (!inode.watches && (!parent || !parent->watches))) return;
  const bool directory = inode.is(InodeType::directory);
  WatchNews news{.events = events | (directory ? uint32_t{kWatchDirectory} : 0u),
                 .unlinked = inode.attributes.links == 0};
  if (parent && parent->watches) {
    news.name = std::string_view(file.path).substr(file.path.rfind('/') + 1);
    tell_watchers(*parent, news);
    news.name = {};
  }
  tell_watchers(inode, news);
}

OpenFile::~OpenFile() {
  if (inode_->whole_locks) inode_->whole_locks->clear_all(this);
  if (inode_->record_locks) inode_->record_locks->clear_all(this);  // F_OFD_SETLK
  if (opened) {
    tell_watchers(*this, writable() ? kWatchCloseWrite : kWatchCloseNoWrite);
    inode_->close(*this);
  }
  if (counted_) --inode_->writers;
  if (--inode_->opens == 0 && inode_->attributes.links == 0) tell_of_end(*inode_);
}

}  // namespace faultline::os
