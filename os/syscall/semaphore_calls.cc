// semget(2), semop(2), semctl(2).
#include <cerrno>
#include <optional>
#include <vector>

#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/ipc_types.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

constexpr int32_t kSemaphoresMost = 32000;  // SEMMSL
constexpr uint64_t kOperationsMost = 500;   // SEMOPM
constexpr uint32_t kUndo = 0x1000;          // SEM_UNDO

enum Command : int32_t {
  kGetPid = 11,
  kGetValue = 12,
  kGetAll = 13,
  kGetIncrease = 14,
  kGetZero = 15,
  kSetValue = 16,
  kSetAll = 17,
};

// struct semid64_ds of 64-bit machines.
struct SetStatus {
  IpcPermissions permissions;
  int64_t operated = 0, changed = 0;
  uint64_t semaphores = 0;
  uint64_t unused[2] = {};
};

struct Operation {
  uint16_t number = 0;
  int16_t change = 0;
  uint16_t flags = 0;
};
static_assert(sizeof(Operation) == 6);

using SetPtr = std::shared_ptr<SemaphoreSet>;

SyscallResult sys_semget(SyscallContext& call) {
  const int32_t count = call.integer(1);
  if (count < 0 || count > kSemaphoresMost) return Errno{EINVAL};
  IpcTable<SemaphoreSet>& sets = call.kernel.ipc().sets;
  auto found = existing(sets, call.integer(0), call.word(2));
  if (!found.ok()) return found.error();
  if (*found) {
    if (static_cast<size_t>(count) > sets.find(**found)->semaphores.size()) return Errno{EINVAL};
    return static_cast<uint64_t>(**found);
  }
  if (count == 0) return Errno{EINVAL};
  auto set = std::make_shared<SemaphoreSet>(call.kernel.scheduler());
  set_up(call, *set, call.integer(0), call.word(2));
  set->semaphores.resize(static_cast<size_t>(count));
  const Result<int32_t> id = sets.add(std::move(set));
  if (!id.ok()) return id.error();
  return static_cast<uint64_t>(id.value());
}

// --- operations ---------------------------------------------------------------------------

// All of them or none. Which one must wait, or nothing: they are done. ERANGE.
Result<std::optional<size_t>> try_operations(SemaphoreSet& set, const std::vector<Operation>& operations, int32_t pid) {
  std::vector<int32_t> values;
  for (const auto& semaphore : set.semaphores) values.push_back(semaphore.value);
  for (size_t i = 0; i < operations.size(); ++i) {
    int32_t& value = values[operations[i].number];
    const int32_t change = operations[i].change;
    if (change == 0 ? value != 0 : value + change < 0) return std::optional<size_t>(i);
    value += change;
    if (value > SystemVIpc::kValueMost) return Errno{ERANGE};
  }
  for (const Operation& operation : operations) {
    set.semaphores[operation.number].value = values[operation.number];
    set.semaphores[operation.number].last = pid;
    if (!(operation.flags & kUndo) || operation.change == 0) continue;
    set.undo[{pid, operation.number}] -= operation.change;
  }
  return std::optional<size_t>{};
}

// Counted among those that wait, as GETNCNT and GETZCNT tell, for as long as it lives.
class Waiting {
 public:
  Waiting(SetPtr set, const Operation& operation)
      : set_(std::move(set)), number_(operation.number), zero_(operation.change == 0) {
    ++count();
  }
  ~Waiting() { --count(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  int32_t& count() {
    SemaphoreSet::Semaphore& semaphore = set_->semaphores[number_];
    return zero_ ? semaphore.zero : semaphore.increase;
  }
  SetPtr set_;
  uint16_t number_;
  bool zero_;
};

Co<SyscallResult> operate(SyscallContext& call, SetPtr set, std::vector<Operation> operations, Cycles until) {
  const int32_t pid = call.task.process().pid();
  for (;;) {
    auto stuck = try_operations(*set, operations, pid);
    if (!stuck.ok()) co_return stuck.error();
    if (!*stuck) break;
    const Operation& operation = operations[**stuck];
    if (operation.flags & kIpcNoWait) co_return Errno{EAGAIN};
    const Waiting waiting(set, operation);
    const Wake wake = co_await sleep_interruptibly(call.task, set->changes, until);
    if (set->removed) co_return Errno{EIDRM};
    if (wake == Wake::interrupted) co_return Errno{EINTR};
    if (wake == Wake::timeout) co_return Errno{EAGAIN};
  }
  set->operated_seconds = seconds_now(call);
  set->changes.wake_all();
  co_return uint64_t{0};
}

Co<SyscallResult> read_and_operate(SyscallContext& call, Cycles until) {
  const uint32_t count = call.word(2);
  if (count == 0 || count > kOperationsMost) co_return Errno{count == 0 ? EINVAL : E2BIG};
  std::vector<Operation> operations(count);
  UserMemory user = call.kernel.user_memory(call.task);
  const std::span<uint8_t> bytes(reinterpret_cast<uint8_t*>(operations.data()), operations.size() * sizeof(Operation));
  const Result<> read = co_await user.read(call.address(1), bytes);
  if (!read.ok()) co_return read.error();
  const SetPtr set = call.kernel.ipc().sets.find(call.integer(0));
  if (!set) co_return Errno{EINVAL};
  for (const Operation& operation : operations) {
    if (operation.number >= set->semaphores.size()) co_return Errno{EFBIG};
  }
  const SyscallResult done = co_await operate(call, set, std::move(operations), until);
  co_return done;
}

Co<SyscallResult> sys_semop(SyscallContext& call) { return read_and_operate(call, WaitQueue::kNever); }

Co<SyscallResult> sys_semtimedop(SyscallContext& call) {
  Cycles until = WaitQueue::kNever;
  if (call.args[3] != 0) {
    UserMemory user = call.kernel.user_memory(call.task);
    Result<TimeSpec> limit = co_await user.get<TimeSpec>(call.address(3));
    if (!limit.ok()) co_return limit.error();
    if (!limit->valid()) co_return Errno{EINVAL};
    until = call.kernel.clock().after(limit->total());
  }
  const SyscallResult done = co_await read_and_operate(call, until);
  co_return done;
}

// --- control ----------------------------------------------------------------------------------

Co<SyscallResult> get_all(SyscallContext& call, SetPtr set) {
  std::vector<uint16_t> values;
  for (const auto& semaphore : set->semaphores) values.push_back(static_cast<uint16_t>(semaphore.value));
  UserMemory user = call.kernel.user_memory(call.task);
  const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
  const Result<> stored = co_await user.write(call.address(3), std::span(bytes, values.size() * sizeof(uint16_t)));
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

void set_value(SyscallContext& call, SemaphoreSet& set, size_t number, int32_t value) {
  set.semaphores[number].value = value;
  set.semaphores[number].last = call.task.process().pid();
  std::erase_if(set.undo, [number](const auto& entry) { return entry.first.second == number; });
  set.changed_seconds = seconds_now(call);
  set.changes.wake_all();
}

Co<SyscallResult> set_all(SyscallContext& call, SetPtr set) {
  std::vector<uint16_t> values(set->semaphores.size());
  UserMemory user = call.kernel.user_memory(call.task);
  auto* const bytes = reinterpret_cast<uint8_t*>(values.data());
  const Result<> read = co_await user.read(call.address(3), std::span(bytes, values.size() * sizeof(uint16_t)));
  if (!read.ok()) co_return read.error();
  for (const uint16_t value : values) {
    if (value > SystemVIpc::kValueMost) co_return Errno{ERANGE};
  }
  for (size_t i = 0; i < values.size(); ++i) set_value(call, *set, i, values[i]);
  co_return uint64_t{0};
}

// Of one semaphore, by argument 1.
SyscallResult one_semaphore(SyscallContext& call, SemaphoreSet& set) {
  const auto number = static_cast<size_t>(call.integer(1));
  if (call.integer(1) < 0 || number >= set.semaphores.size()) return Errno{EINVAL};
  const SemaphoreSet::Semaphore& semaphore = set.semaphores[number];
  switch (call.integer(2)) {
    case kGetPid:
      return static_cast<uint64_t>(semaphore.last);
    case kGetValue:
      return static_cast<uint64_t>(semaphore.value);
    case kGetIncrease:
      return static_cast<uint64_t>(semaphore.increase);
    case kGetZero:
      return static_cast<uint64_t>(semaphore.zero);
    default:
      break;
  }
  if (call.integer(3) < 0 || call.integer(3) > SystemVIpc::kValueMost) return Errno{ERANGE};
  set_value(call, set, number, call.integer(3));
  return uint64_t{0};
}

SyscallResult remove_set(SyscallContext& call, SemaphoreSet& set) {
  call.kernel.ipc().sets.remove(call.integer(0));
  set.changes.wake_all();
  return uint64_t{0};
}

Co<SyscallResult> set_status(SyscallContext& call, const SemaphoreSet& set) {
  SetStatus status;
  status.permissions = permissions_of(set);
  status.operated = set.operated_seconds;
  status.changed = set.changed_seconds;
  status.semaphores = set.semaphores.size();
  return put_answer(call, call.address(3), status);
}

Co<SyscallResult> answer_at_once(SyscallResult answer) { co_return answer; }

Co<SyscallResult> sys_semctl(SyscallContext& call) {
  const SetPtr set = call.kernel.ipc().sets.find(call.integer(0));
  const int32_t command = call.integer(2);
  if (!set) return answer_at_once(Errno{EINVAL});
  switch (command) {
    case kIpcRemove:
      return answer_at_once(remove_set(call, *set));
    case kIpcStatus:
      return set_status(call, *set);
    case kIpcSet:
      return set_permissions(call, *set, call.address(3));
    case kGetAll:
      return get_all(call, set);
    case kSetAll:
      return set_all(call, set);
    case kGetPid:
    case kGetValue:
    case kGetIncrease:
    case kGetZero:
    case kSetValue:
      return answer_at_once(one_semaphore(call, *set));
    default:
      return answer_at_once(Errno{EINVAL});
  }
}

}  // namespace

void register_semaphore_calls(SyscallTable& table) {
  table.add(190, sys_semget);
  table.add(191, sys_semctl);
  table.add(192, sys_semtimedop);
  table.add(193, sys_semop);
}

}  // namespace faultline::os
