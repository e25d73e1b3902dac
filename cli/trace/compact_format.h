// faultline's own trace format; docs/trace-format.md describes it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace faultline::cli {

// The last character is the version.
inline constexpr std::string_view kCompactMagic = "FLTTRACE1";

inline constexpr size_t kLongestText = 4096;

// What a replay must know of the machine that was recorded.
struct RecordingHeader {
  std::string paging;  // paging.format, for "custom" with its keys
  uint64_t page_bytes = 0;
  uint64_t memory_bytes = 0;  // dram.size: where tables lie
  uint64_t clock_mhz = 0;
  std::string program;  // cut after kLongestText bytes

  bool operator==(const RecordingHeader&) const = default;
};

// Successful references, at the end of the trace: what a reader has counted must agree.
struct RecordedCounts {
  uint64_t fetch = 0;
  uint64_t load = 0;
  uint64_t store = 0;

  bool operator==(const RecordedCounts&) const = default;
};

// The first byte of a record. From kFetchRun on it is the whole record: the bits
// below the highest one of the lower seven are the lengths of so many
// instructions one after another, the first in bit 0: 0 for 2 bytes, 1 for 4.
// From kData on: bit 5 store, bits 4..3 log2 of the size, bits 2..0 the length of
// the distance from the address before of its kind, by kDistanceBytes.
enum CompactOp : uint8_t {
  kEnd = 0x00,           // fetch, load and store references: varints
  kJump = 0x01,          // signed varint: halfwords from the next instruction
  kFaulted = 0x02,       // the attempt in the next record, of one instruction or data, faulted
  kTableWrite = 0x03,    // signed varint from the entry before; varint: raw entry
  kTableZero = 0x04,     // varints: address, bytes
  kAddressSpace = 0x05,  // varints: root, asid
  kSizedData = 0x06,     // varint: 2 * bytes + store; signed varint: distance
  kFlushPage = 0x07,     // varints: asid, address
  kFlushAsid = 0x08,     // varint
  kFlushAll = 0x09,
  kProcess = 0x0A,      // varint: pid
  kMark = 0x0B,         // varint
  kKernelLoad = 0x0C,   // signed varint: distance from the OS layer's access before
  kKernelStore = 0x0D,  // the same
  // Of page-out, as its policy hears and does it. A distance: signed varint, from
  // the frame of the record before that has one.
  kPolicyName = 0x0E,      // varint: length, to kLongestPolicyName; the bytes
  kPolicySetting = 0x0F,   // varints: a PolicySettingNumber, its value
  kPageCame = 0x10,        // distance
  kPageLeft = 0x11,        // distance
  kPolicyTick = 0x12,      // a sampling interval is over; the policy is called
  kPolicyStep = 0x13,      // the policy is called to look
  kPolicyReturned = 0x14,  // ... and returns
  kPolicyCleared = 0x15,   // distance: it clears a reference bit
  kPolicyTook = 0x16,      // distance: it takes a page
  kPolicyAsked = 0x18,     // distance: whether referenced; bit 0: yes
  kPolicyLooked = 0x1C,    // distance; bit 1: back hand, bit 0: a page that may be taken
  kData = 0x40,
  kFetchRun = 0x80,
};

// Of a kPolicySetting; others are to be read over.
enum PolicySettingNumber : uint8_t { kFrames = 0, kHandSpread = 1, kSeed = 2, kAgingBits = 3 };

inline constexpr unsigned kLongestRun = 6;
inline constexpr size_t kLongestPolicyName = 20;
inline constexpr std::array<uint8_t, 8> kDistanceBytes = {0, 1, 2, 3, 4, 5, 6, 8};

constexpr uint64_t zigzag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
constexpr int64_t unzigzag(uint64_t value) { return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1)); }

}  // namespace faultline::cli
