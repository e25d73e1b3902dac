// Marks that a guest program leaves in its instructions (workloads/include/faultline.h).
//
// slti x0, x0, imm computes nothing: with rd = x0 it is a HINT, and these
// code points are designated for custom use (RISC-V unprivileged manual,
// chapter RV32I, "HINT Instructions"), so that hardware executes it as a
// no-operation and no standard extension will take it.
#pragma once

#include <cstdint>
#include <optional>

namespace faultline::hw {

// By the immediate.
enum class RegionMark : uint16_t { begin = 0x4f1, end = 0x4f2, warmup_end = 0x4f3 };

// The mark that these bits are, if they are one.
constexpr std::optional<RegionMark> region_mark(uint32_t bits) {
  constexpr uint32_t kSltiOfZeros = 0x2013;  // rd = rs1 = x0
  if ((bits & 0xfffff) != kSltiOfZeros) return std::nullopt;
  const auto mark = static_cast<RegionMark>(bits >> 20);
  switch (mark) {
    case RegionMark::begin:
    case RegionMark::end:
    case RegionMark::warmup_end:
      return mark;
  }
  return std::nullopt;
}

}  // namespace faultline::hw
