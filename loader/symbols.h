// Names of functions in an ELF64 file, for reports. A file without a symbol
// table, or with a damaged one, has none: it is hostile, and nothing depends on them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hw/base/types.h"

namespace faultline::loader {

class Symbols {
 public:
  Symbols() = default;
  // Of the functions (STT_FUNC) of the file's SHT_SYMTAB (gABI 4.1, chapter 4).
  // `file`: all of it.
  explicit Symbols(std::span<const uint8_t> file);

  // "memcpy+0x1c": the function that holds the address, as the file numbers
  // them; empty where none does. Printable ASCII of at most kLongestName and a
  // few.
  std::string name_at(VirtAddr address) const;
  bool empty() const { return functions_.empty(); }

  static constexpr size_t kLongestName = 100;
  // Of one file.
  static constexpr size_t kMost = 1 << 20;

 private:
  struct Function {
    uint64_t begin = 0;
    uint64_t bytes = 0;
    std::string name;
  };
  std::vector<Function> functions_;  // by address
};

}  // namespace faultline::loader
