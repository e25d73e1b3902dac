// sched_setattr(2), sched_getattr(2): policy and nice value in one structure.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/memory/user_memory.h"
#include "os/syscall/scheduling_calls.h"

namespace faultline::os {

namespace {

// struct sched_attr (linux/sched/types.h).
struct Attributes56 {
  uint32_t bytes = 0, policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;
  uint32_t least = 0, most = 0;
};
static_assert(sizeof(Attributes56) == 56);
constexpr uint32_t kFirstBytes = 48;  // SCHED_ATTR_SIZE_VER0
constexpr uint64_t kResetFlag = 1, kFlagsKnown = 0x7f;
constexpr int32_t kPolicyDeadline = 6;
constexpr int32_t kResetOnFork = 0x40000000;

// E2BIG, and the size that is known goes back.
Co<Result<Attributes56>> attributes_argument(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<uint32_t> size = co_await user.get<uint32_t>(call.address(1));
  if (!size.ok()) co_return size.error();
  const uint32_t bytes = size.value() == 0 ? kFirstBytes : size.value();
  const bool fits = bytes >= kFirstBytes && bytes <= call.kernel.memory().page().bytes();
  std::vector<uint8_t> raw(fits ? bytes : 0);
  const Result<> got = co_await user.read(call.address(1), raw);
  if (!got.ok()) co_return got.error();
  const size_t known = std::min(raw.size(), sizeof(Attributes56));
  const bool more = std::any_of(raw.begin() + static_cast<ptrdiff_t>(known), raw.end(), [](uint8_t b) { return b; });
  if (!fits || more) {
    const Result<> told = co_await user.put(call.address(1), uint32_t{sizeof(Attributes56)});
    if (!told.ok()) co_return told.error();
    co_return Errno{E2BIG};
  }
  Attributes56 given;
  std::memcpy(&given, raw.data(), known);
  co_return given;
}

Co<SyscallResult> sys_sched_setattr(SyscallContext& call) {
  if (call.args[1] == 0 || call.integer(0) < 0 || call.word(2) != 0) co_return Errno{EINVAL};
  const Result<Attributes56> wanted = co_await attributes_argument(call);
  if (!wanted.ok()) co_return wanted.error();
  const Attributes56& attributes = wanted.value();
  if (static_cast<int32_t>(attributes.policy) < 0 || (attributes.flags & ~kFlagsKnown)) co_return Errno{EINVAL};
  const Result<Process*> process = scheduled_process(call);
  if (!process.ok()) co_return process.error();
  if (static_cast<int32_t>(attributes.policy) == kPolicyDeadline) co_return Errno{EPERM};
  const bool nice_counts = attributes.policy == 0 || attributes.policy == 3;  // SCHED_OTHER, SCHED_BATCH
  const int32_t nice = std::clamp(attributes.nice, -20, 19);
  Process& target = *process.value();
  const Process& caller = call.task.process();
  if (nice_counts && nice < target.nice && !may_be_nice(caller, nice)) co_return Errno{EPERM};
  const int32_t reset = (attributes.flags & kResetFlag) ? kResetOnFork : 0;
  const Result<> set = set_policy(caller, target, static_cast<int32_t>(attributes.policy) | reset,
                                  static_cast<int32_t>(attributes.priority));
  if (!set.ok()) co_return set.error();
  if (nice_counts) target.nice = nice;
  co_return uint64_t{0};
}

Co<SyscallResult> sys_sched_getattr(SyscallContext& call) {
  const uint32_t bytes = call.word(2);
  const bool fits = bytes >= kFirstBytes && bytes <= call.kernel.memory().page().bytes();
  if (call.args[1] == 0 || call.integer(0) < 0 || !fits || call.word(3) != 0) co_return Errno{EINVAL};
  const Result<Process*> process = scheduled_process(call);
  if (!process.ok()) co_return process.error();
  Attributes56 told;
  told.bytes = std::min<uint32_t>(bytes, sizeof(told));
  told.policy = static_cast<uint32_t>(process.value()->policy.policy);
  told.flags = process.value()->policy.reset_on_fork ? kResetFlag : 0;
  told.nice = process.value()->nice;
  told.most = 1024;  // SCHED_CAPACITY_SCALE: nothing clamps it
  const auto raw = std::span(reinterpret_cast<const uint8_t*>(&told), told.bytes);
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.write(call.address(1), raw);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

}  // namespace

void register_scheduling_attributes(SyscallTable& table) {
  table.add(274, sys_sched_setattr);
  table.add(275, sys_sched_getattr);
}

}  // namespace faultline::os
