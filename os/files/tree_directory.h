// A directory that can be changed: in memory, or a directory of the host with
// the guest's changes over it, or (bound :rw) a directory of the host that
// follows the guest's changes at once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "os/files/directory.h"
#include "os/files/host_node.h"
#include "os/files/tree_services.h"

namespace faultline::os {

class TreeDirectory final : public Directory {
 public:
  // `host` is null for a directory in memory.
  TreeDirectory(TreeServices& services, const Mount& mount, uint64_t number, Attributes given, HostNodePtr host);
  ~TreeDirectory() override;

  Result<InodePtr> lookup(std::string_view name) override;
  Result<std::vector<Entry>> list() override;
  TreeDirectory* tree() override { return this; }
  Result<> attributes_changed() override;

  // --- changes. The caller has checked permissions, and the name: one component
  // --- that does not exist (create, link) or does (remove).
  Result<InodePtr> create_file(std::string_view name, uint32_t permissions);
  Result<InodePtr> create_directory(std::string_view name, uint32_t permissions);
  Result<InodePtr> create_symlink(std::string_view name, std::string_view target);
  // A FIFO; EPERM where changes pass to the host.
  Result<InodePtr> create_fifo(std::string_view name, uint32_t permissions);
  // A name for a socket; EPERM there too.
  Result<InodePtr> create_socket(std::string_view name, uint32_t permissions);
  // A file without a name, which may get one if `may_be_linked`. EOPNOTSUPP there.
  Result<InodePtr> create_unnamed(uint32_t permissions, bool may_be_linked);
  Result<> link(std::string_view name, const InodePtr& inode);
  // ENOTDIR, EISDIR, ENOTEMPTY, EBUSY (a mount).
  Result<> remove(std::string_view name, const InodePtr& inode, bool directory);
  // Both directories are of one mount; `flags` is RENAME_NOREPLACE,
  // RENAME_EXCHANGE or 0. The kinds were checked; `to_inode` may be null.
  static Result<> rename(TreeDirectory& from, std::string_view from_name, const InodePtr& from_inode, TreeDirectory& to,
                         std::string_view to_name, const InodePtr& to_inode, uint32_t flags);

  // --- while the name space is built -------------------------------------------
  // Puts the inode here whatever was there; it cannot be removed or renamed.
  void mount_here(std::string_view name, const InodePtr& inode);
  // Without the host: a node of /dev, a directory that leads to a mount.
  void attach(std::string_view name, const InodePtr& inode);
  bool is_mounted(std::string_view name) const;

  const HostNodePtr& host() const { return host_; }
  Result<bool> empty();

 private:
  struct Known {
    InodePtr inode;  // null: removed by the guest, though the host has it
    bool mounted = false;
  };
  Attributes fresh_attributes(uint32_t permissions) const;
  Result<InodePtr> from_host(std::string_view name);
  InodePtr regular_from_host(std::string_view name, const HostStatus& status);
  bool host_has(std::string_view name) const;
  void adopt(const InodePtr& inode, std::string_view name);
  bool may_grow() const;
  void add(std::string_view name, const InodePtr& inode);
  void forget_name(std::string_view name, const InodePtr& inode);
  void touch();
  static void tell_of_move(TreeDirectory& from, std::string_view from_name, Inode& moved, TreeDirectory& to,
                           std::string_view to_name, Inode* other);

  TreeServices& services_;
  HostNodePtr host_;
  std::map<std::string, Known, std::less<>> known_;
};

// For inotify(7). kWatchDirectory for a directory; and of a file that lost a name (Linux,
// fsnotify_link_count).
uint32_t watch_kind(const Inode& inode);
void tell_of_lost_name(Inode& inode);

}  // namespace faultline::os
