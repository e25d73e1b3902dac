// mq_open(2) and its relatives (mq_overview(7)). Queues live until they are unlinked and
// closed, or the run ends; they are in no directory.
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "os/files/posix_queue.h"
#include "os/process/signal_send.h"
#include "os/syscall/file_calls.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

// struct mq_attr of 64-bit machines.
struct QueueAttributes {
  int64_t flags = 0, most = 0, bytes_most = 0, count = 0;
  int64_t reserved[4] = {};
};
static_assert(sizeof(QueueAttributes) == 64);

// A name without the slash that the library takes away. EACCES for one with more.
Co<Result<std::string>> name_argument(SyscallContext& call) {
  auto name = co_await path_argument(call, 0);
  if (!name) co_return name;
  if (name->empty()) co_return Errno{ENOENT};
  if (name->find('/') != std::string::npos || *name == "." || *name == "..") co_return Errno{EACCES};
  if (name->size() > kNameMax) co_return Errno{ENAMETOOLONG};
  co_return name;
}

std::shared_ptr<PosixQueue> find_queue(SyscallContext& call, const std::string& name) {
  const auto& queues = vfs_of(call).message_queues();
  const auto it = queues.find(name);
  return it == queues.end() ? nullptr : std::static_pointer_cast<PosixQueue>(it->second);
}

Result<std::shared_ptr<PosixQueue>> make_queue(SyscallContext& call, const std::string& name,
                                               const QueueAttributes& wanted) {
  const bool fits = wanted.most > 0 && wanted.most <= PosixQueue::kMessagesMost && wanted.bytes_most > 0 &&
                    wanted.bytes_most <= PosixQueue::kBytesMost;
  if (!fits) return Errno{EINVAL};
  auto& queues = vfs_of(call).message_queues();
  if (queues.size() >= PosixQueue::kQueuesMost) return Errno{ENOSPC};
  const uint64_t limit = call.task.process().limits[kLimitQueues].current;
  if (vfs_of(call).queue_bytes() + PosixQueue::cost(wanted.most, wanted.bytes_most) > limit) return Errno{EMFILE};
  const uint32_t permissions = call.word(2) & 0777 & ~fs_of(call).umask;
  auto queue = std::make_shared<PosixQueue>(vfs_of(call).new_unnamed(), permissions, wanted.most, wanted.bytes_most);
  queues[name] = queue;
  return queue;
}

Co<SyscallResult> sys_mq_open(SyscallContext& call) {
  const uint32_t flags = call.word(1), mode = flags & kOpenAccessMode;
  QueueAttributes wanted{.most = PosixQueue::kMessagesMost, .bytes_most = PosixQueue::kBytesMost};
  if (call.args[3] != 0) {
    UserMemory user = call.kernel.user_memory(call.task);
    auto given = co_await user.get<QueueAttributes>(call.address(3));
    if (!given) co_return given.error();
    wanted = *given;
  }
  auto name = co_await name_argument(call);
  if (!name) co_return name.error();
  std::shared_ptr<PosixQueue> queue = find_queue(call, *name);
  if (queue && (flags & kOpenCreate) && (flags & kOpenExclusive)) co_return Errno{EEXIST};
  if (!queue && !(flags & kOpenCreate)) co_return Errno{ENOENT};
  if (mode == kOpenAccessMode) co_return Errno{EINVAL};
  if (queue) {
    const unsigned access = (mode != kOpenWriteOnly ? 4u : 0u) | (mode != kOpenReadOnly ? 2u : 0u);
    if (Result<> allowed = vfs_of(call).check_access(*queue, access); !allowed) co_return allowed.error();
  } else {
    auto made = make_queue(call, *name, wanted);
    if (!made) co_return made.error();
    queue = *made;
  }
  auto file = std::make_shared<OpenFile>(queue, flags & (kOpenAccessMode | kOpenNonBlocking));
  file->opened = true;
  file->path = "/" + *name;
  co_return hand_out(call, std::move(file), true);
}

Co<SyscallResult> sys_mq_unlink(SyscallContext& call) {
  auto name = co_await name_argument(call);
  if (!name) co_return name.error();
  const std::shared_ptr<PosixQueue> queue = find_queue(call, *name);
  if (!queue) co_return Errno{ENOENT};
  queue->attributes.links = 0;
  vfs_of(call).message_queues().erase(*name);
  co_return uint64_t{0};
}

// EBADF, also for a file that is no queue.
Result<OpenFilePtr> queue_argument(SyscallContext& call) {
  Result<OpenFilePtr> file = file_argument(call, 0);
  if (file && !dynamic_cast<PosixQueue*>(&(*file)->inode())) return Errno{EBADF};
  return file;
}

PosixQueue& queue_of(const OpenFilePtr& file) { return static_cast<PosixQueue&>(file->inode()); }

// A moment on the clock of the day, from argument 4. EINVAL, EFAULT.
Co<Result<Cycles>> time_limit(SyscallContext& call) {
  if (call.args[4] == 0) co_return WaitQueue::kNever;
  UserMemory user = call.kernel.user_memory(call.task);
  auto time = co_await user.get<TimeSpec>(call.address(4));
  if (!time) co_return time.error();
  if (!time->valid()) co_return Errno{EINVAL};
  const Timekeeping& clock = call.kernel.clock();
  const uint64_t total = time->total(), now = clock.realtime();
  co_return clock.after(total > now ? total - now : 0);
}

// The one who asked to be told is told once.
void give_notice(SyscallContext& call, PosixQueue& queue) {
  constexpr int32_t kCodeMessage = -3;  // SI_MESGQ
  const PosixQueue::Notice notice = std::exchange(queue.notice, {});
  Process* const process = notice.pid == 0 ? nullptr : call.kernel.processes().find(notice.pid);
  if (!process || notice.signal == 0) return;
  SignalInfo info;
  info.signal = notice.signal;
  info.code = kCodeMessage;
  info.pid = call.task.process().pid();
  info.uid = call.task.process().uid;
  info.value = notice.value;
  (void)send_signal(*process, info).ok();
}

Co<SyscallResult> sys_mq_timedsend(SyscallContext& call) {
  auto until = co_await time_limit(call);
  if (!until) co_return until.error();
  if (call.word(3) >= PosixQueue::kPriorities) co_return Errno{EINVAL};
  Result<OpenFilePtr> file = queue_argument(call);
  if (!file) co_return file.error();
  if (!(*file)->writable()) co_return Errno{EBADF};
  const OpenFilePtr held = *file;
  PosixQueue& queue = queue_of(held);
  if (call.args[2] > static_cast<uint64_t>(queue.bytes_most())) co_return Errno{EMSGSIZE};
  PosixQueue::Message message{.priority = call.word(3), .bytes = std::vector<uint8_t>(call.args[2])};
  CallIo io(call);
  auto got = co_await io.context().user.read(call.address(1), message.bytes);
  if (!got) co_return got.error();
  auto sent = co_await queue.send(io.context(), std::move(message), !held->nonblocking(), *until);
  if (!sent) co_return sent.error();
  if (*sent) give_notice(call, queue);
  co_return uint64_t{0};
}

Co<SyscallResult> sys_mq_timedreceive(SyscallContext& call) {
  auto until = co_await time_limit(call);
  if (!until) co_return until.error();
  Result<OpenFilePtr> file = queue_argument(call);
  if (!file) co_return file.error();
  if (!(*file)->readable()) co_return Errno{EBADF};
  const OpenFilePtr held = *file;
  PosixQueue& queue = queue_of(held);
  if (call.args[2] < static_cast<uint64_t>(queue.bytes_most())) co_return Errno{EMSGSIZE};
  CallIo io(call);
  auto message = co_await queue.receive(io.context(), !held->nonblocking(), *until);
  if (!message) co_return message.error();
  UserMemory& user = io.context().user;
  auto put = co_await user.write(call.address(1), message->bytes);
  if (put && call.args[3] != 0) put = co_await user.put(call.address(3), message->priority);
  if (!put) co_return put.error();
  co_return message->bytes.size();
}

// The beginning of struct sigevent.
struct Event {
  uint64_t value = 0;
  int32_t signal = 0, notify = 0;
  std::array<int32_t, 12> padding{};
};

Co<SyscallResult> sys_mq_notify(SyscallContext& call) {
  constexpr int32_t kSignal = 0, kNone = 1;  // SIGEV_SIGNAL, SIGEV_NONE
  Event event;
  if (call.args[1] != 0) {
    UserMemory user = call.kernel.user_memory(call.task);
    auto given = co_await user.get<Event>(call.address(1));
    if (!given) co_return given.error();
    event = *given;
    if (event.notify != kSignal && event.notify != kNone) co_return Errno{EINVAL};
    if (event.notify == kSignal && (event.signal < 0 || event.signal > kSignals)) co_return Errno{EINVAL};
  }
  Result<OpenFilePtr> file = queue_argument(call);
  if (!file) co_return file.error();
  PosixQueue& queue = queue_of(*file);
  const int32_t own = call.task.process().pid();
  const bool taken = queue.notice.pid != 0 && call.kernel.processes().find(queue.notice.pid);
  if (call.args[1] == 0) {
    if (queue.notice.pid == own) queue.notice = {};
    co_return uint64_t{0};
  }
  if (taken) co_return Errno{EBUSY};
  queue.notice = {.pid = own,
                  .signal = event.notify == kSignal ? event.signal : 0,
                  .value = event.value,
                  .files = call.task.process().files.get()};
  co_return uint64_t{0};
}

Co<SyscallResult> sys_mq_getsetattr(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  QueueAttributes wanted;
  if (call.args[1] != 0) {
    auto given = co_await user.get<QueueAttributes>(call.address(1));
    if (!given) co_return given.error();
    wanted = *given;
    if (wanted.flags & ~int64_t{kOpenNonBlocking}) co_return Errno{EINVAL};
  }
  Result<OpenFilePtr> file = queue_argument(call);
  if (!file) co_return file.error();
  const OpenFilePtr held = *file;
  const PosixQueue& queue = queue_of(held);
  const QueueAttributes old{.flags = static_cast<int64_t>(held->flags & kOpenNonBlocking),
                            .most = queue.most(),
                            .bytes_most = queue.bytes_most(),
                            .count = queue.count()};
  if (call.args[1] != 0) {
    held->flags = (held->flags & ~uint32_t{kOpenNonBlocking}) | static_cast<uint32_t>(wanted.flags);
  }
  if (call.args[2] == 0) co_return uint64_t{0};
  auto put = co_await user.put(call.address(2), old);
  if (!put) co_return put.error();
  co_return uint64_t{0};
}

}  // namespace

void register_posix_queues(SyscallTable& table) {
  table.add(180, sys_mq_open);
  table.add(181, sys_mq_unlink);
  table.add(182, sys_mq_timedsend);
  table.add(183, sys_mq_timedreceive);
  table.add(184, sys_mq_notify);
  table.add(185, sys_mq_getsetattr);
}

}  // namespace faultline::os
