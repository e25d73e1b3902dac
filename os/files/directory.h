// A directory, of whatever origin.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "os/files/inode.h"
#include "os/result.h"

namespace faultline::os {

class TreeDirectory;

// NAME_MAX and PATH_MAX (with its NUL) of Linux.
inline constexpr size_t kNameMax = 255;
inline constexpr size_t kPathMax = 4096;

class Directory : public Inode {
 public:
  Directory(const Mount& mount, uint64_t number, Attributes given)
      : Inode(mount, InodeType::directory, number, given) {}

  struct Entry {
    std::string name;
    uint64_t number = 0;
    InodeType type = InodeType::regular;
  };

  // One component, not "." or "..". ENOENT when there is none.
  virtual Result<InodePtr> lookup(std::string_view name) = 0;
  // Sorted by name (bytes), without "." and "..".
  virtual Result<std::vector<Entry>> list() = 0;
  // The directory as one that can be changed; null for those of /proc.
  virtual TreeDirectory* tree() { return nullptr; }

  // Where it hangs, or hung before it was removed; expired for "/".
  std::weak_ptr<Directory> parent;
  std::string entry_name;
  bool removed = false;
  // A directory made when asked for (/proc), or removed, keeps its parent alive itself.
  std::shared_ptr<Directory> held_parent;

  std::shared_ptr<Directory> self() { return std::static_pointer_cast<Directory>(shared_from_this()); }
};

using DirectoryPtr = std::shared_ptr<Directory>;

// The inode as a directory; null when it is none.
inline DirectoryPtr as_directory(const InodePtr& inode) {
  return inode && inode->is(InodeType::directory) ? std::static_pointer_cast<Directory>(inode) : nullptr;
}

}  // namespace faultline::os
