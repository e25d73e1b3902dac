// Copies between the kernel and a process's memory, with the faults handled on
// the way. The functions sleep, so they are coroutines; what they move is
// charged through Cpu::touch. Pieces are at most a page and nothing is held
// across a sleep, so a buffer that another thread unmaps gives EFAULT.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <type_traits>

#include "hw/base/types.h"
#include "os/memory/address_space.h"
#include "os/process/co.h"
#include "os/result.h"

namespace faultline::os {

class Cpu;
struct CopyStatistics;

// Resolves one fault of the program, sleeping as often as it must. `disk` of
// the reply says whether the fault was major.
Co<FaultReply> resolve_fault(AddressSpace& space, VirtAddr address, Access access);

class UserMemory {
 public:
  // Both must outlive it; `space` too while a call sleeps.
  UserMemory(Cpu& cpu, AddressSpace& space, CopyStatistics& copies) : cpu_(cpu), space_(space), copies_(copies) {}

  // A buffer of the kernel in the program's place, for calls that move bytes from
  // file to file: addresses count from its first byte, and it costs no time, since
  // a kernel would pass pages on and not copy them.
  UserMemory(Cpu& cpu, AddressSpace& space, CopyStatistics& copies, std::span<uint8_t> buffer)
      : cpu_(cpu), space_(space), copies_(copies), buffer_(buffer) {}

  Co<Result<>> read(VirtAddr from, std::span<uint8_t> to);         // EFAULT
  Co<Result<>> write(VirtAddr to, std::span<const uint8_t> from);  // EFAULT
  Co<Result<>> zero(VirtAddr to, uint64_t bytes);                  // EFAULT
  // Up to the zero byte, which must come within `limit` bytes. EFAULT,
  // ENAMETOOLONG.
  Co<Result<std::string>> read_string(VirtAddr from, size_t limit);

  // Between a frame and a user buffer without a detour. The caller has pinned
  // the frame, and marks it dirty.
  Co<Result<>> copy_from_frame(VirtAddr to, Pfn frame, uint64_t offset, uint64_t bytes);
  Co<Result<>> copy_to_frame(Pfn frame, uint64_t offset, VirtAddr from, uint64_t bytes);

  template <class T>
  Co<Result<T>> get(VirtAddr from) {
    static_assert(std::is_trivially_copyable_v<T>);
    T value{};
    Result<> done = co_await read(from, std::span(reinterpret_cast<uint8_t*>(&value), sizeof(T)));
    if (!done) co_return done.error();
    co_return value;
  }
  template <class T>
  Co<Result<>> put(VirtAddr to, const T& given) {
    static_assert(std::is_trivially_copyable_v<T>);
    const T value = given;  // the caller's may be gone after a sleep
    Result<> done = co_await write(to, std::span(reinterpret_cast<const uint8_t*>(&value), sizeof(T)));
    co_return done;
  }

  // Makes another word of an aligned one, and answers what it was; nobody sees or
  // changes it in between. EFAULT.
  Co<Result<uint32_t>> update(VirtAddr word, std::function<uint32_t(uint32_t)> change);

  AddressSpace& space() { return space_; }

 private:
  // The bytes at `address`, made present first. No data: EFAULT.
  Co<AddressSpace::Bytes> bytes(VirtAddr address, Access access);

  void touch(PhysAddr address, uint64_t bytes, bool write);
  void count_copy(uint64_t bytes);

  Cpu& cpu_;
  AddressSpace& space_;
  CopyStatistics& copies_;
  std::span<uint8_t> buffer_;
};

}  // namespace faultline::os
