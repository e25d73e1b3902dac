// shmget(2), shmat(2), shmctl(2): a segment is a file without a name, and attaching
// it is mapping that file.
#include <cerrno>
#include <set>
#include <utility>
#include <vector>

#include "os/files/regular_file.h"
#include "os/memory/mman.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/ipc_types.h"

namespace faultline::os {

namespace {

constexpr uint64_t kBytesMost = uint64_t{1} << 40;  // no file of the guest's memory gets so large
constexpr uint64_t kLongest = ~uint64_t{0} >> 1;    // nor any file at all (Linux, MAX_LFS_FILESIZE)
constexpr uint32_t kRemovalDue = 01000;             // SHM_DEST

// struct shmid64_ds of 64-bit machines.
struct SegmentStatus {
  IpcPermissions permissions;
  uint64_t bytes = 0;
  int64_t attached = 0, detached = 0, changed = 0;
  int32_t creator = 0, last = 0;
  uint64_t attachments = 0;
  uint64_t unused[2] = {};
};
static_assert(sizeof(SegmentStatus) == 112);

// How often it is attached: a piece of it that begins with its first byte.
uint64_t attachments(Kernel& kernel, const SharedSegment& segment) {
  std::set<const AddressSpace*> seen;  // one that processes share counts once; only looked up in
  uint64_t count = 0;
  for (const auto& [pid, process] : kernel.processes()) {
    if (!process->space || !seen.insert(process->space.get()).second) continue;
    process->space->for_each_area(
        [&](const VmArea& area) { count += area.file.get() == segment.file.get() && area.offset == 0 ? 1u : 0u; });
  }
  return count;
}

// Of one that is to go once nobody has it attached any more.
std::shared_ptr<SharedSegment> find_segment(SyscallContext& call, int32_t id) {
  IpcTable<SharedSegment>& segments = call.kernel.ipc().segments;
  std::shared_ptr<SharedSegment> segment = segments.find(id);
  if (!segment || !(segment->mode & kRemovalDue) || attachments(call.kernel, *segment) != 0) return segment;
  segments.remove(id);
  return nullptr;
}

Co<SyscallResult> sys_shmget(SyscallContext& call) {
  const int32_t key = call.integer(0);
  const uint64_t bytes = call.args[1];
  IpcTable<SharedSegment>& segments = call.kernel.ipc().segments;
  auto found = existing(segments, key, call.word(2));
  if (!found.ok()) co_return found.error();
  if (*found) {
    if (bytes > segments.find(**found)->bytes) co_return Errno{EINVAL};
    co_return static_cast<uint64_t>(**found);
  }
  if (bytes == 0 || bytes > kLongest) co_return Errno{EINVAL};
  if (bytes > kBytesMost) co_return Errno{ENOMEM};
  auto segment = std::make_shared<SharedSegment>();
  set_up(call, *segment, key, call.word(2));
  segment->bytes = bytes;
  segment->creator = call.task.process().pid();
  segment->file = call.kernel.vfs().make_anonymous_file("SYSV", 0, 0)->inode_pointer();
  const Result<> sized = co_await static_cast<RegularFile&>(*segment->file).set_size(bytes);
  if (!sized.ok()) co_return sized.error();
  const Result<int32_t> id = segments.add(std::move(segment));
  if (!id.ok()) co_return id.error();
  co_return static_cast<uint64_t>(id.value());
}

SyscallResult sys_shmat(SyscallContext& call) {
  constexpr uint32_t kReadOnly = 010000, kRound = 020000, kReplace = 040000, kExecute = 0100000;
  const uint32_t flags = call.word(2);
  const std::shared_ptr<SharedSegment> segment = find_segment(call, call.integer(0));
  if (!segment) return Errno{EINVAL};
  AddressSpace& space = *call.task.process().space;
  uint64_t at = call.args[1];
  if (flags & kRound) at = space.page().round_down(at);
  if (!space.page().aligned(at) || (at == 0 && (flags & kReplace))) return Errno{EINVAL};
  MapRequest request{
      .hint = VirtAddr(at),
      .length = segment->bytes,
      .protection = kProtRead | ((flags & kReadOnly) ? 0 : kProtWrite) | ((flags & kExecute) ? kProtExec : 0),
      .flags = kMapShared,
      .file = segment->file};
  if (at != 0) request.flags |= (flags & kReplace) ? kMapFixed : kMapFixedNoReplace;
  request.file_writable = (flags & kReadOnly) == 0;
  const Result<VirtAddr> mapped = space.map(request);
  if (!mapped.ok()) return mapped.error() == Errno{EEXIST} ? Errno{EINVAL} : mapped.error();
  segment->last = call.task.process().pid();
  segment->attached_seconds = seconds_now(call);
  return mapped.value().value;
}

// The parts of what was attached at `at` that are still there, as areas of one file:
// the first one tells which. Linux, ksys_shmdt.
struct Attachment {
  std::shared_ptr<SharedSegment> segment;
  int32_t id = 0;
  std::vector<std::pair<uint64_t, uint64_t>> parts;  // start, bytes
};

Attachment find_attachment(SyscallContext& call, uint64_t at) {
  AddressSpace& space = *call.task.process().space;
  Attachment found;
  space.for_each_area([&](const VmArea& area) {
    if (area.start < at || !area.file || area.start - at != area.offset) return;
    if (!found.segment) {
      for (const auto& [id, segment] : call.kernel.ipc().segments) {
        if (segment->file.get() == area.file.get()) found.segment = segment, found.id = id;
      }
    }
    if (found.segment && found.segment->file.get() == area.file.get())
      found.parts.emplace_back(area.start, area.bytes());
  });
  return found;
}

SyscallResult sys_shmdt(SyscallContext& call) {
  AddressSpace& space = *call.task.process().space;
  if (!space.page().aligned(call.args[0])) return Errno{EINVAL};
  const Attachment found = find_attachment(call, call.args[0]);
  if (!found.segment) return Errno{EINVAL};
  for (const auto& [start, bytes] : found.parts) {
    const Result<> gone = space.unmap(VirtAddr(start), bytes);
    if (!gone.ok()) return gone.error();
  }
  found.segment->last = call.task.process().pid();
  found.segment->detached_seconds = seconds_now(call);
  (void)find_segment(call, found.id);
  return uint64_t{0};
}

Co<SyscallResult> segment_status(SyscallContext& call, const SharedSegment& segment) {
  SegmentStatus status;
  status.permissions = permissions_of(segment);
  status.bytes = segment.bytes;
  status.attached = segment.attached_seconds;
  status.detached = segment.detached_seconds;
  status.changed = segment.changed_seconds;
  status.creator = segment.creator;
  status.last = segment.last;
  status.attachments = attachments(call.kernel, segment);
  return put_answer(call, call.address(2), status);
}

Co<SyscallResult> sys_shmctl(SyscallContext& call) {
  const std::shared_ptr<SharedSegment> segment = find_segment(call, call.integer(0));
  if (!segment) co_return Errno{EINVAL};
  switch (call.integer(1)) {
    case kIpcRemove:
      segment->mode |= kRemovalDue;
      segment->key = 0;
      (void)find_segment(call, call.integer(0));
      co_return uint64_t{0};
    case kIpcStatus: {
      auto done = co_await segment_status(call, *segment);
      co_return done;
    }
    case kIpcSet: {
      auto done = co_await set_permissions(call, *segment, call.address(2));
      co_return done;
    }
    default:
      co_return Errno{EINVAL};
  }
}

}  // namespace

void register_shared_memory_calls(SyscallTable& table) {
  table.add(194, sys_shmget);
  table.add(195, sys_shmctl);
  table.add(196, sys_shmat);
  table.add(197, sys_shmdt);
}

void register_ipc_calls(SyscallTable& table) {
  register_shared_memory_calls(table);
  register_semaphore_calls(table);
  register_message_calls(table);
}

}  // namespace faultline::os
