// read, write and their relatives; lseek, getdents64.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "os/files/pipe.h"
#include "os/files/regular_file.h"
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

Result<> check_length(uint64_t bytes) {
  if (static_cast<int64_t>(bytes) < 0) return Errno{EFAULT};  // no buffer is so long (Linux, vfs_read)
  return Unit{};
}

Result<OpenFilePtr> readable_file(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) return file;
  if (!(*file)->readable()) return Errno{EBADF};
  if ((*file)->inode().is(InodeType::directory)) return Errno{EISDIR};
  return file;
}

Result<OpenFilePtr> writable_file(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (file && !(*file)->writable()) return Errno{EBADF};
  return file;
}

// A file to be read or written at a place of its own, not at its position.
Result<> check_place(const Result<OpenFilePtr>& file, uint64_t offset) {
  if (!file) return file.error();
  if (static_cast<int64_t>(offset) < 0) return Errno{EINVAL};
  if (!file.value()->inode().seekable()) return Errno{ESPIPE};
  return Unit{};
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

std::vector<Vector> one_vector(SyscallContext& call) { return {{call.address(1), std::min(call.args[2], kMostBytes)}}; }

Co<SyscallResult> move_one(SyscallContext& call, bool writes) {
  Result<OpenFilePtr> file = writes ? writable_file(call) : readable_file(call);
  if (!file) co_return file.error();
  if (Result<> length = check_length(call.args[2]); !length) co_return length.error();
  auto moved = co_await move_at_position(call, *file, one_vector(call), writes);
  co_return moved;
}

Co<SyscallResult> move_one_at(SyscallContext& call, bool writes) {
  Result<OpenFilePtr> file = writes ? writable_file(call) : readable_file(call);
  if (Result<> place = check_place(file, call.args[3]); !place) co_return place.error();
  if (Result<> length = check_length(call.args[2]); !length) co_return length.error();
  uint64_t end = 0;
  auto moved = co_await move_vectors(call, *file, one_vector(call), call.args[3], writes, &end);
  co_return moved;
}

Co<SyscallResult> move_many(SyscallContext& call, bool writes) {
  Result<OpenFilePtr> file = writes ? writable_file(call) : readable_file(call);
  if (!file) co_return file.error();
  auto vectors = co_await vector_argument(call);
  if (!vectors) co_return vectors.error();
  auto moved = co_await move_at_position(call, *file, *vectors, writes);
  co_return moved;
}

// preadv and pwritev; their second versions take -1 for the position, and flags.
Co<SyscallResult> move_many_at(SyscallContext& call, bool writes, bool second) {
  if (second && call.args[5] != 0) co_return Errno{EOPNOTSUPP};
  if (second && call.args[3] == ~uint64_t{0}) {
    auto moved = co_await move_many(call, writes);
    co_return moved;
  }
  Result<OpenFilePtr> file = writes ? writable_file(call) : readable_file(call);
  if (Result<> place = check_place(file, call.args[3]); !place) co_return place.error();
  auto vectors = co_await vector_argument(call);
  if (!vectors) co_return vectors.error();
  uint64_t end = 0;
  auto moved = co_await move_vectors(call, *file, *vectors, call.args[3], writes, &end);
  co_return moved;
}

Co<SyscallResult> sys_read(SyscallContext& call) { return move_one(call, false); }
Co<SyscallResult> sys_write(SyscallContext& call) { return move_one(call, true); }
Co<SyscallResult> sys_pread64(SyscallContext& call) { return move_one_at(call, false); }
Co<SyscallResult> sys_pwrite64(SyscallContext& call) { return move_one_at(call, true); }
Co<SyscallResult> sys_readv(SyscallContext& call) { return move_many(call, false); }
Co<SyscallResult> sys_writev(SyscallContext& call) { return move_many(call, true); }
Co<SyscallResult> sys_preadv(SyscallContext& call) { return move_many_at(call, false, false); }
Co<SyscallResult> sys_pwritev(SyscallContext& call) { return move_many_at(call, true, false); }
Co<SyscallResult> sys_preadv2(SyscallContext& call) { return move_many_at(call, false, true); }
Co<SyscallResult> sys_pwritev2(SyscallContext& call) { return move_many_at(call, true, true); }

// --- position ------------------------------------------------------------------------

SyscallResult seek_data_or_hole(OpenFile& file, uint64_t offset, bool data) {
  const std::optional<uint64_t> found = data ? file.inode().next_data(offset) : file.inode().next_hole(offset);
  if (found) file.offset = *found;
  return found ? SyscallResult(*found) : SyscallResult(Errno{ENXIO});
}

SyscallResult sys_lseek(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) return found.error();
  OpenFile& file = **found;
  const bool directory = file.inode().is(InodeType::directory);
  if (!file.inode().seekable() && !directory) return Errno{ESPIPE};
  if (file.inode().is(InodeType::character)) return uint64_t{0};
  const auto offset = static_cast<int64_t>(call.args[1]);
  const auto size = static_cast<int64_t>(file.inode().size());
  int64_t base = 0;
  switch (call.word(2)) {
    case 0:  // SEEK_SET
      break;
    case 1:  // SEEK_CUR
      base = static_cast<int64_t>(file.offset);
      break;
    case 2:  // SEEK_END
      if (directory) return Errno{EINVAL};
      base = size;
      break;
    case 3:  // SEEK_DATA and SEEK_HOLE
    case 4:
      if (directory || offset < 0 || offset >= size) return Errno{directory ? EINVAL : ENXIO};
      return seek_data_or_hole(file, static_cast<uint64_t>(offset), call.word(2) == 3);
    default:
      return Errno{EINVAL};
  }
  int64_t sum = 0;
  if (__builtin_add_overflow(base, offset, &sum)) return Errno{EINVAL};
  if (sum < 0 || static_cast<uint64_t>(sum) > kFileSizeMax) return Errno{EINVAL};
  return file.offset = static_cast<uint64_t>(sum);
}

// --- directories -------------------------------------------------------------------------

using Listing = std::vector<Directory::Entry>;

// The state of a directory when it was opened or rewound, "." and ".." first.
Result<std::shared_ptr<const Snapshot<Listing>>> listing_of(const Vfs& vfs, OpenFile& file) {
  if (file.offset != 0 && file.snapshot) return std::static_pointer_cast<const Snapshot<Listing>>(file.snapshot);
  auto& directory = static_cast<Directory&>(file.inode());
  Result<Listing> entries = directory.list();
  if (!entries) return entries.error();
  const DirectoryPtr parent = directory.parent.lock();
  Listing listing;
  listing.reserve(entries->size() + 2);
  listing.push_back({".", directory.number(), InodeType::directory});
  listing.push_back({"..", parent ? parent->number() : directory.number(), InodeType::directory});
  listing.insert(listing.end(), entries->begin(), entries->end());
  const uint64_t bytes = listing.size() * sizeof(Directory::Entry);
  auto snapshot = Snapshot<Listing>::take(vfs.snapshots(), std::move(listing), bytes);
  if (!snapshot) return Errno{ENOMEM};
  file.snapshot = snapshot;
  return snapshot;
}

// struct linux_dirent64: inode, offset of the next, length, type, name.
constexpr size_t kEntryHead = 19;

size_t put_entry(uint8_t* to, const Directory::Entry& entry, uint64_t next) {
  const auto length = static_cast<uint16_t>((kEntryHead + entry.name.size() + 1 + 7) & ~size_t{7});
  std::memset(to, 0, length);
  std::memcpy(to, &entry.number, 8);
  std::memcpy(to + 8, &next, 8);
  std::memcpy(to + 16, &length, 2);
  to[18] = static_cast<uint8_t>(static_cast<uint32_t>(entry.type) >> 12);
  std::memcpy(to + kEntryHead, entry.name.data(), entry.name.size());
  return length;
}

Co<SyscallResult> sys_getdents64(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) co_return found.error();
  const OpenFilePtr file = *found;
  if (!file->inode().is(InodeType::directory)) co_return Errno{ENOTDIR};
  if (static_cast<Directory&>(file->inode()).removed) co_return Errno{ENOENT};
  Result<std::shared_ptr<const Snapshot<Listing>>> held = listing_of(vfs_of(call), *file);
  if (!held) co_return held.error();
  const Listing& listing = (*held)->value;
  std::vector<uint8_t> bytes(std::min<uint64_t>(call.word(2), 32768));
  size_t used = 0;
  uint64_t at = file->offset;
  for (; at < listing.size(); ++at) {
    const Directory::Entry& entry = listing[at];
    if (used + ((kEntryHead + entry.name.size() + 1 + 7) & ~size_t{7}) > bytes.size()) break;
    used += put_entry(bytes.data() + used, entry, at + 1);
  }
  if (used == 0 && at < listing.size()) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.write(call.address(1), std::span<const uint8_t>(bytes.data(), used));
  if (!put) co_return put.error();
  file->offset = at;
  co_return used;
}

}  // namespace

void register_file_io(SyscallTable& table) {
  table.add(61, sys_getdents64);
  table.add(62, sys_lseek);
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
