#include "code_generator.h"

#include <array>
#include <cstring>

#include "hart_rig.h"
#include "hw/riscv/decode.h"

namespace faultline::hw {
namespace {

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

bool excluded(Format format) {
  return format == Format::none || format == Format::branch || format == Format::jump || format == Format::csr ||
         format == Format::csr_imm || format == Format::load_reserved;
}

bool is_memory(Format format) {
  return format == Format::load || format == Format::store || format == Format::float_load ||
         format == Format::float_store;
}

}  // namespace

CodeGenerator::CodeGenerator(uint64_t seed, uint32_t kept)
    : image_(kImageEnd - kImageBase), random_(seed), kept_(kept) {}

// ---- Writing ----------------------------------------------------------------

uint32_t CodeGenerator::here() const { return static_cast<uint32_t>(kImageBase + at_); }

void CodeGenerator::go_to(uint32_t address) { at_ = address - kImageBase; }

void CodeGenerator::patch(uint32_t address, uint32_t bits) {
  std::memcpy(&image_.at(address - kImageBase), &bits, sizeof(bits));
}

void CodeGenerator::bytes(uint32_t bits, unsigned n) {
  std::memcpy(&image_.at(at_), &bits, n);
  at_ += n;
}

void CodeGenerator::load_address(unsigned rd, uint32_t address) {
  lui(rd, address + 0x800);
  addi(rd, rd, static_cast<int32_t>(address & 0xfff));
}

void CodeGenerator::memory(Opcode opcode, unsigned reg, unsigned base, uint32_t offset) {
  const Encoding& row = encoding(opcode);
  const bool store = row.format == Format::store || row.format == Format::float_store;
  word(row.match | base << 15 |
       (store ? reg << 20 | (offset & 31) << 7 | (offset >> 5 & 127) << 25 : reg << 7 | offset << 20));
}

void CodeGenerator::write_out(uint32_t address, uint32_t n) {
  li(10, 1);
  lui(11, address);
  load_address(12, n);
  li(17, 64);
  word(0x00000073);
}

void CodeGenerator::leave() {
  li(17, 93);
  li(10, 0);
  word(0x00000073);
}

void CodeGenerator::load_registers() {
  word(0x00305073);  // csrwi fcsr, 0
  for (unsigned f = 0; f < 32; ++f) memory(Opcode::fld, f, 3, 256 + 8 * f);
  for (unsigned x = 1; x < 32; ++x) {
    if ((kept_ >> x & 1) == 0) memory(Opcode::ld, x, 3, 8 * x);
  }
}

void CodeGenerator::dump() {
  lui(3, kDump);
  for (unsigned x = 1; x < 30; ++x) memory(Opcode::sd, x, 3, 8 * x);
  word(0x00302073 | 4 << 7);  // csrr x4, fcsr
  memory(Opcode::sd, 4, 3, 8 * 32);
  for (unsigned f = 0; f < 32; ++f) memory(Opcode::fsd, f, 3, 8 * (33 + f));
  write_out(kDump, kDumpBytes);
}

// ---- Instructions -----------------------------------------------------------

void CodeGenerator::change_flags_or_rounding() {
  if (pick(2) == 0) {
    word(0x00301073 | any_register() << 7);  // a look at the flags, which clears them
  } else {
    word(0x00205073 | static_cast<uint32_t>(pick(5)) << 15);
  }
}

void CodeGenerator::skip() {
  const auto funct3 = std::array<uint32_t, 6>{0, 1, 4, 5, 6, 7}[pick(6)];
  const auto rs1 = static_cast<uint32_t>(pick(32)), rs2 = static_cast<uint32_t>(pick(32));
  if (pick(4) == 0) {
    word(0x0080006f | any_register() << 7);
  } else {
    word(0x63 | 8 << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20);
  }
  plain();
}

void CodeGenerator::reserved_pair() {
  const uint32_t funct3 = pick(2) != 0 ? 3 : 2;
  const uint32_t rd = any_register();
  const auto rs2 = static_cast<uint32_t>(pick(32));
  if (pick(4) != 0) word(0x1000002f | funct3 << 12 | 31 << 15 | rd << 7);
  word(0x1800002f | funct3 << 12 | 31 << 15 | (rd + 1) << 7 | rs2 << 20);
}

bool CodeGenerator::writes_kept(const Instruction& i, Format format) const {
  const bool to_float = format == Format::float_load || format == Format::float_r4 || format == Format::float_r ||
                        format == Format::float_r_rm || format == Format::float_1_rm ||
                        format == Format::int_to_float || format == Format::int_to_float_rm;
  const bool none = format == Format::store || format == Format::float_store;
  return !to_float && !none && (kept_ >> i.rd & 1) != 0;
}

void CodeGenerator::use(Kind kind, unsigned registers) {
  kind_ = kind;
  few_.clear();
  for (unsigned i = 0; i < registers; ++i) few_.push_back(any_register());
}

bool CodeGenerator::is_wanted(Opcode opcode) const {
  const auto between = [opcode](Opcode first, Opcode last) { return first <= opcode && opcode <= last; };
  const bool integer =
      between(Opcode::lui, Opcode::auipc) || between(Opcode::addi, Opcode::sraw) || between(Opcode::mul, Opcode::remuw);
  switch (kind_) {
    case Kind::any:
      return true;
    case Kind::integer:
      return integer;
    case Kind::integer_and_memory:
      return integer || between(Opcode::lb, Opcode::sd);
    case Kind::floating:
      return between(Opcode::flw, Opcode::fmv_d_x);
  }
  return true;
}

// Most registers from the few, and a rounding mode that the host has.
uint32_t CodeGenerator::with_few_registers(uint32_t bits, Format format) {
  if (few_.empty()) return bits;
  const auto set = [&](unsigned low) {
    if (pick(8) != 0) bits = (bits & ~(31u << low)) | few_[pick(few_.size())] << low;
  };
  const bool stores = format == Format::store || format == Format::float_store;
  if (!stores) set(7);
  if (format != Format::upper && !is_memory(format)) set(15);
  const bool two = format == Format::r || format == Format::float_r || format == Format::float_r_rm ||
                   format == Format::float_r4 || format == Format::float_compare;
  if (two || stores) set(20);
  if (format == Format::float_r4) set(27);
  constexpr std::array<uint32_t, 4> kModes = {7, 7, 0, 1};
  if (has_rounding_mode(format)) bits = (bits & ~(7u << 12)) | kModes[pick(kModes.size())] << 12;
  return bits;
}

void CodeGenerator::plain() {
  for (;;) {
    const Encoding& row = kEncodings[1 + pick(kOpcodes - 1)];
    if (!is_wanted(row.opcode) || excluded(row.format) || row.opcode == Opcode::jalr || row.opcode == Opcode::sc_w ||
        row.opcode == Opcode::sc_d) {
      continue;
    }
    uint32_t bits = row.match | (static_cast<uint32_t>(random_()) & ~row.mask);
    bits = with_few_registers(bits, row.format);
    if (is_memory(row.format)) bits = (bits & ~(31u << 15)) | (pick(2) != 0 ? 2u : 30u) << 15;
    if (row.format == Format::amo) bits = (bits & ~(31u << 15)) | 31u << 15;
    const Instruction i = decode(bits);
    if (i.opcode != row.opcode || writes_kept(i, row.format)) continue;
    return word(bits);
  }
}

void CodeGenerator::compressed() {
  for (;;) {
    const auto bits = static_cast<uint16_t>(random_());
    if (!is_compressed(bits)) continue;
    const Instruction i = decode(bits);
    const Format format = encoding(i.opcode).format;
    if (excluded(format) || i.opcode == Opcode::jalr || writes_kept(i, format)) continue;
    if (is_memory(format) && i.rs1 != 2) continue;
    return bytes(bits, 2);
  }
}

// ---- Values -----------------------------------------------------------------

uint64_t CodeGenerator::integer() {
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

uint64_t CodeGenerator::real() {
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

void CodeGenerator::table(uint32_t at) {
  for (unsigned i = 0; i < 64; ++i) {
    const uint64_t value = i < 32 ? integer() : real();
    std::memcpy(&image_[at + 8 * i - kImageBase], &value, 8);
  }
}

}  // namespace faultline::hw
