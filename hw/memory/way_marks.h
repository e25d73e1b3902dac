// Which of a group of ways may hold a tag: each way has a mark, a byte that two
// lines of one set seldom share, and eight marks are compared at once.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace faultline::hw {

class WayMarks {
 public:
  static constexpr uint32_t kWays = 16;
  // Ways that are compared at once; of each such half some may be missing.
  static constexpr uint32_t kHalf = 8;

  // Of a tag, which tells what may lie in one set apart.
  static uint8_t mark_of(uint64_t tag) { return static_cast<uint8_t>(tag ^ tag >> 8); }

  void set(uint32_t way, uint8_t mark) { marks_[way] = mark; }

  // The first of the `ways` ways that may bear `mark` for which `is_it` holds,
  // or kNone. A way that never had a mark may be asked about too, and a missing
  // one of a half that is there.
  template <class IsIt>
  [[gnu::always_inline]] uint32_t find(uint8_t mark, uint32_t ways, IsIt is_it) const {
    const uint32_t way = find_in(0, mark, is_it);
    return way != kNone || ways <= kHalf ? way : find_in(kHalf, mark, is_it);
  }
  static constexpr uint32_t kNone = ~uint32_t{0};

 private:
  static constexpr uint64_t kLowBits = 0x0101010101010101;

  template <class IsIt>
  [[gnu::always_inline]] uint32_t find_in(uint32_t first, uint8_t mark, IsIt is_it) const {
    const uint64_t differs = half_from(first) ^ mark * kLowBits;
    // The lowest of these bits marks a byte that is zero; those above it may be wrong.
    for (uint64_t zero = (differs - kLowBits) & ~differs & kLowBits << 7; zero != 0; zero &= zero - 1) {
      const uint32_t way = first + static_cast<uint32_t>(std::countr_zero(zero)) / 8;
      if (is_it(way)) [[likely]]
        return way;
    }
    return kNone;
  }
  // The first way's mark is the lowest byte.
  uint64_t half_from(uint32_t first) const {
    uint64_t word;
    std::memcpy(&word, marks_.data() + first, sizeof(word));
    return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
  }

  alignas(uint64_t) std::array<uint8_t, kWays> marks_{};
};

}  // namespace faultline::hw
