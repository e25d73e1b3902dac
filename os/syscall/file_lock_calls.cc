// Advisory locks: fcntl(2) F_GETLK, F_SETLK, F_SETLKW, and flock(2).
#include <cerrno>

#include "os/files/file_locks.h"
#include "os/syscall/file_calls.h"

namespace faultline::os {

namespace {

enum Command : uint32_t { kGetLock = 5, kSetLock = 6, kSetLockWait = 7 };
// F_OFD_GETLK and so on: the same for locks that an open file has, not a process.
constexpr uint32_t kOpenFileFirst = 36, kOpenFileLast = 38, kOpenFileOffset = kOpenFileFirst - kGetLock;
constexpr int32_t kNoProcess = -1;
enum LockType : int16_t { kReadLock = 0, kWriteLock = 1, kUnlock = 2 };

constexpr uint32_t kFlockShared = 1;
constexpr uint32_t kFlockExclusive = 2;
constexpr uint32_t kFlockNonBlocking = 4;
constexpr uint32_t kFlockUnlock = 8;

constexpr uint64_t kEndOfFile = ~uint64_t{0};  // a lock without end

// struct flock of 64-bit machines.
struct UserLock {
  int16_t type;
  int16_t whence;
  int32_t pad1;
  int64_t start;
  int64_t length;
  int32_t pid;
  int32_t pad2;
};
static_assert(sizeof(UserLock) == 32);

// The bytes that a struct flock means. EINVAL, EOVERFLOW.
Result<FileLocks::Lock> lock_of(SyscallContext& call, const OpenFile& file, const UserLock& user) {
  int64_t start = user.start;
  if (user.whence == 1) start += static_cast<int64_t>(file.offset);
  if (user.whence == 2) start += static_cast<int64_t>(file.inode().size());
  if (user.whence < 0 || user.whence > 2 || user.type < 0 || user.type > 2) return Errno{EINVAL};
  int64_t length = user.length;
  if (length < 0) {
    if (__builtin_add_overflow(start, length, &start)) return Errno{EINVAL};
    length = -length;
  }
  if (start < 0 || length < 0) return Errno{EINVAL};
  int64_t last = 0;
  if (length != 0 && __builtin_add_overflow(start, length - 1, &last)) return Errno{EOVERFLOW};
  return FileLocks::Lock{&files_of(call), call.task.process().pid(), user.type == kWriteLock,
                         static_cast<uint64_t>(start), length == 0 ? kEndOfFile : static_cast<uint64_t>(last)};
}

FileLocks& locks_of(SyscallContext& call, std::unique_ptr<FileLocks>& locks) {
  if (!locks) locks = std::make_unique<FileLocks>(vfs_of(call).executor());
  return *locks;
}

// Told of among those that wait, for as long as it lives.
class Wait {
 public:
  Wait(FileLocks::Waits& waits, const void* owner, const void* holder) : waits_(waits), owner_(owner) {
    waits_.begin(owner, holder);
  }
  ~Wait() { waits_.end(owner_); }
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

 private:
  FileLocks::Waits& waits_;
  const void* owner_;
};

// Waits, if it may, until nobody else's lock forbids this one, and sets it. EDEADLK
// where locks of processes would wait for each other.
Co<SyscallResult> acquire(SyscallContext& call, FileLocks& locks, FileLocks::Lock lock, bool wait, bool of_process) {
  while (const auto held = locks.conflict(lock)) {
    if (!wait) co_return Errno{EAGAIN};
    FileLocks::Waits& waits = vfs_of(call).lock_waits();
    if (of_process && waits.closes_circle(lock.owner, held->owner)) co_return Errno{EDEADLK};
    const Wait waiting(waits, lock.owner, held->owner);
    const Wake wake = co_await sleep_interruptibly(call.task, locks.changed());
    if (wake == Wake::interrupted) co_return kRestartSys;
  }
  if (locks.full()) co_return Errno{ENOLCK};
  locks.set(lock);
  co_return uint64_t{0};
}

UserLock user_lock(const FileLocks::Lock& lock) {
  UserLock user{};
  user.type = lock.exclusive ? kWriteLock : kReadLock;
  user.start = static_cast<int64_t>(lock.first);
  user.length = lock.last == kEndOfFile ? 0 : static_cast<int64_t>(lock.last - lock.first + 1);
  user.pid = lock.pid;
  return user;
}

Co<SyscallResult> sys_flock(SyscallContext& call) {
  constexpr uint32_t kMandatory = 32;  // LOCK_MAND, which Linux no longer knows
  const uint32_t operation = call.word(1) & ~kFlockNonBlocking;
  if (operation & kMandatory) co_return uint64_t{0};
  const bool known = operation == kFlockUnlock || operation == kFlockShared || operation == kFlockExclusive;
  if (!known) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (!file) co_return file.error();
  const OpenFilePtr held = *file;
  FileLocks& locks = locks_of(call, held->inode().whole_locks);
  if (operation == kFlockUnlock) {
    locks.clear_all(held.get());
    co_return uint64_t{0};
  }
  // A change from one kind to the other gives the old lock up first (flock(2)).
  locks.clear_all(held.get());
  const FileLocks::Lock lock{held.get(), call.task.process().pid(), operation == kFlockExclusive, 0, kEndOfFile};
  auto done = co_await acquire(call, locks, lock, (call.word(1) & kFlockNonBlocking) == 0, false);
  co_return done;
}

}  // namespace

Co<SyscallResult> record_lock(SyscallContext& call, OpenFilePtr file, uint32_t command) {
  const bool of_file = command >= kOpenFileFirst && command <= kOpenFileLast;
  if (of_file) command -= kOpenFileOffset;
  if (command < kGetLock || command > kSetLockWait) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  auto asked = co_await user.get<UserLock>(call.address(2));
  if (!asked) co_return asked.error();
  Result<FileLocks::Lock> lock = lock_of(call, *file, *asked);
  if (!lock) co_return lock.error();
  if (of_file && asked->pid != 0) co_return Errno{EINVAL};
  if (of_file) {
    lock->owner = file.get();
    lock->pid = kNoProcess;
  }
  FileLocks& locks = locks_of(call, file->inode().record_locks);
  if (command == kGetLock) {
    if (asked->type == kUnlock) co_return Errno{EINVAL};
    const auto conflict = locks.conflict(*lock);
    UserLock reply = *asked;
    reply.type = kUnlock;
    if (conflict) reply = user_lock(*conflict);
    auto put = co_await user.put(call.address(2), reply);
    if (!put) co_return put.error();
    co_return uint64_t{0};
  }
  if (asked->type == kUnlock) {
    locks.clear(lock->owner, lock->first, lock->last);
    co_return uint64_t{0};
  }
  if (asked->type == kReadLock ? !file->readable() : !file->writable()) co_return Errno{EBADF};
  auto done = co_await acquire(call, locks, *lock, command == kSetLockWait, !of_file);
  co_return done;
}

void register_file_locks(SyscallTable& table) { table.add(32, sys_flock); }

}  // namespace faultline::os
