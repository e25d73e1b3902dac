// getsockopt(2), setsockopt(2): those of socket(7), unix(7), tcp(7) and ip(7) that
// programs use. Most are kept and told, without effect.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <vector>

#include "os/syscall/socket_argument.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

// asm-generic/socket.h.
enum Level : int32_t { kSocketLevel = 1, kInternetLevel = 0, kTcpLevel = 6, kUdpLevel = 17, kInternet6Level = 41 };
enum Option : int32_t {
  kDebug = 1,
  kReuseAddress = 2,
  kType = 3,
  kError = 4,
  kDontRoute = 5,
  kBroadcast = 6,
  kSendBuffer = 7,
  kReceiveBuffer = 8,
  kKeepAlive = 9,
  kOutOfBandInline = 10,
  kPriority = 12,
  kLinger = 13,
  kReusePort = 15,
  kPassCredentials = 16,
  kPeerCredentials = 17,
  kReceiveLow = 18,
  kSendLow = 19,
  kReceiveTimeout = 20,
  kSendTimeout = 21,
  kTimestamp = 29,
  kAcceptsConnections = 30,
  kProtocol = 38,
  kDomain = 39,
};
constexpr int32_t kNoDelay = 1;  // TCP_NODELAY

struct Linger {
  int32_t on = 0, seconds = 0;
};

// --- telling --------------------------------------------------------------------------------

template <class T>
std::vector<uint8_t> bytes_of(const T& value) {
  const auto* raw = reinterpret_cast<const uint8_t*>(&value);
  return {raw, raw + sizeof(value)};
}

std::vector<uint8_t> flag(bool on) { return bytes_of(int32_t{on ? 1 : 0}); }

TimeVal timeout_of(uint64_t nanoseconds) { return TimeVal::of(nanoseconds); }

int32_t protocol_of(const Socket& socket) {
  constexpr int32_t kTcp = 6, kUdp = 17;
  if (!is_internet(socket.family())) return 0;
  return socket.kind() == SocketKind::stream ? kTcp : kUdp;
}

// Empty: there is no such option.
std::vector<uint8_t> tell_option(Socket& socket, int32_t option) {
  const SocketOptions& o = socket.options;
  switch (option) {
    case kDebug:
    case kDontRoute:
      return flag(false);
    case kReuseAddress:
      return flag(o.reuse_address);
    case kType:
      return bytes_of(static_cast<int32_t>(socket.kind()));
    case kError:
      return bytes_of(int32_t{socket.take_error()});
    case kBroadcast:
      return flag(o.broadcast);
    case kSendBuffer:
      return bytes_of(o.send_buffer);
    case kReceiveBuffer:
      return bytes_of(o.receive_buffer);
    case kKeepAlive:
      return flag(o.keep_alive);
    case kOutOfBandInline:
      return flag(o.out_of_band_inline);
    case kPriority:
      return bytes_of(o.priority);
    case kLinger:
      return bytes_of(Linger{o.linger >= 0 ? 1 : 0, std::max(o.linger, 0)});
    case kReusePort:
      return flag(o.reuse_port);
    case kPassCredentials:
      return flag(o.pass_credentials);
    case kPeerCredentials:
      return bytes_of(socket.peer_credentials());
    case kReceiveLow:
      return bytes_of(o.mark_low);
    case kSendLow:
      return flag(true);
    case kReceiveTimeout:
      return bytes_of(timeout_of(o.receive_timeout));
    case kSendTimeout:
      return bytes_of(timeout_of(o.send_timeout));
    case kTimestamp:
      return flag(o.timestamps);
    case kAcceptsConnections:
      return flag(socket.listening());
    case kProtocol:
      return bytes_of(protocol_of(socket));
    case kDomain:
      return bytes_of(int32_t{socket.family()});
    default:
      return {};
  }
}

// Whether a socket knows options of the level at all (Linux: EOPNOTSUPP).
bool knows_level(const Socket& socket, int32_t level) {
  if (level == kSocketLevel) return true;
  if (!is_internet(socket.family())) return false;
  const bool tcp = level == kTcpLevel && socket.kind() == SocketKind::stream;
  const bool udp = level == kUdpLevel && socket.kind() == SocketKind::datagrams;
  return tcp || udp || level == kInternetLevel || (level == kInternet6Level && socket.family() == kFamilyInternet6);
}

Co<SyscallResult> sys_getsockopt(SyscallContext& call) {
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  Socket& socket = socket_of(*file);
  const int32_t level = call.integer(1), option = call.integer(2);
  if (!knows_level(socket, level)) co_return Errno{EOPNOTSUPP};
  UserMemory user = call.kernel.user_memory(call.task);
  auto room = co_await user.get<int32_t>(call.address(4));
  if (!room) co_return room.error();
  if (*room < 0) co_return Errno{EINVAL};
  std::vector<uint8_t> value;
  if (level == kSocketLevel) {
    value = tell_option(socket, option);
  } else if (level == kTcpLevel && option == kNoDelay) {
    value = flag(socket.options.no_delay);
  }
  if (value.empty()) co_return Errno{ENOPROTOOPT};
  value.resize(std::min<size_t>(value.size(), static_cast<size_t>(*room)));
  auto stored = co_await user.write(call.address(3), value);
  if (stored) stored = co_await user.put(call.address(4), static_cast<uint32_t>(value.size()));
  if (!stored) co_return stored.error();
  co_return uint64_t{0};
}

// --- setting --------------------------------------------------------------------------------

template <class T>
std::optional<T> value_of(std::span<const uint8_t> bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

// EINVAL, EDOM.
Result<> set_timeout(uint64_t& timeout, std::span<const uint8_t> bytes) {
  const auto time = value_of<TimeVal>(bytes);
  if (!time) return Errno{EINVAL};
  if (time->microseconds < 0 || time->microseconds >= 1'000'000) return Errno{EDOM};
  timeout = time->seconds < 0 ? 1 : time->total();
  return Unit{};
}

Result<> set_linger(SocketOptions& o, std::span<const uint8_t> bytes) {
  const auto linger = value_of<Linger>(bytes);
  if (!linger) return Errno{EINVAL};
  o.linger = linger->on ? std::max(linger->seconds, 0) : -1;
  return Unit{};
}

// What Linux makes of a wish: twice of it, not less than the least (socket(7)).
uint32_t buffer_size(int32_t wish, uint32_t least) {
  constexpr uint32_t kMost = 212'992;  // net.core.wmem_max
  return std::max(2 * std::min(static_cast<uint32_t>(std::max(wish, 0)), kMost), least);
}

Result<> set_number(Socket& socket, int32_t option, int32_t value) {
  SocketOptions& o = socket.options;
  constexpr uint32_t kLeastSend = 4608, kLeastReceive = 2304;  // SOCK_MIN_SNDBUF, SOCK_MIN_RCVBUF
  constexpr int32_t kPriorityMost = 6;                         // without CAP_NET_ADMIN
  switch (option) {
    case kDebug:
      return value != 0 ? Result<>(Errno{EACCES}) : Result<>(Unit{});
    case kDontRoute:
      return Unit{};
    case kReuseAddress:
      o.reuse_address = value != 0;
      return Unit{};
    case kBroadcast:
      o.broadcast = value != 0;
      return Unit{};
    case kSendBuffer:
      o.send_buffer = buffer_size(value, kLeastSend);
      return Unit{};
    case kReceiveBuffer:
      o.receive_buffer = buffer_size(value, kLeastReceive);
      return Unit{};
    case kKeepAlive:
      o.keep_alive = value != 0;
      return Unit{};
    case kOutOfBandInline:
      o.out_of_band_inline = value != 0;
      return Unit{};
    case kPriority:
      if (value < 0 || value > kPriorityMost) return Errno{EPERM};
      o.priority = value;
      return Unit{};
    case kReusePort:
      if (!is_internet(socket.family())) return Errno{EOPNOTSUPP};
      o.reuse_port = value != 0;
      return Unit{};
    case kPassCredentials:
      if (socket.family() != kFamilyLocal) return Errno{EOPNOTSUPP};
      o.pass_credentials = value != 0;
      return Unit{};
    case kReceiveLow:
      o.mark_low = value < 0 ? INT32_MAX : std::max(value, 1);
      return Unit{};
    case kTimestamp:
      o.timestamps = value != 0;
      return Unit{};
    default:
      return Errno{ENOPROTOOPT};
  }
}

Result<> set_option(Socket& socket, int32_t option, std::span<const uint8_t> bytes) {
  const auto number = value_of<int32_t>(bytes);
  if (!number) return Errno{EINVAL};
  if (option == kReceiveTimeout) return set_timeout(socket.options.receive_timeout, bytes);
  if (option == kSendTimeout) return set_timeout(socket.options.send_timeout, bytes);
  if (option == kLinger) return set_linger(socket.options, bytes);
  return set_number(socket, option, *number);
}

// What the protocols know is taken, and has no effect here.
Result<> set_protocol_option(Socket& socket, int32_t level, int32_t option, std::span<const uint8_t> bytes) {
  constexpr int32_t kOptionsMost = 100;
  if (option < 0 || option > kOptionsMost) return Errno{ENOPROTOOPT};
  const auto number = value_of<int32_t>(bytes);
  if (!number && level == kTcpLevel) return Errno{EINVAL};
  if (level == kTcpLevel && option == kNoDelay) socket.options.no_delay = *number != 0;
  return Unit{};
}

Co<SyscallResult> sys_setsockopt(SyscallContext& call) {
  constexpr int32_t kMost = 4096;
  const int32_t bytes = call.integer(4);
  Result<OpenFilePtr> file = socket_argument(call);
  if (!file) co_return file.error();
  if (bytes < 0) co_return Errno{EINVAL};
  const OpenFilePtr held = *file;
  Socket& socket = socket_of(held);
  const int32_t level = call.integer(1), option = call.integer(2);
  if (!knows_level(socket, level)) co_return Errno{EOPNOTSUPP};
  if (level == kSocketLevel && bytes < static_cast<int32_t>(sizeof(int32_t))) co_return Errno{EINVAL};
  std::vector<uint8_t> value(static_cast<size_t>(std::min(bytes, kMost)));
  UserMemory user = call.kernel.user_memory(call.task);
  auto got = co_await user.read(call.address(3), value);
  if (!got) co_return got.error();
  const Result<> set =
      level == kSocketLevel ? set_option(socket, option, value) : set_protocol_option(socket, level, option, value);
  if (!set) co_return set.error();
  co_return uint64_t{0};
}

}  // namespace

void register_socket_options(SyscallTable& table) {
  table.add(208, sys_setsockopt);
  table.add(209, sys_getsockopt);
}

}  // namespace faultline::os
