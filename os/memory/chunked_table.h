// An array of records by number, made in pieces when one of them is first
// written: what nobody touched costs the host neither memory nor time, and
// whoever looks through all of it looks through the pieces that there are.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace faultline::os {

template <class T>
class ChunkedTable {
 public:
  static constexpr unsigned kShift = 9;
  static constexpr uint64_t kChunk = uint64_t{1} << kShift;

  // Records 0..size-1. `begin` is told of each piece as it is made, by the
  // number of its first record: T{} unless it says otherwise.
  explicit ChunkedTable(uint64_t size, std::function<void(uint64_t first, std::span<T>)> begin = {})
      : size_(size), chunks_((size + kChunk - 1) >> kShift), begin_(std::move(begin)) {}

  uint64_t size() const { return size_; }

  T& operator[](uint64_t number) {
    std::unique_ptr<Chunk>& chunk = chunks_[number >> kShift];
    if (!chunk) [[unlikely]]
      make(number >> kShift);
    return (*chunk)[number & (kChunk - 1)];
  }
  // Null: its piece was never made.
  const T* find(uint64_t number) const {
    const std::unique_ptr<Chunk>& chunk = chunks_[number >> kShift];
    return chunk ? &(*chunk)[number & (kChunk - 1)] : nullptr;
  }

  // Calls visit(first, std::span<const T>) for the pieces that there are, in order.
  template <class Visit>
  void for_each_chunk(Visit&& visit) const {
    for (uint64_t number = 0; number < chunks_.size(); ++number) {
      const uint64_t first = number << kShift;
      if (chunks_[number]) visit(first, std::span<const T>(*chunks_[number]).first(length(first)));
    }
  }

 private:
  using Chunk = std::array<T, kChunk>;

  uint64_t length(uint64_t first) const { return first + kChunk <= size_ ? kChunk : size_ - first; }
  void make(uint64_t number) {
    chunks_[number] = std::make_unique<Chunk>();
    if (begin_) begin_(number << kShift, std::span<T>(*chunks_[number]));
  }

  uint64_t size_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::function<void(uint64_t, std::span<T>)> begin_;
};

}  // namespace faultline::os
