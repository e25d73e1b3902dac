// Base pages of other sizes than 4 KB: programs that were linked for 4 KB
// segments run, print the same, and a walk is as deep as the tables say.
#include <gtest/gtest.h>

#include <algorithm>

#include "guest_program.h"

namespace faultline::system_test {
namespace {

struct BasePage {
  const char* size;
  const char* bits;  // of the index at each level, the root's first
  uint64_t levels;
  const char* dram;
  const char* swap;
};

std::vector<std::string> settings_of(const BasePage& page) {
  return {"paging.format=custom", std::string("paging.custom.page=") + page.size,
          std::string("paging.custom.bits=") + page.bits, std::string("dram.size=") + page.dram,
          std::string("swap.size=") + page.swap};
}

constexpr BasePage kSmall[] = {{"8K", "[10,10,10,10]", 4, "128M", "64M"},
                               {"16K", "[3,11,11,11]", 4, "128M", "64M"},
                               {"64K", "[8,12,12]", 3, "128M", "64M"}};

class BasePages : public testing::TestWithParam<BasePage> {};

// Those that show what the page size touches: files mapped, the heap, signal
// handlers, exec, copies after fork, errors of mmap.
TEST_P(BasePages, ProgramsPrintWhatTheReferencePrints) {
  const std::vector<std::string> names = {"mmap_cat",       "mmap_copy",  "private_list", "page_size", "brk_sbrk",
                                          "fork_exec_wait", "fork_write", "eof_mapping",  "signals"};
  for (const GuestProgram& program : guest_programs()) {
    if (std::find(names.begin(), names.end(), program.name) == names.end()) continue;
    FreshDirectory expected_directory, directory;
    make_files(program, expected_directory.path());
    make_files(program, directory.path());
    for (const auto& arguments : program.runs) {
      Outcome expected = reference_run(program, arguments, expected_directory.path());
      RunRequest request = faultline_request(program, arguments, directory.path());
      request.settings = settings_of(GetParam());
      RunResult got = faultline_run(request);
      EXPECT_EQ(got.out, expected.out) << got.line << "\n" << got.err;
      EXPECT_EQ(got.status, expected.status) << got.line << "\n" << got.err;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, BasePages, testing::ValuesIn(kSmall),
                         [](const auto& item) { return std::string("of_") + item.param.size; });

// Each level that larger pages save is one read less of every walk.
TEST(LargeBasePages, SaveALevelEach) {
  constexpr BasePage kTwoMegabytes = {"2M", "[9,9,9]", 3, "2G", "64M"};
  for (const char* program : {"matrix_multiply_2m", "private_list_2m"}) {
    std::vector<std::string> settings = settings_of(kTwoMegabytes);
    settings.push_back("tlb.enabled=false");
    RunResult got = faultline_run({.settings = settings, .program = program});
    ASSERT_EQ(got.status, 0) << got.line << "\n" << got.err;
    EXPECT_EQ(number(got.stats, "translation.penalty"), kTwoMegabytes.levels + 1.0);
  }
}

TEST(LargeBasePages, SayHowToLinkWhatCannotBeMapped) {
  RunResult got =
      faultline_run({.settings = settings_of({"2M", "[9,9,9]", 3, "2G", "64M"}), .program = "private_list"});
  EXPECT_NE(got.status, 0);
  EXPECT_NE(got.err.find("-Wl,-Ttext-segment=0x200000"), std::string::npos) << got.err;
}

}  // namespace
}  // namespace faultline::system_test
