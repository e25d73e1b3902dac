// capget(2), capset(2), unshare(2), personality(2), ioprio_get(2), kcmp(2), adjtimex(2):
// what a process without privileges may be told of itself, and change.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "os/files/file_table.h"
#include "os/files/fs_context.h"
#include "os/kernel.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/process_argument.h"
#include "os/syscall/syscall.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

// --- capabilities: nobody has any ------------------------------------------------------

struct CapabilityHeader {
  uint32_t version = 0;
  int32_t pid = 0;
};
constexpr uint32_t kVersion1 = 0x19980330, kVersion2 = 0x20071026, kVersion3 = 0x20080522;

// Words of 32 capabilities in each set; EINVAL, and the version that is known goes back.
Co<Result<unsigned>> words_of(SyscallContext& call, uint32_t version) {
  if (version == kVersion1) co_return 1u;
  if (version == kVersion2 || version == kVersion3) co_return 2u;
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> told = co_await user.put(call.address(0), kVersion3);
  if (!told.ok()) co_return told.error();
  co_return Errno{EINVAL};
}

using CapabilitySets = std::array<std::array<uint32_t, 3>, 2>;  // effective, permitted, inheritable

Co<SyscallResult> sys_capget(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<CapabilityHeader> header = co_await user.get<CapabilityHeader>(call.address(0));
  if (!header.ok()) co_return header.error();
  const Result<unsigned> words = co_await words_of(call, header.value().version);
  // Without a place for the answer it was a question for the version.
  if (!words.ok() && words.error() == Errno{EINVAL} && call.args[1] == 0) co_return uint64_t{0};
  if (!words.ok()) co_return words.error();
  if (header.value().pid < 0) co_return Errno{EINVAL};
  if (!named_process(call, header.value().pid)) co_return Errno{ESRCH};
  if (call.args[1] == 0) co_return Errno{EFAULT};
  const CapabilitySets none{};
  const auto raw = std::span(reinterpret_cast<const uint8_t*>(&none), words.value() * sizeof(none[0]));
  const Result<> stored = co_await user.write(call.address(1), raw);
  if (!stored.ok()) co_return stored.error();
  co_return uint64_t{0};
}

Co<SyscallResult> sys_capset(SyscallContext& call) {
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<CapabilityHeader> header = co_await user.get<CapabilityHeader>(call.address(0));
  if (!header.ok()) co_return header.error();
  const Result<unsigned> words = co_await words_of(call, header.value().version);
  if (!words.ok()) co_return words.error();
  const int32_t pid = header.value().pid;
  if (pid != 0 && pid != call.task.tid()) co_return Errno{EPERM};
  CapabilitySets wanted{};
  const auto raw = std::span(reinterpret_cast<uint8_t*>(&wanted), words.value() * sizeof(wanted[0]));
  const Result<> read = co_await user.read(call.address(1), raw);
  if (!read.ok()) co_return read.error();
  const bool more = std::ranges::any_of(
      wanted, [](const auto& word) { return std::ranges::any_of(word, [](uint32_t set) { return set != 0; }); });
  co_return more ? SyscallResult(Errno{EPERM}) : SyscallResult(uint64_t{0});
}

// --- what threads share -------------------------------------------------------------------

SyscallResult sys_unshare(SyscallContext& call) {
  enum Flag : uint64_t {
    kMemory = 0x100,
    kFileSystem = 0x200,
    kFiles = 0x400,
    kHandlers = 0x800,
    kThread = 0x10000,
    kUndo = 0x40000,
    kNamespaces = 0x7e020080,
  };
  const uint64_t flags = call.args[0];
  constexpr uint64_t kKnown = kMemory | kFileSystem | kFiles | kHandlers | kThread | kUndo | kNamespaces;
  if (flags & ~kKnown) return Errno{EINVAL};
  Process& process = call.task.process();
  const bool alone = process.live_tasks() == 1;
  if ((flags & (kMemory | kHandlers | kThread)) && !alone) return Errno{EINVAL};
  if (flags & kNamespaces) return Errno{EPERM};
  if (flags & kFiles) process.files = process.files->duplicate();
  if (flags & kFileSystem) process.fs = std::make_shared<FsContext>(*process.fs);
  return uint64_t{0};
}

// Kept and told; what asks for another way to lay out memory has no effect.
SyscallResult sys_personality(SyscallContext& call) {
  constexpr uint32_t kAsk = 0xffffffff;
  uint32_t& kept = call.task.process().settings.personality;
  const uint32_t before = kept;
  if (call.word(0) != kAsk) kept = call.word(0);
  return uint64_t{before};
}

// --- priorities of I/O ----------------------------------------------------------------------

constexpr int32_t kPriorityProcess = 1, kPriorityGroup = 2, kPriorityUser = 3;  // IOPRIO_WHO_*
constexpr unsigned kClassShift = 13;

// One that exists; null: there is none. EINVAL.
Result<Process*> first_named(SyscallContext& call) {
  const int32_t which = call.integer(0), who = call.integer(1);
  if (which < kPriorityProcess || which > kPriorityUser) return Errno{EINVAL};
  if (which == kPriorityProcess) {
    Process* const process = named_process(call, who);
    if (!process) return Errno{ESRCH};
    return process;
  }
  const Process& self = call.task.process();
  for (const auto& [pid, process] : call.kernel.processes()) {
    const bool by_group = which == kPriorityGroup && process->group == (who ? who : self.group);
    const bool by_user = which == kPriorityUser && process->uid == (who ? static_cast<uint32_t>(who) : self.uid);
    if (by_group || by_user) return process.get();
  }
  return Errno{ESRCH};
}

SyscallResult sys_ioprio_set(SyscallContext& call) {
  const uint32_t priority = call.word(2);
  const uint32_t level = priority & 7, kind = priority >> kClassShift;
  if (kind > 3 || (kind == 0 && level != 0)) return Errno{EINVAL};
  if (kind == 1) return Errno{EPERM};  // IOPRIO_CLASS_RT
  Result<Process*> process = first_named(call);
  if (!process) return process.error();
  (*process)->settings.io_priority = priority;
  return uint64_t{0};
}

SyscallResult sys_ioprio_get(SyscallContext& call) {
  Result<Process*> process = first_named(call);
  if (!process) return process.error();
  return uint64_t{(*process)->settings.io_priority};
}

// --- comparing what two processes have -----------------------------------------------------

// 0: the same; else in which order: any order that stays, here that of the pids.
SyscallResult order_of(bool same, const Process& a, const Process& b) {
  if (same) return uint64_t{0};
  return uint64_t{a.pid() < b.pid() ? 1u : 2u};
}

SyscallResult sys_kcmp(SyscallContext& call) {
  enum What : int32_t { kFile, kMemory, kFiles, kFileSystem, kHandlers, kIo, kUndo, kKinds };
  const Process* const a = call.kernel.processes().find_by_task(call.integer(0));
  const Process* const b = call.kernel.processes().find_by_task(call.integer(1));
  if (!a || !b || !a->files || !b->files) return Errno{ESRCH};
  switch (call.integer(2)) {
    case kFile: {
      Result<OpenFilePtr> one = a->files->get(call.integer(3));
      Result<OpenFilePtr> other = b->files->get(call.integer(4));
      if (!one || !other) return Errno{EBADF};
      if (*one == *other) return uint64_t{0};
      return uint64_t{(*one)->inode().number() < (*other)->inode().number() ? 1u : 2u};
    }
    case kMemory:
      return order_of(a->space == b->space, *a, *b);
    case kFiles:
      return order_of(a->files == b->files, *a, *b);
    case kFileSystem:
      return order_of(a->fs == b->fs, *a, *b);
    case kHandlers:
      return order_of(a->actions == b->actions, *a, *b);
    case kIo:
    case kUndo:
      return order_of(a == b, *a, *b);
    default:
      return Errno{EINVAL};
  }
}

// --- the clock's discipline -----------------------------------------------------------------

// struct timex of 64-bit machines, 208 bytes, of which these are told.
constexpr size_t kTimexBytes = 208;
constexpr size_t kModesAt = 0, kStatusAt = 40, kToleranceAt = 64, kTimeAt = 72, kTickAt = 88;
constexpr uint32_t kReadOnly = 0x2000;  // ADJ_OFFSET_READONLY
constexpr uint32_t kSingleShot = 0x8000;

Co<SyscallResult> tell_discipline(SyscallContext& call, unsigned argument) {
  constexpr int32_t kUnsynchronised = 0x40;  // STA_UNSYNC
  constexpr int64_t kTolerance = 32768000, kTick = 10000;
  constexpr uint64_t kTimeError = 5;  // TIME_ERROR: no clock tells it the time
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<uint32_t> modes = co_await user.get<uint32_t>(call.address(argument) + kModesAt);
  if (!modes.ok()) co_return modes.error();
  const bool reads = modes.value() == 0 || modes.value() == (kReadOnly | kSingleShot | 1);
  if (!reads) co_return Errno{EPERM};
  std::array<uint8_t, kTimexBytes> told{};
  const TimeVal now = TimeVal::of(call.kernel.clock().realtime());
  std::memcpy(told.data() + kModesAt, &modes.value(), sizeof(uint32_t));
  std::memcpy(told.data() + kStatusAt, &kUnsynchronised, sizeof(kUnsynchronised));
  std::memcpy(told.data() + kToleranceAt, &kTolerance, sizeof(kTolerance));
  std::memcpy(told.data() + kTimeAt, &now, sizeof(now));
  std::memcpy(told.data() + kTickAt, &kTick, sizeof(kTick));
  const Result<> stored = co_await user.write(call.address(argument), told);
  if (!stored.ok()) co_return stored.error();
  co_return kTimeError;
}

Co<SyscallResult> sys_adjtimex(SyscallContext& call) { return tell_discipline(call, 0); }

Co<SyscallResult> sys_clock_adjtime(SyscallContext& call) {
  if (!is_clock(call.integer(0))) co_return Errno{EINVAL};
  if (call.integer(0) != kClockRealtime) co_return Errno{EOPNOTSUPP};
  const SyscallResult done = co_await tell_discipline(call, 1);
  co_return done;
}

}  // namespace

void register_capability_calls(SyscallTable& table) {
  table.add(30, sys_ioprio_set);
  table.add(31, sys_ioprio_get);
  table.add(90, sys_capget);
  table.add(91, sys_capset);
  table.add(92, sys_personality);
  table.add(97, sys_unshare);
  table.add(171, sys_adjtimex);
  table.add(266, sys_clock_adjtime);
  table.add(272, sys_kcmp);
}

}  // namespace faultline::os
