// Strong types for the numbers that must not be mixed up: addresses, page and
// frame numbers, cycles. All are one 64-bit word and cost nothing.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace faultline {

// A number that converts to and from uint64_t only when asked.
template <class Tag>
struct Strong {
  uint64_t value = 0;

  constexpr Strong() = default;
  constexpr explicit Strong(uint64_t v) : value(v) {}
  constexpr auto operator<=>(const Strong&) const = default;

  constexpr Strong operator+(uint64_t n) const { return Strong(value + n); }
  constexpr Strong operator-(uint64_t n) const { return Strong(value - n); }
  constexpr uint64_t operator-(Strong other) const { return value - other.value; }
  constexpr Strong& operator+=(uint64_t n) {
    value += n;
    return *this;
  }
  constexpr Strong& operator++() {
    ++value;
    return *this;
  }
};

using VirtAddr = Strong<struct VirtAddrTag>;  // byte address, as a program sees it
using PhysAddr = Strong<struct PhysAddrTag>;  // byte address in modelled DRAM
using Vpn = Strong<struct VpnTag>;            // virtual page number
using Pfn = Strong<struct PfnTag>;            // physical frame number

// Address-space identifier, the tag that TLB entries carry.
using Asid = uint16_t;

// Clock cycles of a hart: a duration, or a moment counted from the start.
struct Cycles {
  uint64_t value = 0;

  constexpr Cycles() = default;
  constexpr explicit Cycles(uint64_t v) : value(v) {}
  constexpr auto operator<=>(const Cycles&) const = default;

  constexpr Cycles operator+(Cycles c) const { return Cycles(value + c.value); }
  constexpr Cycles operator-(Cycles c) const { return Cycles(value - c.value); }
  constexpr Cycles operator*(uint64_t n) const { return Cycles(value * n); }
  constexpr Cycles& operator+=(Cycles c) {
    value += c.value;
    return *this;
  }
};

// What an access wants to do; also the index of per-kind tables.
enum class Access : uint8_t { fetch = 0, load = 1, store = 2 };

// The size of a page, and of the frame that holds it.
struct PageSize {
  unsigned shift = 12;

  constexpr uint64_t bytes() const { return uint64_t{1} << shift; }
  constexpr uint64_t mask() const { return bytes() - 1; }
  constexpr uint64_t round_down(uint64_t a) const { return a & ~mask(); }
  constexpr uint64_t round_up(uint64_t a) const { return (a + mask()) & ~mask(); }
  constexpr bool aligned(uint64_t a) const { return (a & mask()) == 0; }
  constexpr uint64_t pages(uint64_t n_bytes) const { return round_up(n_bytes) >> shift; }
  constexpr Vpn vpn(VirtAddr a) const { return Vpn(a.value >> shift); }
  constexpr Pfn pfn(PhysAddr a) const { return Pfn(a.value >> shift); }
  constexpr VirtAddr address(Vpn v) const { return VirtAddr(v.value << shift); }
  constexpr PhysAddr address(Pfn f) const { return PhysAddr(f.value << shift); }
};

}  // namespace faultline

template <class Tag>
struct std::hash<faultline::Strong<Tag>> {
  size_t operator()(faultline::Strong<Tag> s) const noexcept {
    return std::hash<uint64_t>{}(s.value);
  }
};
