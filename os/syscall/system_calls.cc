// What the system says of itself, limits, usage, random numbers, and small
// calls that belong nowhere else.
#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/process_argument.h"
#include "os/syscall/rusage.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

// --- uname, sysinfo -----------------------------------------------------------------

constexpr size_t kNameBytes = 65;  // of struct new_utsname

struct UtsName {
  std::array<std::array<char, kNameBytes>, 6> fields{};
};

UtsName make_uts_name() {
  constexpr std::array<std::string_view, 6> kFields = {
      "Linux", "faultline", "6.1.0", "#1 Mon Jan  1 00:00:00 UTC 2024", "riscv64", "(none)"};
  UtsName name;
  for (size_t i = 0; i < kFields.size(); ++i) kFields[i].copy(name.fields[i].data(), kNameBytes - 1);
  return name;
}

Co<SyscallResult> sys_uname(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  const UtsName name = make_uts_name();
  const Result<> stored = co_await user.put(call.address(0), name);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

// struct sysinfo (linux/sysinfo.h), 112 bytes.
struct SysInfo {
  int64_t uptime = 0;
  std::array<uint64_t, 3> loads{};
  uint64_t total_ram = 0, free_ram = 0, shared_ram = 0, buffer_ram = 0, total_swap = 0, free_swap = 0;
  uint16_t processes = 0, padding = 0;
  uint32_t padding2 = 0;
  uint64_t total_high = 0, free_high = 0;
  uint32_t unit = 1;
  uint32_t padding3 = 0;
};
static_assert(sizeof(SysInfo) == 112);

Co<SyscallResult> sys_sysinfo(SyscallContext& call) {
  MemoryManager& memory = call.kernel.memory();
  const uint64_t page = memory.page().bytes();
  const FrameStatistics frames = memory.frames();
  const SwapStatistics swap = memory.swap();
  SysInfo info;
  info.uptime = static_cast<int64_t>(call.kernel.clock().monotonic() / kNanosecondsPerSecond);
  info.total_ram = frames.total * page;
  info.free_ram = frames.free * page;
  info.total_swap = swap.slots_total * page;
  info.free_swap = (swap.slots_total - swap.slots_used) * page;
  info.processes = static_cast<uint16_t>(call.kernel.processes().size());
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.put(call.address(0), info);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

// --- limits and usage -----------------------------------------------------------------

Result<> set_limit(Process& process, uint32_t resource, const ResourceLimit& wanted) {
  ResourceLimit& limit = process.limits[resource];
  if (wanted.current > wanted.maximum) return Errno{EINVAL};
  if (wanted.maximum > limit.maximum) return Errno{EPERM};
  limit = wanted;
  return Unit{};
}

// The same for prlimit64, getrlimit and setrlimit: new value first, as read
// before anything changes. ESRCH when the process ended while this slept.
Co<SyscallResult> limit_call(SyscallContext& call, int32_t pid, uint32_t resource, uint64_t from, uint64_t to) {
  UserMemory user = call.kernel.user_memory(call.task);
  ResourceLimit wanted;
  if (from != 0) {
    const Result<ResourceLimit> given = co_await user.get<ResourceLimit>(VirtAddr(from));
    if (!given.ok()) co_return given.error();
    wanted = given.value();
  }
  if (resource >= kResources) co_return Errno{EINVAL};
  Process* const process = named_process(call, pid);
  if (!process) co_return Errno{ESRCH};
  const ResourceLimit old = process->limits[resource];
  if (from != 0) {
    const Result<> set = set_limit(*process, resource, wanted);
    if (!set.ok()) co_return set.error();
  }
  if (to != 0) {
    const Result<> stored = co_await user.put(VirtAddr(to), old);
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

// All processes of a run are of one user, who may set the limits of each.
Co<SyscallResult> sys_prlimit64(SyscallContext& call) {
  return limit_call(call, call.integer(0), call.word(1), call.args[2], call.args[3]);
}

Co<SyscallResult> sys_getrlimit(SyscallContext& call) {
  if (call.word(0) >= kResources) co_return Errno{EINVAL};
  if (call.args[1] == 0) co_return Errno{EFAULT};
  const SyscallResult done = co_await limit_call(call, 0, call.word(0), 0, call.args[1]);
  co_return done;
}

Co<SyscallResult> sys_setrlimit(SyscallContext& call) {
  if (call.args[1] == 0) co_return Errno{EFAULT};
  const SyscallResult done = co_await limit_call(call, 0, call.word(0), call.args[1], 0);
  co_return done;
}

Co<SyscallResult> sys_getrusage(SyscallContext& call) {
  constexpr int32_t kChildren = -1;  // RUSAGE_CHILDREN, SELF, THREAD
  constexpr int32_t kSelf = 0;
  constexpr int32_t kThread = 1;
  const int32_t who = call.integer(0);
  if (who != kChildren && who != kSelf && who != kThread) co_return Errno{EINVAL};
  Process& process = call.task.process();
  process.collect_faults(*process.space, &call.task);
  const Usage usage = who == kChildren ? process.children_usage
                      : who == kThread ? usage_now(call.kernel, call.task)
                                       : usage_now(call.kernel, process);
  UserMemory user = call.kernel.user_memory(call.task);
  const Rusage answer = make_rusage(call.kernel, usage);
  const Result<> stored = co_await user.put(call.address(1), answer);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

// --- random numbers ---------------------------------------------------------------------

Co<SyscallResult> sys_getrandom(SyscallContext& call) {
  constexpr uint32_t kKnown = 7;           // GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE
  constexpr uint64_t kMost = 0x7ffff000;   // as every transfer of Linux
  constexpr uint32_t kRandomInsecure = 6;  // one contradicts the other
  const uint32_t flags = call.word(2);
  if ((flags & ~kKnown) || (flags & kRandomInsecure) == kRandomInsecure) co_return Errno{EINVAL};
  const uint64_t wanted = std::min(call.args[1], kMost);
  UserMemory user = call.kernel.user_memory(call.task);
  uint64_t done = 0;
  while (done < wanted) {
    std::array<uint64_t, 32> words;
    for (uint64_t& word : words) word = call.kernel.random();
    const uint64_t count = std::min<uint64_t>(sizeof(words), wanted - done);
    const VirtAddr to = call.address(0) + done;
    const Result<> stored = co_await user.write(to, std::span(reinterpret_cast<const uint8_t*>(words.data()), count));
    if (!stored.ok()) {
      if (done != 0) break;
      co_return stored.error();
    }
    done += count;
    if (call.task.signal_pending()) break;  // a long one can be interrupted
  }
  co_return done;
}

// --- the rest -----------------------------------------------------------------------------

// Stores reach the fetches of every hart at once.
SyscallResult sys_riscv_flush_icache(SyscallContext& call) {
  constexpr uint64_t kLocalOnly = 1;
  if (call.args[2] & ~kLocalOnly) return Errno{EINVAL};
  return uint64_t{0};
}

Co<SyscallResult> sys_getcpu(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  const uint32_t hart_and_node[] = {call.kernel.cpu().hart(), 0};
  for (unsigned i = 0; i < 2; ++i) {
    if (call.args[i] == 0) continue;
    const Result<> stored = co_await user.put(call.address(i), hart_and_node[i]);
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

// Calls that a Linux 6.1 kernel may be built without and that glibc tries at
// the start of every program.
SyscallResult sys_not_built_in(SyscallContext& call) { return Errno{ENOSYS}; }

}  // namespace

Usage usage_now(Kernel& kernel, Task& task) {
  Usage usage = task.usage;
  usage.system_cycles = kernel.scheduler().cpu_time(task).value - usage.user_cycles;
  usage.peak_resident_pages = task.process().space->peak_resident_pages();
  return usage;
}

Usage usage_now(Kernel& kernel, Process& process) {
  Usage usage = process.usage;
  const uint64_t cpu = process.cpu_time(kernel.scheduler()).value;
  usage.system_cycles = cpu - usage.user_cycles;
  if (process.space) {
    usage.peak_resident_pages = std::max(usage.peak_resident_pages, process.space->peak_resident_pages());
  }
  return usage;
}

Rusage make_rusage(Kernel& kernel, const Usage& usage) {
  const Timekeeping& clock = kernel.clock();
  const uint64_t page_bytes = kernel.memory().page().bytes();
  Rusage answer;
  answer.user = TimeVal::of(clock.nanoseconds(Cycles(usage.user_cycles)));
  answer.system = TimeVal::of(clock.nanoseconds(Cycles(usage.system_cycles)));
  answer.peak_resident_kilobytes = static_cast<int64_t>(usage.peak_resident_pages * page_bytes / 1024);
  answer.minor_faults = static_cast<int64_t>(usage.minor_faults);
  answer.major_faults = static_cast<int64_t>(usage.major_faults);
  answer.voluntary_switches = static_cast<int64_t>(usage.voluntary_switches);
  answer.involuntary_switches = static_cast<int64_t>(usage.involuntary_switches);
  return answer;
}

void register_system_calls(SyscallTable& table) {
  table.add(160, sys_uname);
  table.add(163, sys_getrlimit);
  table.add(164, sys_setrlimit);
  table.add(165, sys_getrusage);
  table.add(168, sys_getcpu);
  table.add(179, sys_sysinfo);
  table.add(258, sys_not_built_in);  // riscv_hwprobe, since Linux 6.4
  table.add(259, sys_riscv_flush_icache);
  table.add(261, sys_prlimit64);
  table.add(278, sys_getrandom);
  table.add(293, sys_not_built_in);  // rseq
}

}  // namespace faultline::os
