// Which of a group of ways may hold a tag: each way has a mark, a byte that two
// lines of one set seldom share, and all marks of a group are compared at once.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace faultline::hw {

class WayMarks {
 public:
  static constexpr uint32_t kWays = 16;

  // Of a tag, which tells what may lie in one set apart.
  static uint8_t mark_of(uint64_t tag) { return static_cast<uint8_t>(tag ^ tag >> 8); }

  void set(uint32_t way, uint8_t mark) { marks_[way] = mark; }

  // Of the first `ways` ways, those that may bear `mark`, the one for which
  // `is_it` holds, which it does for one at most; or kNone. A way that never
  // had a mark may be asked about too.
  template <class IsIt>
  [[gnu::always_inline]] uint32_t find(uint8_t mark, uint32_t ways, IsIt is_it) const {
    for (uint32_t found = bearing(mark); found != 0; found &= found - 1) {
      const auto way = static_cast<uint32_t>(std::countr_zero(found));
      if (way < ways && is_it(way)) [[likely]]
        return way;
    }
    return kNone;
  }
  static constexpr uint32_t kNone = ~uint32_t{0};

 private:
  // Bit n: whether way n bears `mark`; without SSE2 others may seem to.
#if defined(__SSE2__)
  uint32_t bearing(uint8_t mark) const {
    const __m128i marks = _mm_load_si128(reinterpret_cast<const __m128i*>(marks_.data()));
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(mark));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(marks, wanted)));
  }
#else
  uint32_t bearing(uint8_t mark) const { return half_bearing(0, mark) | half_bearing(8, mark) << 8; }

  // Subtracting 1 sets the highest bit of every byte that is 0, and perhaps of
  // others above the lowest such byte; the product brings those bits together.
  uint32_t half_bearing(uint32_t first, uint8_t mark) const {
    constexpr uint64_t kLowBits = 0x0101010101010101;
    constexpr uint64_t kGather = 0x0102040810204080;
    const uint64_t differs = half_from(first) ^ mark * kLowBits;
    const uint64_t equal = (differs - kLowBits) & ~differs & kLowBits << 7;
    return static_cast<uint32_t>((equal >> 7) * kGather >> 56);
  }
  // The first way's mark is the lowest byte.
  uint64_t half_from(uint32_t first) const {
    uint64_t word;
    std::memcpy(&word, marks_.data() + first, sizeof(word));
    return std::endian::native == std::endian::little ? word : __builtin_bswap64(word);
  }
#endif

  alignas(kWays) std::array<uint8_t, kWays> marks_{};
};

}  // namespace faultline::hw
