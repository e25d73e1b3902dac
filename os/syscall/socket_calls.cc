// socketpair(2) and what goes through its sockets; eventfd(2). There is no
// network and no name to connect to: socket(2) is EAFNOSUPPORT.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "os/files/stream_socket.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

constexpr int32_t kLocalDomain = 1;     // AF_UNIX
constexpr int32_t kInternetDomain = 2;  // AF_INET, whose sockets come in no pairs
// enum sock_type of linux/net.h.
constexpr uint32_t kStream = 1;
constexpr uint32_t kTypeMask = 0xf;
constexpr uint32_t kSocketFlags = kOpenNonBlocking | kOpenCloseOnExec;

// MSG_* of linux/socket.h that have a meaning here or none anywhere.
enum MessageFlag : uint32_t {
  kMessageOutOfBand = 0x1,
  kMessagePeek = 0x2,
  kMessageDontWait = 0x40,
  kMessageEndOfRecord = 0x80,
  kMessageWaitAll = 0x100,
  kMessageNoSignal = 0x4000,
  kMessageMore = 0x8000,
  kMessageCloseOnExec = 0x40000000,
};
constexpr uint32_t kSendFlags = kMessageDontWait | kMessageEndOfRecord | kMessageNoSignal | kMessageMore;
constexpr uint32_t kReceiveFlags =
    kMessagePeek | kMessageDontWait | kMessageWaitAll | kMessageNoSignal | kMessageCloseOnExec;

SyscallResult sys_socket(SyscallContext&) { return Errno{EAFNOSUPPORT}; }

Co<SyscallResult> sys_socketpair(SyscallContext& call) {
  const uint32_t type = call.word(1);
  const int32_t protocol = call.integer(2);
  if ((type & ~(kTypeMask | kSocketFlags)) != 0) co_return Errno{EINVAL};
  if (call.integer(0) == kInternetDomain) co_return Errno{EOPNOTSUPP};
  if (call.integer(0) != kLocalDomain) co_return Errno{EAFNOSUPPORT};
  if (protocol != 0 && protocol != kLocalDomain) co_return Errno{EPROTONOSUPPORT};
  if ((type & kTypeMask) != kStream) co_return Errno{ESOCKTNOSUPPORT};
  auto done = co_await hand_out_pair(call, 3, vfs_of(call).make_socket_pair(type), (type & kOpenCloseOnExec) != 0);
  co_return done;
}

Result<OpenFilePtr> socket_argument(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (file && !dynamic_cast<StreamSocket*>(&(*file)->inode())) return Errno{ENOTSOCK};
  return file;
}

StreamSocket& socket_of(const OpenFilePtr& file) { return static_cast<StreamSocket&>(file->inode()); }

SyscallResult sys_shutdown(SyscallContext& call) {
  enum How : uint32_t { kReading = 0, kWriting = 1, kBoth = 2 };
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) return file.error();
  const uint32_t how = call.word(1);
  if (how > kBoth) return Errno{EINVAL};
  if (how != kWriting) socket_of(*file).shut_reading();
  if (how != kReading) socket_of(*file).shut_writing();
  return uint64_t{0};
}

// --- sending and receiving ------------------------------------------------------------------

Co<SyscallResult> send(SyscallContext& call, OpenFilePtr file, UserPiece piece, uint32_t flags) {
  if (flags & kMessageOutOfBand) co_return Errno{EOPNOTSUPP};
  if (flags & ~kSendFlags) co_return Errno{EINVAL};
  const bool waits = !file->nonblocking() && !(flags & kMessageDontWait);
  CallIo io(call);
  auto moved = co_await socket_of(file).send(io.context(), piece.at, std::min(piece.bytes, kMostBytes), waits);
  if (!(flags & kMessageNoSignal)) signal_failed_write(call, io.context(), moved);
  co_return moved;
}

Co<SyscallResult> receive(SyscallContext& call, OpenFilePtr file, UserPiece piece, uint32_t flags) {
  if (flags & kMessageOutOfBand) co_return Errno{EOPNOTSUPP};
  if (flags & ~kReceiveFlags) co_return Errno{EINVAL};
  const bool waits = !file->nonblocking() && !(flags & kMessageDontWait);
  const uint64_t wanted = std::min(piece.bytes, kMostBytes);
  CallIo io(call);
  if (flags & kMessagePeek) {
    auto seen = co_await socket_of(file).look(io.context(), piece.at, wanted, waits);
    co_return seen;
  }
  uint64_t done = 0;
  for (;;) {
    auto moved = co_await socket_of(file).receive(io.context(), piece.at + done, wanted - done, waits);
    if (!moved && done == 0) co_return moved.error();
    if (!moved || *moved == 0) co_return done;
    done += *moved;
    if (done == wanted || !(flags & kMessageWaitAll)) co_return done;
  }
}

// An address in a call on a socket that is connected already.
Co<SyscallResult> sys_sendto(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  if (call.args[4] != 0 && call.word(5) != 0) co_return Errno{EISCONN};
  auto done = co_await send(call, *file, {call.address(1), call.args[2]}, call.word(3));
  co_return done;
}

// Who sent it has no name: a length of 0.
Co<SyscallResult> sys_recvfrom(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  auto done = co_await receive(call, *file, {call.address(1), call.args[2]}, call.word(3));
  if (!done.ok() || call.args[4] == 0 || call.args[5] == 0) co_return done;
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(5), uint32_t{0});
  if (!put) co_return put.error();
  co_return done;
}

// struct user_msghdr of linux/socket.h.
struct MessageHeader {
  uint64_t name = 0;
  uint32_t name_bytes = 0, padding = 0;
  uint64_t pieces = 0, piece_count = 0;
  uint64_t control = 0, control_bytes = 0;
  uint32_t flags = 0, padding_behind = 0;
};
static_assert(sizeof(MessageHeader) == 56);

constexpr uint64_t kPiecesMost = 1024;  // UIO_MAXIOV

// The pieces in turn, until one comes up short. Descriptors and credentials
// (cmsg(3)) are not passed: EOPNOTSUPP for who would send them.
Co<SyscallResult> move_message(SyscallContext& call, bool sends) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  UserMemory user = call.kernel.user_memory(call.task);
  auto header = co_await user.get<MessageHeader>(call.address(1));
  if (!header) co_return header.error();
  if (header->piece_count > kPiecesMost) co_return Errno{EMSGSIZE};
  if (sends && header->control_bytes != 0) co_return Errno{EOPNOTSUPP};
  if (sends && header->name != 0 && header->name_bytes != 0) co_return Errno{EISCONN};
  uint64_t done = 0;
  uint32_t flags = call.word(2);
  for (uint64_t i = 0; i < header->piece_count; ++i) {
    auto piece = co_await user.get<std::array<uint64_t, 2>>(VirtAddr(header->pieces + 16 * i));
    if (!piece) co_return piece.error();
    const UserPiece where{VirtAddr((*piece)[0]), (*piece)[1]};
    if (where.bytes == 0) continue;
    SyscallResult moved = uint64_t{0};
    if (sends) {
      moved = co_await send(call, *file, where, flags);
    } else {
      moved = co_await receive(call, *file, where, flags);
    }
    if (!moved.ok() && done == 0) co_return moved;
    if (!moved.ok()) break;
    done += moved.value();
    if (moved.value() < where.bytes) break;
    if (!sends && !(flags & kMessageWaitAll)) flags |= kMessageDontWait;
  }
  if (sends) co_return done;
  header->name_bytes = 0;
  header->control_bytes = 0;
  header->flags = 0;
  auto put = co_await user.put(call.address(1), *header);
  if (!put) co_return put.error();
  co_return done;
}

Co<SyscallResult> sys_sendmsg(SyscallContext& call) { return move_message(call, true); }
Co<SyscallResult> sys_recvmsg(SyscallContext& call) { return move_message(call, false); }

// --- names and options -----------------------------------------------------------------------

// Either end is of the family and has no name (unix(7), "unnamed").
Co<SyscallResult> sys_getsockname(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  UserMemory user = call.kernel.user_memory(call.task);
  auto room = co_await user.get<int32_t>(call.address(2));
  if (!room) co_return room.error();
  if (*room < 0) co_return Errno{EINVAL};
  constexpr uint16_t kFamily = kLocalDomain;
  const auto bytes = std::span(reinterpret_cast<const uint8_t*>(&kFamily), std::min<size_t>(*room, sizeof(kFamily)));
  auto named = co_await user.write(call.address(1), bytes);
  if (!named) co_return named.error();
  auto put = co_await user.put(call.address(2), static_cast<uint32_t>(sizeof(kFamily)));
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

// --- eventfd ----------------------------------------------------------------------------------

SyscallResult sys_eventfd2(SyscallContext& call) {
  constexpr uint32_t kSemaphore = 1;  // EFD_SEMAPHORE; the others are open(2)'s
  const uint32_t flags = call.word(1);
  if ((flags & ~(kSemaphore | kSocketFlags)) != 0) return Errno{EINVAL};
  OpenFilePtr file = vfs_of(call).make_event_counter(call.word(0), (flags & kSemaphore) != 0, flags);
  Result<int> descriptor = files_of(call).add(std::move(file), (flags & kOpenCloseOnExec) != 0, descriptor_limit(call));
  if (!descriptor) return descriptor.error();
  return static_cast<uint64_t>(*descriptor);
}

}  // namespace

void register_socket_calls(SyscallTable& table) {
  table.add(19, sys_eventfd2);
  table.add(198, sys_socket);
  table.add(199, sys_socketpair);
  table.add(204, sys_getsockname);
  table.add(205, sys_getsockname);  // getpeername
  table.add(206, sys_sendto);
  table.add(207, sys_recvfrom);
  table.add(210, sys_shutdown);
  table.add(211, sys_sendmsg);
  table.add(212, sys_recvmsg);
}

}  // namespace faultline::os
