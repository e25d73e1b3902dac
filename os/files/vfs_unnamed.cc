// Files that no directory names: pipes, sockets, eventfd, epoll, memfd.
#include <utility>

#include "os/files/event_counter.h"
#include "os/files/event_poll.h"
#include "os/files/pipe.h"
#include "os/files/regular_file.h"
#include "os/files/stream_socket.h"
#include "os/files/vfs.h"

namespace faultline::os {

Attributes Vfs::own_attributes(uint32_t permissions) const {
  Attributes given;
  given.permissions = permissions;
  given.uid = uid_;
  given.gid = gid_;
  given.accessed = given.modified = given.changed = now();
  return given;
}

std::shared_ptr<Pipe> Vfs::new_pipe() {
  return std::make_shared<Pipe>(services_, mounts_.front(), services_.next_number(), own_attributes(0600));
}

std::pair<OpenFilePtr, OpenFilePtr> Vfs::make_pipe(uint32_t flags) {
  const std::shared_ptr<Pipe> pipe = new_pipe();
  auto end = [&](uint32_t mode) {
    auto file = std::make_shared<OpenFile>(pipe, mode | (flags & (kOpenNonBlocking | kOpenDirect)));
    pipe->open_end(*file);
    file->opened = true;
    file->path = "pipe:[" + std::to_string(pipe->number()) + "]";
    return file;
  };
  OpenFilePtr reading = end(kOpenReadOnly);
  OpenFilePtr writing = end(kOpenWriteOnly);
  return {std::move(reading), std::move(writing)};
}

std::pair<OpenFilePtr, OpenFilePtr> Vfs::make_socket_pair(uint32_t flags) {
  const std::shared_ptr<Pipe> there = new_pipe();
  const std::shared_ptr<Pipe> back = new_pipe();
  auto end = [&](const std::shared_ptr<Pipe>& in, const std::shared_ptr<Pipe>& out) {
    auto socket =
        std::make_shared<StreamSocket>(mounts_.front(), services_.next_number(), own_attributes(0777), in, out);
    auto file = std::make_shared<OpenFile>(socket, kOpenReadWrite | (flags & kOpenNonBlocking));
    file->opened = true;
    file->path = "socket:[" + std::to_string(socket->number()) + "]";
    return file;
  };
  OpenFilePtr first = end(back, there);
  OpenFilePtr second = end(there, back);
  return {std::move(first), std::move(second)};
}

OpenFilePtr Vfs::make_event_counter(uint64_t first, bool semaphore, uint32_t flags) {
  auto inode = std::make_shared<EventCounter>(services_, mounts_.front(), services_.next_number(), own_attributes(0600),
                                              first, semaphore);
  auto file = std::make_shared<OpenFile>(inode, kOpenReadWrite | (flags & kOpenNonBlocking));
  file->opened = true;
  file->path = "anon_inode:[eventfd]";
  return file;
}

OpenFilePtr Vfs::make_event_poll() {
  auto inode = std::make_shared<EventPoll>(mounts_.front(), services_.next_number(), own_attributes(0600));
  auto file = std::make_shared<OpenFile>(inode, kOpenReadWrite);
  file->opened = true;
  file->path = "anon_inode:[eventpoll]";
  return file;
}

OpenFilePtr Vfs::make_anonymous_file(std::string name, uint32_t flags) {
  Attributes given = own_attributes(0777);
  given.links = 0;
  auto inode = std::make_shared<RegularFile>(services_, mounts_.front(), services_.next_number(), given);
  inode->set_name("/memfd:" + name + " (deleted)");
  auto file = std::make_shared<OpenFile>(inode, kOpenReadWrite | kOpenLargeFile | (flags & kOpenNonBlocking));
  file->opened = true;
  file->path = inode->name();
  return file;
}

}  // namespace faultline::os
