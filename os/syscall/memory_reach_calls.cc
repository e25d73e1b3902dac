// Calls that reach into other processes' memory, or order what several harts do
// with it: process_vm_readv(2), process_vm_writev(2), membarrier(2); and
// remap_file_pages(2), which Linux emulates by mmap(2).
#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"
#include "os/memory/user_memory.h"
#include "os/syscall/groups.h"
#include "os/syscall/populate.h"
#include "os/syscall/process_argument.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

// struct iovec of the program.
struct Piece {
  uint64_t at = 0;
  uint64_t bytes = 0;
};
using Pieces = std::vector<Piece>;

constexpr uint64_t kPiecesMost = 1024;       // UIO_MAXIOV
constexpr uint64_t kBytesMost = 0x7ffff000;  // MAX_RW_COUNT
constexpr uint64_t kLongest = ~uint64_t{0} >> 1;

Co<Result<Pieces>> pieces_argument(SyscallContext& call, unsigned list, unsigned count) {
  if (call.args[count] > kPiecesMost) co_return Errno{EINVAL};
  Pieces pieces(call.args[count]);
  if (pieces.empty()) co_return pieces;
  UserMemory user = call.kernel.user_memory(call.task);
  const auto bytes = std::span(reinterpret_cast<uint8_t*>(pieces.data()), pieces.size() * sizeof(Piece));
  const Result<> read = co_await user.read(call.address(list), bytes);
  if (!read.ok()) co_return read.error();
  for (const Piece& piece : pieces) {
    if (piece.bytes > kLongest) co_return Errno{EINVAL};
  }
  co_return pieces;
}

// Goes through a list of pieces byte for byte.
class Cursor {
 public:
  explicit Cursor(const Pieces& pieces) : pieces_(pieces) { skip_empty(); }
  bool at_end() const { return index_ == pieces_.size(); }
  VirtAddr address() const { return VirtAddr(pieces_[index_].at + done_); }
  uint64_t left() const { return pieces_[index_].bytes - done_; }
  void advance(uint64_t bytes) {
    done_ += bytes;
    skip_empty();
  }

 private:
  void skip_empty() {
    while (index_ < pieces_.size() && done_ == pieces_[index_].bytes) {
      ++index_;
      done_ = 0;
    }
  }
  const Pieces& pieces_;
  size_t index_ = 0;
  uint64_t done_ = 0;
};

// Copies page by page between two lists. What moved before a mistake counts.
Co<SyscallResult> copy_pieces(UserMemory from, const Pieces& sources, UserMemory to, const Pieces& targets,
                              PageSize page) {
  std::vector<uint8_t> buffer(page.bytes());
  uint64_t moved = 0;
  for (Cursor source(sources), target(targets); !source.at_end() && !target.at_end() && moved < kBytesMost;) {
    const uint64_t in_page = page.bytes() - (source.address().value & page.mask());
    const uint64_t in_other = page.bytes() - (target.address().value & page.mask());
    const uint64_t bytes = std::min({in_page, in_other, source.left(), target.left(), kBytesMost - moved});
    const auto part = std::span(buffer).first(bytes);
    Result<> done = co_await from.read(source.address(), part);
    if (done.ok()) done = co_await to.write(target.address(), part);
    if (!done.ok() && moved == 0) co_return done.error();
    if (!done.ok()) break;
    source.advance(bytes);
    target.advance(bytes);
    moved += bytes;
  }
  co_return moved;
}

bool all_empty(const Pieces& pieces) {
  return std::all_of(pieces.begin(), pieces.end(), [](const Piece& piece) { return piece.bytes == 0; });
}

Co<SyscallResult> copy_across(SyscallContext& call, bool writes) {
  if (call.args[5] != 0) co_return Errno{EINVAL};
  const Result<Pieces> local = co_await pieces_argument(call, 1, 2);
  if (!local.ok()) co_return local.error();
  const Pieces& here = local.value();
  if (all_empty(here)) co_return uint64_t{0};
  const Result<Pieces> remote = co_await pieces_argument(call, 3, 4);
  if (!remote.ok()) co_return remote.error();
  const Pieces& there = remote.value();
  if (all_empty(there)) co_return uint64_t{0};
  Process* const other = call.integer(0) == 0 ? nullptr : named_process(call, call.integer(0));
  if (!other || !other->space) co_return Errno{ESRCH};
  // The other process may end or exec while this one sleeps.
  const std::shared_ptr<AddressSpace> space = other->space;
  UserMemory own = call.kernel.user_memory(call.task);
  UserMemory others = call.kernel.memory().user_memory(*space);
  const PageSize page = space->page();
  if (writes) {
    const SyscallResult moved = co_await copy_pieces(own, here, others, there, page);
    co_return moved;
  }
  const SyscallResult moved = co_await copy_pieces(others, there, own, here, page);
  co_return moved;
}

Co<SyscallResult> sys_process_vm_readv(SyscallContext& call) { return copy_across(call, false); }
Co<SyscallResult> sys_process_vm_writev(SyscallContext& call) { return copy_across(call, true); }

// Harts take turns in host order and see each other's stores at once: every
// barrier holds already. What is kept is who registered.
SyscallResult sys_membarrier(SyscallContext& call) {
  enum Command : int {
    kQuery = 0,
    kGlobal = 1,
    kGlobalExpedited = 2,
    kRegisterGlobalExpedited = 4,
    kPrivateExpedited = 8,
    kRegisterPrivateExpedited = 16,
  };
  AddressSpace& space = *call.task.process().space;
  if (call.word(1) != 0) return Errno{EINVAL};
  switch (call.integer(0)) {
    case kQuery:
      return uint64_t{kGlobal | kGlobalExpedited | kRegisterGlobalExpedited | kPrivateExpedited |
                      kRegisterPrivateExpedited};
    case kGlobal:
    case kGlobalExpedited:
    case kRegisterGlobalExpedited:
      return uint64_t{0};
    case kPrivateExpedited:
      if (!space.wants_barriers) return Errno{EPERM};
      return uint64_t{0};
    case kRegisterPrivateExpedited:
      space.wants_barriers = true;
      return uint64_t{0};
    default:
      return Errno{EINVAL};
  }
}

// Linux, mm/mmap.c: the same file, protection and kind all the way.
bool one_shared_file(const AddressSpace& space, uint64_t start, uint64_t end) {
  const VmArea* const first = space.find_area(VirtAddr(start));
  if (!first || !first->shared || !first->file) return false;
  for (uint64_t at = first->end; at < end;) {
    const VmArea* const next = space.find_area(VirtAddr(at));
    if (!next || next->file != first->file || next->shared != first->shared || next->protection != first->protection)
      return false;
    at = next->end;
  }
  return true;
}

Co<SyscallResult> sys_remap_file_pages(SyscallContext& call) {
  AddressSpace& space = *call.task.process().space;
  const PageSize page = space.page();
  const uint64_t start = page.round_down(call.args[0]), bytes = page.round_down(call.args[1]);
  const uint64_t first = call.args[3], pages = bytes >> page.shift;
  const bool wraps =
      start + bytes <= start || first + pages < first || (first + pages) << page.shift >> page.shift != first + pages;
  if (call.args[2] != 0 || wraps || !one_shared_file(space, start, start + bytes)) co_return Errno{EINVAL};
  const VmArea area = *space.find_area(VirtAddr(start));
  int flags = kMapShared | kMapFixed | kMapPopulate | (call.integer(4) & kMapNonBlock);
  if (area.lock != AreaLock::none) flags |= kMapLocked;
  const Result<VirtAddr> mapped = space.map({.hint = VirtAddr(start),
                                             .length = bytes,
                                             .protection = area.protection,
                                             .flags = flags,
                                             .file = area.file,
                                             .offset = first << page.shift,
                                             .file_writable = area.may_write});
  if (!mapped.ok()) co_return mapped.error();
  [[maybe_unused]] const FaultReply::Kind as_far_as_it_goes =
      co_await populate(call, start, start + bytes, Populate::all, OnFailure::go_on);
  co_return uint64_t{0};
}

}  // namespace

void register_memory_reach_calls(SyscallTable& table) {
  table.add(234, sys_remap_file_pages);
  table.add(270, sys_process_vm_readv);
  table.add(271, sys_process_vm_writev);
  table.add(283, sys_membarrier);
}

}  // namespace faultline::os
