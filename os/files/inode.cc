#include "os/files/inode.h"

#include <cerrno>

namespace faultline::os {

Co<Result<>> Inode::open(OpenFile&, Sleeper&) { co_return Unit{}; }

Co<Result<uint64_t>> Inode::read(IoContext&, OpenFile&, uint64_t, VirtAddr, uint64_t) { co_return Errno{EINVAL}; }

Co<Result<uint64_t>> Inode::write(IoContext&, OpenFile&, uint64_t&, VirtAddr, uint64_t) { co_return Errno{EINVAL}; }

Co<Result<>> Inode::truncate(IoContext&, uint64_t) { co_return Errno{EINVAL}; }

}  // namespace faultline::os
