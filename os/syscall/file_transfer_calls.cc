// Calls that move bytes from file to file, without a detour through the program:
// sendfile(2), splice(2), tee(2), vmsplice(2), copy_file_range(2).
#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "os/files/pipe.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

constexpr uint64_t kPiece = 65536;  // that is moved at once

// SPLICE_F_MOVE and so on (linux/splice.h); only one has a meaning here.
constexpr uint32_t kSpliceNonBlocking = 2;
constexpr uint32_t kSpliceFlags = 15;

Pipe* as_pipe(const OpenFilePtr& file) { return dynamic_cast<Pipe*>(&file->inode()); }

// One side of a move. `offset` is where it goes on; it ends up at the pointer that
// the program gave, or in the file's own position.
struct Side {
  OpenFilePtr file;
  Pipe* pipe = nullptr;
  uint64_t offset = 0;
  VirtAddr pointer{};
};

// The file of argument `i`, with the offset that argument `i` + 1 points to. EBADF.
Result<Side> side_argument(SyscallContext& call, unsigned i, bool writes) {
  Result<OpenFilePtr> file = file_argument(call, i);
  if (!file) return file.error();
  const bool allowed = writes ? (*file)->writable() : (*file)->readable();
  if (!allowed) return Errno{EBADF};
  return Side{.file = *file, .pipe = as_pipe(*file), .offset = (*file)->offset};
}

// The offset of a call can be read: before it is asked whether the files are fit for it.
Co<Result<>> check_offset(SyscallContext& call, unsigned i) {
  if (call.args[i] == 0) co_return Unit{};
  UserMemory user = call.kernel.user_memory(call.task);
  auto offset = co_await user.get<int64_t>(call.address(i));
  if (!offset) co_return offset.error();
  co_return Unit{};
}

// ESPIPE for a pipe, EINVAL, EFAULT.
Co<Result<>> take_offset(SyscallContext& call, Side& side, VirtAddr pointer) {
  if (pointer.value == 0) co_return Unit{};
  if (side.pipe) co_return Errno{ESPIPE};
  UserMemory user = call.kernel.user_memory(call.task);
  auto offset = co_await user.get<int64_t>(pointer);
  if (!offset) co_return offset.error();
  if (*offset < 0 || !side.file->inode().seekable()) co_return Errno{EINVAL};
  side.offset = static_cast<uint64_t>(*offset);
  side.pointer = pointer;
  co_return Unit{};
}

Co<Result<>> store_offset(SyscallContext& call, const Side& side) {
  if (side.pointer.value == 0) {
    if (side.file->inode().seekable()) side.file->offset = side.offset;
    co_return Unit{};
  }
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(side.pointer, side.offset);
  co_return put;
}

// How many bytes may be moved next: what a pipe has or has room for, waiting for
// the first. 0: the pipe has ended. EAGAIN, EPIPE, a signal.
Co<Result<uint64_t>> next_piece(IoContext& io, const Side& from, const Side& to, uint64_t wanted, bool waits) {
  wanted = std::min(wanted, kPiece);
  if (from.pipe) {
    auto there = co_await from.pipe->wait_for_bytes(io, waits && !from.file->nonblocking());
    if (!there) co_return there;
    wanted = std::min(wanted, *there);
  }
  if (to.pipe && wanted != 0) {
    auto room = co_await to.pipe->wait_for_room(io, waits && !to.file->nonblocking());
    if (!room) co_return room;
    wanted = std::min(wanted, *room);
  }
  co_return wanted;
}

// Puts `bytes` of the buffer into a file. A pipe that others filled meanwhile
// takes less and does not wait.
Co<Result<uint64_t>> put_bytes(IoContext& io, Side& to, uint64_t bytes) {
  if (!to.pipe) {
    auto moved = co_await to.file->inode().write(io, *to.file, to.offset, VirtAddr(0), bytes);
    co_return moved;
  }
  OpenFile door(to.file->inode_pointer(), to.file->flags | kOpenNonBlocking);
  uint64_t none = 0;
  auto moved = co_await to.pipe->write(io, door, none, VirtAddr(0), bytes);
  co_return moved;
}

// Takes up to `bytes` into the buffer. A pipe keeps them until `pass_over`.
Co<Result<uint64_t>> take_bytes(IoContext& io, Side& from, std::span<uint8_t> buffer) {
  if (from.pipe) co_return from.pipe->peek(buffer);
  auto moved = co_await from.file->inode().read(io, *from.file, from.offset, VirtAddr(0), buffer.size());
  co_return moved;
}

void pass_over(Side& from, uint64_t bytes) {
  if (from.pipe) {
    from.pipe->drop(bytes);
  } else {
    from.offset += bytes;
  }
}

// Moves up to `count` bytes. Where a pipe is on either side it stops when that has
// no more, or no more room.
Co<SyscallResult> move_bytes(SyscallContext& call, Side& from, Side& to, uint64_t count, bool waits) {
  count = std::min(count, kMostBytes);
  std::vector<uint8_t> buffer(std::min(count, kPiece));
  CallIo io(call, buffer);
  uint64_t done = 0;
  Result<uint64_t> moved = uint64_t{0};
  while (done < count) {
    moved = co_await next_piece(io.context(), from, to, count - done, waits && done == 0);
    if (!moved || *moved == 0) break;
    moved = co_await take_bytes(io.context(), from, std::span(buffer).first(*moved));
    if (!moved || *moved == 0) break;
    const uint64_t taken = *moved;
    moved = co_await put_bytes(io.context(), to, taken);
    if (!moved && moved.error() == Errno{EAGAIN} && waits && done == 0) continue;
    if (!moved) break;
    pass_over(from, *moved);
    done += *moved;
    if (*moved < taken) break;
  }
  signal_failed_write(call, io.context(), moved);
  if (!moved && done == 0) co_return moved.error();
  auto stored = co_await store_offset(call, from);
  if (stored) stored = co_await store_offset(call, to);
  if (!stored) co_return stored.error();
  co_return done;
}

Co<SyscallResult> send_file(SyscallContext& call) {
  auto from = side_argument(call, 1, false);
  if (!from) co_return from.error();
  if (call.args[2] != 0 && !from->file->inode().seekable()) co_return Errno{ESPIPE};
  auto offset = co_await take_offset(call, *from, call.address(2));
  if (!offset) co_return offset.error();
  if (static_cast<int64_t>(call.args[3]) < 0) co_return Errno{EINVAL};
  auto to = side_argument(call, 0, true);
  if (!to) co_return to.error();
  const Inode& source = from->file->inode();
  const bool given = !from->pipe && !source.is(InodeType::directory) && !source.is(InodeType::unnamed);
  if (!given || (to->file->flags & kOpenAppend)) co_return Errno{EINVAL};
  auto done = co_await move_bytes(call, *from, *to, call.args[3], true);
  co_return done;
}

// An offset is read first and stored last, whatever lies between (Linux, sendfile64).
Co<SyscallResult> sys_sendfile(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  if (call.args[2] != 0) {
    auto offset = co_await user.get<int64_t>(call.address(2));
    if (!offset) co_return offset.error();
  }
  auto done = co_await send_file(call);
  if (call.args[2] == 0 || done.ok()) co_return done;
  auto offset = co_await user.get<int64_t>(call.address(2));
  if (!offset) co_return offset.error();
  auto stored = co_await user.put(call.address(2), *offset);
  if (!stored) co_return stored.error();
  co_return done;
}

Co<SyscallResult> sys_splice(SyscallContext& call) {
  const uint32_t flags = call.word(5);
  if (call.args[4] == 0) co_return uint64_t{0};
  if (flags & ~kSpliceFlags) co_return Errno{EINVAL};
  Result<OpenFilePtr> in = file_argument(call, 0);
  if (!in) co_return in.error();
  Result<OpenFilePtr> out = file_argument(call, 2);
  if (!out) co_return out.error();
  if ((as_pipe(*in) && call.args[1] != 0) || (as_pipe(*out) && call.args[3] != 0)) co_return Errno{ESPIPE};
  auto readable = co_await check_offset(call, 3);
  if (readable) readable = co_await check_offset(call, 1);
  if (!readable) co_return readable.error();
  auto from = side_argument(call, 0, false);
  if (!from) co_return from.error();
  auto to = side_argument(call, 2, true);
  if (!to) co_return to.error();
  auto taken = co_await take_offset(call, *from, call.address(1));
  if (taken) taken = co_await take_offset(call, *to, call.address(3));
  if (!taken) co_return taken.error();
  if ((!from->pipe && !to->pipe) || from->pipe == to->pipe) co_return Errno{EINVAL};
  if (from->file->inode().is(InodeType::directory) || (to->file->flags & kOpenAppend)) co_return Errno{EINVAL};
  auto done = co_await move_bytes(call, *from, *to, call.args[4], (flags & kSpliceNonBlocking) == 0);
  co_return done;
}

Co<SyscallResult> sys_tee(SyscallContext& call) {
  const uint32_t flags = call.word(3);
  if (flags & ~kSpliceFlags) co_return Errno{EINVAL};
  if (call.args[2] == 0) co_return uint64_t{0};
  auto from = side_argument(call, 0, false);
  if (!from) co_return from.error();
  auto to = side_argument(call, 1, true);
  if (!to) co_return to.error();
  if (!from->pipe || !to->pipe || from->pipe == to->pipe) co_return Errno{EINVAL};
  std::vector<uint8_t> buffer(kPiece);
  CallIo io(call, buffer);
  const bool waits = (flags & kSpliceNonBlocking) == 0;
  auto moved = co_await next_piece(io.context(), *from, *to, call.args[2], waits);
  if (moved && *moved != 0) {
    const uint64_t seen = from->pipe->peek(std::span(buffer).first(*moved));
    moved = co_await put_bytes(io.context(), *to, seen);
  }
  signal_failed_write(call, io.context(), moved);
  co_return moved;
}

// Bytes of all pieces of a list: EFAULT, EINVAL.
Co<Result<uint64_t>> total_of(SyscallContext& call, VirtAddr list, uint64_t count) {
  UserMemory user = call.kernel.user_memory(call.task);
  uint64_t total = 0;
  for (uint64_t i = 0; i < count; ++i) {
    auto piece = co_await user.get<std::array<uint64_t, 2>>(list + 16 * i);
    if (!piece) co_return piece.error();
    if (static_cast<int64_t>((*piece)[1]) < 0) co_return Errno{EINVAL};
    total += std::min((*piece)[1], kMostBytes);
  }
  co_return total;
}

// To the pipe, or from it where the descriptor is its other end.
Co<SyscallResult> sys_vmsplice(SyscallContext& call) {
  constexpr uint64_t kPiecesMost = 1024;  // UIO_MAXIOV
  if (call.word(3) & ~kSpliceFlags) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  if (!(*file)->readable() && !(*file)->writable()) co_return Errno{EBADF};
  if (call.args[2] > kPiecesMost) co_return Errno{EINVAL};
  auto some = co_await total_of(call, call.address(1), call.args[2]);
  if (!some) co_return some.error();
  if (*some == 0) co_return uint64_t{0};
  Pipe* const pipe = as_pipe(*file);
  if (!pipe) co_return Errno{EBADF};
  const bool writes = (*file)->writable();
  const uint32_t blocking = (call.word(3) & kSpliceNonBlocking) ? uint32_t{kOpenNonBlocking} : 0u;
  OpenFile door((*file)->inode_pointer(), (*file)->flags | blocking);
  UserMemory user = call.kernel.user_memory(call.task);
  CallIo io(call);
  uint64_t done = 0;
  Result<uint64_t> moved = uint64_t{0};
  for (uint64_t i = 0; i < call.args[2]; ++i) {
    auto piece = co_await user.get<std::array<uint64_t, 2>>(call.address(1) + 16 * i);
    if (!piece) co_return piece.error();
    const VirtAddr at((*piece)[0]);
    const uint64_t bytes = std::min((*piece)[1], kMostBytes - done);
    uint64_t none = 0;
    if (writes) {
      moved = co_await pipe->write(io.context(), door, none, at, bytes);
    } else {
      moved = co_await pipe->read(io.context(), door, none, at, bytes);
    }
    if (!moved) break;
    done += *moved;
    if (*moved < bytes) break;
  }
  if (writes) signal_failed_write(call, io.context(), moved);
  if (!moved && done == 0) co_return moved.error();
  co_return done;
}

// EISDIR, EINVAL for what is no regular file, EBADF.
Result<> check_copy(const OpenFile& from, const OpenFile& to) {
  const auto both = {&from.inode(), &to.inode()};
  for (const Inode* inode : both) {
    if (inode->is(InodeType::directory)) return Errno{EISDIR};
  }
  for (const Inode* inode : both) {
    if (!inode->is(InodeType::regular)) return Errno{EINVAL};
  }
  if (!from.readable() || !to.writable() || (to.flags & kOpenAppend)) return Errno{EBADF};
  return Unit{};
}

Co<SyscallResult> sys_copy_file_range(SyscallContext& call) {
  Result<OpenFilePtr> in = file_argument(call, 0);
  if (!in) co_return in.error();
  Result<OpenFilePtr> out = file_argument(call, 2);
  if (!out) co_return out.error();
  auto readable = co_await check_offset(call, 1);
  if (readable) readable = co_await check_offset(call, 3);
  if (!readable) co_return readable.error();
  if (call.word(5) != 0) co_return Errno{EINVAL};
  Side from{.file = *in, .offset = (*in)->offset};
  Side to{.file = *out, .offset = (*out)->offset};
  const Result<> checked = check_copy(*from.file, *to.file);
  if (!checked) co_return checked.error();
  auto taken = co_await take_offset(call, from, call.address(1));
  if (taken) taken = co_await take_offset(call, to, call.address(3));
  if (!taken) co_return taken.error();
  const uint64_t count = std::min(call.args[4], kMostBytes);
  const bool same = from.file->inode_pointer() == to.file->inode_pointer();
  const bool overlap = from.offset < to.offset + count && to.offset < from.offset + count;
  if (call.word(5) != 0 || (same && overlap)) co_return Errno{EINVAL};
  auto done = co_await move_bytes(call, from, to, count, true);
  co_return done;
}

}  // namespace

void register_file_transfer(SyscallTable& table) {
  table.add(71, sys_sendfile);
  table.add(75, sys_vmsplice);
  table.add(76, sys_splice);
  table.add(77, sys_tee);
  table.add(285, sys_copy_file_range);
}

}  // namespace faultline::os
