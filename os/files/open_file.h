// An open file description (open(2)): what dup and fork share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "os/files/inode.h"
#include "os/memory/file_use.h"

namespace faultline::os {

// Open flags of riscv64 Linux (asm-generic/fcntl.h).
enum OpenFlag : uint32_t {
  kOpenReadOnly = 0,
  kOpenWriteOnly = 1,
  kOpenReadWrite = 2,
  kOpenAccessMode = 3,
  kOpenCreate = 0100,
  kOpenExclusive = 0200,
  kOpenNoControllingTty = 0400,
  kOpenTruncate = 01000,
  kOpenAppend = 02000,
  kOpenNonBlocking = 04000,
  kOpenDataSync = 010000,
  kOpenAsync = 020000,
  kOpenDirect = 040000,
  kOpenLargeFile = 0100000,
  kOpenDirectory = 0200000,
  kOpenNoFollow = 0400000,
  kOpenNoAccessTime = 01000000,
  kOpenCloseOnExec = 02000000,
  kOpenSync = 04010000,
  kOpenPath = 010000000,
  kOpenTemporary = 020200000,  // O_TMPFILE, O_DIRECTORY included
};

class OpenFile;

// inotify(7): tells who watches the file, or the directory that it was opened in.
void tell_watchers(const OpenFile& file, uint32_t events);

class OpenFile {
 public:
  // `flags` without those that only open(2) itself looks at.
  OpenFile(InodePtr inode, uint32_t given_flags)
      : flags(given_flags), use(std::make_shared<FileUse>(inode->write_errors.mark())), inode_(std::move(inode)) {
    ++inode_->opens;
  }
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  Inode& inode() const { return *inode_; }
  const InodePtr& inode_pointer() const { return inode_; }

  bool path_only() const { return (flags & kOpenPath) != 0; }
  bool readable() const { return !path_only() && (flags & kOpenAccessMode) != kOpenWriteOnly; }
  bool writable() const { return !path_only() && (flags & kOpenAccessMode) != kOpenReadOnly; }
  bool nonblocking() const { return (flags & kOpenNonBlocking) != 0; }

  // From here on it counts as one that may write, if it may.
  void count_writer() {
    if (counted_ || !writable()) return;
    counted_ = true;
    ++inode_->writers;
  }

  uint32_t flags;
  // One call at a time moves `offset` of a file that several processes share.
  bool position_busy = false;
  uint64_t offset = 0;  // of a directory: how many entries were handed out
  int32_t owner = 0;    // F_SETOWN: who would hear of O_ASYNC; kept, without effect
  int32_t signal = 0;   // F_SETSIG
  bool opened = false;  // Inode::open succeeded, so Inode::close is due
  std::string path;     // absolute, as it was when opened
  // What a file of /proc said when it was opened, or a directory's listing
  // (os/files/directory.h) since its last rewind.
  std::shared_ptr<const void> snapshot;
  InodePtr parent;  // the directory that it was opened in; null: none
  // Shared with the areas that show the file through this description.
  const std::shared_ptr<FileUse> use;

 private:
  InodePtr inode_;
  bool counted_ = false;
};

using OpenFilePtr = std::shared_ptr<OpenFile>;

}  // namespace faultline::os
