// Sockets, their names and connections: socket(2), bind(2), listen(2), accept(2),
// connect(2), shutdown(2). There is no network: what is not local is the loopback.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "os/syscall/socket_argument.h"

namespace faultline::os {

namespace {

constexpr uint32_t kTypeMask = 0xf;
constexpr int32_t kFamilies = 46;        // AF_MAX of Linux 6.1
constexpr uint32_t kTypes = 11;          // SOCK_MAX
constexpr uint32_t kBacklogMost = 4096;  // net.core.somaxconn

// EAFNOSUPPORT, EPROTONOSUPPORT, ESOCKTNOSUPPORT, EPERM.
Result<SocketKind> kind_of(int32_t family, uint32_t type, int32_t protocol) {
  constexpr int32_t kTcp = 6, kUdp = 17, kProtocols = 263;
  if (family < 0 || family >= kFamilies) return Errno{EAFNOSUPPORT};
  if (type >= kTypes) return Errno{EINVAL};
  const auto kind = static_cast<SocketKind>(type);
  if (family == kFamilyLocal) {
    if (protocol != 0 && protocol != kFamilyLocal) return Errno{EPROTONOSUPPORT};
    if (kind == SocketKind::raw) return SocketKind::datagrams;
    if (kind == SocketKind::stream || kind == SocketKind::datagrams || kind == SocketKind::packets) return kind;
    return Errno{ESOCKTNOSUPPORT};
  }
  if (!is_internet(static_cast<uint16_t>(family))) return Errno{EAFNOSUPPORT};
  if (protocol < 0 || protocol >= kProtocols) return Errno{EINVAL};
  if (kind == SocketKind::raw) return protocol == 0 ? Errno{EPROTONOSUPPORT} : Errno{EPERM};
  if (kind != SocketKind::stream && kind != SocketKind::datagrams) return Errno{ESOCKTNOSUPPORT};
  constexpr int32_t kIcmp = 1;  // without privileges only where ping_group_range says so
  if (kind == SocketKind::datagrams && protocol == kIcmp) return Errno{EACCES};
  const int32_t own = kind == SocketKind::stream ? kTcp : kUdp;
  if (protocol != 0 && protocol != own) return Errno{EPROTONOSUPPORT};
  return kind;
}

SyscallResult sys_socket(SyscallContext& call) {
  const uint32_t type = call.word(1);
  if ((type & ~(kTypeMask | kSocketFlags)) != 0) return Errno{EINVAL};
  Result<SocketKind> kind = kind_of(call.integer(0), type & kTypeMask, call.integer(2));
  if (!kind) return kind.error();
  Vfs& vfs = vfs_of(call);
  const auto socket = vfs.new_socket(static_cast<uint16_t>(call.integer(0)), *kind);
  return hand_out(call, Vfs::open_socket(socket, type), (type & kOpenCloseOnExec) != 0);
}

Co<SyscallResult> sys_socketpair(SyscallContext& call) {
  const uint32_t type = call.word(1);
  if ((type & ~(kTypeMask | kSocketFlags)) != 0) co_return Errno{EINVAL};
  // The place for the answer is written to first.
  UserMemory user = call.kernel.user_memory(call.task);
  auto place = co_await user.put(call.address(3), std::array<int32_t, 2>{-1, -1});
  if (!place) co_return place.error();
  Result<SocketKind> kind = kind_of(call.integer(0), type & kTypeMask, call.integer(2));
  if (!kind) co_return kind.error();
  if (call.integer(0) != kFamilyLocal) co_return Errno{EOPNOTSUPP};
  Vfs& vfs = vfs_of(call);
  const auto one = vfs.new_socket(kFamilyLocal, *kind), other = vfs.new_socket(kFamilyLocal, *kind);
  Socket::join(one, other, credentials_of(call));
  std::pair<OpenFilePtr, OpenFilePtr> ends(Vfs::open_socket(one, type), Vfs::open_socket(other, type));
  auto done = co_await hand_out_pair(call, 3, std::move(ends), (type & kOpenCloseOnExec) != 0);
  co_return done;
}

// --- names --------------------------------------------------------------------------------

Result<> bind_local(SyscallContext& call, const std::shared_ptr<Socket>& socket, SocketName name) {
  Vfs& vfs = vfs_of(call);
  constexpr size_t kPathMost = 108;
  if (name.family != kFamilyLocal || name.bytes.size() > kPathMost) return Errno{EINVAL};
  if (!socket->own_name().empty()) {
    if (name.empty()) return Unit{};
    // Linux would make the name in its directory before it looks (unix_bind_bsd).
    name.bytes.resize(std::min(name.bytes.find('\0'), name.bytes.size()));
    const bool taken = !name.empty() && vfs.find(fs_of(call).current, name.bytes, Vfs::Last::keep).ok();
    return Errno{taken ? EADDRINUSE : EINVAL};
  }
  if (name.empty()) {
    Result<SocketName> free = vfs.socket_names().take_free(socket, name);
    if (!free) return free.error();
    socket->set_name(*free);
    return Unit{};
  }
  Result<> bound = Unit{};
  if (name.abstract()) {
    bound = vfs.socket_names().take(socket, name);
  } else {
    name.bytes.resize(std::min(name.bytes.find('\0'), name.bytes.size()));
    bound = vfs.bind_socket(socket, fs_of(call).current, name.bytes, 0777 & ~fs_of(call).umask);
  }
  if (bound) socket->set_name(std::move(name));
  return bound;
}

Result<> bind_internet(SyscallContext& call, const std::shared_ptr<Socket>& socket, SocketName name) {
  constexpr uint16_t kFirstFree = 1024;  // net.ipv4.ip_unprivileged_port_start
  const bool ipv4 = socket->family() == kFamilyInternet;
  if (name.bytes.size() < (ipv4 ? 14u : 22u)) return Errno{EINVAL};
  const InternetPlace place = InternetPlace::of(socket->family(), name.bytes + std::string(8, '\0'));
  const bool unspecific = ipv4 && name.family == kFamilyNone && place.is_any();
  if (name.family != socket->family() && !unspecific) return Errno{EAFNOSUPPORT};
  if (!place.is_any() && !place.is_loopback()) return Errno{EADDRNOTAVAIL};
  if (place.port != 0 && place.port < kFirstFree && vfs_of(call).uid() != 0) return Errno{EACCES};
  if (!socket->own_name().empty() || socket->connected()) return Errno{EINVAL};
  SocketNames& names = vfs_of(call).socket_names();
  SocketName wanted = place.name(socket->family());
  if (place.port == 0) {
    Result<SocketName> free = names.take_free(socket, wanted);
    if (!free) return free.error();
    wanted = *free;
  } else if (Result<> taken = names.take(socket, wanted); !taken) {
    return taken;
  }
  socket->set_name(std::move(wanted));
  return Unit{};
}

Co<SyscallResult> sys_bind(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  auto name = co_await address_at(call, call.address(1), call.integer(2));
  if (!name) co_return name.error();
  if (call.integer(2) < 2) co_return Errno{EINVAL};
  const std::shared_ptr<Socket> socket = shared_socket(*file);
  const Result<> bound = socket->family() == kFamilyLocal ? bind_local(call, socket, std::move(*name))
                                                          : bind_internet(call, socket, std::move(*name));
  if (!bound) co_return bound.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_getsockname(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  const Socket& socket = socket_of(*file);
  auto stored = co_await store_address(call, socket.family(), socket.own_name(), call.address(1), call.address(2));
  if (!stored) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_getpeername(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  const Socket& socket = socket_of(*file);
  if (!socket.connected()) co_return Errno{ENOTCONN};
  auto stored = co_await store_address(call, socket.family(), socket.peer_name(), call.address(1), call.address(2));
  if (!stored) co_return stored.error();
  co_return uint64_t{0};
}

// --- connections -----------------------------------------------------------------------------

SyscallResult sys_listen(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) return file.error();
  const std::shared_ptr<Socket> socket = shared_socket(*file);
  if (!socket->connects()) return Errno{EOPNOTSUPP};
  if (socket->connected()) return Errno{EINVAL};
  if (is_internet(socket->family()) && socket->own_name().empty()) {
    InternetPlace any;
    if (socket->family() == kFamilyInternet) std::ranges::copy(InternetPlace::kMapped, any.address.begin());
    Result<SocketName> name = vfs_of(call).socket_names().take_free(socket, any.name(socket->family()));
    if (!name) return name.error();
    socket->set_name(*name);
  }
  if (socket->own_name().empty()) return Errno{EINVAL};
  socket->listen(std::min(call.word(1), kBacklogMost), credentials_of(call));
  return uint64_t{0};
}

Co<SyscallResult> accept_next(SyscallContext& call, uint32_t flags) {
  if (Result<OpenFilePtr> there = file_argument(call, 0); !there) co_return there.error();
  if (flags & ~kSocketFlags) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  Socket& listener = socket_of(*file);
  if (!listener.connects()) co_return Errno{EOPNOTSUPP};
  CallIo io(call);
  auto next = co_await listener.accept(io.context(), !(*file)->nonblocking());
  if (!next) co_return next.error();
  const OpenFilePtr made = Vfs::open_socket(*next, flags);
  if (call.args[1] != 0) {
    auto stored =
        co_await store_address(call, (*next)->family(), (*next)->peer_name(), call.address(1), call.address(2));
    if (!stored) co_return stored.error();
  }
  co_return hand_out(call, made, (flags & kOpenCloseOnExec) != 0);
}

Co<SyscallResult> sys_accept(SyscallContext& call) { return accept_next(call, 0); }
Co<SyscallResult> sys_accept4(SyscallContext& call) { return accept_next(call, call.word(3)); }

// Datagrams have an address to go to from now on, or none again (AF_UNSPEC).
SyscallResult point_datagrams(SyscallContext& call, const std::shared_ptr<Socket>& socket, SocketName name) {
  Result<> done = Unit{};
  if (name.family == kFamilyNone) {
    done = socket->point_at(nullptr, {});
  } else {
    Result<std::shared_ptr<Socket>> to = find_socket(call, *socket, name);
    // Nobody need hear what is sent by UDP.
    const bool unheard = !to && to.error() == Errno{ECONNREFUSED} && is_internet(socket->family());
    if (!to && !unheard) return to.error();
    if (Result<> port = give_port(call, socket, name); !port) return port.error();
    done = socket->point_at(unheard ? nullptr : *to, name);
  }
  if (!done) return done.error();
  return uint64_t{0};
}

Co<SyscallResult> sys_connect(SyscallContext& call) {
  if (Result<OpenFilePtr> there = file_argument(call, 0); !there) co_return there.error();
  auto name = co_await address_at(call, call.address(1), call.integer(2));
  if (!name) co_return name.error();
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  if (call.integer(2) < 2) co_return Errno{EINVAL};
  const std::shared_ptr<Socket> socket = shared_socket(*file);
  if (!socket->connects()) co_return point_datagrams(call, socket, std::move(*name));
  const bool internet = is_internet(socket->family());
  if (internet && socket->connected()) co_return Errno{EISCONN};
  if (socket->listening()) co_return Errno{internet ? EISCONN : EINVAL};
  SocketName wanted = std::move(*name);
  Result<std::shared_ptr<Socket>> to = find_socket(call, *socket, wanted);
  if (!to) co_return to.error();
  if (socket->connected()) co_return Errno{EISCONN};
  if (Result<> port = give_port(call, socket, wanted); !port) co_return port.error();
  CallIo io(call);
  auto done = co_await socket->connect(io.context(), *to, !(*file)->nonblocking(), credentials_of(call));
  if (!done) co_return done.error();
  // The network's handshake takes longer than a call that does not wait.
  if (internet && (*file)->nonblocking()) co_return Errno{EINPROGRESS};
  co_return uint64_t{0};
}

SyscallResult sys_shutdown(SyscallContext& call) {
  constexpr uint32_t kBoth = 2;
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) return file.error();
  const uint32_t how = call.word(1);
  if (how > kBoth) return Errno{EINVAL};
  Socket& socket = socket_of(*file);
  if (is_internet(socket.family()) && !socket.connected() && !socket.listening()) return Errno{ENOTCONN};
  socket.shut(how + 1);
  return uint64_t{0};
}

}  // namespace

void register_socket_calls(SyscallTable& table) {
  table.add(198, sys_socket);
  table.add(199, sys_socketpair);
  table.add(200, sys_bind);
  table.add(201, sys_listen);
  table.add(202, sys_accept);
  table.add(203, sys_connect);
  table.add(204, sys_getsockname);
  table.add(205, sys_getpeername);
  table.add(210, sys_shutdown);
  table.add(242, sys_accept4);
  register_socket_messages(table);
  register_socket_options(table);
}

}  // namespace faultline::os
