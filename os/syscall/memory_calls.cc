// Calls that change a process's address space. What they mean is in
// os/memory/address_space.h; here are arguments and files.
#include <algorithm>
#include <array>
#include <vector>

#include "os/files/file_table.h"
#include "os/files/regular_file.h"
#include "os/kernel.h"
#include "os/memory/mman.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/populate.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

SyscallResult answer(const Result<>& done) {
  if (!done.ok()) return done.error();
  return uint64_t{0};
}

// What F_SEAL_WRITE and F_SEAL_FUTURE_WRITE leave of a shared mapping (fcntl(2)).
Result<> seal_mapping(const Inode& inode, MapRequest& request) {
  const bool shared = (request.flags & kMapType) != kMapPrivate;
  if (!shared || !inode.sealed(kSealWrite | kSealFutureWrite)) return Unit{};
  if (request.protection & kProtWrite) return Errno{EPERM};
  request.file_writable = false;
  return Unit{};
}

// The file of a mapping: EBADF, ENODEV, EACCES for a descriptor that names only
// a path. /dev/zero gives anonymous memory.
Result<> take_file(SyscallContext& call, MapRequest& request) {
  const Result<OpenFilePtr> file = call.task.process().files->get(call.integer(4));
  if (!file.ok()) return file.error();
  const OpenFile& open = *file.value();
  if (open.path_only()) return Errno{EBADF};
  if (request.length == 0) return Errno{EINVAL};
  request.file_readable = open.readable();
  request.file_writable = open.writable();
  const Inode::Mapping kind = open.inode().mapping();
  if (kind != Inode::Mapping::file) {
    if (request.length > call.task.process().space->user_end().value) return Errno{ENOMEM};
    const bool shared = (request.flags & kMapType) != kMapPrivate;
    if (!open.readable() || (shared && (request.protection & kProtWrite) && !open.writable())) return Errno{EACCES};
    const int type = request.flags & kMapType;
    if (type == 0 || type > (kMapShared | kMapPrivate)) return Errno{EINVAL};
    if (kind == Inode::Mapping::none) return Errno{ENODEV};
    request.of_zero_device = true;
    request.flags |= kMapAnonymous;
    return Unit{};
  }
  request.file = open.inode_pointer();
  request.file_use = open.use;
  return seal_mapping(open.inode(), request);
}

// What mlock(2) promises of a range that became mapped, or may be touched now.
Co<> hold_locked(SyscallContext& call, uint64_t start, uint64_t end) {
  [[maybe_unused]] const FaultReply::Kind as_far_as_it_goes =
      co_await populate(call, start, end, Populate::locked, OnFailure::go_on);
}

Co<SyscallResult> sys_mmap(SyscallContext& call) {
  MapRequest request{.hint = call.address(0),
                     .length = call.args[1],
                     .protection = call.integer(2),
                     .flags = call.integer(3),
                     .file = nullptr,
                     .offset = call.args[5]};
  AddressSpace& space = *call.task.process().space;
  if (!space.page().aligned(request.offset)) co_return Errno{EINVAL};
  if (!(request.flags & kMapAnonymous)) {
    const Result<> taken = take_file(call, request);
    if (!taken.ok()) co_return taken.error();
  }
  const Result<VirtAddr> mapped = space.map(request);
  if (!mapped.ok()) co_return mapped.error();
  const uint64_t start = mapped.value().value;
  const uint64_t end = start + space.page().round_up(request.length);
  // That it fails is no error of mmap(2).
  const bool all = (request.flags & (kMapPopulate | kMapNonBlock)) == kMapPopulate;
  const Populate some = (request.flags & kMapLocked) ? Populate::held : Populate::locked;
  [[maybe_unused]] const FaultReply::Kind as_far_as_it_goes =
      co_await populate(call, start, end, all ? Populate::all : some, OnFailure::go_on);
  co_return start;
}

SyscallResult sys_munmap(SyscallContext& call) {
  return answer(call.task.process().space->unmap(call.address(0), call.args[1]));
}

Co<SyscallResult> sys_mprotect(SyscallContext& call) {
  AddressSpace& space = *call.task.process().space;
  const Result<> done = space.protect(call.address(0), call.args[1], call.integer(2));
  if (!done.ok()) co_return done.error();
  co_await hold_locked(call, call.args[0], call.args[0] + space.page().round_up(call.args[1]));
  co_return uint64_t{0};
}

Co<SyscallResult> sys_mremap(SyscallContext& call) {
  AddressSpace& space = *call.task.process().space;
  const Result<VirtAddr> moved =
      space.remap(call.address(0), call.args[1], call.args[2], call.integer(3), call.address(4));
  if (!moved.ok()) co_return moved.error();
  const uint64_t start = moved.value().value;
  co_await hold_locked(call, start, start + space.page().round_up(call.args[2]));
  co_return start;
}

// MADV_REMOVE of pages that a file has: a hole in it (Linux, madvise_remove).
Co<Result<>> remove_file_pages(std::shared_ptr<FileBacking> file, uint64_t offset, uint64_t bytes) {
  auto* const regular = dynamic_cast<RegularFile*>(file.get());
  if (!regular) co_return Errno{EOPNOTSUPP};
  const Result<> done = co_await regular->punch_hole(offset, offset + bytes);
  co_return done;
}

// Area by area, since the areas may change while a file's pages go.
Co<Result<>> remove_pages(AddressSpace& space, uint64_t start, uint64_t end) {
  for (uint64_t at = start; at < end;) {
    const VmArea* const area = space.find_area(VirtAddr(at));
    const bool of_file = area && area->file && area->shared && area->may_write && area->lock == AreaLock::none;
    const uint64_t here = area ? std::min(end, area->end) : end;
    Result<> done = Unit{};
    if (of_file) {
      done = co_await remove_file_pages(area->file, area->offset + (at - area->start), here - at);
    } else {
      done = space.advise(VirtAddr(at), here - at, kMadvRemove);
    }
    if (!done.ok()) co_return done;
    at = here;
  }
  co_return Unit{};
}

Co<SyscallResult> sys_madvise(SyscallContext& call) {
  AddressSpace& space = *call.task.process().space;
  const int advice = call.integer(2);
  if (call.args[1] > space.user_end().value) co_return Errno{EINVAL};
  const bool populates = advice == kMadvPopulateRead || advice == kMadvPopulateWrite;
  const uint64_t end = call.args[0] + space.page().round_up(call.args[1]);
  if (advice == kMadvRemove && space.page().aligned(call.args[0]) && end > call.args[0]) {
    const Result<> removed = co_await remove_pages(space, call.args[0], end);
    co_return answer(removed);
  }
  const Result<> done = space.advise(call.address(0), call.args[1], advice);
  // A hole is an error only once the pages before it are there.
  const bool hole = populates && !done.ok() && done.error() == Errno{ENOMEM};
  if (!done.ok() && !hole) co_return done.error();
  if (!populates) co_return uint64_t{0};
  const Populate how = advice == kMadvPopulateRead ? Populate::read : Populate::write;
  const FaultReply::Kind ended = co_await populate(call, call.args[0], end, how, OnFailure::report);
  switch (ended) {
    case FaultReply::Kind::resolved:
      co_return uint64_t{0};
    case FaultReply::Kind::segv_accerr:
      co_return Errno{EINVAL};
    case FaultReply::Kind::bus_adrerr:
      co_return Errno{EFAULT};
    default:
      co_return Errno{ENOMEM};
  }
}

Co<SyscallResult> sys_brk(SyscallContext& call) {
  AddressSpace& space = *call.task.process().space;
  const uint64_t before = space.page().round_up(space.brk().value);
  const uint64_t now = space.set_brk(call.address(0)).value;
  co_await hold_locked(call, before, now);
  co_return now;
}

Co<SyscallResult> sys_msync(SyscallContext& call) {
  for (;;) {
    const Reply<> reply = call.task.process().space->sync(call.address(0), call.args[1], call.integer(2));
    if (reply.failed()) co_return reply.error();
    if (reply.ok()) co_return uint64_t{0};
    co_await reply.queue().sleep();
  }
}

// One byte for each page; told in pieces, since the range may be huge.
Co<SyscallResult> sys_mincore(SyscallContext& call) {
  const AddressSpace& space = *call.task.process().space;
  const PageSize page = space.page();
  const uint64_t start = call.args[0];
  if (!page.aligned(start)) co_return Errno{EINVAL};
  if (start > space.user_end().value || call.args[1] > space.user_end().value - start) co_return Errno{ENOMEM};
  UserMemory user = call.kernel.user_memory(call.task);
  const uint64_t pages = page.pages(call.args[1]);
  std::array<uint8_t, 512> present;
  for (uint64_t done = 0; done < pages;) {
    const uint64_t count = std::min<uint64_t>(present.size(), pages - done);
    for (uint64_t i = 0; i < count; ++i) {
      const VirtAddr address(start + ((done + i) << page.shift));
      if (!space.find_area(address)) co_return Errno{ENOMEM};
      present[i] = space.in_memory(address) ? 1 : 0;
    }
    const VirtAddr to(call.args[2] + done);
    const Result<> stored = co_await user.write(to, std::span(present.data(), count));
    if (!stored.ok()) co_return stored.error();
    done += count;
  }
  co_return uint64_t{0};
}

}  // namespace

void register_memory_calls(SyscallTable& table) {
  table.add(214, sys_brk);
  table.add(215, sys_munmap);
  table.add(216, sys_mremap);
  table.add(222, sys_mmap);
  table.add(226, sys_mprotect);
  table.add(227, sys_msync);
  table.add(232, sys_mincore);
  table.add(233, sys_madvise);
}

}  // namespace faultline::os
