// Every way in which a file can be no program: one small change to a real one,
// and the line that must come out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>

#include "loader/elf.h"
#include "test_program.h"

namespace faultline::loader {
namespace {

constexpr uint32_t kLoad = 1;
constexpr uint32_t kInterp = 3;
constexpr uint32_t kNote = 4;

// Fields of Elf64_Phdr.
constexpr uint64_t kType = 0, kFlags = 4, kOffset = 8, kAddress = 16, kFileBytes = 32, kMemoryBytes = 40, kAlign = 48;

uint64_t text_header(const Bytes& file) { return program_header(file, kLoad, 0); }
uint64_t data_header(const Bytes& file) { return program_header(file, kLoad, 1); }

struct Damage {
  const char* name;
  std::function<void(Bytes&)> change;
  Failure failure;
  const char* message;  // a regular expression for the whole line
  const char* program = STATIC_PROGRAM;
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class DamagedElf : public testing::TestWithParam<Damage> {};

TEST_P(DamagedElf, IsRefusedInOneLine) {
  const Damage& damage = GetParam();
  Bytes file = read_host_file(damage.program);
  ASSERT_TRUE(parse_elf(file, kLimits)) << "the program itself must be sound";
  damage.change(file);
  auto image = parse_elf(file, kLimits);
  ASSERT_FALSE(image);
  EXPECT_THAT(image.error().what, testing::MatchesRegex(damage.message));
  EXPECT_EQ(image.error().what.find('\n'), std::string::npos);
  EXPECT_EQ(image.error().failure, damage.failure) << image.error().error_number();
}

const Damage kHeader[] = {
    {"Empty", [](Bytes& f) { f.clear(); }, Failure::not_executable, "offset 0x0: no ELF file: .*7f 45 4c 46"},
    {"ThreeBytes", [](Bytes& f) { f.resize(3); }, Failure::not_executable, "offset 0x0: no ELF file.*"},
    {"Script",
     [](Bytes& f) {
       f[0] = '#';
       f[1] = '!';
     },
     Failure::not_executable, "offset 0x0: no ELF file.*"},
    {"HeaderTruncated", [](Bytes& f) { f.resize(63); }, Failure::not_executable,
     "offset 0x3f: the file ends inside the ELF header of 64 bytes"},
    {"Class32", [](Bytes& f) { f[4] = 1; }, Failure::not_executable, "offset 0x4: class is 1, expected 2 \\(64-bit\\)"},
    {"BigEndian", [](Bytes& f) { f[5] = 2; }, Failure::not_executable,
     "offset 0x5: byte order is 2, expected 1 \\(little-endian\\)"},
    {"IdentVersion", [](Bytes& f) { f[6] = 0; }, Failure::not_executable, "offset 0x6: version is 0, expected 1"},
    {"Relocatable", [](Bytes& f) { poke<uint16_t>(f, 16, 1); }, Failure::not_executable,
     "offset 0x10: type is 1, expected 2 .executable. or 3 .position-independent."},
    {"Core", [](Bytes& f) { poke<uint16_t>(f, 16, 4); }, Failure::not_executable, "offset 0x10: type is 4.*"},
    {"MachineX86", [](Bytes& f) { poke<uint16_t>(f, 18, 62); }, Failure::not_executable,
     "offset 0x12: machine is 62, expected 243 \\(RISC-V\\)"},
    {"Version", [](Bytes& f) { poke<uint32_t>(f, 20, 2); }, Failure::not_executable,
     "offset 0x14: version is 2, expected 1"},
    {"Rve", [](Bytes& f) { poke<uint32_t>(f, 48, 0x9); }, Failure::not_executable,
     "offset 0x30: flags are 0x9: RV64E.*"},
    {"QuadFloat", [](Bytes& f) { poke<uint32_t>(f, 48, 0x7); }, Failure::not_executable,
     "offset 0x30: flags are 0x7: the quad-precision.*"},
    {"ProgramHeaderSize", [](Bytes& f) { poke<uint16_t>(f, 54, 32); }, Failure::not_executable,
     "offset 0x36: size of a program header is 32, expected 56"},
    {"NoProgramHeaders", [](Bytes& f) { poke<uint16_t>(f, 56, 0); }, Failure::not_executable,
     "offset 0x38: there are no program headers"},
    {"TooManyProgramHeaders", [](Bytes& f) { poke<uint16_t>(f, 56, 1171); }, Failure::not_executable,
     "offset 0x38: 1171 program headers take 65576 bytes, expected at most 65536"},
    {"ProgramHeadersBeyondEnd", [](Bytes& f) { poke<uint64_t>(f, 32, f.size() - 100); }, Failure::not_executable,
     "offset 0x20: 0x[0-9a-f]+ bytes of program headers at 0x[0-9a-f]+ reach beyond the end of the file.*"},
    {"ProgramHeadersWrap", [](Bytes& f) { poke<uint64_t>(f, 32, ~uint64_t{0} - 8); }, Failure::not_executable,
     "offset 0x20: .* at 0xfffffffffffffff7 reach beyond the end of the file.*"},
};

const Damage kSegments[] = {
    {"NoLoadableSegment",
     [](Bytes& f) {
       poke<uint32_t>(f, text_header(f) + kType, kNote);
       poke<uint32_t>(f, program_header(f, kLoad, 0) + kType, kNote);
     },
     Failure::not_executable, "offset 0x40: none of the [0-9]+ program headers is a loadable segment"},
    {"OnlyEmptySegments",
     [](Bytes& f) {
       for (const uint64_t at : {text_header(f), data_header(f)}) {
         poke<uint64_t>(f, at + kFileBytes, 0);
         poke<uint64_t>(f, at + kMemoryBytes, 0);
       }
     },
     Failure::not_executable, ".*none of the .* is a loadable segment"},
    {"SegmentBeyondEnd", [](Bytes& f) { f.resize(peek<uint64_t>(f, data_header(f) + kOffset) + 16); },
     Failure::not_executable,
     "offset 0x[0-9a-f]+: program header [0-9]: 0x[0-9a-f]+ bytes at 0x[0-9a-f]+ reach beyond the end of the file.*"},
    {"SegmentOffsetWraps",
     [](Bytes& f) {
       poke<uint64_t>(f, data_header(f) + kOffset, peek<uint64_t>(f, data_header(f) + kOffset) - (uint64_t{1} << 40));
     },
     Failure::not_executable, ".*program header [0-9]: .* reach beyond the end of the file.*"},
    {"MemoryBelowFileSize",
     [](Bytes& f) {
       poke<uint64_t>(f, text_header(f) + kMemoryBytes, peek<uint64_t>(f, text_header(f) + kFileBytes) - 1);
     },
     Failure::invalid, "offset 0x[0-9a-f]+: program header [0-9]: memory size 0x[0-9a-f]+ is below the file size.*"},
    {"AddressWraps", [](Bytes& f) { poke<uint64_t>(f, data_header(f) + kMemoryBytes, ~uint64_t{0} - 0x1000); },
     Failure::invalid, ".*program header [0-9]: 0xffff[0-9a-f]+ bytes at 0x[0-9a-f]+ wrap around.*"},
    {"HugeMemory", [](Bytes& f) { poke<uint64_t>(f, data_header(f) + kMemoryBytes, uint64_t{1} << 60); },
     Failure::invalid, ".*0x1000000000000000 bytes at 0x[0-9a-f]+ reach beyond user space at 0x800000000000"},
    {"AddressBeyondUserSpace",
     [](Bytes& f) {
       poke<uint64_t>(f, data_header(f) + kAddress, peek<uint64_t>(f, data_header(f) + kAddress) | uint64_t{1} << 47);
     },
     Failure::invalid,
     ".*reach beyond user space at 0x800000000000; link it lower with -Wl,-Ttext-segment=ADDRESS, or .*"},
    {"AddressTooLow", [](Bytes& f) { poke<uint64_t>(f, text_header(f) + kAddress, 0xf000); }, Failure::invalid,
     ".*address 0xf000 is below the lowest that may be mapped, 0x10000; link it with -Wl,-Ttext-segment=0x10000"},
    {"Overlap",
     [](Bytes& f) {
       poke<uint64_t>(f, data_header(f) + kAddress, 0x10000 + peek<uint64_t>(f, data_header(f) + kAddress) % 4096);
     },
     Failure::invalid,
     "offset 0x[0-9a-f]+: program header [0-9]: segment .* overlaps that of program header [0-9], 0x10000 to .*"},
    {"NotCongruent",
     [](Bytes& f) { poke<uint64_t>(f, data_header(f) + kAddress, peek<uint64_t>(f, data_header(f) + kAddress) + 8); },
     Failure::invalid, ".*address 0x[0-9a-f]+ and file offset 0x[0-9a-f]+ differ modulo the page size 0x1000"},
    {"AlignmentNoPowerOfTwo", [](Bytes& f) { poke<uint64_t>(f, text_header(f) + kAlign, 0x3000); }, Failure::invalid,
     ".*alignment 0x3000 is not a power of two"},
    {"AlignmentHuge", [](Bytes& f) { poke<uint64_t>(f, text_header(f) + kAlign, uint64_t{1} << 63); }, Failure::invalid,
     ".*alignment 0x8000000000000000 exceeds user space"},
    {"EntryOutside", [](Bytes& f) { poke<uint64_t>(f, 24, 0x100); }, Failure::invalid,
     "offset 0x18: entry 0x100 lies in no executable segment"},
    {"EntryInData", [](Bytes& f) { poke<uint64_t>(f, 24, peek<uint64_t>(f, data_header(f) + kAddress)); },
     Failure::invalid, "offset 0x18: entry 0x[0-9a-f]+ lies in no executable segment"},
    {"EntryInNoExecutable", [](Bytes& f) { poke<uint32_t>(f, text_header(f) + kFlags, 4); }, Failure::invalid,
     "offset 0x18: entry .* lies in no executable segment"},
    {"EntryOdd", [](Bytes& f) { f[24] |= 1; }, Failure::invalid, "offset 0x18: entry 0x[0-9a-f]+ is odd.*"},
};

const Damage kInterpreter[] = {
    {"InterpreterBeyondEnd", [](Bytes& f) { poke<uint64_t>(f, program_header(f, kInterp) + kOffset, f.size() - 4); },
     Failure::truncated, ".*the interpreter's path at 0x[0-9a-f]+ reaches beyond the end of the file.*",
     DYNAMIC_PROGRAM},
    {"InterpreterTooLong", [](Bytes& f) { poke<uint64_t>(f, program_header(f, kInterp) + kFileBytes, 4097); },
     Failure::not_executable, ".*the interpreter's path takes 0x1001 bytes, expected 2 to 0x1000", DYNAMIC_PROGRAM},
    {"InterpreterEmpty", [](Bytes& f) { poke<uint64_t>(f, program_header(f, kInterp) + kFileBytes, 1); },
     Failure::not_executable, ".*the interpreter's path takes 0x1 bytes.*", DYNAMIC_PROGRAM},
    {"InterpreterUnterminated",
     [](Bytes& f) {
       const uint64_t at = program_header(f, kInterp);
       f[peek<uint64_t>(f, at + kOffset) + peek<uint64_t>(f, at + kFileBytes) - 1] = 'x';
     },
     Failure::not_executable, "offset 0x[0-9a-f]+: the interpreter's path does not end with a zero byte",
     DYNAMIC_PROGRAM},
};

std::string name_of(const testing::TestParamInfo<Damage>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Header, DamagedElf, testing::ValuesIn(kHeader), name_of);
INSTANTIATE_TEST_SUITE_P(Segments, DamagedElf, testing::ValuesIn(kSegments), name_of);
INSTANTIATE_TEST_SUITE_P(Interpreter, DamagedElf, testing::ValuesIn(kInterpreter), name_of);

// Whatever the length to which a real file is cut, the reader answers.
TEST(DamagedElf, AnyTruncationIsRefused) {
  const Bytes file = read_host_file(STATIC_PROGRAM);
  const auto end =
      peek<uint64_t>(file, data_header(file) + kOffset) + peek<uint64_t>(file, data_header(file) + kFileBytes);
  for (uint64_t size = 0; size < end; size += size < 2048 ? 1 : 4001)
    EXPECT_FALSE(parse_elf(std::span(file).first(size), kLimits)) << size;
  EXPECT_TRUE(parse_elf(std::span(file).first(end), kLimits));
}

// A kernel that reads in steps may be given fewer bytes than the file promised.
TEST(DamagedElf, ShortReadsAreRefused) {
  const Bytes file = read_host_file(DYNAMIC_PROGRAM);
  EXPECT_FALSE(parse_header(std::span(file).first(10), file.size()));
  auto header = parse_header(file, file.size());
  ASSERT_TRUE(header);
  const FileRange& table = header->program_headers;
  const auto bytes = std::span(file).subspan(table.offset, table.bytes);
  auto cut = parse_program(*header, bytes.first(bytes.size() - 1), file.size(), kLimits);
  ASSERT_FALSE(cut);
  EXPECT_THAT(cut.error().what, testing::HasSubstr("ends inside the program headers"));
  auto image = parse_program(*header, bytes, file.size(), kLimits);
  ASSERT_TRUE(image && image->interpreter);
  EXPECT_FALSE(parse_interpreter(std::span(file).first(1), *image->interpreter));
}

}  // namespace
}  // namespace faultline::loader
