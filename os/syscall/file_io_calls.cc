// read, write and their relatives.
#include <algorithm>
#include <cerrno>
#include <vector>

#include "os/files/pipe.h"
#include "os/files/regular_file.h"
#include "os/files/socket.h"
#include "os/memory/page_cache.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

constexpr unsigned kVectorsMost = 1024;  // UIO_MAXIOV

// Holds the position of a shared open file from its construction on, to be
// released by the end of the call.
class Position {
 public:
  Position(Vfs& vfs, OpenFilePtr file) : vfs_(vfs), file_(std::move(file)) {}
  ~Position() {
    if (!held_) return;
    file_->position_busy = false;
    if (!vfs_.position_changes().empty()) vfs_.position_changes().wake_all();
  }
  Position(const Position&) = delete;
  Position& operator=(const Position&) = delete;

  Co<> hold() {
    if (!file_->inode().seekable()) co_return;
    while (file_->position_busy) co_await vfs_.position_changes().sleep();
    file_->position_busy = held_ = true;
  }

 private:
  Vfs& vfs_;
  OpenFilePtr file_;
  bool held_ = false;
};

// struct iovec of the program.
using Vector = UserPiece;
static_assert(sizeof(Vector) == 16);

// No buffer lies beyond what is the program's (Linux, access_ok in vfs_read).
Result<> check_buffer(SyscallContext& call) {
  const uint64_t end = call.task.process().space->user_end().value;
  if (call.args[2] > end || call.args[1] > end - call.args[2]) return Errno{EFAULT};
  return Unit{};
}

Result<OpenFilePtr> readable_file(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) return file;
  if (!(*file)->readable()) return Errno{EBADF};
  return file;
}

Result<> check_no_directory(const OpenFile& file, bool writes) {
  return !writes && file.inode().is(InodeType::directory) ? Result<>(Errno{EISDIR}) : Result<>(Unit{});
}

Result<OpenFilePtr> writable_file(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (file && !(*file)->writable()) return Errno{EBADF};
  return file;
}

// A file to be read or written at a place of its own, not at its position.
Result<OpenFilePtr> file_with_places(SyscallContext& call, bool writes, uint64_t offset) {
  if (static_cast<int64_t>(offset) < 0) return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) return file;
  const bool directory = (*file)->inode().is(InodeType::directory);
  if (!(*file)->inode().seekable() && !directory) return Errno{ESPIPE};
  return writes ? writable_file(call) : readable_file(call);
}

// A pipe takes what is no more than PIPE_BUF in one piece, however many vectors
// it comes in.
Pipe* takes_whole(OpenFile& file, const std::vector<Vector>& vectors) {
  auto* pipe = vectors.size() > 1 ? dynamic_cast<Pipe*>(&file.inode()) : nullptr;
  uint64_t total = 0;
  for (const Vector& vector : vectors) total += vector.bytes;
  return total <= Pipe::kAtomic ? pipe : nullptr;
}

Co<SyscallResult> write_whole(SyscallContext& call, OpenFilePtr file, Pipe& pipe, std::vector<Vector> vectors) {
  CallIo io(call);
  auto moved = co_await pipe.write_atomically(io.context(), *file, vectors);
  signal_failed_write(call, io.context(), moved);
  co_return moved;
}

// Several vectors are one message.
Co<SyscallResult> move_message(SyscallContext& call, OpenFilePtr file, std::vector<Vector> vectors, bool writes) {
  auto& socket = static_cast<Socket&>(file->inode());
  CallIo io(call);
  Result<uint64_t> moved = uint64_t{0};
  if (writes) {
    Socket::Outgoing message{.pieces = vectors, .sender = io.context().caller, .waits = !file->nonblocking()};
    moved = co_await socket.send(io.context(), message);
    signal_failed_write(call, io.context(), moved);
  } else {
    Socket::Incoming message{.pieces = vectors, .waits = !file->nonblocking()};
    moved = co_await socket.receive(io.context(), message);
  }
  co_return moved;
}

// Moves the vectors one after the other until one comes up short.
Co<SyscallResult> move_vectors(SyscallContext& call, OpenFilePtr file, std::vector<Vector> vectors, uint64_t offset,
                               bool writes, uint64_t* end) {
  if (file->inode().is_terminal()) {
    const Result<> allowed = check_foreground(call.kernel, call.task, writes ? TerminalUse::write : TerminalUse::read);
    if (!allowed) co_return allowed.error();
  }
  if (Pipe* const pipe = writes ? takes_whole(*file, vectors) : nullptr) {
    auto moved = co_await write_whole(call, file, *pipe, std::move(vectors));
    co_return moved;
  }
  if (vectors.size() > 1 && dynamic_cast<Socket*>(&file->inode())) {
    auto moved = co_await move_message(call, file, std::move(vectors), writes);
    co_return moved;
  }
  CallIo io(call);
  uint64_t done = 0;
  Result<uint64_t> moved = uint64_t{0};
  for (const Vector& vector : vectors) {
    const uint64_t bytes = std::min(vector.bytes, kMostBytes - done);
    if (vector.bytes != 0 && bytes == 0) break;
    if (writes) {
      moved = co_await file->inode().write(io.context(), *file, offset, vector.at, bytes);
    } else {
      moved = co_await file->inode().read(io.context(), *file, offset, vector.at, bytes);
      if (moved) offset += *moved;
    }
    if (!moved) break;
    done += *moved;
    if (*moved < bytes) break;
    // A pipe that has given something does not wait for more.
    if (!writes && done != 0 && !file->inode().seekable() && file->inode().is(InodeType::fifo) &&
        (file->inode().poll(*file) & kPollIn) == 0) {
      break;
    }
  }
  *end = offset;
  if (writes) signal_failed_write(call, io.context(), moved);
  if (!moved && done == 0) co_return moved.error();
  if (done != 0) tell_watchers(*file, writes ? kWatchModify : kWatchAccess);
  if (writes && done != 0 && (file->flags & kOpenDataSync)) {
    const Result<> synced = co_await sync_bytes(call, file, offset - done, done);
    if (!synced) co_return synced.error();
  }
  co_return done;
}

Co<SyscallResult> move_at_position(SyscallContext& call, OpenFilePtr file, std::vector<Vector> vectors, bool writes) {
  Position position(vfs_of(call), file);
  co_await position.hold();
  uint64_t end = 0;
  auto moved = co_await move_vectors(call, file, std::move(vectors), file->offset, writes, &end);
  if (moved && file->inode().seekable()) file->offset = end;
  co_return moved;
}

Co<Result<std::vector<Vector>>> vector_argument(SyscallContext& call) {
  if (call.args[2] > kVectorsMost) co_return Errno{EINVAL};
  std::vector<Vector> vectors(call.args[2]);
  UserMemory user = call.kernel.user_memory(call.task);
  auto* bytes = reinterpret_cast<uint8_t*>(vectors.data());
  auto got = co_await user.read(call.address(1), std::span<uint8_t>(bytes, vectors.size() * sizeof(Vector)));
  if (!got) co_return got.error();
  uint64_t total = 0;
  for (const Vector& vector : vectors) {
    if (static_cast<int64_t>(vector.bytes) < 0 || static_cast<int64_t>(total + vector.bytes) < 0) {
      co_return Errno{EINVAL};
    }
    total += vector.bytes;
  }
  co_return vectors;
}

// Nothing to move is nothing to ask the file for (Linux, do_iter_read).
bool is_empty(const std::vector<Vector>& vectors) {
  return std::all_of(vectors.begin(), vectors.end(), [](const Vector& vector) { return vector.bytes == 0; });
}

std::vector<Vector> one_vector(SyscallContext& call) { return {{call.address(1), std::min(call.args[2], kMostBytes)}}; }

Co<SyscallResult> move_one(SyscallContext& call, bool writes) {
  Result<OpenFilePtr> file = writes ? writable_file(call) : readable_file(call);
  if (!file) co_return file.error();
  if (Result<> length = check_buffer(call); !length) co_return length.error();
  if (Result<> kind = check_no_directory(**file, writes); !kind) co_return kind.error();
  auto moved = co_await move_at_position(call, *file, one_vector(call), writes);
  co_return moved;
}

Co<SyscallResult> move_one_at(SyscallContext& call, bool writes) {
  Result<OpenFilePtr> file = file_with_places(call, writes, call.args[3]);
  if (!file) co_return file.error();
  if (Result<> length = check_buffer(call); !length) co_return length.error();
  if (Result<> kind = check_no_directory(**file, writes); !kind) co_return kind.error();
  uint64_t end = 0;
  auto moved = co_await move_vectors(call, *file, one_vector(call), call.args[3], writes, &end);
  co_return moved;
}

Co<SyscallResult> move_many(SyscallContext& call, bool writes) {
  Result<OpenFilePtr> file = writes ? writable_file(call) : readable_file(call);
  if (!file) co_return file.error();
  auto vectors = co_await vector_argument(call);
  if (!vectors) co_return vectors.error();
  if (is_empty(*vectors)) co_return uint64_t{0};
  if (Result<> kind = check_no_directory(**file, writes); !kind) co_return kind.error();
  auto moved = co_await move_at_position(call, *file, *vectors, writes);
  co_return moved;
}

Co<SyscallResult> move_many_at(SyscallContext& call, bool writes) {
  Result<OpenFilePtr> file = file_with_places(call, writes, call.args[3]);
  if (!file) co_return file.error();
  auto vectors = co_await vector_argument(call);
  if (!vectors) co_return vectors.error();
  if (is_empty(*vectors)) co_return uint64_t{0};
  if (Result<> kind = check_no_directory(**file, writes); !kind) co_return kind.error();
  uint64_t end = 0;
  auto moved = co_await move_vectors(call, *file, *vectors, call.args[3], writes, &end);
  co_return moved;
}

// The file of preadv2 and pwritev2 as their flags have it, for this call alone.
Result<OpenFilePtr> file_for_flags(const OpenFilePtr& file, uint32_t flags, bool writes) {
  enum Flag : uint32_t { kHighPriority = 1, kDataSync = 2, kSync = 4, kNoWait = 8, kAppend = 16 };
  constexpr uint32_t kKnown = kHighPriority | kDataSync | kSync | kNoWait | kAppend;
  if ((flags & ~kKnown) || (!writes && (flags & kAppend))) return Errno{EOPNOTSUPP};
  // What is buffered and written is nothing that could be done without waiting (Linux, tmpfs).
  if ((flags & kNoWait) && writes) return Errno{EOPNOTSUPP};
  uint32_t changed = file->flags;
  if (flags & kAppend) changed |= kOpenAppend;
  if (flags & kDataSync) changed |= kOpenDataSync;
  if (flags & kSync) changed |= kOpenSync;
  if (flags & kNoWait) changed |= kOpenNonBlocking;
  auto door = std::make_shared<OpenFile>(file->inode_pointer(), changed);
  door->parent = file->parent;
  door->path = file->path;
  return door;
}

// preadv2 and pwritev2: -1 is the file's own position.
Co<SyscallResult> move_many_by_flags(SyscallContext& call, bool writes) {
  const bool own = call.args[3] == ~uint64_t{0};
  Result<OpenFilePtr> file = Errno{EBADF};
  if (!own) {
    file = file_with_places(call, writes, call.args[3]);
  } else {
    file = writes ? writable_file(call) : readable_file(call);
  }
  if (!file) co_return file.error();
  auto vectors = co_await vector_argument(call);
  if (!vectors) co_return vectors.error();
  if (is_empty(*vectors)) co_return uint64_t{0};
  if (Result<> kind = check_no_directory(**file, writes); !kind) co_return kind.error();
  const OpenFilePtr held = *file;
  Result<OpenFilePtr> door = held;
  if (call.word(5) != 0) door = file_for_flags(held, call.word(5), writes);
  if (!door) co_return door.error();
  Position position(vfs_of(call), held);
  if (own) co_await position.hold();
  uint64_t end = 0;
  auto moved = co_await move_vectors(call, *door, *vectors, own ? held->offset : call.args[3], writes, &end);
  if (own && moved && held->inode().seekable()) held->offset = end;
  co_return moved;
}

Co<SyscallResult> sys_read(SyscallContext& call) { return move_one(call, false); }
Co<SyscallResult> sys_write(SyscallContext& call) { return move_one(call, true); }
Co<SyscallResult> sys_pread64(SyscallContext& call) { return move_one_at(call, false); }
Co<SyscallResult> sys_pwrite64(SyscallContext& call) { return move_one_at(call, true); }
Co<SyscallResult> sys_readv(SyscallContext& call) { return move_many(call, false); }
Co<SyscallResult> sys_writev(SyscallContext& call) { return move_many(call, true); }
Co<SyscallResult> sys_preadv(SyscallContext& call) { return move_many_at(call, false); }
Co<SyscallResult> sys_pwritev(SyscallContext& call) { return move_many_at(call, true); }
Co<SyscallResult> sys_preadv2(SyscallContext& call) { return move_many_by_flags(call, false); }
Co<SyscallResult> sys_pwritev2(SyscallContext& call) { return move_many_by_flags(call, true); }

}  // namespace

void register_file_io(SyscallTable& table) {
  table.add(63, sys_read);
  table.add(64, sys_write);
  table.add(65, sys_readv);
  table.add(66, sys_writev);
  table.add(67, sys_pread64);
  table.add(68, sys_pwrite64);
  table.add(69, sys_preadv);
  table.add(70, sys_pwritev);
  table.add(286, sys_preadv2);
  table.add(287, sys_pwritev2);
}

}  // namespace faultline::os
