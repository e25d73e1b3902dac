#include "os/process/signal_trampoline.h"

#include <array>

#include "os/kernel.h"
#include "os/memory/address_space.h"
#include "os/memory/memory_manager.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

constexpr int kReadWrite = 3;  // PROT_READ | PROT_WRITE
constexpr int kReadExecute = 5;
constexpr int kPrivateAnonymous = 0x22;
constexpr int kFixedNoReplace = 0x100000;

// li a7, 139 (rt_sigreturn); ecall
constexpr std::array<uint32_t, 2> kCode = {0x08b00893, 0x00000073};

}  // namespace

VirtAddr signal_trampoline_place(const AddressSpace& space) {
  const PageSize page = space.page();
  return VirtAddr(page.round_down(space.user_end().value) - 2 * page.bytes());
}

Co<Result<>> map_signal_trampoline(Kernel& kernel, Process& process) {
  if (process.signal_trampoline != 0) co_return Unit{};
  AddressSpace& space = *process.space;
  const uint64_t bytes = space.page().bytes();
  const MapRequest request{.hint = signal_trampoline_place(space),
                           .length = bytes,
                           .protection = kReadWrite,
                           .flags = kPrivateAnonymous | kFixedNoReplace,
                           .file = nullptr};
  const Result<VirtAddr> mapped = space.map(request);
  if (!mapped.ok()) co_return mapped.error();
  UserMemory user = kernel.memory().user_memory(space);
  const Result<> written = co_await user.put(mapped.value(), kCode);
  if (!written.ok()) co_return Errno{ENOMEM};
  const Result<> closed = space.protect(mapped.value(), bytes, kReadExecute);
  if (!closed.ok()) co_return closed.error();
  process.signal_trampoline = mapped.value().value;
  co_return Unit{};
}

}  // namespace faultline::os
