// What the calls on sockets share: the socket, and the addresses of programs.
#pragma once

#include <memory>
#include <vector>

#include "os/files/socket.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

inline constexpr uint32_t kSocketFlags = kOpenNonBlocking | kOpenCloseOnExec;
inline constexpr uint64_t kPiecesMost = 1024;  // UIO_MAXIOV

// EBADF, ENOTSOCK.
Result<OpenFilePtr> socket_argument(SyscallContext& call);
inline Socket& socket_of(const OpenFilePtr& file) { return static_cast<Socket&>(file->inode()); }
inline std::shared_ptr<Socket> shared_socket(const OpenFilePtr& file) {
  return std::static_pointer_cast<Socket>(file->inode_pointer());
}

// A sockaddr of the program as it stands there: family and bytes. No family: it has
// less than two bytes. EFAULT, EINVAL for a length that no sockaddr has.
Co<Result<SocketName>> address_at(SyscallContext& call, VirtAddr at, int32_t bytes);

// Where a name leads: to a socket that can be reached by it. ECONNREFUSED, EPROTOTYPE,
// and what is wrong with the address, or the path, itself.
Result<std::shared_ptr<Socket>> find_socket(SyscallContext& call, const Socket& from, SocketName& name);

// A socket of the internet without a name gets a free port, to be answered at.
Result<> give_port(SyscallContext& call, const std::shared_ptr<Socket>& socket, const SocketName& to);

// Stores as much of the address as the program has room for, and its whole length. The
// room is what `length` points to. EFAULT, EINVAL.
Co<Result<>> store_address(SyscallContext& call, uint16_t family, SocketName name, VirtAddr to, VirtAddr length);

// The bytes of a sockaddr: its family, its name, and the zero behind a path.
std::vector<uint8_t> address_bytes(uint16_t family, const SocketName& name);

void register_socket_messages(SyscallTable& table);
void register_socket_options(SyscallTable& table);

}  // namespace faultline::os
