#include "random_code.h"

#include <cstring>

#include "code_generator.h"
#include "hart_rig.h"

namespace faultline::hw {
namespace {

class Generator : CodeGenerator {
 public:
  explicit Generator(uint64_t seed) : CodeGenerator(seed, 1u << 2 | 1u << 3 | 1u << 30 | 1u << 31) {}

  RandomCode make(unsigned programs, unsigned length) {
    for (unsigned i = 0; i < programs; ++i) program(i, length);
    write_out(kData, 4096 * 4);
    leave();
    for (uint32_t at = kTables; at < kData; at += kTableBytes) table(at);
    return {image_};
  }

 private:
  void program(unsigned number, unsigned length) {
    load_address(3, kTables + kTableBytes * (number % ((kData - kTables) / kTableBytes)));
    load_registers();
    for (const unsigned x : {2u, 30u, 31u}) lui(x, kData + 0x2000);
    for (unsigned i = 0; i < length; ++i) instruction();
    dump();
  }

  void instruction() {
    switch (pick(16)) {
      case 0:
      case 1:
        return change_flags_or_rounding();
      case 2:
        return skip();
      case 3:
        return reserved_pair();
      case 4:
      case 5:
      case 6:
        return compressed();
      default:
        return plain();
    }
  }
};

}  // namespace

RandomCode make_random_code(uint64_t seed, unsigned programs, unsigned length) {
  return Generator(seed).make(programs, length);
}

std::vector<uint8_t> make_elf(const std::vector<uint8_t>& image) {
  constexpr uint64_t kOffset = 0x1000;
  std::vector<uint8_t> elf(kOffset + image.size());
  const auto put = [&elf](size_t at, uint64_t value, unsigned n) { std::memcpy(&elf[at], &value, n); };
  const uint8_t ident[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
  std::memcpy(elf.data(), ident, sizeof(ident));
  put(16, 2, 2);           // ET_EXEC
  put(18, 243, 2);         // EM_RISCV
  put(20, 1, 4);           // EV_CURRENT
  put(24, kImageBase, 8);  // e_entry
  put(32, 64, 8);          // e_phoff
  put(48, 5, 4);           // e_flags: RVC, double-float ABI
  put(52, 64, 2);          // e_ehsize
  put(54, 56, 2);          // e_phentsize
  put(56, 1, 2);           // e_phnum
  put(64, 1, 4);           // PT_LOAD
  put(68, 7, 4);           // RWX
  put(72, kOffset, 8);
  put(80, kImageBase, 8);
  put(88, kImageBase, 8);
  put(96, image.size(), 8);
  put(104, image.size(), 8);
  put(112, kOffset, 8);
  std::memcpy(&elf[kOffset], image.data(), image.size());
  return elf;
}

}  // namespace faultline::hw
