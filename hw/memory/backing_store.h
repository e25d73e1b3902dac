// The only bytes of modelled memory. DRAM, ours or a user's own, gives time;
// the bytes always live here, so that walker, OS and DMA agree by construction.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

#include "hw/base/types.h"

namespace faultline::hw {

class BackingStore {
 public:
  // `size` in bytes, a multiple of the page size. The host's pages are taken
  // on first touch only, so a large untouched memory costs nothing.
  // Throws std::bad_alloc when the host gives no address range of that size.
  BackingStore(uint64_t size, PageSize page);
  ~BackingStore();
  BackingStore(const BackingStore&) = delete;
  BackingStore& operator=(const BackingStore&) = delete;

  uint64_t size() const { return size_; }
  PageSize page() const { return page_; }
  uint64_t frames() const { return size_ >> page_.shift; }
  bool contains(PhysAddr address, uint64_t bytes) const {
    return address.value < size_ && bytes <= size_ - address.value;
  }

  // The host's view of the byte at `address`, which must lie in memory.
  // Whoever writes through it to a frame that may hold decoded code must call
  // wrote_frame() afterwards.
  uint8_t* at(PhysAddr address) { return bytes_ + address.value; }
  const uint8_t* at(PhysAddr address) const { return bytes_ + address.value; }
  uint8_t* base() { return bytes_; }
  // What the host's address of a byte has above the physical one: a multiple of 2 MB.
  uint64_t host_offset() const { return reinterpret_cast<uintptr_t>(bytes_); }

  // Little-endian loads and stores of 1, 2, 4 or 8 bytes; any alignment.
  template <class T>
  T load(PhysAddr address) const {
    static_assert(std::is_unsigned_v<T>);
    T value;
    std::memcpy(&value, at(address), sizeof(T));
    return value;
  }
  template <class T>
  void store(PhysAddr address, T value) {
    static_assert(std::is_unsigned_v<T>);
    std::memcpy(at(address), &value, sizeof(T));
    wrote_frame(page_.pfn(address));
  }

  // Zeros, as if stored. The host's pages that lie whole in a large piece go
  // back to it. Decoded code is the caller's, as with at().
  void zero(PhysAddr address, uint64_t bytes);

  // The bytes are to be written soon: the host may begin to bring them nearer.
  void will_write(PhysAddr address, uint64_t bytes) const;

  // Frames whose bytes the hart has decoded. A write to one drops its decoded
  // code at once, so self-modifying code needs no special case.
  bool has_code(Pfn frame) const { return code_[frame.value] != 0; }
  void mark_code(Pfn frame) {
    code_[frame.value] = 1;
    for (const auto& listener : marked_listeners_) listener(frame);
  }
  void wrote_frame(Pfn frame) {
    if (code_[frame.value]) drop_code(frame);
  }

  // `listener` is called with a frame whose decoded code became stale; the
  // frame's mark is already cleared. One per hart.
  void on_code_dropped(std::function<void(Pfn)> listener) { listeners_.push_back(std::move(listener)); }
  // `listener` is called with a frame that some hart is about to decode: stores
  // to it must be noticed from now on. One per hart.
  void on_code_marked(std::function<void(Pfn)> listener) { marked_listeners_.push_back(std::move(listener)); }

 private:
  void drop_code(Pfn frame);

  static constexpr uint64_t kAlignment = uint64_t{2} << 20;  // the host's large page

  uint64_t size_;
  PageSize page_;
  uint64_t mapped_;
  void* map_;
  uint8_t* bytes_;
  struct Free {
    void operator()(uint8_t* bytes) const { std::free(bytes); }
  };
  std::unique_ptr<uint8_t[], Free> code_;  // by frame: 1 when decoded
  std::vector<std::function<void(Pfn)>> listeners_;
  std::vector<std::function<void(Pfn)>> marked_listeners_;
};

}  // namespace faultline::hw
