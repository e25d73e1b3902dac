// Files that no directory names: pipes, sockets, eventfd, memfd.
#include <utility>

#include "os/files/event_counter.h"
#include "os/files/pipe.h"
#include "os/files/regular_file.h"
#include "os/files/socket.h"
#include "os/files/tree_directory.h"
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

std::shared_ptr<Socket> Vfs::new_socket(uint16_t family, SocketKind kind) {
  return std::make_shared<Socket>(services_, mounts_.front(), services_.next_number(), own_attributes(0777), family,
                                  kind);
}

OpenFilePtr Vfs::open_socket(const std::shared_ptr<Socket>& socket, uint32_t flags) {
  return open_unnamed(socket, flags, "socket:[" + std::to_string(socket->number()) + "]");
}

Result<> Vfs::bind_socket(const std::shared_ptr<Socket>& socket, const DirectoryPtr& start, std::string_view path,
                          uint32_t permissions) {
  Result<PathResult> place = place_for(start, path);
  if (!place) return place.error() == Errno{EEXIST} ? Errno{EADDRINUSE} : place.error();
  if (place->trailing_slash) return Errno{ENOENT};
  Result<InodePtr> made = place->parent->tree()->create_socket(place->name, permissions);
  if (!made) return made.error();
  static_cast<SocketNode&>(**made).socket = socket;
  return Unit{};
}

Vfs::Unnamed Vfs::new_unnamed() { return {services_, mounts_.front(), services_.next_number(), own_attributes(0600)}; }

OpenFilePtr Vfs::open_unnamed(InodePtr inode, uint32_t flags, std::string path) {
  auto file = std::make_shared<OpenFile>(std::move(inode), kOpenReadWrite | (flags & kOpenNonBlocking));
  file->opened = true;
  file->path = std::move(path);
  return file;
}

OpenFilePtr Vfs::make_event_counter(uint64_t first, bool semaphore, uint32_t flags) {
  auto inode = std::make_shared<EventCounter>(services_, mounts_.front(), services_.next_number(), own_attributes(0600),
                                              first, semaphore);
  return open_unnamed(std::move(inode), flags, "anon_inode:[eventfd]");
}

OpenFilePtr Vfs::make_anonymous_file(std::string name, uint32_t flags, uint32_t seals) {
  Attributes given = own_attributes(0777);
  given.links = 0;
  auto inode = std::make_shared<RegularFile>(services_, mounts_.front(), services_.next_number(), given);
  inode->seals = seals;
  inode->set_name("/memfd:" + name + " (deleted)");
  auto file = std::make_shared<OpenFile>(inode, kOpenReadWrite | kOpenLargeFile | (flags & kOpenNonBlocking));
  file->opened = true;
  file->count_writer();
  file->path = inode->name();
  return file;
}

}  // namespace faultline::os
