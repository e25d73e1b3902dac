// prctl(2): what a process or thread says of itself.
#include <algorithm>
#include <array>
#include <cstring>

#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

// linux/prctl.h.
enum PrctlOption : int32_t {
  kSetDeathSignal = 1,
  kGetDeathSignal = 2,
  kGetDumpable = 3,
  kSetDumpable = 4,
  kGetKeepCapabilities = 7,
  kSetKeepCapabilities = 8,
  kGetTiming = 13,
  kSetTiming = 14,
  kSetName = 15,
  kGetName = 16,
  kGetSeccomp = 21,
  kReadBoundingSet = 23,
  kDropBoundingSet = 24,
  kGetSecureBits = 27,
  kSetSecureBits = 28,
  kSetTimerSlack = 29,
  kGetTimerSlack = 30,
  kMachineChecks = 33,
  kGetMachineChecks = 34,
  kSetMemoryMap = 35,
  kSetSubreaper = 36,
  kGetSubreaper = 37,
  kSetNoNewPrivileges = 38,
  kGetNoNewPrivileges = 39,
  kGetTidAddress = 40,
  kSetNoHugePages = 41,
  kGetNoHugePages = 42,
  kAmbient = 47,
  kGetSpeculation = 52,
  kSetSpeculation = 53,
  kSetFlusher = 57,
  kGetFlusher = 58,
};
constexpr uint64_t kLastCapability = 40;  // CAP_CHECKPOINT_RESTORE

// --- names ---------------------------------------------------------------------------

constexpr size_t kCommandBytes = 16;  // TASK_COMM_LEN

Co<SyscallResult> set_name(SyscallContext& call) {
  std::array<uint8_t, kCommandBytes> name{};
  UserMemory user = call.kernel.user_memory(call.task);
  // Up to the zero byte, as far as 15 bytes: what lies behind need not be there.
  for (size_t i = 0; i + 1 < name.size(); ++i) {
    const Result<uint8_t> byte = co_await user.get<uint8_t>(call.address(1) + i);
    if (!byte.ok()) co_return byte.error();
    if (byte.value() == 0) break;
    name[i] = byte.value();
  }
  const std::string text = reinterpret_cast<const char*>(name.data());
  Process& process = call.task.process();
  const bool first = &process.main_task() == &call.task;
  (first ? process.command : call.task.name) = text;
  co_return uint64_t{0};
}

Co<SyscallResult> get_name(SyscallContext& call) {
  std::array<uint8_t, kCommandBytes> name{};
  const std::string& own = call.task.name;
  const std::string& command = own.empty() ? call.task.process().command : own;
  std::memcpy(name.data(), command.data(), std::min(command.size(), name.size() - 1));
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.write(call.address(1), name);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

// --- values ---------------------------------------------------------------------------

Co<SyscallResult> put_value(SyscallContext& call, int32_t value) {
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(1), value);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> put_tid_address(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(1), call.task.clear_child_tid);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

// Whether the arguments from `first` on are zero, as newer options demand.
bool rest_is_zero(const SyscallContext& call, size_t first) {
  return std::all_of(call.args.begin() + static_cast<ptrdiff_t>(first), call.args.begin() + 5,
                     [](uint64_t argument) { return argument == 0; });
}

SyscallResult set_death_signal(SyscallContext& call) {
  if (call.args[1] > kSignals) return Errno{EINVAL};
  call.task.death_signal = call.integer(1);
  return uint64_t{0};
}

SyscallResult set_dumpable(SyscallContext& call) {
  if (call.args[1] > 1) return Errno{EINVAL};
  call.task.process().dumpable = call.args[1] != 0;
  return uint64_t{0};
}

SyscallResult set_no_new_privileges(SyscallContext& call) {
  if (call.args[1] != 1 || !rest_is_zero(call, 2)) return Errno{EINVAL};
  call.task.process().no_new_privileges = true;
  return uint64_t{0};
}

SyscallResult get_no_new_privileges(SyscallContext& call) {
  if (!rest_is_zero(call, 1)) return Errno{EINVAL};
  return uint64_t{call.task.process().no_new_privileges};
}

SyscallResult set_timer_slack(SyscallContext& call) {
  const bool usual = static_cast<int64_t>(call.args[1]) <= 0;
  call.task.timer_slack = usual ? Task::kTimerSlack : call.args[1];
  return uint64_t{0};
}

SyscallResult set_subreaper(SyscallContext& call) {
  call.task.process().subreaper = call.args[1] != 0;
  return uint64_t{0};
}

// --- capabilities, of which nobody has any ----------------------------------------------

SyscallResult set_keep_capabilities(SyscallContext& call) {
  if (call.args[1] > 1) return Errno{EINVAL};
  call.task.process().settings.keep_capabilities = call.args[1] != 0;
  return uint64_t{0};
}

// The bounding set is whole: nobody could take anything out of it.
SyscallResult bounding_set(SyscallContext& call) {
  const bool reads = call.integer(0) == kReadBoundingSet;
  if (!reads) return Errno{EPERM};
  return call.args[1] > kLastCapability ? SyscallResult(Errno{EINVAL}) : SyscallResult(uint64_t{1});
}

SyscallResult ambient_set(SyscallContext& call) {
  enum What : uint64_t { kIsSet = 1, kRaise = 2, kLower = 3, kClearAll = 4 };
  if (call.args[1] == kClearAll) {
    return rest_is_zero(call, 2) ? SyscallResult(uint64_t{0}) : SyscallResult(Errno{EINVAL});
  }
  if (!rest_is_zero(call, 3) || call.args[2] > kLastCapability) return Errno{EINVAL};
  if (call.args[1] == kRaise) return Errno{EPERM};
  const bool known = call.args[1] == kIsSet || call.args[1] == kLower;
  return known ? SyscallResult(uint64_t{0}) : SyscallResult(Errno{EINVAL});
}

// --- kept without effect ------------------------------------------------------------------

SyscallResult no_huge_pages(SyscallContext& call) {
  KeptSettings& settings = call.task.process().settings;
  if (call.integer(0) == kGetNoHugePages) {
    return rest_is_zero(call, 1) ? SyscallResult(uint64_t{settings.no_huge_pages}) : SyscallResult(Errno{EINVAL});
  }
  if (!rest_is_zero(call, 2)) return Errno{EINVAL};
  settings.no_huge_pages = call.args[1] != 0;
  return uint64_t{0};
}

SyscallResult machine_checks(SyscallContext& call) {
  constexpr uint64_t kClear = 0, kSet = 1, kDefaultPolicy = 2;  // PR_MCE_KILL_*
  KeptSettings& settings = call.task.process().settings;
  if (call.integer(0) == kGetMachineChecks) {
    if (!rest_is_zero(call, 1)) return Errno{EINVAL};
    return static_cast<uint64_t>(settings.machine_checks);
  }
  if (!rest_is_zero(call, 3) || call.args[1] > kSet) return Errno{EINVAL};
  if (call.args[1] == kClear && call.args[2] != 0) return Errno{EINVAL};
  if (call.args[1] == kSet && call.args[2] > kDefaultPolicy) return Errno{EINVAL};
  settings.machine_checks = static_cast<int32_t>(call.args[1] == kClear ? kDefaultPolicy : call.args[2]);
  return uint64_t{0};
}

SyscallResult speculation(SyscallContext& call) {
  const bool gets = call.integer(0) == kGetSpeculation;
  if (!rest_is_zero(call, gets ? 2 : 3)) return Errno{EINVAL};
  return Errno{call.args[1] > 2 ? ENODEV : EINVAL};
}

SyscallResult kept_option(SyscallContext& call) {
  switch (call.integer(0)) {
    case kGetKeepCapabilities:
      return uint64_t{call.task.process().settings.keep_capabilities};
    case kSetKeepCapabilities:
      return set_keep_capabilities(call);
    case kReadBoundingSet:
    case kDropBoundingSet:
      return bounding_set(call);
    case kAmbient:
      return ambient_set(call);
    case kSetNoHugePages:
    case kGetNoHugePages:
      return no_huge_pages(call);
    case kMachineChecks:
    case kGetMachineChecks:
      return machine_checks(call);
    case kGetSpeculation:
    case kSetSpeculation:
      return speculation(call);
    case kGetTiming:
    case kGetSeccomp:
    case kGetSecureBits:
      return uint64_t{0};
    case kSetTiming:
      return call.args[1] == 0 ? SyscallResult(uint64_t{0}) : SyscallResult(Errno{EINVAL});
    case kSetSecureBits:
    case kSetMemoryMap:
    case kSetFlusher:
    case kGetFlusher:
      return Errno{EPERM};
    default:
      return Errno{EINVAL};
  }
}

SyscallResult plain_option(SyscallContext& call) {
  switch (call.integer(0)) {
    case kSetDeathSignal:
      return set_death_signal(call);
    case kGetDumpable:
      return uint64_t{call.task.process().dumpable};
    case kSetDumpable:
      return set_dumpable(call);
    case kSetTimerSlack:
      return set_timer_slack(call);
    case kGetTimerSlack:
      return call.task.timer_slack;
    case kSetSubreaper:
      return set_subreaper(call);
    case kSetNoNewPrivileges:
      return set_no_new_privileges(call);
    case kGetNoNewPrivileges:
      return get_no_new_privileges(call);
    default:
      return kept_option(call);
  }
}

Co<SyscallResult> answer_at_once(SyscallContext& call) { co_return plain_option(call); }

Co<SyscallResult> sys_prctl(SyscallContext& call) {
  switch (call.integer(0)) {
    case kSetName:
      return set_name(call);
    case kGetName:
      return get_name(call);
    case kGetDeathSignal:
      return put_value(call, call.task.death_signal);
    case kGetTidAddress:
      return put_tid_address(call);
    case kGetSubreaper:
      return put_value(call, call.task.process().subreaper ? 1 : 0);
    default:
      return answer_at_once(call);
  }
}

}  // namespace

void register_prctl_calls(SyscallTable& table) { table.add(167, sys_prctl); }

}  // namespace faultline::os
