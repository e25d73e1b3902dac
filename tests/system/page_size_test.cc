// Base pages of other sizes than 4 KB: programs that were linked for 4 KB
// segments run, print the same, and a walk is as deep as the tables say.
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

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

std::ostream& operator<<(std::ostream& out, const BasePage& page) { return out << page.size; }

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

// Each level that larger pages save is one read less of every walk. As real
// tables of 48 bits would have it: four levels with 4 KB, three with 2 MB, two
// with 1 GB.
constexpr BasePage kLarge[] = {{"2M", "[9,9,9]", 3, "2G", "64M"}, {"1G", "[9,9]", 2, "36G", "8G"}};

class LargeBasePages : public testing::TestWithParam<BasePage> {};

TEST_P(LargeBasePages, SaveALevelEach) {
  const BasePage& page = GetParam();
  const std::string suffix = page.levels == 3 ? "_2m" : "_1g";
  for (const std::string program : {"matrix_multiply", "private_list"}) {
    std::vector<std::string> settings = settings_of(page);
    settings.push_back("tlb.enabled=false");
    RunResult got = faultline_run({.settings = settings, .program = program + suffix});
    ASSERT_EQ(got.status, 0) << got.line << "\n" << got.err;
    EXPECT_EQ(got.out, faultline_run({.program = program}).out);
    EXPECT_EQ(number(got.stats, "translation.penalty"), page.levels + 1.0);
    EXPECT_EQ(count(got.stats, "translation.walk_reads"), count(got.stats, "references.total") * page.levels);
  }
}

INSTANTIATE_TEST_SUITE_P(, LargeBasePages, testing::ValuesIn(kLarge),
                         [](const auto& item) { return std::string("of_") + item.param.size; });

TEST(LargeBasePagesOnly, SayHowToLinkWhatCannotBeMapped) {
  RunResult got =
      faultline_run({.settings = settings_of({"2M", "[9,9,9]", 3, "2G", "64M"}), .program = "private_list"});
  EXPECT_NE(got.status, 0);
  EXPECT_NE(got.err.find("-Wl,-Ttext-segment=0x200000"), std::string::npos) << got.err;
}

}  // namespace
}  // namespace faultline::system_test
