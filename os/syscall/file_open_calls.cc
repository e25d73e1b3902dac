// openat, openat2, close, pipes, anonymous files.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

constexpr size_t kAnonymousNameMost = 249;  // memfd_create(2)
constexpr uint32_t kMemfdCloseOnExec = 1;
constexpr uint32_t kMemfdAllowSealing = 2;
constexpr uint32_t kCloseRangeUnshare = 2;
constexpr uint32_t kCloseRangeCloseOnExec = 4;

SyscallResult as_value(const Result<int>& descriptor) {
  if (!descriptor) return descriptor.error();
  return static_cast<uint64_t>(descriptor.value());
}

// What openat2(2) adds to openat(2): rules, and no flag that is not known.
struct OpenRequest {
  uint32_t flags = 0;
  uint32_t permissions = 0;
  PathRules rules;
};

Co<SyscallResult> open_at(SyscallContext& call, OpenRequest request) {
  auto path = co_await path_argument(call, 1);
  if (!path) co_return path.error();
  Result<DirectoryPtr> start = start_of(call, 0, *path);
  if (!start) co_return start.error();
  // Rules speak of the directory even where the path does not begin there.
  if (request.rules.start_is_root && path->starts_with('/')) {
    start = start_of(call, 0, ".");
    if (!start) co_return start.error();
  }
  TaskSleeper sleeper(call.task);
  const uint32_t permissions = request.permissions & 07777 & ~fs_of(call).umask;
  auto file = co_await vfs_of(call).open(*start, *path, request.flags, permissions, sleeper, request.rules);
  if (!file) co_return file.error();
  // /dev/tty is the terminal of whoever opens it.
  const bool others_terminal = (*file)->inode().is_terminal() && !has_terminal(call.task.process());
  if (others_terminal && !(request.flags & kOpenPath)) co_return Errno{ENXIO};
  co_return as_value(files_of(call).add(*file, (request.flags & kOpenCloseOnExec) != 0, descriptor_limit(call)));
}

Co<SyscallResult> sys_openat(SyscallContext& call) {
  const uint32_t flags = call.word(2);
  const bool path_only = (flags & kOpenPath) != 0;
  if ((flags & kOpenAccessMode) == kOpenAccessMode && !path_only) co_return Errno{EINVAL};
  // What would be O_TMPFILE, but for its other half.
  constexpr uint32_t kTemporaryAlone = kOpenTemporary & ~uint32_t{kOpenDirectory};
  if (!path_only && (flags & kTemporaryAlone) && !(flags & kOpenDirectory)) co_return Errno{EINVAL};
  auto done = co_await open_at(call, {.flags = flags, .permissions = call.word(3), .rules = {}});
  co_return done;
}

// struct open_how of linux/openat2.h.
struct OpenHow {
  uint64_t flags = 0, mode = 0, resolve = 0;
};

// EINVAL for what openat(2) would overlook; EAGAIN.
Result<OpenRequest> request_of(const OpenHow& how) {
  enum Resolve : uint64_t { kSameMount = 1, kNoJumps = 2, kNoLinks = 4, kBeneath = 8, kInRoot = 16, kCached = 32 };
  constexpr uint64_t kResolveKnown = 63;
  constexpr uint64_t kFlagsKnown = kOpenAccessMode | kOpenCreate | kOpenExclusive | kOpenNoControllingTty |
                                   kOpenTruncate | kOpenAppend | kOpenNonBlocking | kOpenSync | kOpenAsync |
                                   kOpenDirect | kOpenLargeFile | kOpenDirectory | kOpenNoFollow | kOpenNoAccessTime |
                                   kOpenCloseOnExec | kOpenPath | kOpenTemporary;
  constexpr uint64_t kPathFlags = kOpenPath | kOpenDirectory | kOpenNoFollow | kOpenCloseOnExec;
  if ((how.flags & ~kFlagsKnown) || (how.resolve & ~kResolveKnown) || (how.mode & ~uint64_t{07777})) {
    return Errno{EINVAL};
  }
  if ((how.resolve & kBeneath) && (how.resolve & kInRoot)) return Errno{EINVAL};
  const bool temporary = (how.flags & kOpenTemporary) == kOpenTemporary;
  const bool makes = (how.flags & kOpenCreate) || temporary;
  if (!makes && how.mode != 0) return Errno{EINVAL};
  if ((how.flags & kOpenPath) && (how.flags & ~kPathFlags)) return Errno{EINVAL};
  if ((how.flags & kOpenAccessMode) == kOpenAccessMode) return Errno{EINVAL};
  if ((how.flags & (kOpenTemporary & ~uint32_t{kOpenDirectory})) && !temporary) return Errno{EINVAL};
  if ((how.resolve & kCached) && (makes || (how.flags & kOpenTruncate))) return Errno{EAGAIN};
  return OpenRequest{.flags = static_cast<uint32_t>(how.flags),
                     .permissions = static_cast<uint32_t>(how.mode),
                     .rules = {.no_links = (how.resolve & kNoLinks) != 0,
                               .no_jumps = (how.resolve & (kNoJumps | kNoLinks)) != 0,
                               .same_mount = (how.resolve & kSameMount) != 0,
                               .beneath = (how.resolve & kBeneath) != 0,
                               .start_is_root = (how.resolve & kInRoot) != 0}};
}

// A longer structure of a later Linux is fine as long as its rest is zero: E2BIG.
Co<Result<OpenHow>> how_argument(SyscallContext& call) {
  const uint64_t bytes = call.args[3];
  const uint64_t page = call.kernel.memory().page().bytes();
  if (bytes < sizeof(OpenHow)) co_return Errno{EINVAL};
  if (bytes > page) co_return Errno{E2BIG};
  std::vector<uint8_t> raw(bytes);
  UserMemory user = call.kernel.user_memory(call.task);
  auto got = co_await user.read(call.address(2), raw);
  if (!got) co_return got.error();
  const auto rest = std::span<const uint8_t>(raw).subspan(sizeof(OpenHow));
  if (std::ranges::any_of(rest, [](uint8_t byte) { return byte != 0; })) co_return Errno{E2BIG};
  OpenHow how;
  std::memcpy(&how, raw.data(), sizeof(how));
  co_return how;
}

Co<SyscallResult> sys_openat2(SyscallContext& call) {
  auto how = co_await how_argument(call);
  if (!how) co_return how.error();
  Result<OpenRequest> request = request_of(*how);
  if (!request) co_return request.error();
  auto done = co_await open_at(call, *request);
  co_return done;
}

SyscallResult sys_close(SyscallContext& call) {
  Result<> closed = files_of(call).close(call.integer(0));
  if (!closed) return closed.error();
  return uint64_t{0};
}

SyscallResult sys_close_range(SyscallContext& call) {
  const uint32_t first = call.word(0), last = call.word(1), flags = call.word(2);
  if (first > last || (flags & ~(kCloseRangeUnshare | kCloseRangeCloseOnExec)) != 0) return Errno{EINVAL};
  auto& files = call.task.process().files;
  if (flags & kCloseRangeUnshare) files = files->duplicate();
  if (flags & kCloseRangeCloseOnExec) {
    files->set_close_on_exec_range(first, last);
  } else {
    files->close_range(first, last);
  }
  return uint64_t{0};
}

Co<SyscallResult> sys_pipe2(SyscallContext& call) {
  const uint32_t flags = call.word(1);
  if ((flags & ~(kOpenCloseOnExec | kOpenNonBlocking | kOpenDirect)) != 0) co_return Errno{EINVAL};
  auto done = co_await hand_out_pair(call, 0, vfs_of(call).make_pipe(flags), (flags & kOpenCloseOnExec) != 0);
  co_return done;
}

Co<SyscallResult> sys_memfd_create(SyscallContext& call) {
  const uint32_t flags = call.word(1);
  if ((flags & ~(kMemfdCloseOnExec | kMemfdAllowSealing)) != 0) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  auto name = co_await user.read_string(call.address(0), kAnonymousNameMost + 1);
  if (!name) co_return name.error() == Errno{ENAMETOOLONG} ? Errno{EINVAL} : name.error();
  OpenFilePtr file =
      vfs_of(call).make_anonymous_file(*name, 0, (flags & kMemfdAllowSealing) ? 0u : uint32_t{kSealSeals});
  co_return as_value(files_of(call).add(std::move(file), (flags & kMemfdCloseOnExec) != 0, descriptor_limit(call)));
}

}  // namespace

SyscallResult hand_out(SyscallContext& call, OpenFilePtr file, bool close_on_exec) {
  return as_value(files_of(call).add(std::move(file), close_on_exec, descriptor_limit(call)));
}

Co<SyscallResult> hand_out_pair(SyscallContext& call, unsigned argument, std::pair<OpenFilePtr, OpenFilePtr> files,
                                bool close_on_exec) {
  FileTable& table = files_of(call);
  Result<int> first = table.add(std::move(files.first), close_on_exec, descriptor_limit(call));
  if (!first) co_return first.error();
  Result<int> second = table.add(std::move(files.second), close_on_exec, descriptor_limit(call));
  Result<> given = second ? Result<>(Unit{}) : Result<>(second.error());
  if (given) {
    UserMemory user = call.kernel.user_memory(call.task);
    given = co_await user.put(call.address(argument), std::array<int32_t, 2>{*first, *second});
  }
  if (given) co_return uint64_t{0};
  (void)table.close(*first).ok();
  if (second) (void)table.close(*second).ok();
  co_return given.error();
}

void register_file_open(SyscallTable& table) {
  table.add(56, sys_openat);
  table.add(57, sys_close);
  table.add(59, sys_pipe2);
  table.add(279, sys_memfd_create);
  table.add(436, sys_close_range);
  table.add(437, sys_openat2);
}

}  // namespace faultline::os
