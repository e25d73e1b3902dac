#include "os/files/vfs.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/files/directory.h"
#include "os/files/regular_file.h"
#include "os/files/tree_directory.h"
#include "os/memory/page_cache.h"
#include "os/process/timekeeping.h"

namespace faultline::os {

namespace {

class NoSleeper final : public Sleeper {
 public:
  Co<Wake> sleep(WaitQueue&) override { co_return Wake::interrupted; }
};

}  // namespace

Vfs::Vfs(Parts parts)
    : parts_(parts),
      poll_changes_(parts.executor),
      position_changes_(parts.executor),
      services_{.disk = parts.disk,
                .cache = parts.cache,
                .executor = parts.executor,
                .poll_changes = poll_changes_,
                .now = [this] { return now(); },
                .uid = 0,
                .gid = 0,
                .descriptors = {},
                .lock_waits = {},
                .sockets = {},
                .message_queues = {},
                .host_files = {},
                .kept_in_memory = {}} {
  mounts_.push_back(Mount{.device = kAnonymousDevice, .in_memory = true});
}

// Sockets that hold each other in their queues would never go.
Vfs::~Vfs() { services_.sockets.drop_everything(); }

Timestamp Vfs::now() const {
  const uint64_t nanoseconds = Timekeeping(parts_.cpu).realtime();
  return {static_cast<int64_t>(nanoseconds / kNanosecondsPerSecond),
          static_cast<uint32_t>(nanoseconds % kNanosecondsPerSecond)};
}

std::shared_ptr<FsContext> Vfs::initial_context() const {
  auto context = std::make_shared<FsContext>();
  context->current = current_;
  return context;
}

std::shared_ptr<FileTable> Vfs::initial_files() {
  auto table = std::make_shared<FileTable>();
  for (size_t i = 0; i < streams_.size(); ++i) {
    const uint32_t mode = terminal_ ? kOpenReadWrite : i == 0 ? kOpenReadOnly : kOpenWriteOnly;
    auto file = std::make_shared<OpenFile>(streams_[i], mode);
    file->path = terminal_ ? "/dev/tty" : streams_[i]->name();
    (void)table->place(static_cast<int>(i), std::move(file), false, streams_.size()).ok();
  }
  return table;
}

// --- opening --------------------------------------------------------------------------

// O_TMPFILE: a file that no directory names, where one could be made.
Result<Vfs::Opening> Vfs::make_temporary(const DirectoryPtr& start, std::string_view path, uint32_t flags,
                                         uint32_t permissions, const PathRules& rules) {
  if ((flags & kOpenAccessMode) == kOpenReadOnly || (flags & kOpenCreate)) return Errno{EINVAL};
  Result<PathResult> place = resolve(start, path, flags & kOpenNoFollow ? Last::keep : Last::follow, rules);
  if (!place) return place.error();
  if (!place->inode) return Errno{ENOENT};
  const DirectoryPtr directory = as_directory(place->inode);
  if (!directory) return Errno{ENOTDIR};
  if (Result<> allowed = check_access(*directory, 3); !allowed) return allowed.error();
  TreeDirectory* const tree = directory->tree();
  if (!tree) return Errno{EOPNOTSUPP};
  Result<InodePtr> made = tree->create_unnamed(permissions, (flags & kOpenExclusive) == 0);
  if (!made) return made.error();
  const std::string name = "#" + std::to_string((*made)->number());
  return Opening{*made, directory, path_below(*directory, name), true};
}

Result<Vfs::Opening> Vfs::open_or_create(const DirectoryPtr& start, std::string_view path, uint32_t flags,
                                         uint32_t permissions, const PathRules& rules) {
  const bool exclusive = (flags & kOpenCreate) && (flags & kOpenExclusive);
  const bool keep_link = (flags & kOpenNoFollow) || exclusive;
  // A name with a slash behind it is a directory's, whatever lies there.
  const size_t last = path.find_last_not_of('/');
  const bool slashes = (flags & kOpenCreate) && last != std::string_view::npos && last + 1 < path.size();
  if (slashes) path = path.substr(0, last + 1);
  Result<PathResult> place = resolve(start, path, keep_link ? Last::keep : Last::follow, rules);
  if (!place) return place.error();
  if (slashes) return Errno{EISDIR};
  Opening opening{place->inode, place->parent, place->parent ? path_below(*place->parent, place->name) : "/"};
  if (place->inode) {
    if (exclusive) return Errno{EEXIST};
    if (DirectoryPtr directory = as_directory(place->inode)) {
      // Where it lies, whatever way led there: "." and ".." too.
      opening.parent = directory->parent.lock();
      opening.path = path_below(*directory, "");
    }
    return opening;
  }
  if (!(flags & kOpenCreate)) return Errno{ENOENT};
  if (place->trailing_slash) return Errno{EISDIR};
  if (place->parent->removed) return Errno{ENOENT};
  if (Result<> allowed = check_access(*place->parent, 3); !allowed) return allowed.error();
  TreeDirectory* parent = place->parent->tree();
  if (!parent) return Errno{EACCES};
  Result<InodePtr> made = parent->create_file(place->name, permissions);
  if (!made) return made.error();
  opening.created = true;
  opening.inode = *made;
  return opening;
}

// What an existing file lets open(2) do with it.
Result<> Vfs::check_opening(const Inode& inode, uint32_t flags) const {
  const uint32_t mode = flags & kOpenAccessMode;
  const bool writes = mode != kOpenReadOnly || (flags & kOpenTruncate);
  if (inode.is(InodeType::directory) && (writes || (flags & kOpenCreate))) return Errno{EISDIR};
  const unsigned wanted = (mode != kOpenWriteOnly ? 4u : 0u) | (writes ? 2u : 0u);
  if (Result<> allowed = check_access(inode, wanted); !allowed) return allowed;
  if (writes && inode.executions != 0) return Errno{ETXTBSY};
  if ((flags & kOpenNoAccessTime) && !check_owner(inode)) return Errno{EPERM};
  return Unit{};
}

Co<Result<OpenFilePtr>> Vfs::open(const DirectoryPtr& start, std::string_view path, uint32_t flags,
                                  uint32_t permissions, Sleeper& sleeper, const PathRules& rules) {
  if (flags & kOpenPath) flags &= kOpenPath | kOpenDirectory | kOpenNoFollow | kOpenCloseOnExec;
  const bool temporary = (flags & kOpenTemporary) == kOpenTemporary;
  if ((flags & kOpenCreate) && (flags & kOpenDirectory)) co_return Errno{EINVAL};
  Result<Opening> found = temporary ? make_temporary(start, path, flags, permissions, rules)
                                    : open_or_create(start, path, flags, permissions, rules);
  if (!found) co_return found.error();
  const InodePtr inode = found->inode;
  const bool created = found->created;
  if (inode->is(InodeType::symlink) && !(flags & kOpenPath)) {
    co_return (flags & kOpenDirectory) ? Errno{ENOTDIR} : Errno{ELOOP};
  }
  if ((flags & kOpenDirectory) && !temporary && !inode->is(InodeType::directory)) co_return Errno{ENOTDIR};
  if (!created && !(flags & kOpenPath)) {
    Result<> allowed = check_opening(*inode, flags);
    if (!allowed) co_return allowed.error();
  }
  auto file = co_await open_inode(inode, flags, std::move(found->path), sleeper);
  if (!file) co_return file.error();
  (*file)->parent = found->parent;
  if ((flags & kOpenTruncate) && !created && inode->is(InodeType::regular)) {
    // A file of /proc has no size to set.
    if (auto* regular = dynamic_cast<RegularFile*>(inode.get())) {
      auto cut = co_await regular->set_size(0);
      if (!cut) co_return cut.error();
      tell_watchers(**file, kWatchModify);
    }
  }
  tell_watchers(**file, kWatchOpen);
  co_return *file;
}

Co<Result<OpenFilePtr>> Vfs::open_inode(InodePtr inode, uint32_t flags, std::string path, Sleeper& sleeper) {
  constexpr uint32_t kOnlyForOpen =
      kOpenCreate | kOpenExclusive | kOpenNoControllingTty | kOpenTruncate | kOpenCloseOnExec;
  // Linux adds O_LARGEFILE to what a 64-bit program opens, but not to pipes.
  const uint32_t large = flags & kOpenPath ? 0u : uint32_t{kOpenLargeFile};
  auto file = std::make_shared<OpenFile>(inode, (flags & ~kOnlyForOpen) | large);
  auto opened = co_await inode->open(*file, sleeper);
  if (!opened) co_return opened.error();
  file->opened = true;
  file->use->all_write_errors = parts_.cache.write_errors().mark();
  if (inode->is(InodeType::regular)) {
    inode->set_name(path);
    file->count_writer();
  }
  file->path = std::move(path);
  co_return file;
}

// --- for exec -----------------------------------------------------------------------------

Co<Result<>> Vfs::check_executable(InodePtr inode) {
  if (!inode->is(InodeType::regular)) co_return Errno{EACCES};
  Result<> allowed = check_access(*inode, 1);
  if (!allowed) co_return allowed.error();
  if (inode->mapping() != Inode::Mapping::file) co_return Errno{EACCES};
  if (inode->writers != 0) co_return Errno{ETXTBSY};
  OpenFile probe(inode, kOpenReadOnly);
  NoSleeper sleeper;
  auto opened = co_await inode->open(probe, sleeper);
  co_return opened;
}

Co<Result<InodePtr>> Vfs::open_executable(const DirectoryPtr& start, std::string_view path, bool keeps_link) {
  Result<PathResult> place = resolve(start, path, keeps_link ? Last::keep : Last::follow);
  if (!place) co_return place.error();
  if (!place->inode) co_return Errno{ENOENT};
  const InodePtr inode = place->inode;
  if (inode->is(InodeType::symlink)) co_return Errno{ELOOP};
  auto checked = co_await check_executable(inode);
  if (!checked) co_return checked.error();
  inode->set_name(place->parent ? path_below(*place->parent, place->name) : "/");
  co_return inode;
}

Co<Result<size_t>> Vfs::read_inode(Inode& inode, uint64_t offset, std::span<uint8_t> to) {
  const PageSize page = parts_.disk.page();
  size_t done = 0;
  while (done < to.size() && offset + done < inode.size()) {
    const uint64_t at = offset + done;
    Reply<Pfn> reply = parts_.cache.page(inode, at >> page.shift, Fill::read);
    if (reply.must_sleep()) {
      co_await reply.queue().sleep();
      continue;
    }
    if (reply.failed()) co_return reply.error();
    const uint64_t piece =
        std::min({page.bytes() - (at & page.mask()), static_cast<uint64_t>(to.size() - done), inode.size() - at});
    const PhysAddr from = page.address(*reply) + (at & page.mask());
    parts_.cpu.touch(from, piece, false);
    std::memcpy(to.data() + done, parts_.cpu.memory().at(from), piece);
    done += piece;
  }
  co_return done;
}

// --- the end of the run ------------------------------------------------------------------------

std::optional<std::string> Vfs::finish() {
  std::optional<std::string> refused;
  parts_.cache.for_each_dirty([&](FileBacking& backing, uint64_t index, std::span<const uint8_t> bytes) {
    auto* file = dynamic_cast<RegularFile*>(&backing);
    if (!file) return;
    if (!file->mount().writes_through) {
      if (file->attributes.links > 0) services_.note_change(*file);
    } else if (!file->write_page(index, bytes) && !refused) {
      refused = std::string(file->name()) + ": the host did not take what the guest wrote";
    }
  });
  return refused;
}

uint64_t Vfs::files_kept_in_memory() const { return services_.kept_in_memory.size(); }

}  // namespace faultline::os
