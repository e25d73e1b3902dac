#include "random_code.h"

#include <array>
#include <cstring>
#include <random>

#include "hart_rig.h"
#include "hw/riscv/decode.h"
#include "hw/riscv/instruction_table.h"

namespace faultline::hw {
namespace {

// Places in the image, by address. x2 and x30 point into the middle of the
// data, x31 to an aligned word of it; x3 is scratch of the frame around the
// random instructions, which write none of the four.
constexpr uint32_t kTables = 0x110000, kData = 0x180000, kDump = 0x190000, kEnd = 0x191000;
constexpr uint32_t kDumpBytes = 8 * (32 + 1 + 32);

constexpr std::array<uint64_t, 24> kDoubles = {0,
                                               0x8000000000000000,
                                               0x7ff0000000000000,
                                               0xfff0000000000000,
                                               0x7ff8000000000000,
                                               0x7ff0000000000001,
                                               0xfff4000000000000,
                                               1,
                                               0x800fffffffffffff,
                                               0x0010000000000000,
                                               0x3ff0000000000000,
                                               0xbff0000000000001,
                                               0x3fe0000000000000,
                                               0x4004000000000000,
                                               0xc00c000000000000,
                                               0x41dfffffffc00000,
                                               0x41e0000000000000,
                                               0x43e0000000000000,
                                               0xc3e0000000000000,
                                               0x7fefffffffffffff,
                                               0x47efffffe0000000,
                                               0x47efffffefffffff,
                                               0x3810000000000000,
                                               0x36a0000000000001};
constexpr std::array<uint32_t, 20> kSingles = {0,          0x80000000, 0x7f800000, 0xff800000, 0x7fc00000,
                                               0x7f800001, 0xffa00000, 1,          0x807fffff, 0x00800000,
                                               0x3f800000, 0xbf800001, 0x3f000000, 0x40200000, 0xc0600000,
                                               0x4f000000, 0x4f800000, 0x5f000000, 0x7f7fffff, 0x33800000};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed), image_(kEnd - kImageBase) {}

  RandomCode make(unsigned programs, unsigned length) {
    for (unsigned i = 0; i < programs; ++i) program(i, length);
    write_out(kData, 4096 * 4);
    li(17, 93);
    li(10, 0);
    word(0x00000073);
    for (uint32_t at = kTables; at < kData; at += 512) table(at);
    return {image_};
  }

 private:
  uint64_t pick(uint64_t n) { return random_() % n; }

  void bytes(uint32_t bits, unsigned n) {
    std::memcpy(&image_[at_], &bits, n);
    at_ += n;
  }
  void word(uint32_t bits) { bytes(bits, 4); }
  void lui(unsigned rd, uint32_t value) { word(0x37 | rd << 7 | (value & 0xfffff000)); }
  void li(unsigned rd, uint32_t small) { word(0x13 | rd << 7 | small << 20); }
  void memory(Opcode opcode, unsigned reg, unsigned base, uint32_t offset) {
    const Encoding& row = encoding(opcode);
    const bool store = row.format == Format::store || row.format == Format::float_store;
    word(row.match | base << 15 |
         (store ? reg << 20 | (offset & 31) << 7 | (offset >> 5 & 127) << 25 : reg << 7 | offset << 20));
  }
  void write_out(uint32_t address, uint32_t n) {
    li(10, 1);
    lui(11, address);
    lui(12, n + 0x800);
    word(0x13 | 12 << 7 | 12 << 15 | (n & 0xfff) << 20);
    li(17, 64);
    word(0x00000073);
  }

  void program(unsigned number, unsigned length) {
    const uint32_t table_at = kTables + 512 * (number % ((kData - kTables) / 512));
    lui(3, table_at + 0x800);
    word(0x13 | 3 << 7 | 3 << 15 | (table_at & 0xfff) << 20);
    word(0x00305073);  // csrwi fcsr, 0
    for (unsigned f = 0; f < 32; ++f) memory(Opcode::fld, f, 3, 256 + 8 * f);
    for (unsigned x = 1; x < 30; ++x) {
      if (x != 2 && x != 3) memory(Opcode::ld, x, 3, 8 * x);
    }
    for (const unsigned x : {2u, 30u, 31u}) lui(x, kData + 0x2000);
    for (unsigned i = 0; i < length; ++i) instruction();
    dump();
  }

  void dump() {
    lui(3, kDump);
    for (unsigned x = 1; x < 30; ++x) memory(Opcode::sd, x, 3, 8 * x);
    word(0x00302073 | 4 << 7);  // csrr x4, fcsr
    memory(Opcode::sd, 4, 3, 8 * 32);
    for (unsigned f = 0; f < 32; ++f) memory(Opcode::fsd, f, 3, 8 * (33 + f));
    write_out(kDump, kDumpBytes);
  }

  void instruction() {
    switch (pick(16)) {
      case 0:  // a look at the flags, which clears them, or another rounding mode
        word(0x00301073 | static_cast<uint32_t>(5 + pick(20)) << 7);
        return;
      case 1:
        word(0x00205073 | static_cast<uint32_t>(pick(5)) << 15);
        return;
      case 2:
        skip();
        return;
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

  // A branch or jump over one instruction of 4 bytes.
  void skip() {
    const auto funct3 = std::array<uint32_t, 6>{0, 1, 4, 5, 6, 7}[pick(6)];
    const auto rs1 = static_cast<uint32_t>(pick(32)), rs2 = static_cast<uint32_t>(pick(32));
    if (pick(4) == 0) {
      word(0x0080006f | static_cast<uint32_t>(5 + pick(20)) << 7);
    } else {
      word(0x63 | 8 << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20);
    }
    plain();
  }

  void reserved_pair() {
    const uint32_t funct3 = pick(2) != 0 ? 3 : 2;
    const auto rd = static_cast<uint32_t>(5 + pick(20));
    const auto rs2 = static_cast<uint32_t>(pick(32));
    if (pick(4) != 0) word(0x1000002f | funct3 << 12 | 31 << 15 | rd << 7);
    word(0x1800002f | funct3 << 12 | 31 << 15 | (rd + 1) << 7 | rs2 << 20);
  }

  static bool writes_kept(const Instruction& i, Format format) {
    const bool to_float = format == Format::float_load || format == Format::float_r4 || format == Format::float_r ||
                          format == Format::float_r_rm || format == Format::float_1_rm ||
                          format == Format::int_to_float || format == Format::int_to_float_rm;
    const bool none = format == Format::store || format == Format::float_store;
    return !to_float && !none && (i.rd == 2 || i.rd == 3 || i.rd == 30 || i.rd == 31);
  }
  static bool excluded(Format format) {
    return format == Format::none || format == Format::branch || format == Format::jump || format == Format::csr ||
           format == Format::csr_imm || format == Format::load_reserved;
  }

  void plain() {
    for (;;) {
      const Encoding& row = kEncodings[1 + pick(kOpcodes - 1)];
      if (excluded(row.format) || row.opcode == Opcode::jalr || row.opcode == Opcode::sc_w ||
          row.opcode == Opcode::sc_d) {
        continue;
      }
      uint32_t bits = row.match | (static_cast<uint32_t>(random_()) & ~row.mask);
      const bool by_address = row.format == Format::load || row.format == Format::store ||
                              row.format == Format::float_load || row.format == Format::float_store;
      if (by_address) bits = (bits & ~(31u << 15)) | (pick(2) != 0 ? 2u : 30u) << 15;
      if (row.format == Format::amo) bits = (bits & ~(31u << 15)) | 31u << 15;
      const Instruction i = decode(bits);
      if (i.opcode != row.opcode || writes_kept(i, row.format)) continue;
      return word(bits);
    }
  }

  void compressed() {
    for (;;) {
      const auto bits = static_cast<uint16_t>(random_());
      if (!is_compressed(bits)) continue;
      const Instruction i = decode(bits);
      const Format format = encoding(i.opcode).format;
      if (excluded(format) || i.opcode == Opcode::jalr || writes_kept(i, format)) continue;
      const bool by_address = format == Format::load || format == Format::store || format == Format::float_load ||
                              format == Format::float_store;
      if (by_address && i.rs1 != 2) continue;
      return bytes(bits, 2);
    }
  }

  uint64_t integer() {
    switch (pick(6)) {
      case 0:
        return pick(3) - 1;
      case 1:
        return uint64_t{1} << pick(64);
      case 2:
        return (uint64_t{1} << pick(64)) - 1;
      case 3:
        return static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(random_())));
      default:
        return random_();
    }
  }
  uint64_t real() {
    const uint64_t box = 0xffffffff00000000;
    switch (pick(8)) {
      case 0:
        return kDoubles[pick(kDoubles.size())];
      case 1:
      case 2:
        return box | kSingles[pick(kSingles.size())];
      case 3:
        return random_();
      case 4:
        return box | static_cast<uint32_t>(random_());
      case 5:  // near one another, so that sums cancel
        return 0x3ff0000000000000 + (random_() & 0x801fffffffffffff);
      case 6:
        return box | (0x3f800000 + (static_cast<uint32_t>(random_()) & 0x81ffffff));
      default:  // ties: few bits set
        return 0x3ff0000000000000 | uint64_t{1} << pick(52) | uint64_t{1} << pick(52) | pick(1024) << 52;
    }
  }
  void table(uint32_t at) {
    for (unsigned i = 0; i < 64; ++i) {
      const uint64_t value = i < 32 ? integer() : real();
      std::memcpy(&image_[at + 8 * i - kImageBase], &value, 8);
    }
  }

  std::mt19937_64 random_;
  std::vector<uint8_t> image_;
  size_t at_ = 0;
};

}  // namespace

RandomCode make_random_code(uint64_t seed, unsigned programs, unsigned length) {
  return Generator(seed).make(programs, length);
}

std::vector<uint8_t> make_elf(const std::vector<uint8_t>& image) {
  constexpr uint64_t kOffset = 0x1000;
  std::vector<uint8_t> elf(kOffset);
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
  elf.insert(elf.end(), image.begin(), image.end());
  return elf;
}

}  // namespace faultline::hw
