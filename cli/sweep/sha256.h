// SHA-256 (FIPS 180-4): names the inputs of a point, so that a resumed sweep
// knows which results still stand for them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace faultline::cli {

class Sha256 {
 public:
  void add(std::string_view bytes);

  // A text and its length, so that two texts in a row cannot be mistaken for
  // two others with the same letters.
  void add_field(std::string_view text);

  // 64 hexadecimal digits. Nothing may be added afterwards.
  std::string hex_digest();

 private:
  void compress(const uint8_t* block);

  std::array<uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_{};
  uint64_t length_ = 0;  // bytes so far
};

// Of a file's bytes; UserError when it cannot be read.
std::string sha256_of_file(const std::string& path);

}  // namespace faultline::cli
