// Programs of random legal instructions that print every register.
#pragma once

#include <cstdint>
#include <vector>

namespace faultline::hw {

struct RandomCode {
  std::vector<uint8_t> image;  // to be mapped at kImageBase, writable and executable
};

// `programs` sequences of `length` instructions each. Equal seeds, equal code.
RandomCode make_random_code(uint64_t seed, unsigned programs, unsigned length);

// A static executable for Linux that holds the image and starts at its first byte.
std::vector<uint8_t> make_elf(const std::vector<uint8_t>& image);

}  // namespace faultline::hw
