// lseek, getdents64.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "os/files/regular_file.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

// --- position ------------------------------------------------------------------------

SyscallResult seek_data_or_hole(OpenFile& file, uint64_t offset, bool data) {
  const std::optional<uint64_t> found = data ? file.inode().next_data(offset) : file.inode().next_hole(offset);
  if (found) file.offset = *found;
  return found ? SyscallResult(*found) : SyscallResult(Errno{ENXIO});
}

SyscallResult sys_lseek(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) return found.error();
  OpenFile& file = **found;
  constexpr uint32_t kWhenceMost = 4;
  const bool directory = file.inode().is(InodeType::directory);
  if (call.word(2) > kWhenceMost) return Errno{EINVAL};
  if (!file.inode().seekable() && !directory) return Errno{ESPIPE};
  if (file.inode().is(InodeType::character)) return uint64_t{0};
  const auto offset = static_cast<int64_t>(call.args[1]);
  const auto size = static_cast<int64_t>(file.inode().size());
  int64_t base = 0;
  switch (call.word(2)) {
    case 0:  // SEEK_SET
      break;
    case 1:  // SEEK_CUR
      base = static_cast<int64_t>(file.offset);
      break;
    case 2:  // SEEK_END
      if (directory) return Errno{EINVAL};
      base = size;
      break;
    case 3:  // SEEK_DATA and SEEK_HOLE
    case 4:
      if (directory || offset < 0 || offset >= size) return Errno{directory ? EINVAL : ENXIO};
      return seek_data_or_hole(file, static_cast<uint64_t>(offset), call.word(2) == 3);
    default:
      return Errno{EINVAL};
  }
  int64_t sum = 0;
  if (__builtin_add_overflow(base, offset, &sum)) return Errno{EINVAL};
  if (sum < 0 || static_cast<uint64_t>(sum) > kFileSizeMax) return Errno{EINVAL};
  return file.offset = static_cast<uint64_t>(sum);
}

// --- directories -------------------------------------------------------------------------

using Listing = std::vector<Directory::Entry>;

// The state of a directory when it was opened or rewound, "." and ".." first.
Result<std::shared_ptr<const Snapshot<Listing>>> listing_of(const Vfs& vfs, OpenFile& file) {
  if (file.offset != 0 && file.snapshot) return std::static_pointer_cast<const Snapshot<Listing>>(file.snapshot);
  auto& directory = static_cast<Directory&>(file.inode());
  Result<Listing> entries = directory.list();
  if (!entries) return entries.error();
  const DirectoryPtr parent = directory.parent.lock();
  Listing listing;
  listing.reserve(entries->size() + 2);
  listing.push_back({".", directory.number(), InodeType::directory});
  listing.push_back({"..", parent ? parent->number() : directory.number(), InodeType::directory});
  listing.insert(listing.end(), entries->begin(), entries->end());
  const uint64_t bytes = listing.size() * sizeof(Directory::Entry);
  auto snapshot = Snapshot<Listing>::take(vfs.snapshots(), std::move(listing), bytes);
  if (!snapshot) return Errno{ENOMEM};
  file.snapshot = snapshot;
  return snapshot;
}

// struct linux_dirent64: inode, offset of the next, length, type, name.
constexpr size_t kEntryHead = 19;

size_t put_entry(uint8_t* to, const Directory::Entry& entry, uint64_t next) {
  const auto length = static_cast<uint16_t>((kEntryHead + entry.name.size() + 1 + 7) & ~size_t{7});
  std::memset(to, 0, length);
  std::memcpy(to, &entry.number, 8);
  std::memcpy(to + 8, &next, 8);
  std::memcpy(to + 16, &length, 2);
  to[18] = static_cast<uint8_t>(static_cast<uint32_t>(entry.type) >> 12);
  std::memcpy(to + kEntryHead, entry.name.data(), entry.name.size());
  return length;
}

Co<SyscallResult> sys_getdents64(SyscallContext& call) {
  Result<OpenFilePtr> found = file_argument(call, 0);
  if (!found) co_return found.error();
  const OpenFilePtr file = *found;
  if (!file->inode().is(InodeType::directory)) co_return Errno{ENOTDIR};
  if (static_cast<Directory&>(file->inode()).removed) co_return Errno{ENOENT};
  Result<std::shared_ptr<const Snapshot<Listing>>> held = listing_of(vfs_of(call), *file);
  if (!held) co_return held.error();
  const Listing& listing = (*held)->value;
  std::vector<uint8_t> bytes(std::min<uint64_t>(call.word(2), 32768));
  size_t used = 0;
  uint64_t at = file->offset;
  for (; at < listing.size(); ++at) {
    const Directory::Entry& entry = listing[at];
    if (used + ((kEntryHead + entry.name.size() + 1 + 7) & ~size_t{7}) > bytes.size()) break;
    used += put_entry(bytes.data() + used, entry, at + 1);
  }
  if (used == 0 && at < listing.size()) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.write(call.address(1), std::span<const uint8_t>(bytes.data(), used));
  if (!put) co_return put.error();
  file->offset = at;
  tell_watchers(*file, kWatchAccess);
  co_return used;
}

}  // namespace

void register_file_positions(SyscallTable& table) {
  table.add(61, sys_getdents64);
  table.add(62, sys_lseek);
}

}  // namespace faultline::os
