// Making, removing and renaming names.
#include <cerrno>
#include <string>

#include "os/files/directory.h"
#include "os/files/tree_directory.h"
#include "os/files/vfs.h"

namespace faultline::os {

namespace {

constexpr uint32_t kRenameNoReplace = 1;
constexpr uint32_t kRenameExchange = 2;

// A name that may be removed or renamed, not "." or ".." or "/".
Result<> check_last_name(const PathResult& place, Errno for_dots) {
  if (!place.parent) return Errno{EBUSY};
  if (place.name == "." || place.name == "..") return for_dots;
  return Unit{};
}

bool is_inside(const Directory& directory, const Directory& ancestor) {
  const Directory* at = &directory;
  DirectoryPtr held;
  while (at) {
    if (at == &ancestor) return true;
    held = at->parent.lock();
    at = held.get();
  }
  return false;
}

}  // namespace

Result<PathResult> Vfs::place_for(const DirectoryPtr& start, std::string_view path) const {
  // What lies under the name counts, whether or not a slash behind it asks for a directory.
  const size_t last = path.find_last_not_of('/');
  const bool slashes = last != std::string_view::npos && last + 1 < path.size();
  Result<PathResult> place = resolve(start, slashes ? path.substr(0, last + 1) : path, Last::keep);
  if (!place) return place.error();
  place->trailing_slash = slashes;
  if (place->inode || !place->parent) return Errno{EEXIST};
  if (place->parent->removed) return Errno{ENOENT};
  if (Result<> allowed = check_access(*place->parent, 3); !allowed) return allowed.error();
  if (!place->parent->tree()) return Errno{EACCES};
  return place;
}

Result<> Vfs::make_directory(const DirectoryPtr& start, std::string_view path, uint32_t permissions) {
  Result<PathResult> place = place_for(start, path);
  if (!place) return place.error();
  Result<InodePtr> made = place->parent->tree()->create_directory(place->name, permissions);
  if (!made) return made.error();
  return Unit{};
}

Result<> Vfs::make_symlink(const DirectoryPtr& start, std::string_view path, std::string_view target) {
  if (target.empty()) return Errno{ENOENT};
  if (target.size() >= kPathMax) return Errno{ENAMETOOLONG};
  Result<PathResult> place = place_for(start, path);
  if (!place) return place.error();
  if (place->trailing_slash) return Errno{ENOENT};
  Result<InodePtr> made = place->parent->tree()->create_symlink(place->name, target);
  if (!made) return made.error();
  return Unit{};
}

Result<> Vfs::make_node(const DirectoryPtr& start, std::string_view path, uint32_t mode) {
  Result<PathResult> place = place_for(start, path);
  if (!place) return place.error();
  if (place->trailing_slash) return Errno{ENOENT};
  TreeDirectory* parent = place->parent->tree();
  const uint32_t type = mode & 0170000;
  Result<InodePtr> made = Errno{EINVAL};
  if (type == 0 || type == static_cast<uint32_t>(InodeType::regular)) {
    made = parent->create_file(place->name, mode & 07777);
  } else if (type == static_cast<uint32_t>(InodeType::fifo)) {
    made = parent->create_fifo(place->name, mode & 07777);
  } else if (type == static_cast<uint32_t>(InodeType::directory)) {
    return Errno{EPERM};
  } else if (type == static_cast<uint32_t>(InodeType::socket)) {
    made = parent->create_socket(place->name, mode & 07777);
  } else if (type == static_cast<uint32_t>(InodeType::character) || type == static_cast<uint32_t>(InodeType::block)) {
    return Errno{EPERM};
  }
  if (!made) return made.error();
  return Unit{};
}

void Vfs::tell_watchers_at(const DirectoryPtr& start, std::string_view path, Last last, uint32_t events) const {
  if (services_.watches == 0) return;
  Result<PathResult> place = resolve(start, path, last);
  if (!place || !place->inode) return;
  if (place->inode->is(InodeType::directory)) events |= kWatchDirectory;
  if (place->parent) tell_watchers(*place->parent, {.events = events, .name = place->name});
  tell_watchers(*place->inode, {.events = events});
}

// The sticky bit: only the owner of the file or of the directory takes a name away.
Result<> Vfs::check_removal(const Directory& directory, const Inode& inode) const {
  if (Result<> allowed = check_access(directory, 3); !allowed) return allowed;
  if ((directory.attributes.permissions & 01000) && uid_ != 0 && inode.attributes.uid != uid_ &&
      directory.attributes.uid != uid_) {
    return Errno{EPERM};
  }
  return Unit{};
}

Result<> Vfs::remove(const DirectoryPtr& start, std::string_view path, bool directory) {
  Result<PathResult> place = resolve(start, path, Last::keep);
  if (!place) return place.error();
  const Errno for_dots = !directory ? Errno{EISDIR} : place->name == "." ? Errno{EINVAL} : Errno{ENOTEMPTY};
  if (!place->parent && !directory) return Errno{EISDIR};
  if (Result<> named = check_last_name(*place, for_dots); !named) return named;
  if (!place->inode) return Errno{ENOENT};
  if (Result<> allowed = check_removal(*place->parent, *place->inode); !allowed) return allowed;
  const bool is_directory = place->inode->is(InodeType::directory);
  if (directory && !is_directory) return Errno{ENOTDIR};
  if (!directory && is_directory) return Errno{EISDIR};
  TreeDirectory* parent = place->parent->tree();
  if (!parent) return Errno{EPERM};
  return parent->remove(place->name, place->inode, directory);
}

Result<> Vfs::link(const InodePtr& inode, const DirectoryPtr& start, std::string_view path) {
  Result<PathResult> place = place_for(start, path);
  if (!place) return place.error();
  if (place->trailing_slash) return Errno{ENOENT};
  if (&inode->mount() != &place->parent->mount()) return Errno{EXDEV};
  if (inode->is(InodeType::directory)) return Errno{EPERM};
  // A file that lost its last name gets none again; one of O_TMPFILE has had none.
  if (inode->attributes.links == 0 && !inode->linkable) return Errno{ENOENT};
  return place->parent->tree()->link(place->name, inode);
}

Result<> Vfs::check_rename(const PathResult& from, const PathResult& to, uint32_t flags) const {
  if (!from.inode) return Errno{ENOENT};
  if ((flags & kRenameNoReplace) && to.inode) return Errno{EEXIST};
  if ((flags & kRenameExchange) && !to.inode) return Errno{ENOENT};
  if (to.parent->removed) return Errno{ENOENT};
  if (&from.parent->mount() != &to.parent->mount()) return Errno{EXDEV};
  if (!from.parent->tree() || !to.parent->tree()) return Errno{EPERM};
  if (Result<> allowed = check_removal(*from.parent, *from.inode); !allowed) return allowed;
  if (Result<> allowed = to.inode ? check_removal(*to.parent, *to.inode) : check_access(*to.parent, 3); !allowed) {
    return allowed;
  }
  const DirectoryPtr moved = as_directory(from.inode);
  const DirectoryPtr replaced = as_directory(to.inode);
  if (moved && is_inside(*to.parent, *moved)) return Errno{EINVAL};
  if (flags & kRenameExchange) {
    if (replaced && is_inside(*from.parent, *replaced)) return Errno{EINVAL};
    return Unit{};
  }
  if (!moved && (from.trailing_slash || to.trailing_slash)) return Errno{ENOTDIR};
  if (!to.inode) return Unit{};
  if (moved && !replaced) return Errno{ENOTDIR};
  if (!moved && replaced) return Errno{EISDIR};
  if (replaced) {
    if (is_inside(*from.parent, *replaced)) return Errno{ENOTEMPTY};
    if (!replaced->tree()) return Errno{EBUSY};
    Result<bool> empty = replaced->tree()->empty();
    if (!empty) return empty.error();
    if (!*empty) return Errno{ENOTEMPTY};
  }
  return Unit{};
}

Result<> Vfs::rename(const DirectoryPtr& from_start, std::string_view from_path, const DirectoryPtr& to_start,
                     std::string_view to_path, uint32_t flags) {
  if ((flags & ~(kRenameNoReplace | kRenameExchange)) != 0) return Errno{EINVAL};
  if (flags == (kRenameNoReplace | kRenameExchange)) return Errno{EINVAL};
  Result<PathResult> from = resolve(from_start, from_path, Last::keep);
  if (!from) return from.error();
  Result<PathResult> to = resolve(to_start, to_path, Last::keep);
  if (!to) return to.error();
  if (Result<> named = check_last_name(*from, Errno{EBUSY}); !named) return named;
  if (Result<> named = check_last_name(*to, Errno{EBUSY}); !named) return named;
  if (Result<> allowed = check_rename(*from, *to, flags); !allowed) return allowed;
  // Two names of one file: nothing happens (rename(2)).
  if (from->inode == to->inode) return Unit{};
  Result<> done = TreeDirectory::rename(*from->parent->tree(), from->name, from->inode, *to->parent->tree(), to->name,
                                        to->inode, flags);
  if (done && from->inode->is(InodeType::regular)) from->inode->set_name(path_below(*to->parent, to->name));
  return done;
}

}  // namespace faultline::os
