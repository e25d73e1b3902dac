// A set of small numbers as bits, with a summary of 64 words a bit above it:
// the lowest member in a few steps, runs by scanning words.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace faultline::os {

class FreeMap {
 public:
  // Numbers 0..size-1, none a member.
  explicit FreeMap(uint64_t size);

  void insert(uint64_t number);
  // Numbers begin..end-1, none of which is a member.
  void insert_all(uint64_t begin, uint64_t end);
  void erase(uint64_t number);
  bool contains(uint64_t number) const { return levels_[0][number / 64] >> number % 64 & 1; }
  uint64_t count() const { return count_; }
  uint64_t size() const { return size_; }

  // The lowest member at or above `from`.
  std::optional<uint64_t> first(uint64_t from = 0) const;

 private:
  uint64_t size_;
  uint64_t count_ = 0;
  std::vector<std::vector<uint64_t>> levels_;  // [0] the members; [n+1] the words of [n] that are not 0
};

}  // namespace faultline::os
