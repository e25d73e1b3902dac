// The bytes of an ELF64 file: offsets of fields and the values that matter here
// (gABI 4.1 chapters 4 and 5, RISC-V ELF psABI 1.0 chapter 8). Written out by
// number, so that nothing depends on the headers of the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace faultline::loader::elf {

// Elf64_Ehdr
inline constexpr size_t kClass = 4;
inline constexpr size_t kData = 5;
inline constexpr size_t kIdentVersion = 6;
inline constexpr size_t kType = 16;
inline constexpr size_t kMachine = 18;
inline constexpr size_t kVersion = 20;
inline constexpr size_t kEntry = 24;
inline constexpr size_t kProgramHeaderOffset = 32;
inline constexpr size_t kFlags = 48;
inline constexpr size_t kProgramHeaderSize = 54;
inline constexpr size_t kProgramHeaderCount = 56;

inline constexpr uint8_t kClass64 = 2;
inline constexpr uint8_t kLittleEndian = 1;
inline constexpr uint8_t kVersionCurrent = 1;
inline constexpr uint16_t kTypeExecutable = 2;
inline constexpr uint16_t kTypeDynamic = 3;
inline constexpr uint16_t kMachineRiscv = 243;
inline constexpr uint32_t kFlagFloatAbiMask = 0x6;
inline constexpr uint32_t kFlagFloatAbiQuad = 0x6;
inline constexpr uint32_t kFlagRve = 0x8;

// Elf64_Phdr
inline constexpr size_t kSegmentType = 0;
inline constexpr size_t kSegmentFlags = 4;
inline constexpr size_t kSegmentOffset = 8;
inline constexpr size_t kSegmentAddress = 16;
inline constexpr size_t kSegmentFileBytes = 32;
inline constexpr size_t kSegmentMemoryBytes = 40;
inline constexpr size_t kSegmentAlignment = 48;

inline constexpr uint32_t kLoad = 1;
inline constexpr uint32_t kInterpreter = 3;
inline constexpr uint32_t kGnuStack = 0x6474e551;
inline constexpr uint32_t kExecute = 1;
inline constexpr uint32_t kWrite = 2;
inline constexpr uint32_t kRead = 4;

// A little-endian field; the bytes must be there.
template <class T>
T field(std::span<const uint8_t> bytes, size_t offset) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<T>(bytes[offset + i]) << (8 * i));
  return value;
}

}  // namespace faultline::loader::elf
