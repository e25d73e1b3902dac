#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "os/syscall/socket_argument.h"

namespace faultline::os {

namespace {

constexpr int32_t kAddressMost = 128;                        // struct sockaddr_storage
constexpr size_t kLocalPathMost = 108;                       // sun_path
constexpr size_t kInternetBytes = 14, kInternet6Bytes = 22;  // behind the family, as far as they are needed

// Linux, unix_validate_addr: the family is the socket's, and there is a name.
Result<> check_local(SocketName& name) {
  if (name.bytes.empty() || name.bytes.size() > kLocalPathMost || name.family != kFamilyLocal) return Errno{EINVAL};
  if (!name.abstract()) name.bytes.resize(std::min(name.bytes.find('\0'), name.bytes.size()));
  return Unit{};
}

Result<> check_internet(const Socket& socket, SocketName& name) {
  const size_t least = socket.family() == kFamilyInternet ? kInternetBytes : kInternet6Bytes;
  if (name.bytes.size() < least) return Errno{EINVAL};
  const bool fits = name.family == socket.family();
  if (!fits) return Errno{EAFNOSUPPORT};
  name = InternetPlace::of(name.family, name.bytes + std::string(8, '\0')).name(name.family);
  return Unit{};
}

Result<std::shared_ptr<Socket>> find_by_path(SyscallContext& call, const Socket& from, const std::string& path) {
  Vfs& vfs = vfs_of(call);
  Result<InodePtr> inode = vfs.find(fs_of(call).current, path, Vfs::Last::follow);
  if (!inode) return inode.error();
  if (Result<> allowed = vfs.check_access(**inode, 2); !allowed) return allowed.error();
  auto* const node = dynamic_cast<SocketNode*>(inode->get());
  std::shared_ptr<Socket> socket = node ? node->socket.lock() : nullptr;
  if (!socket) return Errno{ECONNREFUSED};
  if (socket->kind() != from.kind()) return Errno{EPROTOTYPE};
  return socket;
}

}  // namespace

Result<OpenFilePtr> socket_argument(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (file && !dynamic_cast<Socket*>(&(*file)->inode())) return Errno{ENOTSOCK};
  return file;
}

Co<Result<SocketName>> address_at(SyscallContext& call, VirtAddr at, int32_t bytes) {
  if (bytes < 0 || bytes > kAddressMost) co_return Errno{EINVAL};
  std::string raw(static_cast<size_t>(bytes), '\0');
  UserMemory user = call.kernel.user_memory(call.task);
  auto got = co_await user.read(at, std::span(reinterpret_cast<uint8_t*>(raw.data()), raw.size()));
  if (!got) co_return got.error();
  SocketName name;
  if (raw.size() < sizeof(name.family)) co_return name;
  std::memcpy(&name.family, raw.data(), sizeof(name.family));
  name.bytes = raw.substr(sizeof(name.family));
  co_return name;
}

Result<std::shared_ptr<Socket>> find_socket(SyscallContext& call, const Socket& from, SocketName& name) {
  if (from.family() == kFamilyLocal) {
    if (Result<> valid = check_local(name); !valid) return valid.error();
    if (!name.abstract()) return find_by_path(call, from, name.bytes);
    std::shared_ptr<Socket> socket = vfs_of(call).socket_names().find(from.kind(), name);
    if (!socket) return Errno{ECONNREFUSED};
    return socket;
  }
  if (Result<> valid = check_internet(from, name); !valid) return valid.error();
  const InternetPlace place = InternetPlace::of(name.family, name.bytes);
  if (!place.is_loopback() && !place.is_any()) return Errno{ENETUNREACH};
  std::shared_ptr<Socket> socket = vfs_of(call).socket_names().find(from.kind(), name);
  if (!socket) return Errno{ECONNREFUSED};
  return socket;
}

// From the loopback's own address to the loopback.
Result<> give_port(SyscallContext& call, const std::shared_ptr<Socket>& socket, const SocketName& to) {
  if (!is_internet(socket->family()) || !socket->own_name().empty()) return Unit{};
  InternetPlace place = InternetPlace::of(to.family, to.bytes);
  if (place.is_any()) place.address[15] = 1;
  if (place.is_ipv4() && place.address[12] == 0) place.address[12] = 127;
  Result<SocketName> name = vfs_of(call).socket_names().take_free(socket, place.name(socket->family()));
  if (!name) return name.error();
  socket->set_name(*name);
  return Unit{};
}

std::vector<uint8_t> address_bytes(uint16_t family, const SocketName& name) {
  std::vector<uint8_t> bytes(sizeof(family) + name.bytes.size());
  std::memcpy(bytes.data(), &family, sizeof(family));
  std::copy(name.bytes.begin(), name.bytes.end(), bytes.begin() + sizeof(family));
  if (family == kFamilyLocal && !name.empty() && !name.abstract()) bytes.push_back(0);
  if (is_internet(family) && name.empty()) bytes.resize(family == kFamilyInternet ? 16 : 28);
  return bytes;
}

Co<Result<>> store_address(SyscallContext& call, uint16_t family, SocketName name, VirtAddr to, VirtAddr length) {
  const std::vector<uint8_t> bytes = address_bytes(family, name);
  UserMemory user = call.kernel.user_memory(call.task);
  auto room = co_await user.get<int32_t>(length);
  if (!room) co_return room.error();
  if (*room < 0) co_return Errno{EINVAL};
  const size_t count = std::min<size_t>(static_cast<size_t>(*room), bytes.size());
  auto stored = co_await user.write(to, std::span<const uint8_t>(bytes).first(count));
  if (!stored) co_return stored;
  stored = co_await user.put(length, static_cast<uint32_t>(bytes.size()));
  co_return stored;
}

}  // namespace faultline::os
