// Between the page cache and the disk: fsync and its relatives, advice.
#include <cerrno>
#include <optional>
#include <vector>

#include "os/memory/page_cache.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

constexpr uint64_t kToTheEnd = ~uint64_t{0};

// sync_file_range(2).
enum SyncRange : uint32_t { kWaitBefore = 1, kWrite = 2, kWaitAfter = 4 };

// posix_fadvise(2).
enum Advice : uint32_t { kNormal = 0, kRandom = 1, kSequential = 2, kWillNeed = 3, kDontNeed = 4, kNoReuse = 5 };

// Pages from `first` to below `end`.
struct PageRange {
  uint64_t first = 0;
  uint64_t end = kToTheEnd;
};

// Those that the bytes touch; `bytes` = 0: to the file's end.
PageRange pages_of(PageSize page, uint64_t offset, uint64_t bytes) {
  return {offset >> page.shift, bytes == 0 ? kToTheEnd : ((offset + bytes - 1) >> page.shift) + 1};
}

Co<> wait_written(PageCache& cache, InodePtr inode, PageRange range) {
  for (;;) {
    Reply<> reply = cache.wait_written(*inode, range.first, range.end);
    if (!reply.must_sleep()) co_return;
    co_await reply.queue().sleep();
  }
}

// A failure that this description was not told of yet.
Result<> tell(const OpenFile& file) {
  if (file.inode().write_errors.tell(file.use->write_errors)) return Errno{EIO};
  return Unit{};
}

// fdatasync too: what it may leave out, the file's times, has no place on the disk.
Co<SyscallResult> sys_fsync(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) co_return found.error();
  const OpenFilePtr file = *found;
  if (file->inode().is(InodeType::directory)) co_return uint64_t{0};
  if (!file->inode().is(InodeType::regular)) co_return Errno{EINVAL};
  for (;;) {
    Reply<> reply = vfs_of(call).cache().flush(file->inode(), file->use.get());
    if (reply.failed()) co_return reply.error();
    if (reply.ok()) co_return uint64_t{0};
    co_await reply.queue().sleep();
  }
}

Co<SyscallResult> sys_sync_file_range(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) co_return found.error();
  const OpenFilePtr file = *found;
  const auto offset = static_cast<int64_t>(call.args[1]);
  const auto bytes = static_cast<int64_t>(call.args[2]);
  const uint32_t flags = call.word(3);
  int64_t end = 0;
  if ((flags & ~uint32_t{kWaitBefore | kWrite | kWaitAfter}) || offset < 0 || bytes < 0 ||
      __builtin_add_overflow(offset, bytes, &end)) {
    co_return Errno{EINVAL};
  }
  const bool directory = file->inode().is(InodeType::directory);
  if (!file->inode().is(InodeType::regular) && !directory) co_return Errno{ESPIPE};
  if (directory) co_return uint64_t{0};
  PageCache& cache = vfs_of(call).cache();
  const PageRange range = pages_of(call.kernel.memory().page(), call.args[1], call.args[2]);
  if (flags & kWaitBefore) {
    co_await wait_written(cache, file->inode_pointer(), range);
    if (Result<> failed = tell(*file); !failed) co_return failed.error();
  }
  if (flags & kWrite) cache.start_write(file->inode(), range.first, range.end);
  if (flags & kWaitAfter) {
    co_await wait_written(cache, file->inode_pointer(), range);
    if (Result<> failed = tell(*file); !failed) co_return failed.error();
  }
  co_return uint64_t{0};
}

Co<> write_everything(SyscallContext& call) {
  PageCache& cache = vfs_of(call).cache();
  std::vector<InodePtr> dirty;
  cache.for_each_dirty([&dirty](FileBacking& backing, uint64_t, std::span<const uint8_t>) {
    auto* inode = dynamic_cast<Inode*>(&backing);
    if (inode && (dirty.empty() || dirty.back().get() != inode)) dirty.push_back(inode->shared_from_this());
  });
  // All at once, so that the disk can choose.
  for (const InodePtr& inode : dirty) cache.start_write(*inode, 0, kToTheEnd);
  for (const InodePtr& inode : dirty) {
    for (;;) {
      Reply<> reply = cache.write_out(*inode);
      if (!reply.must_sleep()) break;
      co_await reply.queue().sleep();
    }
  }
}

// It reports nothing; the next fsync does.
Co<SyscallResult> sys_sync(SyscallContext& call) {
  co_await write_everything(call);
  co_return uint64_t{0};
}

Co<SyscallResult> sys_syncfs(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  const OpenFilePtr held = *file;
  co_await write_everything(call);
  if (vfs_of(call).cache().write_errors().tell(held->use->all_write_errors)) co_return Errno{EIO};
  co_return uint64_t{0};
}

// --- advice ---------------------------------------------------------------------------

void read_ahead(SyscallContext& call, OpenFile& file, PageRange range) {
  if (file.inode().is(InodeType::regular)) {
    vfs_of(call).cache().read_ahead(file.inode(), range.first, range.end - range.first);
  }
}

SyscallResult sys_fadvise64(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) return found.error();
  OpenFile& file = **found;
  if (file.inode().is(InodeType::fifo)) return Errno{ESPIPE};
  if (call.word(3) > kNoReuse || static_cast<int64_t>(call.args[2]) < 0) return Errno{EINVAL};
  const PageSize page = call.kernel.memory().page();
  // An end beyond all files counts as the end (Linux, mm/fadvise.c).
  uint64_t end = 0;
  const bool to_end = call.args[2] == 0 || __builtin_add_overflow(call.args[1], call.args[2], &end);
  switch (call.word(3)) {
    case kNormal:
      file.use->advice = ReadAdvice::normal;
      break;
    case kRandom:
      file.use->advice = ReadAdvice::random;
      break;
    case kSequential:
      file.use->advice = ReadAdvice::sequential;
      break;
    case kWillNeed:
      read_ahead(call, file, pages_of(page, call.args[1], to_end ? 0 : call.args[2]));
      break;
    case kDontNeed: {
      // Whole pages only; those that are dirty have to be written before they can go.
      if (!file.inode().is(InodeType::regular)) break;
      PageCache& cache = vfs_of(call).cache();
      const PageRange touched = pages_of(page, call.args[1], to_end ? 0 : call.args[2]);
      cache.start_write(file.inode(), touched.first, touched.end);
      cache.forget_unused(file.inode(), page.pages(call.args[1]), to_end ? kToTheEnd : end >> page.shift);
      break;
    }
    default:
      break;
  }
  return uint64_t{0};
}

SyscallResult sys_readahead(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) return found.error();
  OpenFile& file = **found;
  if (!file.readable()) return Errno{EBADF};
  if (!file.inode().is(InodeType::regular)) return Errno{EINVAL};
  if (static_cast<int64_t>(call.args[2]) < 0) return Errno{EINVAL};
  uint64_t end = 0;
  const bool to_end = __builtin_add_overflow(call.args[1], call.args[2], &end);
  if (call.args[2] == 0) return uint64_t{0};
  read_ahead(call, file, pages_of(call.kernel.memory().page(), call.args[1], to_end ? 0 : call.args[2]));
  return uint64_t{0};
}

}  // namespace

Co<Result<>> sync_bytes(SyscallContext& call, OpenFilePtr file, uint64_t offset, uint64_t bytes) {
  if (!file->inode().is(InodeType::regular)) co_return Unit{};
  PageCache& cache = vfs_of(call).cache();
  const PageRange range = pages_of(call.kernel.memory().page(), offset, bytes);
  // A page that was on its way out already is written once more after that.
  co_await wait_written(cache, file->inode_pointer(), range);
  cache.start_write(file->inode(), range.first, range.end);
  co_await wait_written(cache, file->inode_pointer(), range);
  co_return tell(*file);
}

void register_file_sync(SyscallTable& table) {
  table.add(81, sys_sync);
  table.add(82, sys_fsync);
  table.add(83, sys_fsync);
  table.add(84, sys_sync_file_range);
  table.add(213, sys_readahead);
  table.add(223, sys_fadvise64);
  table.add(267, sys_syncfs);
}

}  // namespace faultline::os
