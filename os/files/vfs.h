// The guest's name space: builds it from what the guest is given, resolves
// paths in it, opens, makes and removes files.
//
// Order of life: DiskContent, then the machine, Cpu, Executor and MemoryManager,
// then Vfs; destroyed the other way round, after every process.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "os/files/directory.h"
#include "os/files/disk_content.h"
#include "os/files/file_table.h"
#include "os/files/fs_context.h"
#include "os/files/inode.h"
#include "os/files/namespace_config.h"
#include "os/files/open_file.h"
#include "os/files/process_facts.h"
#include "os/files/snapshot.h"
#include "os/files/tree_services.h"
#include "os/process/co.h"
#include "os/process/wait_queue.h"
#include "os/result.h"

namespace faultline::os {

class Cpu;
class PageCache;
class Pipe;
class Socket;
struct OsConfig;

// Where a path led. `inode` is null when only the last component is missing.
struct PathResult {
  std::shared_ptr<Directory> parent;  // null for "/"
  std::string name;                   // last component; "." and ".." only with inode set
  InodePtr inode;
  bool trailing_slash = false;
};

// How openat2(2) may narrow the way of a path.
struct PathRules {
  bool no_links = false;       // RESOLVE_NO_SYMLINKS: ELOOP
  bool no_jumps = false;       // RESOLVE_NO_MAGICLINKS: ELOOP
  bool same_mount = false;     // RESOLVE_NO_XDEV: EXDEV
  bool beneath = false;        // RESOLVE_BENEATH: EXDEV where it would leave the start
  bool start_is_root = false;  // RESOLVE_IN_ROOT
};

class Vfs {
 public:
  struct Parts {
    Cpu& cpu;
    Executor& executor;
    PageCache& cache;
    DiskContent& disk;
    const OsConfig& config;
  };

  // Pipes and anonymous files hang nowhere; this is their st_dev.
  static constexpr uint32_t kAnonymousDevice = 1;

  explicit Vfs(Parts parts);
  ~Vfs();
  Vfs(const Vfs&) = delete;
  Vfs& operator=(const Vfs&) = delete;

  // Makes the name space. Answers one line that says what is wrong where
  // (a host path that is missing or no directory, ...), or nothing.
  std::optional<std::string> build(const NamespaceConfig& config);

  // --- for the kernel's beginning of a run -----------------------------------------
  // PROGRAM in the guest's name space, absolute.
  const std::string& program_path() const { return program_path_; }
  std::shared_ptr<FsContext> initial_context() const;
  std::shared_ptr<FileTable> initial_files();  // 0, 1, 2
  // /proc asks here from now on. Must outlive the last system call.
  void set_processes(const ProcessDirectory* processes) { processes_ = processes; }
  uint32_t uid() const { return uid_; }
  uint32_t gid() const { return gid_; }
  bool has_terminal() const { return terminal_; }

  // --- for exec ----------------------------------------------------------------------
  // A regular file with execute permission: ENOENT, EACCES, ENOTDIR, ELOOP, ...
  // Its name() is the absolute path afterwards.
  // Also ETXTBSY, while somebody may write to it. `start` is for a relative path.
  Co<Result<InodePtr>> open_executable(const std::shared_ptr<Directory>& start, std::string_view path, bool keeps_link);
  // The same of a file that is known, whose name stays what it is.
  Co<Result<>> check_executable(InodePtr inode);
  // Bytes at `offset` through the page cache; fewer only at the file's end. EIO.
  Co<Result<size_t>> read_inode(Inode& inode, uint64_t offset, std::span<uint8_t> to);

  // --- for file system calls -----------------------------------------------------------
  enum class Last : uint8_t { follow, keep };  // a symbolic link in the last component
  // Every errno of path_resolution(7). `start` is used for relative paths.
  Result<PathResult> resolve(const std::shared_ptr<Directory>& start, std::string_view path, Last last,
                             const PathRules& rules = {}) const;
  // The same, ENOENT when the last component is missing.
  Result<InodePtr> find(const std::shared_ptr<Directory>& start, std::string_view path, Last last) const;
  // open(2). May sleep: truncation, the other end of a FIFO.
  Co<Result<OpenFilePtr>> open(const std::shared_ptr<Directory>& start, std::string_view path, uint32_t flags,
                               uint32_t permissions, Sleeper& sleeper, const PathRules& rules = {});
  Co<Result<OpenFilePtr>> open_inode(InodePtr inode, uint32_t flags, std::string path, Sleeper& sleeper);
  // Both ends of a pipe: read, write.
  std::pair<OpenFilePtr, OpenFilePtr> make_pipe(uint32_t flags);
  // A socket, the file that has it open, and a name of it in a directory.
  std::shared_ptr<Socket> new_socket(uint16_t family, SocketKind kind);
  static OpenFilePtr open_socket(const std::shared_ptr<Socket>& socket, uint32_t flags);
  Result<> bind_socket(const std::shared_ptr<Socket>& socket, const std::shared_ptr<Directory>& start,
                       std::string_view path, uint32_t permissions);
  SocketNames& socket_names() { return services_.sockets; }
  std::map<std::string, InodePtr>& message_queues() { return services_.message_queues; }
  uint64_t queue_bytes() const { return services_.queue_bytes; }
  uint64_t& attribute_bytes() { return services_.attribute_bytes; }
  // inotify(7): of a change of what a path names, where anybody listens.
  void tell_watchers_at(const std::shared_ptr<Directory>& start, std::string_view path, Last last,
                        uint32_t events) const;
  // eventfd(2); `semaphore`: a read takes one.
  OpenFilePtr make_event_counter(uint64_t first, bool semaphore, uint32_t flags);
  // What an inode that no directory names is made of, and a file that has it open.
  struct Unnamed {
    TreeServices& services;
    const Mount& mount;
    uint64_t number;
    Attributes attributes;
  };
  Unnamed new_unnamed();
  static OpenFilePtr open_unnamed(InodePtr inode, uint32_t flags, std::string path);
  // memfd_create(2): an unlinked file in memory.
  OpenFilePtr make_anonymous_file(std::string name, uint32_t flags, uint32_t seals);

  Result<> make_directory(const std::shared_ptr<Directory>& start, std::string_view path, uint32_t permissions);
  Result<> make_symlink(const std::shared_ptr<Directory>& start, std::string_view path, std::string_view target);
  Result<> make_node(const std::shared_ptr<Directory>& start, std::string_view path, uint32_t mode);
  Result<> remove(const std::shared_ptr<Directory>& start, std::string_view path, bool directory);
  Result<> link(const InodePtr& inode, const std::shared_ptr<Directory>& start, std::string_view path);
  Result<> rename(const std::shared_ptr<Directory>& from_start, std::string_view from,
                  const std::shared_ptr<Directory>& to_start, std::string_view to, uint32_t flags);

  // The guest may read (4), write (2), execute or search (1): EACCES.
  Result<> check_access(const Inode& inode, unsigned wanted) const;
  // The guest may change the attributes: EPERM.
  Result<> check_owner(const Inode& inode) const;
  // getcwd: ENOENT for a directory that was removed.
  Result<std::string> path_of(const Directory& directory) const;

  const std::shared_ptr<Directory>& root() const { return root_; }
  PageCache& cache() { return parts_.cache; }
  Cpu& cpu() { return parts_.cpu; }
  const OsConfig& config() const { return parts_.config; }
  DiskContent& disk() { return parts_.disk; }
  const ProcessDirectory* processes() const { return processes_; }
  // Woken whenever a poll() of an inode may have changed.
  WaitQueue& poll_changes() { return poll_changes_; }
  // Of fcntl's locks.
  FileLocks::Waits& lock_waits() { return services_.lock_waits; }
  // Whoever waits for OpenFile::position_busy to end.
  WaitQueue& position_changes() { return position_changes_; }
  Executor& executor() { return parts_.executor; }
  const std::shared_ptr<SnapshotBudget>& snapshots() const { return snapshots_; }
  Timestamp now() const;

  // --- the end of the run ------------------------------------------------------------------
  // Writes what is still dirty of files bound :rw to the host, without
  // simulated time. One line when the host refused.
  std::optional<std::string> finish();
  // Files that the guest made, changed or removed and that the host never saw.
  uint64_t files_kept_in_memory() const;

 private:
  friend class NamespaceBuilder;
  Attributes own_attributes(uint32_t permissions) const;
  std::shared_ptr<Pipe> new_pipe();
  // A place for a new name: the parent, which may be written, and no inode.
  Result<PathResult> place_for(const std::shared_ptr<Directory>& start, std::string_view path) const;
  // What open(2) found or made.
  struct Opening {
    InodePtr inode;
    InodePtr parent;  // null for "/"
    std::string path;
    bool created = false;
  };
  Result<Opening> open_or_create(const std::shared_ptr<Directory>& start, std::string_view path, uint32_t flags,
                                 uint32_t permissions, const PathRules& rules);
  Result<Opening> make_temporary(const std::shared_ptr<Directory>& start, std::string_view path, uint32_t flags,
                                 uint32_t permissions, const PathRules& rules);
  Result<> check_opening(const Inode& inode, uint32_t flags) const;
  Result<> check_removal(const Directory& directory, const Inode& inode) const;
  Result<> check_rename(const PathResult& from, const PathResult& to, uint32_t flags) const;
  std::string path_below(const Directory& directory, std::string_view name) const;

  Parts parts_;
  uint32_t uid_ = 0, gid_ = 0;
  std::string program_path_;
  std::deque<Mount> mounts_;  // referred to by inodes
  WaitQueue poll_changes_;
  WaitQueue position_changes_;
  TreeServices services_;
  std::shared_ptr<Directory> root_;
  std::shared_ptr<Directory> current_;
  std::vector<InodePtr> streams_;  // 0, 1, 2
  std::shared_ptr<SnapshotBudget> snapshots_ = std::make_shared<SnapshotBudget>();
  bool terminal_ = false;
  bool built_ = false;  // before that, nothing takes simulated time
  const ProcessDirectory* processes_ = nullptr;
};

}  // namespace faultline::os
