#include "hw/memory/backing_store.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace faultline::hw {

BackingStore::BackingStore(uint64_t size, PageSize page)
    : size_(size),
      page_(page),
      mapped_(size + kAlignment),
      // The host gives such memory on first touch, as that below.
      code_(static_cast<uint8_t*>(std::calloc(std::max<uint64_t>(size >> page.shift, 1), 1))) {
  if (!code_) throw std::bad_alloc();
  map_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map_ == MAP_FAILED) throw std::bad_alloc();
  auto* const map = static_cast<uint8_t*>(map_);
  bytes_ = map + (-reinterpret_cast<uintptr_t>(map) & (kAlignment - 1));
  // Guests go through memory at random: the host's own TLB misses cost more
  // than all else then. Where it is refused nothing is lost.
  madvise(bytes_, size, MADV_HUGEPAGE);
}

BackingStore::~BackingStore() { munmap(map_, mapped_); }

void BackingStore::zero(PhysAddr address, uint64_t bytes) {
  // From so many bytes on a system call costs less than to write them.
  constexpr uint64_t kGiveBack = uint64_t{1} << 20;
  constexpr uint64_t kLargestHostPage = uint64_t{1} << 16;
  uint8_t* const begin = at(address);
  if (bytes >= kGiveBack) {
    const uint64_t head = -address.value & (kLargestHostPage - 1);
    const uint64_t whole = (bytes - head) & ~(kLargestHostPage - 1);
    if (madvise(begin + head, whole, MADV_DONTNEED) == 0) {
      std::memset(begin, 0, head);
      std::memset(begin + head + whole, 0, bytes - head - whole);
      return;
    }
  }
  std::memset(begin, 0, bytes);
}

void BackingStore::will_write(PhysAddr address, uint64_t bytes) const {
  constexpr uint64_t kHostLine = 64;
  constexpr int kWrite = 1;
  constexpr int kSecondLevel = 2;  // the first one is small and wanted for other things meanwhile
  const uint8_t* const begin = at(address);
  for (uint64_t i = 0; i < bytes; i += kHostLine) __builtin_prefetch(begin + i, kWrite, kSecondLevel);
}

void BackingStore::drop_code(Pfn frame) {
  code_[frame.value] = 0;
  for (const auto& listener : listeners_) listener(frame);
}

}  // namespace faultline::hw
