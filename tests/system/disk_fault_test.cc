// A disk that fails: who learns of it, how often, and that nobody else does.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "harness.h"

namespace faultline::system_test {
namespace {

using testing::HasSubstr;

constexpr uint64_t kPage = 4096;

// A file of eight pages, each of one letter: a, b, c, ...
class DiskFaults : public testing::Test {
 protected:
  DiskFaults() {
    std::string text;
    for (char c = 'a'; c < 'i'; ++c) text.append(kPage, c);
    write_file(directory.path() / "data.bin", text);
  }

  RunResult run(std::vector<std::string> arguments, std::vector<std::string> settings) {
    RunResult result = faultline_run({.settings = std::move(settings),
                                      .options = {"--bind", ".:rw"},
                                      .program = "disk_faults",
                                      .arguments = std::move(arguments),
                                      .command = {.directory = directory.path()}});
    EXPECT_EQ(result.status, 0) << result.line << result.err;
    // Nothing leaked, whatever failed.
    for (const char* what : {"anonymous_frames", "page_table_frames", "swap_slots"})
      EXPECT_EQ(count(result.stats, std::string("after_exit.") + what), 0u) << what;
    return result;
  }

  FreshDirectory directory;
};

TEST_F(DiskFaults, ReadGivesWhatCameBeforeAndThenEio) {
  for (const char* readahead : {"vm.readahead=0", "vm.readahead=8"}) {
    RunResult result = run({"read", "data.bin"}, {"disk.fault_files=data.bin:12288", readahead});
    EXPECT_EQ(result.out, "read of all: 12288\nand on: EIO\npage 3: EIO\n7 pages read, 1 not\n") << readahead;
    EXPECT_GE(count(result.stats, "disk.injected"), 2u);
    EXPECT_EQ(count(result.stats, "disk.failed_pages"), count(result.stats, "disk.injected"));
    EXPECT_EQ(count(result.stats, "page_cache.read_errors"), count(result.stats, "disk.injected"));
    EXPECT_GE(count(result.stats, "disk.errors"), 2u);
    const Json& failure = result.stats.at("disk").at("failures").at(0);
    EXPECT_THAT(failure.at("path").get<std::string>(), HasSubstr("data.bin"));
    EXPECT_EQ(failure.at("offset"), 12288u);
    EXPECT_EQ(failure.at("write"), false);
  }
}

TEST_F(DiskFaults, WithoutAnyAllIsRead) {
  RunResult result = run({"read", "data.bin"}, {"disk.fault_files=other.bin"});
  EXPECT_EQ(result.out, "read of all: 32768\nand on: 0\n8 pages read, 0 not\n");
  EXPECT_EQ(count(result.stats, "disk.errors"), 0u);
}

TEST_F(DiskFaults, AMappedPageIsSigbusForWhoeverTouchesIt) {
  RunResult result = run({"map", "data.bin"}, {"disk.fault_files=data.bin:8192-8193"});
  EXPECT_EQ(result.out,
            "a child that touches all of it: Bus error\n"
            "page 2: SIGBUS, BUS_ADRERR, at the page: yes\n"
            "read: 7 pages\n"
            "page 2: SIGBUS, BUS_ADRERR, at the page: yes\n"
            "written privately: 7 pages\n"
            "write from page 2: EFAULT\n"
            "7 writes, 1 refused\n");
}

TEST_F(DiskFaults, AFailedWriteIsToldToEachDescriptionOnce) {
  RunResult result = run({"write", "data.bin"}, {"disk.fault_files=data.bin:4096", "disk.fault_on=write"});
  EXPECT_EQ(result.out,
            "write: 0\n"
            "fsync a: EIO\n"
            "fsync a again: 0\n"
            "fsync of its duplicate: 0\n"
            "fdatasync b: EIO\n"
            "fdatasync b again: 0\n"
            "msync of the mapping of c: EIO\n"
            "msync again: 0\n"
            "fsync c: 0\n"
            "fsync by one who came later: 0\n"
            "msync after a change: 0\n"
            "syncfs: EIO\n"
            "syncfs again: 0\n"
            "a write with O_DSYNC: EIO\n");
  EXPECT_EQ(count(result.stats, "page_cache.write_errors"), count(result.stats, "disk.injected"));
  // Of the pages that went out with it each arrived, and this one did not.
  const std::string text = read_file(directory.path() / "data.bin");
  ASSERT_EQ(text.size(), 8 * kPage);
  EXPECT_EQ(text[0], 'm');
  EXPECT_EQ(text.substr(kPage, kPage), std::string(kPage, 'b'));
  EXPECT_EQ(text.substr(2 * kPage), std::string(6 * kPage, 'n'));
}

TEST_F(DiskFaults, WithoutAnyNobodyIsTold) {
  RunResult result = run({"write", "data.bin"}, {});
  EXPECT_THAT(result.out, testing::Not(HasSubstr("EIO")));
}

// A page that cannot be read back from swap costs its process, and nobody else.
TEST_F(DiskFaults, OnSwapInEndOneProcess) {
  RunResult result =
      run({"swap", "12"}, {"dram.size=8M", "swap.size=64M", "vm.overcommit=1", "timing=none", "disk.kind=ssd",
                           "disk.fault_area=swap", "disk.fault_on=read", "disk.fault_rate=300"});
  EXPECT_THAT(result.out, HasSubstr(" 0 otherwise\n"));
  EXPECT_GT(count(result.stats, "swap.read_errors"), 0u) << result.out;
  EXPECT_EQ(result.out.substr(0, 2) == "4 ", false) << "somebody was hit: " << result.out;
  EXPECT_NE(result.out.substr(0, 2), "0 ") << "somebody was not: " << result.out;
  // A process for each page that was lost, and those slots are not used again.
  EXPECT_EQ(count(result.stats, "swap.slots_bad"), count(result.stats, "swap.read_errors"));
}

TEST_F(DiskFaults, OnSwapOutLoseNothing) {
  RunResult result =
      run({"swap", "12"}, {"dram.size=8M", "swap.size=64M", "vm.overcommit=1", "timing=none", "disk.kind=ssd",
                           "disk.fault_area=swap", "disk.fault_on=write", "disk.fault_rate=20000"});
  EXPECT_EQ(result.out, "4 whole, 0 ended by SIGBUS, 0 otherwise\n");
  EXPECT_GT(count(result.stats, "swap.write_errors"), 10u);
  EXPECT_EQ(count(result.stats, "swap.slots_bad"), count(result.stats, "swap.write_errors"));
}

TEST_F(DiskFaults, OfReadAroundCostNobodyAnything) {
  RunResult result = run({"swap", "12"},
                         {"dram.size=8M", "swap.size=64M", "vm.overcommit=1", "timing=none", "disk.kind=ssd",
                          "vm.swap_readaround=8", "disk.fault_area=swap", "disk.fault_on=read", "disk.fault_rate=300"});
  EXPECT_THAT(result.out, HasSubstr(" 0 otherwise\n"));
  EXPECT_GT(count(result.stats, "swap.readaround"), 0u);
  EXPECT_EQ(count(result.stats, "swap.slots_bad"), count(result.stats, "swap.read_errors"));
}

// The bytes of the file behind its first page that hold nothing but code: "4096-69631".
std::string code_behind_the_first_page(const fs::path& program) {
  const std::string bytes = read_file(program);
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof(segment), sizeof(segment));
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0 && segment.p_offset == 0)
      return std::to_string(kPage) + "-" + std::to_string(segment.p_filesz / kPage * kPage - 1);
  }
  return "";
}

TEST_F(DiskFaults, ExecOfAnUnreadableProgramFailsOrEndsIt) {
  fs::copy_file(guest("page_size"), directory.path() / "victim");
  const RunResult well = run({"exec", "./victim"}, {});
  EXPECT_THAT(well.out, HasSubstr("ended with 0\n"));
  const RunResult header = run({"exec", "./victim"}, {"disk.fault_files=victim:0"});
  EXPECT_EQ(header.out, "execve: EIO\nended with 0\n");
  const std::string code = code_behind_the_first_page(guest("page_size"));
  ASSERT_NE(code, "");
  const RunResult text = run({"exec", "./victim"}, {"disk.fault_files=victim:" + code});
  EXPECT_EQ(text.out, "ended by Bus error\n");
}

TEST_F(DiskFaults, ByChanceAreTheSameEveryTime) {
  const auto attempt = [&](const char* seed) {
    RunResult result = run({"swap", "12"}, {"dram.size=8M", "swap.size=64M", "vm.overcommit=1", "timing=none",
                                            "disk.kind=ssd", "disk.fault_area=swap", "disk.fault_rate=1000", seed});
    result.stats.erase("host");
    return result.stats;
  };
  const Json first = attempt("disk.fault_seed=5");
  EXPECT_EQ(first, attempt("disk.fault_seed=5"));
  EXPECT_NE(first.at("disk").at("failures"), attempt("disk.fault_seed=6").at("disk").at("failures"));
}

TEST(DiskFaultSettings, AreCheckedBeforeAnythingRuns) {
  for (const char* bad : {"disk.fault_sectors=12-", "disk.fault_files=:12", "disk.fault_rate=2000000",
                          "disk.fault_on=never", "disk.fault_area=everywhere"}) {
    const RunResult result = faultline_run({.settings = {bad}, .program = "page_size"});
    EXPECT_EQ(result.status, 2) << bad;
    EXPECT_THAT(result.err, HasSubstr(std::string(bad).substr(0, std::string(bad).find('=')))) << bad;
    EXPECT_THAT(result.err, HasSubstr("expected")) << bad;
  }
}

}  // namespace
}  // namespace faultline::system_test
