#include "os/files/tree_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "os/files/pipe.h"
#include "os/files/regular_file.h"
#include "os/files/socket.h"
#include "os/files/special_inodes.h"

namespace faultline::os {

namespace {

// Every access to the host walks down from the bound directory: a path much
// deeper than any absolute path can name would only be slow.
constexpr unsigned kHostDepthMost = 2048;

}  // namespace

uint32_t watch_kind(const Inode& inode) { return inode.is(InodeType::directory) ? uint32_t{kWatchDirectory} : 0u; }

void tell_of_lost_name(Inode& inode) {
  if (!inode.is(InodeType::directory)) tell_watchers(inode, {.events = kWatchAttributes});
  if (inode.attributes.links == 0 && inode.opens == 0) tell_of_end(inode);
}

TreeDirectory::TreeDirectory(TreeServices& services, const Mount& mount, uint64_t number, Attributes given,
                             HostNodePtr host)
    : Directory(mount, number, given), services_(services), host_(std::move(host)) {}

// A guest may nest directories deeper than the host's stack is: they are taken
// apart level by level here, not by recursion.
TreeDirectory::~TreeDirectory() {
  std::vector<InodePtr> directories;
  auto take = [&directories](std::map<std::string, Known, std::less<>>& known) {
    for (auto& [name, entry] : known) {
      if (entry.inode && entry.inode->is(InodeType::directory)) directories.push_back(std::move(entry.inode));
    }
    known.clear();
  };
  take(known_);
  for (size_t i = 0; i < directories.size(); ++i) {
    if (directories[i].use_count() != 1) continue;
    if (auto* tree = static_cast<Directory&>(*directories[i]).tree()) take(tree->known_);
  }
  while (!directories.empty()) directories.pop_back();
  // And those that it kept alive above it after it was removed.
  DirectoryPtr above = std::move(held_parent);
  while (above && above.use_count() == 1) above = DirectoryPtr(std::move(above->held_parent));
}

Attributes TreeDirectory::fresh_attributes(uint32_t permissions) const {
  Attributes fresh;
  fresh.permissions = permissions & 07777;
  fresh.uid = services_.uid;
  fresh.gid = services_.gid;
  fresh.accessed = fresh.modified = fresh.changed = services_.now();
  return fresh;
}

void TreeDirectory::touch() { attributes.modified = attributes.changed = services_.now(); }

void TreeDirectory::adopt(const InodePtr& inode, std::string_view name) {
  if (DirectoryPtr directory = as_directory(inode)) {
    directory->parent = std::static_pointer_cast<Directory>(shared_from_this());
    directory->entry_name = name;
  }
}

bool TreeDirectory::may_grow() const { return services_.names_made < TreeServices::kNamesMost; }

// A name that the guest made.
void TreeDirectory::add(std::string_view name, const InodePtr& inode) {
  ++services_.names_made;
  attach(name, inode);
  touch();
  tell_watchers(*this, {.events = kWatchCreate | watch_kind(*inode), .name = name});
}

void TreeDirectory::attach(std::string_view name, const InodePtr& inode) {
  known_[std::string(name)] = Known{inode, false};
  adopt(inode, name);
}

void TreeDirectory::mount_here(std::string_view name, const InodePtr& inode) {
  known_[std::string(name)] = Known{inode, true};
  adopt(inode, name);
}

bool TreeDirectory::is_mounted(std::string_view name) const {
  const auto it = known_.find(name);
  return it != known_.end() && it->second.mounted;
}

// --- what the host has -------------------------------------------------------------

bool TreeDirectory::host_has(std::string_view name) const { return host_ && host_->status(name).ok(); }

// One inode for all the names of a host file.
InodePtr TreeDirectory::regular_from_host(std::string_view name, const HostStatus& status) {
  auto& known = services_.host_files[std::pair(status.identity, mount().writes_through)];
  if (std::shared_ptr<RegularFile> file = known.lock()) return file;
  Attributes given = attributes;  // owner and times are those of the tree
  given.permissions = status.permissions;
  given.links = static_cast<uint32_t>(status.links);
  auto file =
      std::make_shared<RegularFile>(services_, mount(), services_.next_number(), given,
                                    std::make_shared<HostNode>(host_, std::string(name), status.identity), status.size);
  known = file;
  return file;
}

Result<InodePtr> TreeDirectory::from_host(std::string_view name) {
  Result<HostStatus> status = host_->status(name);
  if (!status) return status.error();
  Attributes given = attributes;
  given.permissions = status->permissions;
  given.links = 1;
  InodePtr inode;
  switch (status->type) {
    case InodeType::regular:
      inode = regular_from_host(name, *status);
      break;
    case InodeType::directory:
      inode = std::make_shared<TreeDirectory>(services_, mount(), services_.next_number(), given,
                                              std::make_shared<HostNode>(host_, std::string(name), status->identity));
      break;
    case InodeType::symlink: {
      Result<std::string> target = host_->read_link(name);
      if (!target) return target.error();
      given.permissions = 0777;
      inode = std::make_shared<Symlink>(mount(), services_.next_number(), given, *target);
      break;
    }
    default:
      inode = std::make_shared<ForeignNode>(mount(), status->type, services_.next_number(), given);
  }
  known_[std::string(name)] = Known{inode, false};
  adopt(inode, name);
  return inode;
}

Result<InodePtr> TreeDirectory::lookup(std::string_view name) {
  if (const auto it = known_.find(name); it != known_.end()) {
    if (!it->second.inode) return Errno{ENOENT};
    return it->second.inode;
  }
  if (!host_) return Errno{ENOENT};
  return from_host(name);
}

Result<std::vector<Directory::Entry>> TreeDirectory::list() {
  if (host_) {
    Result<std::vector<std::string>> names = host_->list();
    if (!names) return names.error();
    for (const std::string& name : *names) {
      // One that vanishes meanwhile is simply not there.
      if (!known_.contains(name)) (void)from_host(name).ok();
    }
  }
  std::vector<Entry> entries;
  for (const auto& [name, known] : known_) {
    if (known.inode) entries.push_back({name, known.inode->number(), known.inode->type()});
  }
  return entries;
}

Result<bool> TreeDirectory::empty() {
  Result<std::vector<Entry>> entries = list();
  if (!entries) return entries.error();
  return entries->empty();
}

// --- changes -------------------------------------------------------------------------

Result<InodePtr> TreeDirectory::create_file(std::string_view name, uint32_t permissions) {
  if (!may_grow()) return Errno{ENOSPC};
  InodePtr inode;
  if (mount().writes_through && host_) {
    Result<UniqueFd> fd = host_->create_file(name, permissions);
    if (!fd) return fd.error();
    struct stat made;
    if (::fstat(fd->get(), &made) != 0) return Errno{errno};
    HostStatus status{InodeType::regular, permissions & 0777, 0, 1, {made.st_dev, made.st_ino}};
    inode = regular_from_host(name, status);
    auto& file = static_cast<RegularFile&>(*inode);
    services_.descriptors.adopt(*file.host(), std::move(*fd));
    file.attributes = fresh_attributes(permissions & 0777);
  } else {
    inode = std::make_shared<RegularFile>(services_, mount(), services_.next_number(), fresh_attributes(permissions));
    services_.note_change(*inode);
  }
  add(name, inode);
  return inode;
}

Result<InodePtr> TreeDirectory::create_directory(std::string_view name, uint32_t permissions) {
  if (!may_grow()) return Errno{ENOSPC};
  HostNodePtr node;
  if (mount().writes_through && host_) {
    if (host_->depth() >= kHostDepthMost) return Errno{ENAMETOOLONG};
    Result<> made = host_->make_directory(name, permissions);
    if (!made) return made.error();
    Result<HostStatus> status = host_->status(name);
    if (!status) return status.error();
    node = std::make_shared<HostNode>(host_, std::string(name), status->identity);
  }
  InodePtr inode = std::make_shared<TreeDirectory>(services_, mount(), services_.next_number(),
                                                   fresh_attributes(permissions), std::move(node));
  services_.note_change(*inode);
  add(name, inode);
  return inode;
}

Result<InodePtr> TreeDirectory::create_symlink(std::string_view name, std::string_view target) {
  if (!may_grow()) return Errno{ENOSPC};
  if (mount().writes_through && host_) {
    Result<> made = host_->make_symlink(name, target);
    if (!made) return made.error();
  }
  InodePtr inode =
      std::make_shared<Symlink>(mount(), services_.next_number(), fresh_attributes(0777), std::string(target));
  services_.note_change(*inode);
  add(name, inode);
  return inode;
}

Result<InodePtr> TreeDirectory::create_fifo(std::string_view name, uint32_t permissions) {
  if (!may_grow()) return Errno{ENOSPC};
  if (mount().writes_through && host_) return Errno{EPERM};
  InodePtr inode = std::make_shared<Pipe>(services_, mount(), services_.next_number(), fresh_attributes(permissions));
  services_.note_change(*inode);
  add(name, inode);
  return inode;
}

Result<InodePtr> TreeDirectory::create_socket(std::string_view name, uint32_t permissions) {
  if (!may_grow()) return Errno{ENOSPC};
  if (mount().writes_through && host_) return Errno{EPERM};
  InodePtr inode = std::make_shared<SocketNode>(mount(), services_.next_number(), fresh_attributes(permissions));
  services_.note_change(*inode);
  add(name, inode);
  return inode;
}

Result<InodePtr> TreeDirectory::create_unnamed(uint32_t permissions, bool may_be_linked) {
  if (mount().writes_through && host_) return Errno{EOPNOTSUPP};
  Attributes given = fresh_attributes(permissions);
  given.links = 0;
  InodePtr inode = std::make_shared<RegularFile>(services_, mount(), services_.next_number(), given);
  inode->linkable = may_be_linked;
  return inode;
}

Result<> TreeDirectory::link(std::string_view name, const InodePtr& inode) {
  if (!may_grow()) return Errno{ENOSPC};
  if (mount().writes_through && host_) {
    if (!inode->is(InodeType::regular)) return Errno{EPERM};
    const auto& file = static_cast<RegularFile&>(*inode);
    if (!file.host() || file.host()->pinned) return Errno{ENOENT};
    Result<> made = host_->link(name, *file.host()->node);
    if (!made) return made;
  }
  ++inode->attributes.links;
  inode->attributes.changed = services_.now();
  services_.note_change(*inode);
  tell_watchers(*inode, {.events = kWatchAttributes});
  add(name, inode);
  return Unit{};
}

// The name is gone; what the host has there must not come back.
void TreeDirectory::forget_name(std::string_view name, const InodePtr& inode) {
  if (services_.names_made > 0) --services_.names_made;
  const bool whiteout = host_ && !mount().writes_through && host_->status(name).ok();
  if (whiteout) {
    known_[std::string(name)] = Known{};
  } else if (const auto it = known_.find(name); it != known_.end()) {
    known_.erase(it);
  }
  if (DirectoryPtr directory = as_directory(inode)) {
    // ".." still leads to where it was.
    directory->held_parent = directory->parent.lock();
    directory->removed = true;
    inode->attributes.links = 0;
  } else if (inode->attributes.links > 0) {
    --inode->attributes.links;
  }
  inode->attributes.changed = services_.now();
  if (mount().writes_through) return;
  if (whiteout || inode->attributes.links > 0) {
    services_.note_change(*inode);
  } else {
    services_.kept_in_memory.erase(inode->number());
  }
}

Result<> TreeDirectory::remove(std::string_view name, const InodePtr& inode, bool directory) {
  if (is_mounted(name)) return Errno{EBUSY};
  if (directory) {
    auto* tree = static_cast<Directory&>(*inode).tree();
    if (!tree) return Errno{EBUSY};
    Result<bool> is_empty = tree->empty();
    if (!is_empty) return is_empty.error();
    if (!*is_empty) return Errno{ENOTEMPTY};
  }
  if (mount().writes_through && host_) {
    if (inode->is(InodeType::regular)) {
      Result<> kept = static_cast<RegularFile&>(*inode).keep_after_unlink();
      if (!kept) return kept;
    }
    Result<> done = host_->remove(name, directory);
    if (!done) return done;
  }
  forget_name(name, inode);
  touch();
  tell_of_lost_name(*inode);
  tell_watchers(*this, {.events = kWatchDelete | watch_kind(*inode), .name = name});
  return Unit{};
}

Result<> TreeDirectory::attributes_changed() {
  services_.note_change(*this);
  if (!mount().writes_through || !host_ || removed) return Unit{};
  return host_->change_permissions(attributes.permissions);
}

}  // namespace faultline::os
