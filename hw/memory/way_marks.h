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

  // Of the `ways` ways that may bear `mark` the one for which `is_it` holds,
  // which it does for one at most; or kNone. A way that never had a mark may be
  // asked about too, and a missing one of a half that is there.
  template <class IsIt>
  [[gnu::always_inline]] uint32_t find(uint8_t mark, uint32_t ways, IsIt is_it) const {
    // Byte n: bit 0 stands for way n, bit 1 for that way of the other half, so
    // that no branch asks in which half it is: that cannot be foreseen.
    uint64_t found = equal_bytes(0, mark) >> 7;
    if (ways > kHalf) found |= equal_bytes(kHalf, mark) >> 6;
    for (; found != 0; found &= found - 1) {
      const auto bit = static_cast<uint32_t>(std::countr_zero(found));
      const uint32_t way = bit % 8 * kHalf + bit / 8;
      if (is_it(way)) [[likely]]
        return way;
    }
    return kNone;
  }
  static constexpr uint32_t kNone = ~uint32_t{0};

 private:
  static constexpr uint64_t kLowBits = 0x0101010101010101;

  // The highest bit of every byte that equals `mark`, and perhaps of others above the lowest such byte.
  uint64_t equal_bytes(uint32_t first, uint8_t mark) const {
    const uint64_t differs = half_from(first) ^ mark * kLowBits;
    return (differs - kLowBits) & ~differs & kLowBits << 7;
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
