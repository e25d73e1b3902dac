// ppoll and pselect6.
#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "os/syscall/poll_wait.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

namespace {

struct PollEntry {
  int32_t descriptor;
  int16_t events;
  int16_t revents;
};
static_assert(sizeof(PollEntry) == 8);

// What is ready of `wanted`, with what is always told.
uint32_t ready(SyscallContext& call, int32_t descriptor, uint32_t wanted) {
  Result<OpenFilePtr> file = files_of(call).get(descriptor);
  if (!file || (*file)->path_only()) return kPollInvalid;
  return (*file)->inode().poll(**file) & (wanted | kPollError | kPollHangUp);
}

// The program's time limit becomes what is left of it (Linux, poll_select_finish).
// False: it cannot be told.
Co<bool> tell_rest(SyscallContext& call, Deadline deadline, unsigned limit) {
  const Cycles now = call.kernel.now();
  const Cycles left = deadline.when > now && !deadline.passed ? deadline.when - now : Cycles(0);
  UserMemory user = call.kernel.user_memory(call.task);
  auto put = co_await user.put(call.address(limit), TimeSpec::of(call.kernel.clock().nanoseconds(left)));
  co_return put.ok();
}

// Calls `look` until it finds something, the time is over (0) or a signal comes: the
// call begins again then with the rest of its time, or is EINTR where that cannot be
// told. `limit`: the argument that points to the time, which is told unless it was 0.
template <class Look>
Co<SyscallResult> wait_until(SyscallContext& call, Deadline deadline, unsigned limit, Look& look) {
  const bool tells = call.args[limit] != 0 && !deadline.passed;
  for (;;) {
    const uint64_t found = look();
    if (found != 0 || deadline.passed) {
      restore_mask(call);
      if (tells) co_await tell_rest(call, deadline, limit);
      co_return found;
    }
    const bool goes_on = co_await wait_for_change(call, deadline);
    if (goes_on) continue;
    const bool told = !tells || co_await tell_rest(call, deadline, limit);
    co_return told ? kRestartNoHandler : Errno{EINTR};
  }
}

Co<SyscallResult> sys_ppoll(SyscallContext& call) {
  auto deadline = co_await deadline_argument(call, 2);
  if (!deadline) co_return deadline.error();
  if (call.args[3] != 0 && call.args[4] != sizeof(uint64_t)) co_return Errno{EINVAL};
  const uint32_t count = call.word(1);
  if (count > descriptor_limit(call)) co_return Errno{EINVAL};
  UserMemory user = call.kernel.user_memory(call.task);
  std::vector<PollEntry> entries(count);
  const auto bytes = std::span<uint8_t>(reinterpret_cast<uint8_t*>(entries.data()), count * sizeof(PollEntry));
  auto got = co_await user.read(call.address(0), bytes);
  if (!got) co_return got.error();
  auto masked = co_await set_mask(call, call.address(3), call.args[4]);
  if (!masked) co_return masked.error();
  auto look = [&call, &entries] {
    uint64_t found = 0;
    for (PollEntry& entry : entries) {
      entry.revents = 0;
      if (entry.descriptor < 0) continue;
      entry.revents = static_cast<int16_t>(ready(call, entry.descriptor, static_cast<uint16_t>(entry.events)));
      if (entry.revents != 0) ++found;
    }
    return found;
  };
  auto found = co_await wait_until(call, *deadline, 2, look);
  if (!found) co_return found;
  auto put = co_await user.write(call.address(0), bytes);
  if (!put) co_return put.error();
  co_return found;
}

// --- select ---------------------------------------------------------------------------

struct Selection {
  std::vector<uint64_t> wanted, found;  // bits by descriptor
  uint32_t events = 0;
};

// Answers the bits that are ready; EBADF for a bit without an open file.
Result<uint64_t> select_once(SyscallContext& call, Selection (&sets)[3], unsigned descriptors) {
  uint64_t total = 0;
  for (Selection& set : sets) {
    std::fill(set.found.begin(), set.found.end(), 0);
    for (unsigned i = 0; i < set.wanted.size() * 64 && i < descriptors; ++i) {
      if (!(set.wanted[i / 64] >> (i % 64) & 1)) continue;
      const uint32_t events = ready(call, static_cast<int32_t>(i), set.events);
      if (events & kPollInvalid) return Errno{EBADF};
      if ((events & set.events) == 0) continue;
      set.found[i / 64] |= uint64_t{1} << (i % 64);
      ++total;
    }
  }
  return total;
}

Co<SyscallResult> sys_pselect6(SyscallContext& call) {
  const int32_t asked = call.integer(0);
  if (asked < 0) co_return Errno{EINVAL};
  const auto descriptors =
      static_cast<unsigned>(std::min<uint64_t>(static_cast<uint64_t>(asked), descriptor_limit(call)));
  UserMemory user = call.kernel.user_memory(call.task);
  Selection sets[3];
  sets[0].events = kPollIn | kPollHangUp | kPollError;
  sets[1].events = kPollOut | kPollError;
  sets[2].events = kPollPriority;
  for (unsigned i = 0; i < 3; ++i) {
    if (call.args[i + 1] == 0) continue;
    sets[i].wanted.resize((descriptors + 63) / 64);
    sets[i].found.resize(sets[i].wanted.size());
    auto* bytes = reinterpret_cast<uint8_t*>(sets[i].wanted.data());
    auto got = co_await user.read(call.address(i + 1), std::span<uint8_t>(bytes, sets[i].wanted.size() * 8));
    if (!got) co_return got.error();
  }
  auto deadline = co_await deadline_argument(call, 4);
  if (!deadline) co_return deadline.error();
  struct Mask {
    uint64_t address, bytes;
  } mask{};
  if (call.args[5] != 0) {
    auto given = co_await user.get<Mask>(call.address(5));
    if (!given) co_return given.error();
    mask = *given;
  }
  auto masked = co_await set_mask(call, VirtAddr(mask.address), mask.bytes);
  if (!masked) co_return masked.error();
  bool bad = false;
  auto look = [&]() -> uint64_t {
    Result<uint64_t> found = select_once(call, sets, descriptors);
    bad = !found;
    return found ? *found : 1;
  };
  auto found = co_await wait_until(call, *deadline, 4, look);
  if (bad) co_return Errno{EBADF};
  if (!found) co_return found;
  for (unsigned i = 0; i < 3; ++i) {
    if (call.args[i + 1] == 0) continue;
    const auto* bytes = reinterpret_cast<const uint8_t*>(sets[i].found.data());
    auto put = co_await user.write(call.address(i + 1), std::span<const uint8_t>(bytes, sets[i].found.size() * 8));
    if (!put) co_return put.error();
  }
  co_return found;
}

}  // namespace

void register_file_poll(SyscallTable& table) {
  table.add(72, sys_pselect6);
  table.add(73, sys_ppoll);
}

}  // namespace faultline::os
