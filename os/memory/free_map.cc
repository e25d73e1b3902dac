#include "os/memory/free_map.h"

#include <algorithm>
#include <bit>

namespace faultline::os {

FreeMap::FreeMap(uint64_t size) : size_(size) {
  uint64_t bits = size;
  do {
    const uint64_t words = (bits + 63) / 64;
    levels_.emplace_back(words ? words : 1, 0);
    bits = words;
  } while (bits > 1);
}

void FreeMap::insert(uint64_t number) {
  if (contains(number)) return;
  ++count_;
  for (std::vector<uint64_t>& level : levels_) {
    uint64_t& word = level[number / 64];
    const bool noted_above = word != 0;
    word |= uint64_t{1} << number % 64;
    if (noted_above) return;
    number /= 64;
  }
}

void FreeMap::insert_all(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  count_ += end - begin;
  for (std::vector<uint64_t>& level : levels_) {
    for (uint64_t at = begin; at < end; at = (at | 63) + 1) {
      const uint64_t here = std::min(end - at, 64 - at % 64);
      level[at / 64] |= ~uint64_t{0} >> (64 - here) << at % 64;
    }
    begin /= 64;
    end = (end - 1) / 64 + 1;
  }
}

void FreeMap::erase(uint64_t number) {
  if (!contains(number)) return;
  --count_;
  for (std::vector<uint64_t>& level : levels_) {
    uint64_t& word = level[number / 64];
    word &= ~(uint64_t{1} << number % 64);
    if (word != 0) return;
    number /= 64;
  }
}

std::optional<uint64_t> FreeMap::first(uint64_t from) const {
  // Up until a word has a member at or above the place, then down to it.
  uint64_t place = from;
  for (size_t level = 0; level < levels_.size(); ++level) {
    const uint64_t word = place / 64;
    if (word >= levels_[level].size()) return std::nullopt;
    const uint64_t rest = levels_[level][word] >> place % 64 << place % 64;
    if (rest == 0) {
      place = word + 1;
      continue;
    }
    place = word * 64 + static_cast<uint64_t>(std::countr_zero(rest));
    while (level-- > 0) place = place * 64 + static_cast<uint64_t>(std::countr_zero(levels_[level][place]));
    return place;
  }
  return std::nullopt;
}

}  // namespace faultline::os
