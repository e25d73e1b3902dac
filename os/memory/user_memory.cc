#include "os/memory/user_memory.h"

#include <algorithm>

#include "os/cpu.h"
#include "os/memory/statistics.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

Co<FaultReply> resolve_fault(AddressSpace& space, VirtAddr address, Access access) {
  FaultProgress progress;
  for (;;) {
    const FaultReply reply = space.handle_fault(address, access, progress);
    if (reply.kind != FaultReply::Kind::must_sleep) co_return reply;
    co_await reply.queue->sleep();
  }
}

void UserMemory::touch(PhysAddr address, uint64_t bytes, bool write) {
  if (buffer_.empty()) cpu_.touch(address, bytes, write);
}

void UserMemory::count_copy(uint64_t bytes) {
  if (buffer_.empty()) copies_.bytes += bytes;
}

Co<AddressSpace::Bytes> UserMemory::bytes(VirtAddr address, Access access) {
  if (!buffer_.empty()) {
    if (address.value >= buffer_.size()) co_return AddressSpace::Bytes{};
    const std::span<uint8_t> rest = buffer_.subspan(address.value);
    co_return AddressSpace::Bytes{.data = rest.data(), .physical = {}, .size = rest.size()};
  }
  FaultProgress progress{.kernel = true};
  for (;;) {
    const AddressSpace::Bytes bytes = space_.user_bytes(address, access);
    if (bytes.data) co_return bytes;
    const FaultReply reply = space_.handle_fault(address, access, progress);
    if (reply.kind == FaultReply::Kind::must_sleep) {
      co_await reply.queue->sleep();
    } else if (!reply.resolved()) {
      co_return AddressSpace::Bytes{};
    }
  }
}

Co<Result<>> UserMemory::read(VirtAddr from, std::span<uint8_t> to) {
  while (!to.empty()) {
    const AddressSpace::Bytes here = co_await bytes(from, Access::load);
    if (!here.data) co_return Errno{EFAULT};
    const uint64_t count = std::min<uint64_t>(here.size, to.size());
    std::memcpy(to.data(), here.data, count);
    touch(here.physical, count, false);
    from += count;
    to = to.subspan(count);
  }
  co_return Unit{};
}

Co<Result<>> UserMemory::write(VirtAddr to, std::span<const uint8_t> from) {
  while (!from.empty()) {
    const AddressSpace::Bytes here = co_await bytes(to, Access::store);
    if (!here.data) co_return Errno{EFAULT};
    const uint64_t count = std::min<uint64_t>(here.size, from.size());
    std::memcpy(here.data, from.data(), count);
    touch(here.physical, count, true);
    to += count;
    from = from.subspan(count);
  }
  co_return Unit{};
}

Co<Result<>> UserMemory::zero(VirtAddr to, uint64_t size) {
  while (size != 0) {
    const AddressSpace::Bytes here = co_await bytes(to, Access::store);
    if (!here.data) co_return Errno{EFAULT};
    const uint64_t count = std::min(here.size, size);
    std::memset(here.data, 0, count);
    touch(here.physical, count, true);
    to += count;
    size -= count;
  }
  co_return Unit{};
}

Co<Result<uint32_t>> UserMemory::update(VirtAddr word, std::function<uint32_t(uint32_t)> change) {
  const AddressSpace::Bytes here = co_await bytes(word, Access::store);
  if (!here.data) co_return Errno{EFAULT};
  uint32_t old = 0;
  std::memcpy(&old, here.data, sizeof(old));
  const uint32_t changed = change(old);
  std::memcpy(here.data, &changed, sizeof(changed));
  touch(here.physical, sizeof(old), false);
  touch(here.physical, sizeof(changed), true);
  co_return old;
}

Co<Result<std::string>> UserMemory::read_string(VirtAddr from, size_t limit) {
  std::string text;
  while (text.size() < limit) {
    const AddressSpace::Bytes here = co_await bytes(from, Access::load);
    if (!here.data) co_return Errno{EFAULT};
    const uint64_t room = std::min<uint64_t>(here.size, limit - text.size());
    const void* end = std::memchr(here.data, 0, room);
    const uint64_t count = end ? static_cast<uint64_t>(static_cast<const uint8_t*>(end) - here.data) : room;
    text.append(reinterpret_cast<const char*>(here.data), count);
    touch(here.physical, end ? count + 1 : count, false);
    if (end) co_return text;
    from += count;
  }
  co_return Errno{ENAMETOOLONG};
}

Co<Result<>> UserMemory::copy_from_frame(VirtAddr to, Pfn frame, uint64_t offset, uint64_t size) {
  const PageSize page = space_.page();
  while (size != 0) {
    const AddressSpace::Bytes here = co_await bytes(to, Access::store);
    if (!here.data) co_return Errno{EFAULT};
    const uint64_t count = std::min(here.size, size);
    const PhysAddr from = page.address(frame) + offset;
    // The user may have mapped the same page: source and destination may meet.
    std::memmove(here.data, cpu_.memory().at(from), count);
    cpu_.touch(from, count, false);
    touch(here.physical, count, true);
    count_copy(count);
    to += count;
    offset += count;
    size -= count;
  }
  co_return Unit{};
}

Co<Result<>> UserMemory::copy_to_frame(Pfn frame, uint64_t offset, VirtAddr from, uint64_t size) {
  const PageSize page = space_.page();
  while (size != 0) {
    const AddressSpace::Bytes here = co_await bytes(from, Access::load);
    if (!here.data) co_return Errno{EFAULT};
    const uint64_t count = std::min(here.size, size);
    const PhysAddr to = page.address(frame) + offset;
    std::memmove(cpu_.memory().at(to), here.data, count);
    touch(here.physical, count, false);
    cpu_.touch(to, count, true);
    count_copy(count);
    from += count;
    offset += count;
    size -= count;
  }
  co_return Unit{};
}

}  // namespace faultline::os
