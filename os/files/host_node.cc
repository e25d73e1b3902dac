#include "os/files/host_node.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace faultline::os {

namespace {

constexpr int kDirectoryFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

HostIdentity identity_of(const struct stat& status) {
  return {static_cast<uint64_t>(status.st_dev), static_cast<uint64_t>(status.st_ino)};
}

HostStatus status_of(const struct stat& status) {
  HostStatus result;
  result.type = static_cast<InodeType>(status.st_mode & S_IFMT);
  result.permissions = status.st_mode & 0777;
  result.size = static_cast<uint64_t>(status.st_size);
  result.links = status.st_nlink;
  result.identity = identity_of(status);
  return result;
}

Errno host_error() { return Errno{errno}; }

// openat that tries again after a signal.
UniqueFd open_at(int directory, const char* name, int flags, mode_t mode = 0) {
  for (;;) {
    const int fd = ::openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd >= 0 || errno != EINTR) return UniqueFd(fd);
  }
}

Result<> check(int outcome) {
  if (outcome != 0) return host_error();
  return Unit{};
}

}  // namespace

bool is_host_component(std::string_view name) {
  return !name.empty() && name.size() <= NAME_MAX && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

unsigned HostNode::depth() const {
  unsigned steps = 0;
  for (const HostNode* node = parent_.get(); node; node = node->parent_.get()) ++steps;
  return steps;
}

// Walks down from the bound directory each time: a path of depth d costs d
// openat calls, and no descriptor stays behind.
Result<UniqueFd> HostNode::open_directory() const {
  std::vector<const HostNode*> chain;
  for (const HostNode* node = this; node; node = node->parent_.get()) chain.push_back(node);
  UniqueFd at;
  for (size_t i = chain.size() - 1; i-- > 0;) {
    const int from = at ? at.get() : chain.back()->root_.get();
    UniqueFd next = open_at(from, chain[i]->name_.c_str(), kDirectoryFlags);
    if (!next) return host_error();
    at = std::move(next);
  }
  if (!at) at = open_at(root_.get(), ".", O_PATH | O_DIRECTORY);
  if (!at) return host_error();
  struct stat status;
  if (::fstat(at.get(), &status) != 0) return host_error();
  if (identity_of(status) != identity_) return Errno{ESTALE};
  return at;
}

Result<UniqueFd> HostNode::open(int flags) const {
  if (!parent_) {
    UniqueFd self = open_at(root_.get(), ".", flags);
    if (!self) return host_error();
    return self;
  }
  Result<UniqueFd> directory = parent_->open_directory();
  if (!directory) return directory.error();
  UniqueFd fd = open_at(directory->get(), name_.c_str(), flags | O_NONBLOCK | O_NOCTTY);
  if (!fd) return host_error();
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return host_error();
  if (identity_of(status) != identity_) return Errno{ESTALE};
  return fd;
}

Result<HostStatus> HostNode::status(std::string_view name) const {
  if (!is_host_component(name)) return Errno{ENOENT};
  Result<UniqueFd> directory = open_directory();
  if (!directory) return directory.error();
  struct stat status;
  if (::fstatat(directory->get(), std::string(name).c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return host_error();
  return status_of(status);
}

Result<std::vector<std::string>> HostNode::list() const {
  Result<UniqueFd> directory = open_directory();
  if (!directory) return directory.error();
  const int fd = ::openat(directory->get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return host_error();
  DIR* stream = ::fdopendir(fd);
  if (!stream) {
    const Errno error = host_error();
    ::close(fd);
    return error;
  }
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(stream)) {
    if (is_host_component(entry->d_name)) names.emplace_back(entry->d_name);
  }
  ::closedir(stream);
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::string> HostNode::read_link(std::string_view name) const {
  if (!is_host_component(name)) return Errno{ENOENT};
  Result<UniqueFd> directory = open_directory();
  if (!directory) return directory.error();
  std::string target(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(directory->get(), std::string(name).c_str(), target.data(), target.size());
  if (length < 0) return host_error();
  target.resize(static_cast<size_t>(length));
  return target;
}

Result<UniqueFd> HostNode::create_file(std::string_view name, uint32_t permissions) const {
  if (!is_host_component(name)) return Errno{EINVAL};
  Result<UniqueFd> directory = open_directory();
  if (!directory) return directory.error();
  // The mode by fchmod: the host's umask is not the guest's.
  UniqueFd fd = open_at(directory->get(), std::string(name).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!fd) return host_error();
  if (::fchmod(fd.get(), permissions & 0777) != 0) return host_error();
  return fd;
}

Result<> HostNode::make_directory(std::string_view name, uint32_t permissions) const {
  if (!is_host_component(name)) return Errno{EINVAL};
  Result<UniqueFd> directory = open_directory();
  if (!directory) return directory.error();
  const std::string component(name);
  if (::mkdirat(directory->get(), component.c_str(), 0700) != 0) return host_error();
  return check(::fchmodat(directory->get(), component.c_str(), permissions & 0777, AT_SYMLINK_NOFOLLOW));
}

Result<> HostNode::make_symlink(std::string_view name, std::string_view target) const {
  if (!is_host_component(name)) return Errno{EINVAL};
  Result<UniqueFd> directory = open_directory();
  if (!directory) return directory.error();
  return check(::symlinkat(std::string(target).c_str(), directory->get(), std::string(name).c_str()));
}

Result<> HostNode::link(std::string_view name, const HostNode& file) const {
  if (!is_host_component(name) || !file.parent_) return Errno{EINVAL};
  Result<UniqueFd> to = open_directory();
  if (!to) return to.error();
  Result<UniqueFd> from = file.parent_->open_directory();
  if (!from) return from.error();
  return check(::linkat(from->get(), file.name_.c_str(), to->get(), std::string(name).c_str(), 0));
}

Result<> HostNode::remove(std::string_view name, bool directory) const {
  if (!is_host_component(name)) return Errno{EINVAL};
  Result<UniqueFd> parent = open_directory();
  if (!parent) return parent.error();
  return check(::unlinkat(parent->get(), std::string(name).c_str(), directory ? AT_REMOVEDIR : 0));
}

Result<> HostNode::rename(std::string_view from, const HostNode& to_directory, std::string_view to,
                          uint32_t flags) const {
  if (!is_host_component(from) || !is_host_component(to)) return Errno{EINVAL};
  Result<UniqueFd> source = open_directory();
  if (!source) return source.error();
  Result<UniqueFd> target = to_directory.open_directory();
  if (!target) return target.error();
  return check(::renameat2(source->get(), std::string(from).c_str(), target->get(), std::string(to).c_str(), flags));
}

Result<> HostNode::change_permissions(uint32_t permissions) const {
  if (!parent_) return check(::fchmodat(root_.get(), ".", permissions & 0777, 0));
  Result<UniqueFd> directory = parent_->open_directory();
  if (!directory) return directory.error();
  return check(::fchmodat(directory->get(), name_.c_str(), permissions & 0777, AT_SYMLINK_NOFOLLOW));
}

Result<HostNodePtr> open_host_directory(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return host_error();
  struct stat status;
  if (::fstat(fd.get(), &status) != 0) return host_error();
  return std::make_shared<HostNode>(std::move(fd), identity_of(status));
}

}  // namespace faultline::os
