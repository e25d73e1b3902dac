// Calls about the nodes of memory, of which there is one: get_mempolicy(2),
// set_mempolicy(2), mbind(2), move_pages(2), migrate_pages(2); and process_madvise(2).
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <span>
#include <vector>

#include "os/files/file_table.h"
#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"
#include "os/memory/user_memory.h"
#include "os/process/process_file.h"
#include "os/syscall/groups.h"
#include "os/syscall/process_argument.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

// linux/mempolicy.h.
enum Mode : int32_t { kDefault, kPreferred, kBind, kInterleave, kLocal, kPreferredMany, kModes };
constexpr int32_t kModeFlags = 0xe000;  // MPOL_F_STATIC_NODES and so on
constexpr uint32_t kMoveAll = 4;        // MPOL_MF_MOVE_ALL
constexpr uint64_t kNodesMost = 64;     // of which bit 0 is the only one that exists

// A set of nodes: argument `i` points to it, and the next one is how many bits it has,
// and one. EINVAL, EFAULT.
Co<Result<uint64_t>> nodes_argument(SyscallContext& call, unsigned i) {
  const uint64_t bits = call.args[i + 1] - 1;
  if (call.args[i] == 0 || call.args[i + 1] == 1) co_return uint64_t{0};
  if (bits > 8 * call.kernel.memory().page().bytes()) co_return Errno{EINVAL};
  std::vector<uint64_t> words((bits + kNodesMost - 1) / kNodesMost);
  UserMemory user = call.kernel.user_memory(call.task);
  const auto raw = std::span(reinterpret_cast<uint8_t*>(words.data()), words.size() * sizeof(uint64_t));
  const Result<> got = co_await user.read(call.address(i), raw);
  if (!got.ok()) co_return got.error();
  if (bits % kNodesMost != 0) words.back() &= (uint64_t{1} << bits % kNodesMost) - 1;
  if (std::any_of(words.begin() + 1, words.end(), [](uint64_t word) { return word != 0; })) co_return Errno{EINVAL};
  co_return words.front();
}

// Linux, mpol_new and mpol_set_nodemask.
Result<> check_policy(int32_t mode, uint64_t nodes) {
  const int32_t kind = mode & ~kModeFlags;
  if (kind < kDefault || kind >= kModes) return Errno{EINVAL};
  if ((mode & 0xc000) == 0xc000) return Errno{EINVAL};  // nodes are static or relative
  const bool none = kind == kDefault || kind == kLocal;
  if (none && (nodes != 0 || (mode & kModeFlags))) return Errno{EINVAL};
  if (none || (kind == kPreferred && nodes == 0)) return Unit{};
  return nodes & 1 ? Result<>(Unit{}) : Result<>(Errno{EINVAL});
}

Co<SyscallResult> sys_set_mempolicy(SyscallContext& call) {
  const int32_t mode = call.integer(0);
  if ((mode & ~kModeFlags) < 0 || (mode & ~kModeFlags) >= kModes) co_return Errno{EINVAL};
  const Result<uint64_t> nodes = co_await nodes_argument(call, 1);
  if (!nodes.ok()) co_return nodes.error();
  const Result<> valid = check_policy(mode, nodes.value());
  if (!valid.ok()) co_return valid.error();
  KeptSettings& settings = call.task.process().settings;
  settings.memory_mode = mode;
  settings.memory_nodes = nodes.value() & 1;
  co_return uint64_t{0};
}

Co<Result<>> store_nodes(SyscallContext& call, uint64_t nodes) {
  const uint64_t bytes = (call.args[2] - 1 + kNodesMost - 1) / kNodesMost * 8;
  if (bytes > call.kernel.memory().page().bytes()) co_return Errno{EINVAL};
  std::vector<uint8_t> mask(std::max<uint64_t>(bytes, 8));
  mask[0] = static_cast<uint8_t>(nodes);
  mask.resize(bytes);
  UserMemory user = call.kernel.user_memory(call.task);
  const Result<> stored = co_await user.write(call.address(1), mask);
  co_return stored;
}

Co<SyscallResult> sys_get_mempolicy(SyscallContext& call) {
  constexpr uint64_t kNode = 1, kAddress = 2, kAllowed = 4;  // MPOL_F_*
  const uint64_t flags = call.args[4];
  if (call.args[1] != 0 && call.args[2] < 1) co_return Errno{EINVAL};
  if (flags & ~(kNode | kAddress | kAllowed)) co_return Errno{EINVAL};
  const KeptSettings& settings = call.task.process().settings;
  int32_t mode = settings.memory_mode;
  uint64_t nodes = settings.memory_nodes;
  if (flags & kAllowed) {
    if (flags & (kNode | kAddress)) co_return Errno{EINVAL};
    mode = 0;
    nodes = 1;
  } else if (flags & kAddress) {
    if (!call.task.process().space->find_area(call.address(3))) co_return Errno{EFAULT};
    if (flags & kNode) mode = 0;
  } else if (call.args[3] != 0) {
    co_return Errno{EINVAL};
  } else if (flags & kNode) {
    if ((mode & ~kModeFlags) != kInterleave) co_return Errno{EINVAL};
    mode = 0;
  }
  UserMemory user = call.kernel.user_memory(call.task);
  if (call.args[0] != 0) {
    const Result<> stored = co_await user.put(call.address(0), mode);
    if (!stored.ok()) co_return stored.error();
  }
  if (call.args[1] != 0) {
    const Result<> stored = co_await store_nodes(call, nodes);
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

// Every page is on the one node already: what remains is whether the question is one.
Co<SyscallResult> sys_mbind(SyscallContext& call) {
  constexpr uint32_t kKnown = 7;  // MPOL_MF_STRICT, MOVE, MOVE_ALL
  const AddressSpace& space = *call.task.process().space;
  const int32_t mode = call.integer(2);
  if ((mode & ~kModeFlags) < 0 || (mode & ~kModeFlags) >= kModes) co_return Errno{EINVAL};
  const Result<uint64_t> nodes = co_await nodes_argument(call, 3);
  if (!nodes.ok()) co_return nodes.error();
  if (call.word(5) & ~kKnown) co_return Errno{EINVAL};
  if (call.word(5) & kMoveAll) co_return Errno{EPERM};
  const uint64_t start = call.args[0];
  const uint64_t end = start + space.page().round_up(call.args[1]);
  if (!space.page().aligned(start) || end < start) co_return Errno{EINVAL};
  if (end == start) co_return uint64_t{0};
  const Result<> valid = check_policy(mode, nodes.value());
  if (!valid.ok()) co_return valid.error();
  for (uint64_t at = start; at < end;) {
    const VmArea* const area = space.find_area(VirtAddr(at));
    if (!area) co_return Errno{EFAULT};
    at = area->end;
  }
  co_return uint64_t{0};
}

// Where pages are, told one by one: the node, or why there is none.
Co<SyscallResult> sys_move_pages(SyscallContext& call) {
  constexpr uint32_t kKnown = 6;
  constexpr uint64_t kPagesMost = 1 << 20;
  if (call.word(5) & ~kKnown) co_return Errno{EINVAL};
  if (call.word(5) & kMoveAll) co_return Errno{EPERM};
  Process* const process = named_process(call, call.integer(0));
  if (!process || !process->space) co_return Errno{ESRCH};
  const std::shared_ptr<AddressSpace> space = process->space;
  if (call.args[1] > kPagesMost) co_return Errno{E2BIG};
  UserMemory user = call.kernel.user_memory(call.task);
  for (uint64_t i = 0; i < call.args[1]; ++i) {
    const Result<uint64_t> page = co_await user.get<uint64_t>(call.address(2) + 8 * i);
    if (!page.ok()) co_return page.error();
    if (call.args[3] != 0) {
      const Result<int32_t> node = co_await user.get<int32_t>(call.address(3) + 4 * i);
      if (!node.ok()) co_return node.error();
      if (node.value() != 0) co_return Errno{ENODEV};
    }
    const VirtAddr at(page.value());
    int32_t status = 0;
    if (!space->find_area(at)) {
      status = -EFAULT;
    } else if (!space->in_memory(at)) {
      status = -ENOENT;
    }
    const Result<> stored = co_await user.put(call.address(4) + 4 * i, status);
    if (!stored.ok()) co_return stored.error();
  }
  co_return uint64_t{0};
}

Co<SyscallResult> sys_migrate_pages(SyscallContext& call) {
  const Result<uint64_t> from = co_await nodes_argument(call, 2);
  if (!from.ok()) co_return from.error();
  if (!named_process(call, call.integer(0))) co_return Errno{ESRCH};
  co_return uint64_t{0};
}

// --- advice for another process ----------------------------------------------------------

constexpr bool may_be_advised(int advice) {
  return advice == kMadvWillNeed || advice == kMadvCold || advice == kMadvPageOut || advice == kMadvCollapse;
}

Co<SyscallResult> sys_process_madvise(SyscallContext& call) {
  constexpr uint64_t kPiecesMost = 1024;  // UIO_MAXIOV
  if (call.word(4) != 0) co_return Errno{EINVAL};
  if (call.args[2] > kPiecesMost) co_return Errno{EINVAL};
  std::vector<std::array<uint64_t, 2>> pieces(call.args[2]);
  UserMemory user = call.kernel.user_memory(call.task);
  const auto raw = std::span(reinterpret_cast<uint8_t*>(pieces.data()), pieces.size() * sizeof(pieces[0]));
  const Result<> got = co_await user.read(call.address(1), raw);
  if (!got.ok()) co_return got.error();
  Result<OpenFilePtr> file = call.task.process().files->get(call.integer(0));
  if (!file.ok()) co_return file.error();
  const ProcessFile* const target = as_process_file(**file);
  if (!target) co_return Errno{EBADF};
  Process* const process = target->process();
  if (!process || !process->space) co_return Errno{ESRCH};
  if (!may_be_advised(call.integer(3))) co_return Errno{EINVAL};
  // Somebody else's memory takes CAP_SYS_NICE.
  if (process != &call.task.process()) co_return Errno{EPERM};
  uint64_t done = 0;
  for (const auto& [at, bytes] : pieces) {
    const Result<> advised = process->space->advise(VirtAddr(at), bytes, call.integer(3));
    if (!advised.ok() && done == 0) co_return advised.error();
    if (!advised.ok()) break;
    done += bytes;
  }
  co_return done;
}

}  // namespace

void register_node_calls(SyscallTable& table) {
  table.add(235, sys_mbind);
  table.add(236, sys_get_mempolicy);
  table.add(237, sys_set_mempolicy);
  table.add(238, sys_migrate_pages);
  table.add(239, sys_move_pages);
  table.add(440, sys_process_madvise);
}

}  // namespace faultline::os
