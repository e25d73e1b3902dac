// Reading intact programs: what the loader says against what readelf says.
#include "loader/elf.h"

#include <gtest/gtest.h>

#include "test_program.h"

namespace faultline::loader {
namespace {

TEST(Elf, ReadsAStaticProgram) {
  const Bytes file = read_host_file(STATIC_PROGRAM);
  ASSERT_GT(file.size(), kElfHeaderBytes);
  auto image = parse_elf(file, kLimits);
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_EQ(image->kind, ProgramKind::fixed);
  EXPECT_EQ(image->entry.value, peek<uint64_t>(file, 24));
  EXPECT_FALSE(image->interpreter);
  EXPECT_FALSE(image->executable_stack);
  EXPECT_EQ(image->alignment, 0x1000);
  EXPECT_EQ(image->program_header_count, peek<uint16_t>(file, 56));
  // GNU ld puts text at 0x10000 and the headers at the beginning of it.
  ASSERT_EQ(image->segments.size(), 2);
  EXPECT_EQ(image->begin().value, 0x10000);
  EXPECT_EQ(image->program_headers, VirtAddr(0x10040));

  const Segment& text = image->segments[0];
  EXPECT_TRUE(text.read && text.execute && !text.write);
  EXPECT_EQ(text.file_offset, 0);
  EXPECT_EQ(text.file_bytes, text.memory_bytes);
  const Segment& data = image->segments[1];
  EXPECT_TRUE(data.read && data.write && !data.execute);
  EXPECT_GE(data.memory_bytes - data.file_bytes, 5000 * sizeof(int)) << "bss";
  EXPECT_EQ(data.address.value % 4096, data.file_offset % 4096);
  EXPECT_EQ(image->end(), data.address + data.memory_bytes);
}

TEST(Elf, ReadsTheSameInSteps) {
  const Bytes file = read_host_file(STATIC_PROGRAM);
  auto header = parse_header(std::span(file).first(kElfHeaderBytes), file.size());
  ASSERT_TRUE(header);
  const FileRange& table = header->program_headers;
  auto image = parse_program(*header, std::span(file).subspan(table.offset, table.bytes), file.size(), kLimits);
  ASSERT_TRUE(image);
  auto whole = parse_elf(file, kLimits);
  EXPECT_EQ(image->entry, whole->entry);
  EXPECT_EQ(image->segments.size(), whole->segments.size());
}

TEST(Elf, MovesAStaticPie) {
  const Bytes file = read_host_file(STATIC_PIE_PROGRAM);
  auto image = parse_elf(file, kLimits);
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_EQ(image->kind, ProgramKind::position_independent);
  EXPECT_FALSE(image->interpreter);
  EXPECT_EQ(image->begin().value, 0);

  constexpr uint64_t kBias = 0x2aaaaaa000;
  auto placed = image->placed_at(kBias, kLimits);
  ASSERT_TRUE(placed);
  EXPECT_EQ(placed->entry, image->entry + kBias);
  EXPECT_EQ(placed->begin().value, kBias);
  EXPECT_EQ(placed->end(), image->end() + kBias);
  EXPECT_EQ(placed->program_headers, *image->program_headers + kBias);
  EXPECT_EQ(placed->segments[0].file_offset, image->segments[0].file_offset);
}

TEST(Elf, RefusesAPlaceOutsideUserSpace) {
  auto image = parse_elf(read_host_file(STATIC_PIE_PROGRAM), kLimits);
  ASSERT_TRUE(image);
  const uint64_t highest = kLimits.user_end.value - image->end().value;
  EXPECT_TRUE(image->placed_at(highest, kLimits));
  EXPECT_FALSE(image->placed_at(highest + 1, kLimits));
  EXPECT_FALSE(image->placed_at(~uint64_t{0}, kLimits));
  EXPECT_TRUE(image->placed_at(0x10000, kLimits));
  auto low = image->placed_at(0xf000, kLimits);
  ASSERT_FALSE(low);
  EXPECT_EQ(low.error().failure, Failure::invalid);
}

TEST(Elf, NamesTheInterpreterOfADynamicProgram) {
  auto image = parse_elf(read_host_file(DYNAMIC_PROGRAM), kLimits);
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_TRUE(image->interpreter);
  EXPECT_EQ(image->interpreter_path, "/lib/ld-linux-riscv64-lp64d.so.1");
}

TEST(Elf, TakesAnExecutableStackFromTheFile) {
  Bytes file = read_host_file(STATIC_PROGRAM);
  const uint64_t stack = program_header(file, 0x6474e551);
  ASSERT_NE(stack, 0);
  poke<uint32_t>(file, stack + 4, 7);
  auto image = parse_elf(file, kLimits);
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->executable_stack);
}

TEST(Elf, AcceptsOtherFloatAbis) {
  Bytes file = read_host_file(STATIC_PROGRAM);
  for (const uint32_t flags : {0u, 1u, 2u, 4u, 5u, 0x11u}) {
    poke<uint32_t>(file, 48, flags);
    EXPECT_TRUE(parse_elf(file, kLimits)) << flags;
  }
}

// A table behind all segments: the program is sound, but cannot find its headers.
TEST(Elf, SaysWhenNoSegmentHoldsTheProgramHeaders) {
  Bytes file = read_host_file(STATIC_PROGRAM);
  const uint64_t bytes = peek<uint16_t>(file, 56) * kProgramHeaderBytes;
  const Bytes table(file.begin() + 64, file.begin() + 64 + static_cast<ptrdiff_t>(bytes));
  poke<uint64_t>(file, 32, file.size());
  file.insert(file.end(), table.begin(), table.end());
  auto image = parse_elf(file, kLimits);
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_FALSE(image->program_headers);
}

// A segment without file bytes is all zeroes; its offset means nothing.
TEST(Elf, AcceptsABssSegmentAtAnyOffset) {
  Bytes file = read_host_file(STATIC_PROGRAM);
  const uint64_t data = program_header(file, 1, 1);
  poke<uint64_t>(file, data + 8, ~uint64_t{0});
  poke<uint64_t>(file, data + 32, 0);
  auto image = parse_elf(file, kLimits);
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_EQ(image->segments[1].file_bytes, 0);
}

TEST(Elf, SortsSegmentsByAddress) {
  Bytes file = read_host_file(STATIC_PROGRAM);
  const uint64_t text = program_header(file, 1, 0);
  const uint64_t data = program_header(file, 1, 1);
  for (uint64_t i = 0; i < kProgramHeaderBytes; ++i) std::swap(file[text + i], file[data + i]);
  auto image = parse_elf(file, kLimits);
  ASSERT_TRUE(image);
  EXPECT_LT(image->segments[0].address, image->segments[1].address);
}

// Two segments in one page of memory that is one page of the file.
TEST(Elf, LetsSegmentsShareAPageOfTheFile) {
  Bytes file = read_host_file(STATIC_PROGRAM);
  const uint64_t text = program_header(file, 1, 0);
  const uint64_t data = program_header(file, 1, 1);
  const auto text_bytes = peek<uint64_t>(file, text + 32);
  ASSERT_NE(text_bytes % 4096, 0);
  poke<uint64_t>(file, data + 8, text_bytes);
  poke<uint64_t>(file, data + 16, 0x10000 + text_bytes);
  EXPECT_TRUE(parse_elf(file, kLimits));
  // Now the page would have to hold bytes of two pages of the file.
  poke<uint64_t>(file, data + 8, text_bytes + 4096);
  auto image = parse_elf(file, kLimits);
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().what.find("shares a page"), std::string::npos) << image.error().what;
}

TEST(Elf, SaysWhichErrnoExecveGives) {
  EXPECT_EQ((LoadError{Failure::not_executable, ""}).error_number(), 8);      // ENOEXEC
  EXPECT_EQ((LoadError{Failure::invalid, ""}).error_number(), 22);            // EINVAL
  EXPECT_EQ((LoadError{Failure::truncated, ""}).error_number(), 5);           // EIO
  EXPECT_EQ((LoadError{Failure::arguments_too_long, ""}).error_number(), 7);  // E2BIG
}

}  // namespace
}  // namespace faultline::loader
