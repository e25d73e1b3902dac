// Inodes that have no bytes on the disk: symbolic links, and what the host has
// that the guest may see but not use.
#pragma once

#include <string>
#include <utility>

#include "os/files/host_node.h"
#include "os/files/inode.h"

namespace faultline::os {

class Symlink final : public Inode {
 public:
  Symlink(const Mount& mount, uint64_t number, Attributes given, std::string target)
      : Inode(mount, InodeType::symlink, number, given), target_(std::move(target)) {}

  uint64_t size() const override { return target_.size(); }
  Result<std::string> link_target() const override { return target_; }

 private:
  std::string target_;
};

// A device node, socket or FIFO of the host: listed, never opened.
class ForeignNode final : public Inode {
 public:
  ForeignNode(const Mount& mount, InodeType type, uint64_t number, Attributes given)
      : Inode(mount, type, number, given) {}

  Co<Result<>> open(OpenFile&, Sleeper&) override { co_return Errno{ENXIO}; }
  uint32_t poll(const OpenFile&) const override { return 0; }
};

}  // namespace faultline::os
