// Generated programs under qemu-riscv64, and how they differ from it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace faultline::hw {

// What qemu-riscv64 makes an executable that holds `image` print; `name` for its file.
std::string run_qemu(const std::vector<uint8_t>& image, const std::string& name);

// The first register of the dumps (code_generator.h) that differs, in words; empty: none.
std::string dump_difference(const std::string& ours, const std::string& theirs);

}  // namespace faultline::hw
