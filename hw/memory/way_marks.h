// Eight ways of a set compared at once: each way has a mark, a byte that two
// lines or pages of one set seldom share, and eight marks make a word.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace faultline::hw {

class WayMarks {
 public:
  static constexpr uint32_t kWays = 8;

  // Of a tag, which tells what may lie in one set apart.
  static uint8_t mark_of(uint64_t tag) { return static_cast<uint8_t>(tag ^ tag >> 8); }

  void set(uint32_t way, uint8_t mark) { marks_[way] = mark; }

  // The first way of those that may bear `mark` for which `is_it` holds, or
  // kNone. A way that never had a mark may be asked about too.
  template <class IsIt>
  uint32_t find(uint8_t mark, IsIt is_it) const {
    const uint64_t differs = word() ^ mark * kLowBits;
    // The lowest of these bits marks a byte that is zero; those above it may be wrong.
    for (uint64_t zero = (differs - kLowBits) & ~differs & kLowBits << 7; zero != 0; zero &= zero - 1) {
      const uint32_t way = static_cast<uint32_t>(std::countr_zero(zero)) / 8;
      if (is_it(way)) [[likely]]
        return way;
    }
    return kNone;
  }
  static constexpr uint32_t kNone = ~uint32_t{0};

 private:
  static constexpr uint64_t kLowBits = 0x0101010101010101;

  // The first way's mark is the lowest byte.
  uint64_t word() const {
    const auto word = std::bit_cast<uint64_t>(marks_);
    return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
  }

  alignas(uint64_t) std::array<uint8_t, kWays> marks_{};
};

}  // namespace faultline::hw
