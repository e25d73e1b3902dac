// dup, fcntl and ioctl: what concerns descriptors and open files themselves.
#include <algorithm>
#include <cerrno>

#include "os/files/pipe.h"
#include "os/memory/address_space.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

// Commands of fcntl(2) (asm-generic/fcntl.h, linux/fcntl.h); locks are in
// file_lock_calls.cc.
enum Command : uint32_t {
  kDuplicate = 0,
  kGetDescriptorFlags = 1,
  kSetDescriptorFlags = 2,
  kGetStatusFlags = 3,
  kSetStatusFlags = 4,
  kSetOwner = 8,
  kGetOwner = 9,
  kSetSignal = 10,
  kGetSignal = 11,
  kGetOwnerAndType = 16,
  kDuplicateCloseOnExec = 1030,
  kGetLease = 1025,
  kSetPipeSize = 1031,
  kGetPipeSize = 1032,
  kAddSeals = 1033,
  kGetSeals = 1034,
};

// struct f_owner_ex (linux/fcntl.h).
struct Owner {
  int32_t type, pid;
};
constexpr int32_t kOwnerProcess = 1, kOwnerGroup = 2;

constexpr uint64_t kNoLease = 2;  // F_UNLCK

// Status flags that F_SETFL can change.
constexpr uint32_t kChangeable = kOpenAppend | kOpenNonBlocking | kOpenAsync | kOpenDirect | kOpenNoAccessTime;

SyscallResult as_value(const Result<int>& descriptor) {
  if (!descriptor) return descriptor.error();
  return static_cast<uint64_t>(descriptor.value());
}

SyscallResult sys_dup(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0, true);
  if (!file) return file.error();
  return as_value(files_of(call).add(*file, false, descriptor_limit(call)));
}

SyscallResult sys_dup3(SyscallContext& call) {
  const uint32_t flags = call.word(2);
  if ((flags & ~kOpenCloseOnExec) != 0 || call.integer(0) == call.integer(1)) return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0, true);
  if (!file) return file.error();
  Result<> placed = files_of(call).place(call.integer(1), *file, flags != 0, descriptor_limit(call));
  if (!placed) return placed.error();
  return static_cast<uint64_t>(call.integer(1));
}

SyscallResult pipe_size(const OpenFile& file) {
  const auto* pipe = dynamic_cast<const Pipe*>(&file.inode());
  if (!pipe) return Errno{EBADF};
  return pipe->capacity();
}

SyscallResult set_pipe_size(OpenFile& file, uint64_t wanted) {
  auto* pipe = dynamic_cast<Pipe*>(&file.inode());
  if (!pipe) return Errno{EBADF};
  return pipe->set_capacity(wanted);
}

// A writable mapping stands in the way of F_SEAL_WRITE (EBUSY).
bool mapped_for_writing(const Inode& inode) {
  return std::any_of(inode.mappings.begin(), inode.mappings.end(), [](const auto& mapping) {
    const VmArea* area = mapping.second->find_area(VirtAddr(mapping.first.second));
    return area->shared && area->may_write;
  });
}

SyscallResult add_seals(OpenFile& file, uint32_t seals) {
  Inode& inode = file.inode();
  if (!file.writable()) return Errno{EPERM};
  if (!inode.seals || (seals & ~uint32_t{kSealsKnown})) return Errno{EINVAL};
  if (inode.sealed(kSealSeals)) return Errno{EPERM};
  if ((seals & kSealWrite) && mapped_for_writing(inode)) return Errno{EBUSY};
  *inode.seals |= seals;
  return uint64_t{0};
}

SyscallResult get_seals(const OpenFile& file) {
  if (!file.inode().seals) return Errno{EINVAL};
  return uint64_t{*file.inode().seals};
}

SyscallResult get_descriptor_flags(const FileTable& files, int32_t fd) {
  Result<bool> close_on_exec = files.close_on_exec(fd);
  if (!close_on_exec) return close_on_exec.error();
  return uint64_t{*close_on_exec ? 1u : 0u};
}

SyscallResult set_descriptor_flags(FileTable& files, int32_t fd, uint64_t flags) {
  const Result<> set = files.set_close_on_exec(fd, (flags & 1) != 0);
  if (!set) return set.error();
  return uint64_t{0};
}

Co<SyscallResult> sys_fcntl(SyscallContext& call) {
  const uint32_t command = call.word(1);
  Result<OpenFilePtr> found = file_argument(call, 0, true);
  if (!found) co_return found.error();
  OpenFile& file = **found;
  FileTable& files = files_of(call);
  const bool about_descriptor = command <= kGetStatusFlags || command == kDuplicateCloseOnExec;
  if (file.path_only() && !about_descriptor) co_return Errno{EBADF};
  switch (command) {
    case kDuplicate:
    case kDuplicateCloseOnExec:
      co_return as_value(files.add(*found, command == kDuplicateCloseOnExec, descriptor_limit(call), call.integer(2)));
    case kGetDescriptorFlags:
      co_return get_descriptor_flags(files, call.integer(0));
    case kSetDescriptorFlags:
      co_return set_descriptor_flags(files, call.integer(0), call.args[2]);
    case kGetStatusFlags:
      co_return uint64_t{file.flags};
    case kSetStatusFlags:
      file.flags = (file.flags & ~kChangeable) | (call.word(2) & kChangeable);
      co_return uint64_t{0};
    case kSetOwner:  // O_ASYNC has no effect: nobody is told
      if (call.integer(2) == INT32_MIN) co_return Errno{EINVAL};
      file.owner = call.integer(2);
      co_return uint64_t{0};
    case kGetOwner:
      co_return static_cast<uint64_t>(file.owner);
    case kSetSignal:
      if (call.word(2) > kSignals) co_return Errno{EINVAL};
      file.signal = call.integer(2);
      co_return uint64_t{0};
    case kGetSignal:
      co_return static_cast<uint64_t>(file.signal);
    case kGetOwnerAndType: {
      UserMemory user = call.kernel.user_memory(call.task);
      const bool group = file.owner < 0;
      const Owner owner{.type = group ? kOwnerGroup : kOwnerProcess, .pid = group ? -file.owner : file.owner};
      auto put = co_await user.put(call.address(2), owner);
      if (!put) co_return put.error();
      co_return uint64_t{0};
    }
    case kGetLease:
      co_return kNoLease;
    case kSetPipeSize:
      co_return set_pipe_size(file, call.word(2));
    case kGetPipeSize:
      co_return pipe_size(file);
    case kAddSeals:
      co_return add_seals(file, call.word(2));
    case kGetSeals:
      co_return get_seals(file);
    default: {
      auto locked = co_await record_lock(call, *found, command);
      co_return locked;
    }
  }
}

// --- ioctl ------------------------------------------------------------------------------

enum Request : uint32_t {
  kBlockMap = 1,   // FIBMAP
  kBlockSize = 2,  // FIGETBSZ
  kBytesToRead = 0x541b,
  kNonBlocking = 0x5421,
  kNoCloseOnExec = 0x5450,
  kCloseOnExec = 0x5451,
};

template <class T>
Co<SyscallResult> answer(SyscallContext& call, T value) {
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(2), value);
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_ioctl(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) co_return found.error();
  OpenFile& file = **found;
  const uint32_t request = call.word(1);
  if (request == kCloseOnExec || request == kNoCloseOnExec) {
    Result<> set = files_of(call).set_close_on_exec(call.integer(0), request == kCloseOnExec);
    if (!set) co_return set.error();
    co_return uint64_t{0};
  }
  if (request == kNonBlocking) {
    UserMemory user = call.kernel.user_memory(call.task);
    auto on = co_await user.get<int32_t>(call.address(2));
    if (!on) co_return on.error();
    const OpenFilePtr held = *found;
    held->flags = *on ? held->flags | kOpenNonBlocking : held->flags & ~uint32_t{kOpenNonBlocking};
    co_return uint64_t{0};
  }
  if (request == kBlockSize) {
    auto put = co_await answer(call, static_cast<int32_t>(call.kernel.memory().page().bytes()));
    co_return put;
  }
  if (request == kBlockMap && file.inode().is(InodeType::regular)) co_return Errno{EPERM};
  if (request == kBytesToRead) {
    auto bytes = file.inode().readable_bytes(file);
    if (!bytes && file.inode().is(InodeType::regular))
      bytes = file.inode().size() - std::min(file.offset, file.inode().size());
    if (!bytes) co_return Errno{ENOTTY};
    auto put = co_await answer(call, static_cast<int32_t>(std::min<uint64_t>(*bytes, 0x7fffffff)));
    co_return put;
  }
  if (!file.inode().is_terminal()) co_return Errno{ENOTTY};
  auto done = co_await terminal_request(call, request);
  co_return done;
}

}  // namespace

void register_file_descriptors(SyscallTable& table) {
  table.add(23, sys_dup);
  table.add(24, sys_dup3);
  table.add(25, sys_fcntl);
  table.add(29, sys_ioctl);
}

}  // namespace faultline::os
