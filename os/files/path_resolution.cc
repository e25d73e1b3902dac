// Resolving paths in the guest's name space (path_resolution(7)), component by
// component; links mean what they say there, and ".." of "/" is "/".
#include <cerrno>
#include <string>
#include <vector>

#include "os/config.h"
#include "os/cpu.h"
#include "os/files/directory.h"
#include "os/files/vfs.h"

namespace faultline::os {

namespace {

constexpr unsigned kLinksMax = 40;  // MAXSYMLINKS of Linux

// The components still to go, the next one last.
class Remaining {
 public:
  // Puts the components of `path` before those that are left.
  void push(std::string_view path) {
    std::vector<std::string> components;
    size_t at = 0;
    while (at < path.size()) {
      const size_t slash = std::min(path.find('/', at), path.size());
      if (slash > at) components.emplace_back(path.substr(at, slash - at));
      at = slash + 1;
    }
    for (auto it = components.rbegin(); it != components.rend(); ++it) left_.push_back(std::move(*it));
  }
  bool empty() const { return left_.empty(); }
  std::string pop() {
    std::string next = std::move(left_.back());
    left_.pop_back();
    return next;
  }

 private:
  std::vector<std::string> left_;
};

}  // namespace

Result<PathResult> Vfs::resolve(const DirectoryPtr& start, std::string_view path, Last last,
                                const PathRules& rules) const {
  if (path.empty()) return Errno{ENOENT};
  if (path.size() >= kPathMax) return Errno{ENAMETOOLONG};
  if (path.front() == '/' && rules.beneath) return Errno{EXDEV};
  const DirectoryPtr& top = rules.start_is_root ? start : root_;
  DirectoryPtr at = path.front() == '/' ? top : start;
  Remaining left;
  left.push(path);
  PathResult result{nullptr, "", at, path.back() == '/'};
  unsigned links = 0;
  while (!left.empty()) {
    const std::string name = left.pop();
    if (built_) parts_.cpu.charge(Cycles(parts_.config.costs.path_component));
    if (name.size() > kNameMax) return Errno{ENAMETOOLONG};
    if (Result<> allowed = check_access(*at, 1); !allowed) return allowed.error();
    InodePtr next;
    if (name == ".") {
      next = at;
    } else if (name == "..") {
      if (at == start && rules.beneath) return Errno{EXDEV};
      DirectoryPtr parent = at == top ? nullptr : at->parent.lock();
      next = parent ? parent : at;
    } else {
      Result<InodePtr> found = at->lookup(name);
      if (!found && (found.error() != Errno{ENOENT} || !left.empty())) return found.error();
      if (found) next = *found;
    }
    const bool follow = !left.empty() || last == Last::follow || result.trailing_slash;
    if (next && next->is(InodeType::symlink) && follow) {
      if (++links > kLinksMax || rules.no_links) return Errno{ELOOP};
      InodePtr jump = next->link_jump();
      if (jump && rules.no_jumps) return Errno{ELOOP};
      if (jump && (rules.beneath || rules.start_is_root)) return Errno{EXDEV};
      if (!jump) {
        Result<std::string> target = next->link_target();
        if (!target) return target.error();
        if (target->empty()) return Errno{ENOENT};
        if (target->front() == '/' && rules.beneath) return Errno{EXDEV};
        if (target->front() == '/') at = top;
        if (left.empty() && target->back() == '/') result.trailing_slash = true;
        left.push(*target);
        result = {at->parent.lock(), at->entry_name, at, result.trailing_slash};
        continue;
      }
      next = jump;
    }
    if (next && rules.same_mount && &next->mount() != &at->mount()) return Errno{EXDEV};
    result = {at, name, next, result.trailing_slash};
    if (left.empty()) break;
    at = as_directory(next);
    if (!at) return Errno{ENOTDIR};
  }
  if (result.inode && result.trailing_slash && !result.inode->is(InodeType::directory)) return Errno{ENOTDIR};
  return result;
}

Result<InodePtr> Vfs::find(const DirectoryPtr& start, std::string_view path, Last last) const {
  Result<PathResult> result = resolve(start, path, last);
  if (!result) return result.error();
  if (!result->inode) return Errno{ENOENT};
  return result->inode;
}

Result<std::string> Vfs::path_of(const Directory& directory) const {
  std::vector<const std::string*> names;
  const Directory* at = &directory;
  std::vector<DirectoryPtr> alive;  // keeps the names valid
  size_t length = 0;
  while (at != root_.get()) {
    DirectoryPtr parent = at->parent.lock();
    if (!parent || at->removed) return Errno{ENOENT};
    names.push_back(&at->entry_name);
    length += at->entry_name.size() + 1;
    if (length >= kPathMax) return Errno{ENAMETOOLONG};
    at = parent.get();
    alive.push_back(std::move(parent));
  }
  if (names.empty()) return std::string("/");
  std::string path;
  for (auto it = names.rbegin(); it != names.rend(); ++it) path += "/" + **it;
  return path;
}

std::string Vfs::path_below(const Directory& directory, std::string_view name) const {
  Result<std::string> path = path_of(directory);
  if (!path) return std::string(name);
  if (name.empty() || name == ".") return *path;
  if (path->size() > 1) *path += '/';
  return *path + std::string(name);
}

Result<> Vfs::check_access(const Inode& inode, unsigned wanted) const {
  const uint32_t permissions = inode.attributes.permissions;
  if (uid_ == 0) {
    // The superuser needs one execute bit, and only for what is no directory.
    if ((wanted & 1) && !inode.is(InodeType::directory) && !(permissions & 0111)) return Errno{EACCES};
    return Unit{};
  }
  unsigned granted = permissions & 7;
  if (inode.attributes.uid == uid_) {
    granted = permissions >> 6 & 7;
  } else if (inode.attributes.gid == gid_) {
    granted = permissions >> 3 & 7;
  }
  if ((wanted & ~granted & 7) != 0) return Errno{EACCES};
  return Unit{};
}

Result<> Vfs::check_owner(const Inode& inode) const {
  if (uid_ != 0 && inode.attributes.uid != uid_) return Errno{EPERM};
  return Unit{};
}

}  // namespace faultline::os
