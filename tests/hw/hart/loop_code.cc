#include "loop_code.h"

#include <array>
#include <cstring>

#include "code_generator.h"
#include "hart_rig.h"

namespace faultline::hw {
namespace {

constexpr uint32_t kTimes = 3;
// In the page of the dump, behind it.
constexpr uint32_t kTime = kDump + 0x800;     // how often all loops have run
constexpr uint32_t kPatches = kDump + 0xc00;  // instructions that code is changed to
constexpr uint32_t kPage = 4096;

constexpr unsigned kLink = 1, kStack = 2, kScratch = 3, kCounter = 4, kInner = 29, kPointer = 30, kWord = 31;
constexpr uint32_t kKept =
    1u << kLink | 1u << kStack | 1u << kScratch | 1u << kCounter | 1u << kInner | 1u << kPointer | 1u << kWord;

constexpr uint32_t kFenceI = 0x0000100f, kIllegal = 0xffffffff, kBreak = 0x00100073, kCompressedBreak = 0x9002;

constexpr uint32_t branch_bits(uint32_t funct3, unsigned rs1, unsigned rs2, int32_t offset) {
  const auto imm = static_cast<uint32_t>(offset);
  return 0x63 | (imm >> 11 & 1) << 7 | (imm >> 1 & 15) << 8 | funct3 << 12 | rs1 << 15 | rs2 << 20 |
         (imm >> 5 & 63) << 25 | (imm >> 12 & 1) << 31;
}
constexpr uint32_t jal_bits(unsigned rd, int32_t offset) {
  const auto imm = static_cast<uint32_t>(offset);
  return 0x6f | rd << 7 | (imm >> 12 & 255) << 12 | (imm >> 11 & 1) << 20 | (imm >> 1 & 1023) << 21 |
         (imm >> 20 & 1) << 31;
}
constexpr uint32_t jalr_bits(unsigned rd, unsigned rs1, uint32_t imm) { return 0x67 | rd << 7 | rs1 << 15 | imm << 20; }
constexpr uint32_t kBeq = 0, kBne = 1, kBlt = 4, kBge = 5;

class LoopGenerator : CodeGenerator {
 public:
  LoopGenerator(uint64_t seed, bool traps) : CodeGenerator(seed, kKept), traps_(traps) {}

  RandomCode make(unsigned programs) {
    image_.resize(kHoles + kHoleBytes - kImageBase);
    go_to(kPatches);
    for (unsigned i = 0; i < 64; ++i) plain();
    go_to(kImageBase);
    for (unsigned i = 0; i < programs; ++i) program(i);
    load_address(kScratch, kTime);
    memory(Opcode::ld, kCounter, kScratch, 0);
    addi(kCounter, kCounter, 1);
    memory(Opcode::sd, kCounter, kScratch, 0);
    addi(kCounter, kCounter, -static_cast<int32_t>(kTimes));
    word(branch_bits(kBeq, kCounter, 0, 8));
    word(jal_bits(0, static_cast<int32_t>(kImageBase - here())));
    write_out(kData, kDump - kData);
    leave();
    for (uint32_t i = 0; i < programs * kTimes; ++i) table(kTables + kTableBytes * i);
    return {image_};
  }

 private:
  void shift_left(unsigned rd, unsigned rs1, uint32_t amount) { word(0x1013 | rd << 7 | rs1 << 15 | amount << 20); }
  void low_bits_of_counter(uint32_t mask) { word(0x7013 | kScratch << 7 | kCounter << 15 | mask << 20); }
  void add_to_scratch(unsigned reg) { word(0x33 | kScratch << 7 | kScratch << 15 | reg << 20); }
  int32_t back_to(uint32_t address) { return static_cast<int32_t>(address - here()); }

  void program(unsigned number) {
    load_address(kScratch, kTime);
    memory(Opcode::ld, kCounter, kScratch, 0);
    shift_left(kCounter, kCounter, 9);  // the table of this time
    load_address(kScratch, kTables + kTableBytes * kTimes * number);
    add_to_scratch(kCounter);
    load_registers();
    const uint32_t near_end = kData + kPage - static_cast<uint32_t>(pick(16));
    load_address(kStack, pick(2) == 0 ? kData + 0x8000 : near_end);
    load_address(kPointer, pick(2) == 0 ? kData + 0x4000 : near_end);
    lui(kWord, kData + 0x2000);
    constexpr std::array<int32_t, 7> kRounds = {1, 2, 3, 7, 40, 90, 150};
    li(kCounter, kRounds[pick(kRounds.size())]);
    if (pick(3) == 0) to_end_of_page();
    loop();
    dump();
  }

  // Goes on a few instructions before the end of this page.
  void to_end_of_page() {
    const uint32_t end = (here() + 8 + kPage) / kPage * kPage, target = end - 2 * static_cast<uint32_t>(1 + pick(24));
    if (target < here() + 4) return;
    word(jal_bits(0, static_cast<int32_t>(target - here())));
    go_to(target);
  }

  void loop() {
    const uint32_t start = here();
    constexpr std::array<unsigned, 8> kLengths = {0, 1, 2, 4, 8, 13, 25, 50};
    const unsigned length = kLengths[pick(kLengths.size())];
    const unsigned count_at = static_cast<unsigned>(pick(length + 1));
    const int32_t step = std::array<int32_t, 6>{0, 0, 1, 8, 16, 64}[pick(6)];
    changing_ = pick(6) == 0;
    choose_kind();
    for (unsigned i = 0; i <= length; ++i) {
      if (i == count_at) addi(kCounter, kCounter, -1);
      if (i == length / 2 && step != 0) addi(kPointer, kPointer, step);
      if (i < length) element();
    }
    close(start);
  }

  void choose_kind() {
    constexpr std::array<Kind, 4> kKinds = {Kind::any, Kind::integer, Kind::integer_and_memory, Kind::floating};
    const Kind kind = kKinds[pick(kKinds.size())];
    use(kind, kind == Kind::any ? 0 : 2 + static_cast<unsigned>(pick(11)));
  }

  void close(uint32_t start) {
    const bool far = here() - start > 2000;  // some forms reach no further
    switch (far ? 2 : pick(7)) {
      case 1:
        return word(branch_bits(kBlt, 0, kCounter, back_to(start)));
      case 2:  // out of the loop, or back
        word(branch_bits(kBge, 0, kCounter, 8));
        return word(jal_bits(0, back_to(start)));
      case 3:  // back with a link that the next round may read
        word(branch_bits(kBeq, kCounter, 0, 8));
        return word(jal_bits(one_of_few(), back_to(start)));
      case 4: {  // by a register
        word(branch_bits(kBge, 0, kCounter, 16));
        const uint32_t here_now = here();
        word(0x17 | kScratch << 7);  // auipc
        addi(kScratch, kScratch, static_cast<int32_t>(start - here_now));
        return word(jalr_bits(0, kScratch, static_cast<uint32_t>(pick(2))));
      }
      default:  // most often a loop of one block
        return word(branch_bits(kBne, kCounter, 0, back_to(start)));
    }
  }

  void element() {
    if (kind() != Kind::any && pick(24) != 0) return plain();
    switch (pick(32)) {
      case 0:
        return change_flags_or_rounding();
      case 1:
      case 2:
        return skip();
      case 3:
        return reserved_pair();
      case 4:
        return call();
      case 5:
        return jump_through_table();
      case 6:
        return inner_loop();
      case 7:
        return changing_ ? change_code() : plain();
      case 8:
      case 9:
        return traps_ ? trap() : plain();
      case 10:
        return read_counter();
      default:
        return pick(4) == 0 ? compressed() : plain();
    }
  }

  void call() {
    word(jal_bits(kLink, 8));
    const uint32_t over = here();
    word(0);
    for (uint64_t i = 1 + pick(4); i != 0; --i) plain();
    word(jalr_bits(0, kLink, static_cast<uint32_t>(pick(2))));
    patch(over, jal_bits(0, static_cast<int32_t>(here() - over)));
  }

  // One of four pairs of an instruction and a jump; bit 0 of the target is cleared.
  void jump_through_table() {
    low_bits_of_counter(3);
    shift_left(kScratch, kScratch, 3);
    word(0x17 | kLink << 7);  // auipc
    add_to_scratch(kLink);
    word(jalr_bits(pick(2) == 0 ? 0 : any_register(), kScratch, 12 + static_cast<uint32_t>(pick(2))));
    for (int32_t i = 0; i < 4; ++i) {
      plain();
      word(jal_bits(0, 4 + (3 - i) * 8));
    }
  }

  void inner_loop() {
    li(kInner, static_cast<int32_t>(1 + pick(5)));
    const uint32_t start = here();
    for (uint64_t i = pick(4); i != 0; --i) plain();
    addi(kInner, kInner, -1);
    word(branch_bits(kBne, kInner, 0, back_to(start)));
  }

  // An instruction further on becomes another one, by the round.
  void change_code() {
    low_bits_of_counter(15);
    shift_left(kScratch, kScratch, 2);
    load_address(kLink, kPatches + 64 * static_cast<uint32_t>(pick(4)));
    add_to_scratch(kLink);
    memory(Opcode::lw, kLink, kScratch, 0);
    const uint32_t base = here();
    word(0x17 | kScratch << 7);  // auipc
    const uint32_t store = here();
    word(0);
    word(kFenceI);
    for (uint64_t i = pick(4); i != 0; --i) plain();
    const uint32_t offset = here() - base;
    const Opcode opcode = Opcode::sw;
    patch(store, encoding(opcode).match | kScratch << 15 | kLink << 20 | (offset & 31) << 7 | (offset >> 5) << 25);
    plain();
  }

  // cycle, time or instret, which qemu counts otherwise.
  void read_counter() {
    if (traps_) return word(0xc0002073 | static_cast<uint32_t>(pick(3)) << 20 | any_register() << 7);
    plain();
  }

  void trap() {
    switch (pick(8)) {
      case 0:
        return word(kIllegal);
      case 1:
        return word(kBreak);
      case 2:
        return bytes(kCompressedBreak, 2);
      case 3:  // an atomic operation where nothing needs be aligned
        return word(encoding(Opcode::amoadd_d).match | any_register() << 7 | kPointer << 15 | any_register() << 20);
      case 4:  // a reserved rounding mode
        word(0x00205073 | static_cast<uint32_t>(5 + pick(3)) << 15);
        plain();
        return word(0x00205073);
      case 5:  // no such register
        return word(0x80002073 | any_register() << 7);
      default:
        return touch_hole();
    }
  }

  // In the hole, or over its edge.
  void touch_hole() {
    const auto page = static_cast<uint32_t>(pick(kHoleBytes / kPage));
    load_address(kLink, kHoles + page * kPage);
    constexpr std::array<Opcode, 8> kOpcodes = {Opcode::lb, Opcode::lw,  Opcode::ld,  Opcode::sh,
                                                Opcode::sd, Opcode::fld, Opcode::fsw, Opcode::amoxor_w};
    const Opcode opcode = kOpcodes[pick(kOpcodes.size())];
    if (opcode == Opcode::amoxor_w) {
      return word(encoding(opcode).match | any_register() << 7 | kLink << 15 | any_register() << 20);
    }
    const auto offset = static_cast<uint32_t>(std::array<int32_t, 6>{0, 8, -1, -2, -4, -7}[pick(6)]);
    memory(opcode, any_register(), kLink, offset & 0xfff);
  }

  const bool traps_;
  bool changing_ = false;  // this loop changes its own code
};

}  // namespace

RandomCode make_loop_code(uint64_t seed, unsigned programs, bool traps) {
  return LoopGenerator(seed, traps).make(programs);
}

}  // namespace faultline::hw
