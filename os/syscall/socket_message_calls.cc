// What goes through sockets: send(2), recv(2) and their relatives, with descriptors and
// credentials beside the bytes (cmsg(3), unix(7)).
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "os/syscall/poll_wait.h"
#include "os/syscall/socket_argument.h"

namespace faultline::os {

namespace {

// MSG_* of linux/socket.h; those without a meaning here are left alone, as Linux does.
enum MessageFlag : uint32_t {
  kOutOfBand = 0x1,
  kPeek = 0x2,
  kControlCut = 0x8,
  kCut = 0x20,
  kDontWait = 0x40,
  kWaitAll = 0x100,
  kErrorQueue = 0x2000,
  kNoSignal = 0x4000,
  kWaitForOne = 0x10000,
  kControlCloseOnExec = 0x40000000,
  kCompatible = 0x80000000,  // MSG_CMSG_COMPAT, the kernel's own
};

// struct user_msghdr of linux/socket.h.
struct MessageHeader {
  uint64_t name = 0;
  uint32_t name_bytes = 0, padding = 0;
  uint64_t pieces = 0, piece_count = 0;
  uint64_t control = 0, control_bytes = 0;
  uint32_t flags = 0, padding_behind = 0;
};
static_assert(sizeof(MessageHeader) == 56);

// struct mmsghdr, of which there are many.
constexpr uint64_t kManyBytes = 64, kManyLengthAt = 56;

// struct cmsghdr.
struct ControlHeader {
  uint64_t bytes = 0;
  int32_t level = 0, type = 0;
};
constexpr int32_t kSocketLevel = 1, kRights = 1, kCredentials = 2;  // SOL_SOCKET, SCM_*
constexpr uint64_t kFilesInOne = 253;                               // SCM_MAX_FD
constexpr uint64_t kControlMost = 20480;                            // net.core.optmem_max

uint64_t aligned(uint64_t bytes) { return (bytes + 7) & ~uint64_t{7}; }

// --- sending -------------------------------------------------------------------------------

struct Sending {
  std::vector<UserPiece> pieces;
  SocketCredentials sender;
  std::vector<OpenFilePtr> files;
  SocketName to;
  bool named = false;
  uint32_t flags = 0;
};

Co<SyscallResult> send(SyscallContext& call, OpenFilePtr file, Sending what) {
  Socket& socket = socket_of(file);
  if (what.flags & kOutOfBand) co_return Errno{EOPNOTSUPP};
  CallIo io(call);
  Socket::Outgoing message{.pieces = what.pieces,
                           .sender = what.sender,
                           .files = std::move(what.files),
                           .waits = !file->nonblocking() && !(what.flags & kDontWait)};
  const bool internet = is_internet(socket.family());
  // TCP has no use for an address.
  if (what.named && !(socket.kind() == SocketKind::stream && internet)) {
    if (socket.connects()) co_return Errno{socket.connected() ? EISCONN : EOPNOTSUPP};
    Result<std::shared_ptr<Socket>> to = find_socket(call, socket, what.to);
    const bool lost = internet && !to && to.error() == Errno{ECONNREFUSED};
    if (!to && !lost) co_return to.error();
    if (Result<> port = give_port(call, shared_socket(file), what.to); !port) co_return port.error();
    if (lost) {
      uint64_t bytes = 0;
      for (const UserPiece& piece : what.pieces) bytes += piece.bytes;
      co_return bytes;
    }
    message.to = *to;
  }
  auto moved = co_await socket.send(io.context(), message);
  if (!(what.flags & kNoSignal)) signal_failed_write(call, io.context(), moved);
  co_return moved;
}

// Nobody pretends to be somebody else (unix(7), SCM_CREDENTIALS).
Result<> take_credentials(std::span<const uint8_t> data, const SocketCredentials& own, Sending& what) {
  SocketCredentials given;
  if (data.size() != sizeof(given)) return Errno{EINVAL};
  std::memcpy(&given, data.data(), sizeof(given));
  if (given.pid != own.pid || given.uid != own.uid || given.gid != own.gid) return Errno{EPERM};
  what.sender = given;
  return Unit{};
}

Result<> take_files(SyscallContext& call, std::span<const uint8_t> data, Sending& what) {
  const uint64_t count = data.size() / sizeof(int32_t);
  if (what.files.size() + count > kFilesInOne) return Errno{EINVAL};
  if (vfs_of(call).socket_names().files_under_way + count > SocketNames::kFilesMost) return Errno{ETOOMANYREFS};
  for (uint64_t i = 0; i < count; ++i) {
    int32_t descriptor = 0;
    std::memcpy(&descriptor, data.data() + i * sizeof(descriptor), sizeof(descriptor));
    Result<OpenFilePtr> file = files_of(call).get(descriptor);
    if (!file) return file.error();
    what.files.push_back(*file);
  }
  return Unit{};
}

Co<Result<>> take_control(SyscallContext& call, const MessageHeader& header, bool local, Sending& what) {
  if (header.control_bytes > kControlMost) co_return Errno{ENOBUFS};
  std::vector<uint8_t> control(header.control_bytes);
  UserMemory user = call.kernel.user_memory(call.task);
  auto got = co_await user.read(VirtAddr(header.control), control);
  if (!got) co_return got;
  for (uint64_t at = 0; at + sizeof(ControlHeader) <= control.size();) {
    ControlHeader one;
    std::memcpy(&one, control.data() + at, sizeof(one));
    if (one.bytes < sizeof(one) || one.bytes > control.size() - at) co_return Errno{EINVAL};
    const auto data = std::span<const uint8_t>(control).subspan(at + sizeof(one), one.bytes - sizeof(one));
    Result<> taken = Unit{};
    if (one.level == kSocketLevel && local) {
      taken = Errno{EINVAL};
      if (one.type == kRights) taken = take_files(call, data, what);
      if (one.type == kCredentials) taken = take_credentials(data, what.sender, what);
    }
    if (!taken) co_return taken;
    at += aligned(one.bytes);
  }
  co_return Unit{};
}

// The pieces of a message: EMSGSIZE, EINVAL, EFAULT.
Co<Result<std::vector<UserPiece>>> pieces_of(SyscallContext& call, const MessageHeader& header) {
  if (header.piece_count > kPiecesMost) co_return Errno{EMSGSIZE};
  std::vector<UserPiece> pieces(header.piece_count);
  UserMemory user = call.kernel.user_memory(call.task);
  const auto bytes = std::span(reinterpret_cast<uint8_t*>(pieces.data()), pieces.size() * sizeof(UserPiece));
  auto got = co_await user.read(VirtAddr(header.pieces), bytes);
  if (!got) co_return got.error();
  uint64_t total = 0;
  for (UserPiece& piece : pieces) {
    if (static_cast<int64_t>(piece.bytes) < 0) co_return Errno{EINVAL};
    piece.bytes = std::min(piece.bytes, kMostBytes - total);
    total += piece.bytes;
  }
  co_return pieces;
}

Co<SyscallResult> send_message(SyscallContext& call, OpenFilePtr file, VirtAddr at, uint32_t flags) {
  UserMemory user = call.kernel.user_memory(call.task);
  auto header = co_await user.get<MessageHeader>(at);
  if (!header) co_return header.error();
  Sending what{.pieces = {}, .sender = credentials_of(call), .files = {}, .to = {}, .flags = flags};
  if (header->name != 0 && header->name_bytes != 0) {
    auto name = co_await address_at(call, VirtAddr(header->name), static_cast<int32_t>(header->name_bytes));
    if (!name) co_return name.error();
    what.to = std::move(*name);
    what.named = true;
  }
  auto pieces = co_await pieces_of(call, *header);
  if (!pieces) co_return pieces.error();
  what.pieces = std::move(*pieces);
  if (header->control != 0 && header->control_bytes != 0) {
    const bool local = socket_of(file).family() == kFamilyLocal;
    auto taken = co_await take_control(call, *header, local, what);
    if (!taken) co_return taken.error();
  }
  auto done = co_await send(call, file, std::move(what));
  co_return done;
}

Co<SyscallResult> sys_sendto(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  Sending what{.pieces = {{call.address(1), std::min(call.args[2], kMostBytes)}},
               .sender = credentials_of(call),
               .files = {},
               .to = {},
               .flags = call.word(3)};
  if (call.args[4] != 0) {
    auto name = co_await address_at(call, call.address(4), call.integer(5));
    if (!name) co_return name.error();
    what.to = std::move(*name);
    what.named = call.word(5) != 0;
  }
  auto done = co_await send(call, *file, std::move(what));
  co_return done;
}

Co<SyscallResult> sys_sendmsg(SyscallContext& call) {
  if (call.word(2) & kCompatible) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  auto done = co_await send_message(call, *file, call.address(1), call.word(2));
  co_return done;
}

// --- receiving -----------------------------------------------------------------------------

// What is received, and the flags that its receiver is told.
struct Received {
  Socket::Incoming message;
  uint64_t bytes = 0;
  uint32_t flags = 0;
};

Co<SyscallResult> receive(SyscallContext& call, OpenFilePtr file, uint32_t flags, Received& to) {
  Socket& socket = socket_of(file);
  const bool internet = is_internet(socket.family());
  if (flags & kOutOfBand) co_return Errno{socket.kind() == SocketKind::stream ? EINVAL : EOPNOTSUPP};
  if ((flags & kErrorQueue) && internet) co_return Errno{EAGAIN};
  to.message.waits = !file->nonblocking() && !(flags & kDontWait);
  to.message.stays = (flags & kPeek) != 0;
  to.message.all = (flags & kWaitAll) != 0;
  CallIo io(call);
  auto moved = co_await socket.receive(io.context(), to.message);
  if (!moved) co_return moved;
  const bool cut = to.message.whole > *moved;
  if (cut) to.flags |= kCut;
  to.bytes = cut && (flags & kCut) ? to.message.whole : *moved;
  co_return to.bytes;
}

Co<SyscallResult> sys_recvfrom(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  const UserPiece piece{call.address(1), std::min(call.args[2], kMostBytes)};
  Received got;
  got.message.pieces = {&piece, 1};
  auto done = co_await receive(call, *file, call.word(3), got);
  if (!done.ok() || call.args[4] == 0) co_return done;
  UserMemory user = call.kernel.user_memory(call.task);
  const Socket& socket = socket_of(*file);
  // A stream's sender, or one without a name, leaves no address.
  if (socket.kind() == SocketKind::stream || got.message.from.empty()) {
    auto room = co_await user.get<int32_t>(call.address(5));
    if (!room) co_return room.error();
    if (*room < 0) co_return Errno{EINVAL};
    auto put = co_await user.put(call.address(5), uint32_t{0});
    if (!put) co_return put.error();
    co_return done;
  }
  auto stored = co_await store_address(call, socket.family(), got.message.from, call.address(4), call.address(5));
  if (!stored) co_return stored.error();
  co_return done;
}

// Adds a control message, or as much of it as there is room for.
void add_control(std::vector<uint8_t>& control, uint64_t room, int32_t type, std::span<const uint8_t> data,
                 uint32_t& flags) {
  const uint64_t at = control.size();
  if (room < at + sizeof(ControlHeader)) {
    flags |= kControlCut;
    return;
  }
  uint64_t bytes = sizeof(ControlHeader) + data.size();
  if (bytes > room - at) {
    flags |= kControlCut;
    bytes = room - at;
  }
  const ControlHeader header{bytes, kSocketLevel, type};
  control.resize(std::min(at + aligned(bytes), room));
  std::memcpy(control.data() + at, &header, sizeof(header));
  std::memcpy(control.data() + at + sizeof(header), data.data(), bytes - sizeof(header));
}

// The files get descriptors, as far as there is room to tell of them.
void add_files(SyscallContext& call, std::vector<uint8_t>& control, uint64_t room, Received& got, bool close_on_exec) {
  const uint64_t used = control.size() + sizeof(ControlHeader);
  const uint64_t fit = room > used ? (room - used) / sizeof(int32_t) : 0;
  std::vector<int32_t> descriptors;
  for (const OpenFilePtr& file : got.message.files) {
    if (descriptors.size() == fit) break;
    Result<int> descriptor = files_of(call).add(file, close_on_exec, descriptor_limit(call));
    if (!descriptor) break;
    descriptors.push_back(*descriptor);
  }
  if (descriptors.size() < got.message.files.size()) got.flags |= kControlCut;
  if (descriptors.empty()) return;
  const auto* raw = reinterpret_cast<const uint8_t*>(descriptors.data());
  add_control(control, room, kRights, {raw, descriptors.size() * sizeof(int32_t)}, got.flags);
}

// The address of the sender where the header wants one; its new length.
Co<Result<uint32_t>> tell_sender(SyscallContext& call, const Socket& socket, const SocketName& from,
                                 const MessageHeader& header) {
  if (header.name == 0) co_return header.name_bytes;
  if (socket.kind() == SocketKind::stream || from.empty()) co_return uint32_t{0};
  const std::vector<uint8_t> bytes = address_bytes(socket.family(), from);
  UserMemory user = call.kernel.user_memory(call.task);
  const size_t count = std::min<size_t>(header.name_bytes, bytes.size());
  auto put = co_await user.write(VirtAddr(header.name), std::span<const uint8_t>(bytes).first(count));
  if (!put) co_return put.error();
  co_return static_cast<uint32_t>(bytes.size());
}

Co<SyscallResult> receive_message(SyscallContext& call, OpenFilePtr file, VirtAddr at, uint32_t flags) {
  UserMemory user = call.kernel.user_memory(call.task);
  auto header = co_await user.get<MessageHeader>(at);
  if (!header) co_return header.error();
  if (header->name != 0 && static_cast<int32_t>(header->name_bytes) < 0) co_return Errno{EINVAL};
  auto pieces = co_await pieces_of(call, *header);
  if (!pieces) co_return pieces.error();
  Received got;
  got.message.pieces = *pieces;
  auto done = co_await receive(call, file, flags, got);
  if (!done.ok()) co_return done;
  const Socket& socket = socket_of(file);
  const uint64_t room = header->control == 0 ? 0 : header->control_bytes;
  std::vector<uint8_t> control;
  if (socket.options.pass_credentials && socket.family() == kFamilyLocal) {
    const auto* raw = reinterpret_cast<const uint8_t*>(&got.message.sender);
    add_control(control, room, kCredentials, {raw, sizeof(SocketCredentials)}, got.flags);
  }
  if (!got.message.files.empty()) add_files(call, control, room, got, (flags & kControlCloseOnExec) != 0);
  auto name_bytes = co_await tell_sender(call, socket, got.message.from, *header);
  if (!name_bytes) co_return name_bytes.error();
  auto put = co_await user.write(VirtAddr(header->control), control);
  if (!put) co_return put.error();
  header->name_bytes = *name_bytes;
  header->control_bytes = control.size();
  header->flags = got.flags | (flags & kControlCloseOnExec);
  put = co_await user.put(at, *header);
  if (!put) co_return put.error();
  co_return done;
}

Co<SyscallResult> sys_recvmsg(SyscallContext& call) {
  if (call.word(2) & kCompatible) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  auto done = co_await receive_message(call, *file, call.address(1), call.word(2));
  co_return done;
}

// --- many at once ----------------------------------------------------------------------------

// Until one fails: how many went well, and of each how many bytes.
Co<SyscallResult> move_many(SyscallContext& call, bool sends) {
  if (call.word(3) & kCompatible) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  Deadline deadline;
  if (!sends) {
    auto given = co_await deadline_argument(call, 4);
    if (!given) co_return given.error();
    deadline = *given;
  }
  const uint32_t count = std::min(call.word(2), static_cast<uint32_t>(kPiecesMost));
  uint32_t flags = call.word(3);
  UserMemory user = call.kernel.user_memory(call.task);
  uint64_t done = 0;
  for (; done < count; ++done) {
    const VirtAddr at = call.address(1) + done * kManyBytes;
    SyscallResult moved = uint64_t{0};
    if (sends) {
      moved = co_await send_message(call, *file, at, flags);
    } else {
      moved = co_await receive_message(call, *file, at, flags & ~uint32_t{kWaitForOne});
    }
    if (!moved.ok() && done == 0) co_return moved;
    if (!moved.ok()) break;
    auto put = co_await user.put(at + kManyLengthAt, static_cast<uint32_t>(*moved));
    if (!put && done == 0) co_return put.error();
    if (!put) break;
    if (flags & kWaitForOne) flags |= kDontWait;
    // The time limit is looked at between messages only (recvmmsg(2), BUGS).
    if (call.kernel.now() >= deadline.when || deadline.passed) flags |= kDontWait;
  }
  co_return done;
}

Co<SyscallResult> sys_sendmmsg(SyscallContext& call) { return move_many(call, true); }
Co<SyscallResult> sys_recvmmsg(SyscallContext& call) { return move_many(call, false); }

}  // namespace

void register_socket_messages(SyscallTable& table) {
  table.add(206, sys_sendto);
  table.add(207, sys_recvfrom);
  table.add(211, sys_sendmsg);
  table.add(212, sys_recvmsg);
  table.add(243, sys_recvmmsg);
  table.add(269, sys_sendmmsg);
}

}  // namespace faultline::os
