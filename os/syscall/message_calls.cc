// msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
#include <algorithm>
#include <cerrno>
#include <vector>

#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/ipc_types.h"

namespace faultline::os {

namespace {

constexpr uint64_t kMessageMost = 8192;  // MSGMAX
constexpr uint64_t kQueueMost = 16384;   // MSGMNB, for bytes and for messages

using QueuePtr = std::shared_ptr<MessageQueue>;
using Message = MessageQueue::Message;

// struct msqid64_ds of 64-bit machines.
struct QueueStatus {
  IpcPermissions permissions;
  int64_t sent = 0, received = 0, changed = 0;
  uint64_t used = 0, messages = 0, most = kQueueMost;
  int32_t last_sender = 0, last_receiver = 0;
  uint64_t unused[2] = {};
};
static_assert(sizeof(QueueStatus) == 120);

SyscallResult sys_msgget(SyscallContext& call) {
  IpcTable<MessageQueue>& queues = call.kernel.ipc().queues;
  auto found = existing(queues, call.integer(0), call.word(1));
  if (!found.ok()) return found.error();
  if (*found) return static_cast<uint64_t>(**found);
  auto queue = std::make_shared<MessageQueue>(call.kernel.scheduler());
  set_up(call, *queue, call.integer(0), call.word(1));
  const Result<int32_t> id = queues.add(std::move(queue));
  if (!id.ok()) return id.error();
  return static_cast<uint64_t>(id.value());
}

// Sleeps for a change of the queue. EAGAIN or ENOMSG (`none`), EINTR, EIDRM.
Co<Result<>> wait_for_change(SyscallContext& call, QueuePtr queue, uint32_t flags, int none) {
  if (flags & kIpcNoWait) co_return Errno{none};
  const Wake wake = co_await sleep_interruptibly(call.task, queue->changes);
  if (queue->removed) co_return Errno{EIDRM};
  if (wake == Wake::interrupted) co_return Errno{EINTR};
  co_return Unit{};
}

Co<SyscallResult> sys_msgsnd(SyscallContext& call) {
  const uint64_t bytes = call.args[2];
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<int64_t> type = co_await user.get<int64_t>(call.address(1));
  if (!type.ok()) co_return type.error();
  if (bytes > kMessageMost || call.integer(0) < 0 || type.value() < 1) co_return Errno{EINVAL};
  Message message{.type = type.value(), .bytes = std::vector<uint8_t>(bytes)};
  const Result<> read = co_await user.read(call.address(1) + sizeof(int64_t), message.bytes);
  if (!read.ok()) co_return read.error();
  const QueuePtr queue = call.kernel.ipc().queues.find(call.integer(0));
  if (!queue) co_return Errno{EINVAL};
  while (queue->used + bytes > kQueueMost || queue->messages.size() >= kQueueMost) {
    const Result<> waited = co_await wait_for_change(call, queue, call.word(3), EAGAIN);
    if (!waited.ok()) co_return waited.error();
  }
  queue->used += bytes;
  queue->messages.push_back(std::move(message));
  queue->last_sender = call.task.process().pid();
  queue->sent_seconds = seconds_now(call);
  queue->changes.wake_all();
  co_return uint64_t{0};
}

// The message that msgrcv(2) means by its type; the end: there is none.
std::deque<Message>::iterator choose(MessageQueue& queue, int64_t type, bool except) {
  auto& messages = queue.messages;
  if (type == 0) return messages.begin();
  if (type > 0) {
    return std::find_if(messages.begin(), messages.end(),
                        [&](const Message& message) { return (message.type == type) != except; });
  }
  const int64_t most = type == INT64_MIN ? INT64_MAX : -type;
  const auto lowest = std::min_element(messages.begin(), messages.end(),
                                       [](const Message& a, const Message& b) { return a.type < b.type; });
  return lowest != messages.end() && lowest->type <= most ? lowest : messages.end();
}

Co<SyscallResult> sys_msgrcv(SyscallContext& call) {
  constexpr uint32_t kCut = 010000, kExcept = 020000, kCopy = 040000;
  const uint32_t flags = call.word(4);
  const auto type = static_cast<int64_t>(call.args[3]);
  if (static_cast<int64_t>(call.args[2]) < 0 || call.integer(0) < 0) co_return Errno{EINVAL};
  constexpr uint32_t kNoWait = 04000;
  if ((flags & kCopy) && ((flags & kExcept) || !(flags & kNoWait))) co_return Errno{EINVAL};
  if (flags & kCopy) co_return Errno{ENOSYS};  // as a kernel without checkpoints
  const QueuePtr queue = call.kernel.ipc().queues.find(call.integer(0));
  if (!queue) co_return Errno{EINVAL};
  auto chosen = choose(*queue, type, (flags & kExcept) != 0);
  while (chosen == queue->messages.end()) {
    const Result<> waited = co_await wait_for_change(call, queue, flags, ENOMSG);
    if (!waited.ok()) co_return waited.error();
    chosen = choose(*queue, type, (flags & kExcept) != 0);
  }
  if (chosen->bytes.size() > call.args[2] && !(flags & kCut)) co_return Errno{E2BIG};
  const Message message = std::move(*chosen);
  queue->messages.erase(chosen);
  queue->used -= message.bytes.size();
  queue->last_receiver = call.task.process().pid();
  queue->received_seconds = seconds_now(call);
  queue->changes.wake_all();
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> typed = co_await user.put(call.address(1), message.type);
  if (!typed.ok()) co_return typed.error();
  const uint64_t bytes = std::min<uint64_t>(call.args[2], message.bytes.size());
  const Result<> stored = co_await user.write(call.address(1) + sizeof(int64_t), std::span(message.bytes).first(bytes));
  if (!stored.ok()) co_return stored.error();
  co_return bytes;
}

Co<SyscallResult> sys_msgctl(SyscallContext& call) {
  const QueuePtr queue = call.kernel.ipc().queues.find(call.integer(0));
  if (!queue) co_return Errno{EINVAL};
  switch (call.integer(1)) {
    case kIpcRemove:
      call.kernel.ipc().queues.remove(call.integer(0));
      queue->changes.wake_all();
      co_return uint64_t{0};
    case kIpcSet: {
      const SyscallResult done = co_await set_permissions(call, *queue, call.address(2));
      co_return done;
    }
    case kIpcStatus: {
      QueueStatus status;
      status.permissions = permissions_of(*queue);
      status.sent = queue->sent_seconds;
      status.received = queue->received_seconds;
      status.changed = queue->changed_seconds;
      status.used = queue->used;
      status.messages = queue->messages.size();
      status.last_sender = queue->last_sender;
      status.last_receiver = queue->last_receiver;
      const SyscallResult done = co_await put_answer(call, call.address(2), status);
      co_return done;
    }
    default:
      co_return Errno{EINVAL};
  }
}

}  // namespace

void register_message_calls(SyscallTable& table) {
  table.add(186, sys_msgget);
  table.add(187, sys_msgctl);
  table.add(188, sys_msgrcv);
  table.add(189, sys_msgsnd);
}

}  // namespace faultline::os
