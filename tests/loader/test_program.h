// The real programs that the loader's tests read, and ways to damage them.
#pragma once

#include <cstdint>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "loader/elf.h"

namespace faultline::loader {

using Bytes = std::vector<uint8_t>;

inline Bytes read_host_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

// Sv48's lower half above Linux's mmap_min_addr.
inline constexpr AddressLimits kLimits{PageSize{12}, VirtAddr(0x10000), VirtAddr(uint64_t{1} << 47)};

template <class T>
void poke(Bytes& bytes, uint64_t offset, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes.at(offset + i) = static_cast<uint8_t>(value >> (8 * i));
}

template <class T>
T peek(const Bytes& bytes, uint64_t offset) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(T{bytes.at(offset + i)} << (8 * i));
  return value;
}

// The offset in the file of the n-th program header of a type (1: PT_LOAD); 0
// when there is none.
inline uint64_t program_header(const Bytes& bytes, uint32_t type, unsigned n = 0) {
  const auto table = peek<uint64_t>(bytes, 32);
  const auto count = peek<uint16_t>(bytes, 56);
  for (unsigned i = 0; i < count; ++i) {
    const uint64_t at = table + i * kProgramHeaderBytes;
    if (peek<uint32_t>(bytes, at) == type && n-- == 0) return at;
  }
  return 0;
}

}  // namespace faultline::loader
