// A file of any kind, as the guest's kernel knows it: identity, attributes,
// and what reading, writing and waiting mean for its kind.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "hw/base/types.h"
#include "os/files/extended_attributes.h"
#include "os/files/file_locks.h"
#include "os/files/socket_name.h"
#include "os/files/watch_list.h"
#include "os/memory/file_backing.h"
#include "os/process/co.h"
#include "os/process/wait_queue.h"
#include "os/result.h"

namespace faultline::os {

class Directory;
class OpenFile;
class PageCache;
class UserMemory;
class Cpu;
struct OsCosts;

// The type bits of st_mode (inode(7)).
enum class InodeType : uint32_t {
  unnamed = 0,  // of eventfd(2) and the like
  fifo = 0010000,
  character = 0020000,
  directory = 0040000,
  block = 0060000,
  regular = 0100000,
  symlink = 0120000,
  socket = 0140000,
};

struct Timestamp {
  int64_t seconds = 0;  // since 1970, on the guest's simulated clock
  uint32_t nanoseconds = 0;
};

struct Attributes {
  uint32_t permissions = 0;  // 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t links = 1;
  uint64_t device_number = 0;  // of a device node, as makedev(3)
  Timestamp accessed, modified, changed;
};

// Who an inode belongs to: a mounted tree. Renames and links stay inside one.
struct Mount {
  uint32_t device = 0;          // st_dev
  bool writes_through = false;  // bound :rw
  bool in_memory = false;       // no host behind it: /tmp, /dev/shm
  uint64_t magic = 0x01021994;  // f_type of statfs (TMPFS_MAGIC)
};

// How a file system call sleeps so that a signal can end it. Kept apart from
// tasks, so that files can be tested without processes.
class Sleeper {
 public:
  virtual ~Sleeper() = default;
  virtual Co<Wake> sleep(WaitQueue& queue) = 0;  // interruptible
  // The same, but not beyond a moment.
  virtual Co<Wake> sleep_until(WaitQueue& queue, Cycles /*until*/) { return sleep(queue); }
};

// What a read or write needs beside the file.
struct IoContext {
  UserMemory& user;
  Cpu& cpu;
  PageCache& cache;
  const OsCosts& costs;
  Sleeper& sleeper;
  Timestamp now;
  uint64_t file_size_limit = ~uint64_t{0};  // RLIMIT_FSIZE
  // Set by a write that found nobody left to read, be it after a part of it:
  // SIGPIPE is due either way (Linux, pipe_write).
  bool reader_gone = false;
  SocketCredentials caller{};  // who sends what is written to a socket
};

// Answered when a signal ended an interruptible sleep before anything moved;
// the same number as kRestartSys of os/syscall/syscall.h.
inline constexpr Errno kInterruptedBySignal{512};

// fcntl(2), F_ADD_SEALS.
enum Seal : uint32_t {
  kSealSeals = 0x01,
  kSealShrink = 0x02,
  kSealGrow = 0x04,
  kSealWrite = 0x08,
  kSealFutureWrite = 0x10,
  kSealsKnown = 0x1f,
};

// Events of poll(2).
enum PollEvent : uint32_t {
  kPollIn = 0x001,
  kPollPriority = 0x002,
  kPollOut = 0x004,
  kPollError = 0x008,
  kPollHangUp = 0x010,
  kPollInvalid = 0x020,
  kPollReadHangUp = 0x2000,
};

class Inode : public FileBacking, public std::enable_shared_from_this<Inode> {
 public:
  Inode(const Mount& mount, InodeType type, uint64_t number, Attributes given)
      : attributes(given), mount_(mount), type_(type), number_(number) {}
  Inode(const Inode&) = delete;
  Inode& operator=(const Inode&) = delete;

  InodeType type() const { return type_; }
  bool is(InodeType type) const { return type_ == type; }
  uint64_t number() const { return number_; }
  const Mount& mount() const { return mount_; }
  uint32_t mode() const { return static_cast<uint32_t>(type_) | attributes.permissions; }

  // --- FileBacking ------------------------------------------------------------
  uint64_t size() const override { return 0; }
  uint64_t sector(uint64_t) override { return 0; }
  const char* name() const override { return name_.c_str(); }
  // The path by which the file was last opened or renamed.
  void set_name(std::string name) { name_ = std::move(name); }
  // The same for /proc: a file that no directory names any more says so.
  std::string path_now() const { return path_now(name_); }
  std::string path_now(const std::string& path) const {
    const bool gone = attributes.links == 0 && !path.ends_with(kDeleted) && path.starts_with('/');
    return gone ? path + kDeleted : path;
  }

  // --- what mmap(2) makes of it -------------------------------------------------
  enum class Mapping : uint8_t { none /* ENODEV */, file, anonymous /* /dev/zero */ };
  virtual Mapping mapping() const { return Mapping::none; }

  // --- what open(2) finds -------------------------------------------------------
  // Called before an OpenFile is made, and when the last reference to it goes.
  // May sleep (a FIFO waits for its other end). ENXIO and so on.
  virtual Co<Result<>> open(OpenFile& file, Sleeper& sleeper);
  virtual void close(OpenFile& file) {}

  // --- input and output ------------------------------------------------------------
  // The position of the descriptor moves on lseek, read and write.
  virtual bool seekable() const { return false; }
  // Bytes moved, at most `bytes`; 0 at the end. `offset` is meaningless where
  // !seekable(). EFAULT only when nothing was moved before.
  virtual Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes);
  // `offset` comes back as the place after the last byte (O_APPEND sets it).
  virtual Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes);
  virtual Co<Result<>> truncate(IoContext& io, uint64_t size);
  // lseek(2), SEEK_DATA and SEEK_HOLE, from an offset below size(); nothing: no
  // data from there to the end. A file that knows of no holes is all data.
  virtual std::optional<uint64_t> next_data(uint64_t offset) const { return offset; }
  virtual uint64_t next_hole(uint64_t offset) const { return size(); }
  // PollEvent bits that hold now; a change wakes Vfs::poll_changes().
  virtual uint32_t poll(const OpenFile& file) const { return kPollIn | kPollOut; }
  // How often what poll() says of these events may have become true: an edge of
  // epoll(7) is a change of it. All events of one kind that change together may
  // count as one.
  virtual uint64_t activity(uint32_t events) const { return 0; }
  // FIONREAD; nothing: ENOTTY.
  virtual std::optional<uint64_t> readable_bytes(const OpenFile& file) const { return std::nullopt; }
  virtual bool is_terminal() const { return false; }
  // The text of a symbolic link.
  virtual Result<std::string> link_target() const { return Errno{EINVAL}; }
  // What a link of /proc leads to without a path (an open file); null: by its text.
  virtual std::shared_ptr<Inode> link_jump() const { return nullptr; }
  // chmod, chown and utimens went into `attributes`; a file bound :rw passes
  // the permissions on.
  virtual Result<> attributes_changed() { return Unit{}; }

  bool is_shared_memory() const override { return mount_.in_memory || seals.has_value(); }

  Attributes attributes;
  // memfd_create(2): F_SEAL_ bits. Other files take no seals.
  std::optional<uint32_t> seals;
  bool sealed(uint32_t any_of) const { return seals && (*seals & any_of) != 0; }
  // Processes that run this program; while there are any, opening it for
  // writing and cutting it are ETXTBSY.
  uint32_t executions = 0;
  uint32_t opens = 0;  // open files of it
  // Open files that may write to it; while there are any, nobody can begin to run it.
  uint32_t writers = 0;
  // O_TMPFILE: it has no name, and may get one.
  bool linkable = false;
  // xattr(7), by name; made by the first that is set.
  std::unique_ptr<ExtendedAttributes> extended;
  // inotify(7): who wants to hear of it; null: nobody.
  std::unique_ptr<WatchList> watches;
  // Made by the first lock that is asked for.
  std::unique_ptr<FileLocks> record_locks;  // fcntl
  std::unique_ptr<FileLocks> whole_locks;   // flock

 private:
  static constexpr const char* kDeleted = " (deleted)";

  const Mount& mount_;
  InodeType type_;
  uint64_t number_;
  std::string name_;
};

using InodePtr = std::shared_ptr<Inode>;

}  // namespace faultline::os
