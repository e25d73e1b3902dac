// The sandbox: every access to the host's file system goes through here, from
// the descriptor of a bound directory downwards, one component at a time,
// never through a symbolic link, never through "..". Nothing above a bound
// directory can be named.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/files/inode.h"
#include "os/files/unique_fd.h"
#include "os/result.h"

namespace faultline::os {

// Which file of the host it is, whatever its name.
struct HostIdentity {
  uint64_t device = 0;
  uint64_t inode = 0;
  auto operator<=>(const HostIdentity&) const = default;
};

struct HostStatus {
  InodeType type = InodeType::regular;
  uint32_t permissions = 0;  // 0777, without set-user-ID and the like
  uint64_t size = 0;
  uint64_t links = 1;
  HostIdentity identity;
};

// A name below a bound directory. It holds no descriptor of its own, so that a
// guest that looks at a million files does not use up the host's.
class HostNode {
 public:
  // A bound directory itself: `fd` stays open.
  HostNode(UniqueFd fd, HostIdentity identity) : root_(std::move(fd)), identity_(identity) {}
  HostNode(std::shared_ptr<HostNode> parent, std::string name, HostIdentity identity)
      : parent_(std::move(parent)), name_(std::move(name)), identity_(identity) {}

  const HostIdentity& identity() const { return identity_; }
  // Steps down from the bound directory.
  unsigned depth() const;

  // Opens the node itself. ESTALE when the host put another file under the name.
  Result<UniqueFd> open(int flags) const;

  // --- of a directory ---------------------------------------------------------
  // `name` is one component: not empty, not "." or "..", without "/" or NUL.
  Result<HostStatus> status(std::string_view name) const;  // of the link itself
  Result<std::vector<std::string>> list() const;           // sorted, without "." and ".."
  Result<std::string> read_link(std::string_view name) const;

  // Changes, for directories bound :rw only; the caller makes sure.
  Result<UniqueFd> create_file(std::string_view name, uint32_t permissions) const;  // O_RDWR | O_EXCL
  Result<> make_directory(std::string_view name, uint32_t permissions) const;
  Result<> make_symlink(std::string_view name, std::string_view target) const;
  Result<> link(std::string_view name, const HostNode& file) const;
  Result<> remove(std::string_view name, bool directory) const;
  Result<> rename(std::string_view from, const HostNode& to_directory, std::string_view to, uint32_t flags) const;
  Result<> change_permissions(uint32_t permissions) const;  // of the node itself

  // After a rename that went through.
  void moved(std::shared_ptr<HostNode> parent, std::string name) {
    parent_ = std::move(parent);
    name_ = std::move(name);
  }
  // A file that lost the name by which it was known, and has another.
  const std::shared_ptr<HostNode>& parent() const { return parent_; }
  const std::string& name() const { return name_; }

 private:
  Result<UniqueFd> open_directory() const;

  UniqueFd root_;  // only of a bound directory
  std::shared_ptr<HostNode> parent_;
  std::string name_;
  HostIdentity identity_;
};

using HostNodePtr = std::shared_ptr<HostNode>;

// A directory that the user named; symbolic links in `path` are followed,
// since it is the user's own. Relative to the host's current directory.
Result<HostNodePtr> open_host_directory(const std::string& path);

// Whether `name` can be one component of a host path.
bool is_host_component(std::string_view name);

}  // namespace faultline::os
