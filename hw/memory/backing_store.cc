#include "hw/memory/backing_store.h"

#include <sys/mman.h>

#include <new>

namespace faultline::hw {

BackingStore::BackingStore(uint64_t size, PageSize page) : size_(size), page_(page), code_(size >> page.shift) {
  void* map = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (map == MAP_FAILED) throw std::bad_alloc();
  bytes_ = static_cast<uint8_t*>(map);
}

BackingStore::~BackingStore() { munmap(bytes_, size_); }

void BackingStore::zero(PhysAddr address, uint64_t bytes) {
  // From so many bytes on a system call costs less than to write them.
  constexpr uint64_t kGiveBack = uint64_t{1} << 20;
  if (bytes >= kGiveBack && madvise(at(address), bytes, MADV_DONTNEED) == 0) return;
  std::memset(at(address), 0, bytes);
}

void BackingStore::drop_code(Pfn frame) {
  code_[frame.value] = 0;
  for (const auto& listener : listeners_) listener(frame);
}

}  // namespace faultline::hw
