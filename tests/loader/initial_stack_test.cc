// The initial stack, read back as a program's start-up code would read it.
#include "loader/initial_stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace faultline::loader {
namespace {

constexpr VirtAddr kTop(0x7ffffffff000);
constexpr uint64_t kEightMegabytes = 8 << 20;

ProgramImage image() {
  ProgramImage image;
  image.entry = VirtAddr(0x10500);
  image.program_headers = VirtAddr(0x10040);
  image.program_header_count = 6;
  image.segments.push_back({VirtAddr(0x10000), 0x1000, 0, 0x1000, true, false, true});
  return image;
}

StackRequest request() {
  StackRequest request;
  request.arguments = {"prog", "-x", ""};
  request.environment = {"HOME=/", "A="};
  request.path = "/bin/prog";
  for (uint8_t i = 0; i < 16; ++i) request.random[i] = static_cast<uint8_t>(0xa0 + i);
  return request;
}

// Reads the image as memory below the top.
class Memory {
 public:
  explicit Memory(const InitialStack& stack) : stack_(stack) {}

  uint64_t word(VirtAddr address) const {
    uint64_t value = 0;
    for (unsigned i = 0; i < 8; ++i) value |= uint64_t{byte(address + i)} << (8 * i);
    return value;
  }
  std::string text(VirtAddr address) const {
    std::string string;
    for (; byte(address) != 0; ++address) string += static_cast<char>(byte(address));
    return string;
  }
  uint8_t byte(VirtAddr address) const { return stack_.bytes.at(address - stack_.stack_pointer); }

 private:
  const InitialStack& stack_;
};

TEST(InitialStack, IsReadByAProgramAsLinuxWroteIt) {
  auto stack = build_initial_stack(request(), image(), kTop, kEightMegabytes);
  ASSERT_TRUE(stack);
  const Memory memory(*stack);
  VirtAddr at = stack->stack_pointer;
  EXPECT_EQ(at.value % 16, 0);
  EXPECT_EQ(at + stack->bytes.size(), kTop);

  const auto next = [&] {
    at += 8;
    return memory.word(at - 8);
  };
  EXPECT_EQ(next(), 3) << "argc";
  std::vector<std::string> strings;
  for (uint64_t pointer = next(); pointer != 0; pointer = next()) strings.push_back(memory.text(VirtAddr(pointer)));
  EXPECT_THAT(strings, testing::ElementsAre("prog", "-x", ""));
  strings.clear();
  for (uint64_t pointer = next(); pointer != 0; pointer = next()) strings.push_back(memory.text(VirtAddr(pointer)));
  EXPECT_THAT(strings, testing::ElementsAre("HOME=/", "A="));

  std::map<uint64_t, uint64_t> auxiliary;
  for (uint64_t type = next(); type != 0; type = next()) auxiliary[type] = next();
  EXPECT_EQ(next(), 0) << "AT_NULL has a value too";
  // Numbers as in include/uapi/linux/auxvec.h.
  EXPECT_EQ(auxiliary[16], 0x112d) << "AT_HWCAP";
  EXPECT_EQ(auxiliary[6], 4096) << "AT_PAGESZ";
  EXPECT_EQ(auxiliary[17], 100) << "AT_CLKTCK";
  EXPECT_EQ(auxiliary[3], 0x10040) << "AT_PHDR";
  EXPECT_EQ(auxiliary[4], 56) << "AT_PHENT";
  EXPECT_EQ(auxiliary[5], 6) << "AT_PHNUM";
  EXPECT_EQ(auxiliary[9], 0x10500) << "AT_ENTRY";
  EXPECT_EQ(auxiliary[23], 0) << "AT_SECURE";
  EXPECT_EQ(auxiliary.count(33), 0) << "AT_SYSINFO_EHDR: there is no vdso";
  EXPECT_EQ(auxiliary.count(15), 0) << "AT_PLATFORM";
  EXPECT_EQ(memory.text(VirtAddr(auxiliary[31])), "/bin/prog") << "AT_EXECFN";
  for (unsigned i = 0; i < 16; ++i) EXPECT_EQ(memory.byte(VirtAddr(auxiliary[25]) + i), 0xa0 + i) << "AT_RANDOM";
  EXPECT_LE(at, VirtAddr(auxiliary[25])) << "the vectors end below the random bytes";
}

// Worked out by hand: strings from the top down are 8 zero bytes, "/bin/prog" 10,
// "A=" and "HOME=/" 3 + 7, "", "-x" and "prog" 1 + 3 + 5; together 37 bytes, so
// that they begin at top - 37; the random bytes end at the multiple of 16 below,
// top - 48, and begin at top - 64. Above argc are 4 + 3 pointers and 17 pairs:
// 1 + 7 + 34 = 42 words = 336 bytes; top - 400 is a multiple of 16 already.
TEST(InitialStack, LiesWhereLinuxPutsIt) {
  auto stack = build_initial_stack(request(), image(), kTop, kEightMegabytes);
  ASSERT_TRUE(stack);
  EXPECT_EQ(kTop - stack->stack_pointer, 400);
  EXPECT_EQ(kTop - stack->arguments_begin, 37);
  EXPECT_EQ(kTop - stack->arguments_end, 28);
  EXPECT_EQ(kTop - stack->environment_begin, 28);
  EXPECT_EQ(kTop - stack->environment_end, 18);
  EXPECT_EQ(Memory(*stack).word(kTop - 8), 0);
}

TEST(InitialStack, AlignsAnyNumberOfWords) {
  StackRequest one = request();
  for (int i = 0; i < 40; ++i) {
    one.arguments.push_back(std::string(static_cast<size_t>(i), 'x'));
    auto stack = build_initial_stack(one, image(), kTop, kEightMegabytes);
    ASSERT_TRUE(stack);
    EXPECT_EQ(stack->stack_pointer.value % 16, 0);
    EXPECT_EQ(Memory(*stack).word(stack->stack_pointer), one.arguments.size());
  }
}

TEST(InitialStack, GivesAProgramWithoutArgumentsAnEmptyOne) {
  StackRequest none = request();
  none.arguments.clear();
  auto stack = build_initial_stack(none, image(), kTop, kEightMegabytes);
  ASSERT_TRUE(stack);
  const Memory memory(*stack);
  EXPECT_EQ(memory.word(stack->stack_pointer), 1);
  EXPECT_EQ(memory.text(VirtAddr(memory.word(stack->stack_pointer + 8))), "");
}

TEST(InitialStack, TakesAStringOf128KiBAndNoMore) {
  StackRequest big = request();
  big.arguments = {std::string(kLongestString - 1, 'x')};
  EXPECT_TRUE(build_initial_stack(big, image(), kTop, kEightMegabytes));
  big.arguments = {std::string(kLongestString, 'x')};
  auto stack = build_initial_stack(big, image(), kTop, kEightMegabytes);
  ASSERT_FALSE(stack);
  EXPECT_EQ(stack.error().failure, Failure::arguments_too_long);
  EXPECT_EQ(stack.error().error_number(), 7);
  big.arguments = {"x"};
  big.environment = {std::string(kLongestString, 'x')};
  EXPECT_FALSE(build_initial_stack(big, image(), kTop, kEightMegabytes));
}

TEST(InitialStack, LimitsStringsAndPointersToAQuarterOfTheStack) {
  EXPECT_EQ(string_limit(kEightMegabytes), 2 << 20);
  EXPECT_EQ(string_limit(64 << 20), 6 << 20) << "three quarters of the default stack at most";
  EXPECT_EQ(string_limit(4096), 128 << 10) << "ARG_MAX always";

  // Each argument takes 8 bytes of pointer and 2 of string; the path takes 2.
  // A limit of 128 KiB = 131072 = 13107 * 10 + 2.
  StackRequest many;
  many.path = "p";
  many.arguments.assign(13107, "x");
  EXPECT_TRUE(build_initial_stack(many, image(), kTop, 512 << 10));
  many.arguments.push_back("x");
  EXPECT_FALSE(build_initial_stack(many, image(), kTop, 512 << 10));
}

}  // namespace
}  // namespace faultline::loader
