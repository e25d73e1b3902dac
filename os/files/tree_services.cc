#include "os/files/tree_services.h"

#include <fcntl.h>

#include <utility>

namespace faultline::os {

void HostDescriptors::forget(HostFile& file) {
  if (file.listed) recent_.remove(&file);
  file.listed = false;
}

void HostDescriptors::keep(HostFile& file) {
  forget(file);
  if (file.pinned) return;
  recent_.push_front(&file);
  file.listed = true;
  if (recent_.size() > kKept) {
    HostFile* oldest = recent_.back();
    recent_.pop_back();
    oldest->listed = false;
    oldest->fd = UniqueFd();
  }
}

void HostDescriptors::adopt(HostFile& file, UniqueFd fd) {
  file.fd = std::move(fd);
  keep(file);
}

Result<int> HostDescriptors::use(HostFile& file) {
  if (!file.fd) {
    Result<UniqueFd> opened = file.node->open(file.writes_through ? O_RDWR : O_RDONLY);
    // A file bound :rw that the host lets us only read.
    if (!opened && file.writes_through && opened.error() != Errno{ENOENT}) opened = file.node->open(O_RDONLY);
    if (!opened) return opened.error();
    file.fd = std::move(opened.value());
  }
  keep(file);
  return file.fd.get();
}

Result<> HostDescriptors::pin(HostFile& file) {
  Result<int> fd = use(file);
  if (!fd) return fd.error();
  forget(file);
  file.pinned = true;
  return Unit{};
}

}  // namespace faultline::os
