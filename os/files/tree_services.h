// What the inodes of mounted trees share: numbers, time, the disk, the page
// cache, host descriptors, and the book of what the host never sees.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>

#include "os/files/disk_content.h"
#include "os/files/host_node.h"
#include "os/files/inode.h"
#include "os/files/socket_names.h"

namespace faultline::os {

class RegularFile;

// A regular file of the host behind an inode. Its descriptor is opened when
// needed and closed again when many others are in use.
struct HostFile {
  HostNodePtr node;
  bool writes_through = false;
  UniqueFd fd;
  bool pinned = false;  // it has no name any more: the descriptor is all there is
  bool listed = false;  // in HostDescriptors
};

class HostDescriptors {
 public:
  // The open descriptor of the file, O_RDWR where it writes through.
  Result<int> use(HostFile& file);
  // Opens it and keeps it open until the HostFile goes.
  Result<> pin(HostFile& file);
  void forget(HostFile& file);
  // A descriptor that was opened elsewhere.
  void adopt(HostFile& file, UniqueFd fd);

 private:
  static constexpr size_t kKept = 128;
  void keep(HostFile& file);

  std::list<HostFile*> recent_;  // most recently used first; pinned ones are not here
};

struct TreeServices {
  DiskContent& disk;
  PageCache& cache;
  Executor& executor;
  WaitQueue& poll_changes;
  std::function<Timestamp()> now;
  uint32_t uid = 0;
  uint32_t gid = 0;

  HostDescriptors descriptors;
  FileLocks::Waits lock_waits;
  SocketNames sockets;
  std::map<std::string, std::shared_ptr<Inode>> message_queues;  // mq_overview(7), by name
  // One inode for all the names of one host file, told apart by whether
  // changes pass through.
  std::map<std::pair<HostIdentity, bool>, std::weak_ptr<RegularFile>> host_files;
  // What the host's memory gives for the guest's files, so that no guest uses
  // it up: bytes of pages that the host never sees, names made by the guest,
  // buffers of pipes, and what /proc and directory listings hold while they are
  // read. ENOSPC, ENOMEM beyond.
  static constexpr uint64_t kKeptBytesMost = uint64_t{4} << 30;
  static constexpr uint64_t kNamesMost = 1 << 20;
  static constexpr uint64_t kPipeBytesMost = uint64_t{1} << 30;
  uint64_t kept_bytes = 0;
  uint64_t names_made = 0;
  uint64_t pipe_bytes = 0;
  uint64_t attribute_bytes = 0;  // of xattr(7), in all
  uint64_t queue_bytes = 0;      // of mq_overview(7), as RLIMIT_MSGQUEUE counts them
  uint64_t watches = 0;          // of inotify(7)
  bool full() const { return kept_bytes >= kKeptBytesMost; }

  uint32_t last_move = 0;  // cookie of a rename, for inotify(7)
  uint64_t last_number = 1;
  uint64_t next_number() { return ++last_number; }

  // Inodes that the guest made, changed or removed where the host does not see it.
  std::set<uint64_t> kept_in_memory;
  void note_change(const Inode& inode) {
    if (!inode.mount().writes_through) kept_in_memory.insert(inode.number());
  }
};

}  // namespace faultline::os
