// Address spaces before paging: each mode of memory.model with its guest programs.
// The figures are those of the images, worked out here by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "harness.h"

namespace faultline::system_test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr uint64_t kPage = 4096;
constexpr int kSigsegv = 11;
constexpr int kSigbus = 7;

RunResult early(const std::string& program, std::vector<std::string> arguments, std::vector<std::string> settings) {
  return faultline_run({.settings = std::move(settings), .program = program, .arguments = std::move(arguments)});
}

std::string native_output(const std::string& program, const std::vector<std::string>& arguments = {}) {
  std::vector<std::string> command{native_guest(program).string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, {}).out;
}

// --- H1 ---------------------------------------------------------------------------

TEST(Fence, AProgramRunsAboveIt) {
  const RunResult run = early("early_fence", {}, {"memory.model=fence"});
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, native_output("early_fence"));
  EXPECT_EQ(count(run.stats, "early.registers.checks"), count(run.stats, "references.total"));
  EXPECT_EQ(count(run.stats, "translation.walks"), 0u);
  EXPECT_EQ(number(run.stats, "translation.penalty"), 1.0) << "one access for each reference";
  EXPECT_EQ(count(run.stats, "tlb.l1d.lookups"), 0u);
}

TEST(Fence, WhatIsBelowItTraps) {
  const std::vector<std::string> fence = {"memory.model=fence"};
  for (const char* what : {"store", "load", "jump"}) {
    SCOPED_TRACE(what);
    // The last word below the fence of 64 KB; a jump there too.
    const RunResult run = early("early_fence", {what, "65528"}, fence);
    EXPECT_EQ(run.status, 128 + kSigsegv) << run.err;
    EXPECT_THAT(run.err, HasSubstr("died of SIGSEGV"));
    EXPECT_EQ(count(run.stats, "exit.crash.address"), 65528u);
    EXPECT_EQ(count(run.stats, "early.registers.below_fence"), 1u);
  }
  const RunResult at_fence = early("early_fence", {"load", "65536"}, fence);
  EXPECT_EQ(at_fence.status, 0) << "the fence itself is the program's: " << at_fence.err;
  // The fence moves with the size of the OS layer's part: now it stands above the program.
  const RunResult above = early("early_fence", {}, {"memory.model=fence", "memory.resident=128K"});
  EXPECT_EQ(above.status, 2);
  EXPECT_THAT(above.err, HasSubstr("below the lowest that may be mapped, 0x20000"));
}

TEST(Fence, GuardsNothingAboveIt) {
  const RunResult other = early("early_fence", {"store", "1000000"}, {"memory.model=fence"});
  EXPECT_EQ(other.status, 0);
  EXPECT_THAT(other.out, HasSubstr("stored 42"));
  const RunResult beyond = early("early_fence", {"store", "1048576"}, {"memory.model=fence", "dram.size=1M"});
  EXPECT_EQ(beyond.status, 128 + kSigbus) << "there is no memory";
  EXPECT_EQ(count(beyond.stats, "early.registers.beyond_memory"), 1u);
}

// --- H2 ---------------------------------------------------------------------------

TEST(BaseAndBounds, WhatIsBeyondTheBoundsTraps) {
  const RunResult run = early("early_fence_base", {"store", "1000000"}, {"memory.model=base-bounds"});
  EXPECT_EQ(run.status, 128 + kSigsegv);
  EXPECT_EQ(count(run.stats, "exit.crash.address"), 1'000'000u);
  EXPECT_EQ(count(run.stats, "early.registers.beyond_bounds"), 1u);
  const uint64_t passed = count(run.stats, "early.registers.checks") - 1;
  EXPECT_EQ(count(run.stats, "early.registers.additions"), passed);
  EXPECT_EQ(count(run.stats, "references.total"), passed);
}

// Its pointers are to where it was linked, and it is never there.
TEST(BaseAndBounds, AProgramIsMovedWhileItRunsAndGoesOn) {
  const std::string expected = native_output("early_moved");
  const std::vector<std::string> tight = {"memory.model=base-bounds", "dram.size=140K", "memory.placement=best-fit"};
  const RunResult run = early("early_moved_base", {}, tight);
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, expected);
  EXPECT_GE(count(run.stats, "early.moves"), 5u);
  EXPECT_GE(count(run.stats, "early.compactions"), 2u);
  EXPECT_EQ(count(run.stats, "early.bytes_moved") % kPage, 0u);
  EXPECT_GE(count(run.stats, "early.bytes_moved"), 5 * 4 * kPage) << "an image is four pages at least";
  EXPECT_GE(count(run.stats, "early.fragmented"), count(run.stats, "early.compactions"));
  // With room for all nobody is in the way of compaction, and the output is the same.
  const RunResult roomy = early("early_moved_base", {}, {"memory.model=base-bounds"});
  EXPECT_EQ(roomy.out, expected);
  EXPECT_EQ(count(roomy.stats, "early.compactions"), 0u);
}

TEST(BaseAndBounds, WithoutCompactionThereIsNoRoomInPieces) {
  const RunResult run =
      early("early_moved_base", {},
            {"memory.model=base-bounds", "dram.size=140K", "memory.placement=worst-fit", "memory.compaction=false"});
  EXPECT_GE(count(run.stats, "early.fragmented"), 1u);
  EXPECT_GE(count(run.stats, "early.refused"), 1u);
  EXPECT_EQ(count(run.stats, "early.compactions"), 0u);
}

// --- H3 ---------------------------------------------------------------------------

// An image of early_swapping: 40 000 bytes of table and little else, linked from a
// page's beginning; 11 pages, and 2 of stack.
constexpr uint64_t kSwappedImage = 13 * kPage;

void expect_exactly_the_images(const RunResult& run) {
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(run.out, native_output("early_swapping"));
  const uint64_t outs = count(run.stats, "early.swap_outs"), ins = count(run.stats, "early.swap_ins");
  EXPECT_GT(outs, 5u);
  EXPECT_EQ(ins, outs) << "all came back";
  EXPECT_EQ(count(run.stats, "early.bytes_swapped_out"), outs * kSwappedImage);
  EXPECT_EQ(count(run.stats, "early.bytes_swapped_in"), ins * kSwappedImage);
  EXPECT_EQ(count(run.stats, "disk.bytes_written"), outs * kSwappedImage) << "nothing else is written";
  EXPECT_EQ(count(run.stats, "disk.writes"), outs);
  // Beside the images, the program's file once (it stays in the OS layer's buffer).
  EXPECT_EQ(count(run.stats, "disk.reads"), ins + 1);
  EXPECT_EQ(count(run.stats, "disk.bytes_read"), ins * kSwappedImage + 2 * kPage);
}

TEST(Swapping, WithoutABaseRegisterAnImageComesBackToItsPlace) {
  const RunResult run = early("early_swapping", {}, {"memory.model=fence", "memory.swapping=true", "dram.size=256K"});
  expect_exactly_the_images(run);
  EXPECT_EQ(count(run.stats, "early.same_place"), count(run.stats, "early.swap_ins"));
  EXPECT_EQ(count(run.stats, "early.peak_images"), 1u) << "all are linked for one place";
}

TEST(Swapping, WithABaseRegisterItComesBackAnywhere) {
  const RunResult run =
      early("early_swapping_base", {}, {"memory.model=base-bounds", "memory.swapping=true", "dram.size=256K"});
  expect_exactly_the_images(run);
  EXPECT_GT(count(run.stats, "early.other_place"), 0u);
  // 192 KB hold three images of 52 KB.
  EXPECT_EQ(count(run.stats, "early.peak_images"), 3u);
}

TEST(Swapping, IsNotNeededWhereAllFit) {
  const RunResult run = early("early_swapping_base", {}, {"memory.model=base-bounds", "memory.swapping=true"});
  EXPECT_EQ(run.out, native_output("early_swapping"));
  EXPECT_EQ(count(run.stats, "early.swap_outs"), 0u);
  EXPECT_EQ(count(run.stats, "early.peak_images"), 5u);
}

// Whoever computes for long is swapped at the end of its slice.
TEST(Swapping, ATimeSliceEndsInASwap) {
  const std::vector<std::string> base = {"memory.model=fence", "memory.swapping=true", "dram.size=256K"};
  std::vector<std::string> short_slices = base;
  short_slices.push_back("os.timer_hz=2000");
  const RunResult run = early("early_swapping", {}, base), often = early("early_swapping", {}, short_slices);
  EXPECT_EQ(often.out, run.out);
  EXPECT_GT(count(often.stats, "early.swap_outs"), count(run.stats, "early.swap_outs") + 20);
}

// --- H4 ---------------------------------------------------------------------------

// 64 KB of the OS layer's, and 100 KB for the program.
TEST(Overlays, TwoHundredKilobytesInAHundred) {
  const std::string expected = native_output("early_flat");
  const std::vector<std::string> small = {"memory.model=fence", "dram.size=164K", "memory.stack=4K"};
  const RunResult whole = early("early_flat", {}, small);
  EXPECT_EQ(whole.status, 2) << "in one piece it does not fit";
  EXPECT_THAT(whole.err, StartsWith("faultline: "));

  const RunResult overlaid = early("early_overlay_fence", {}, small);
  EXPECT_EQ(overlaid.status, 0) << overlaid.err;
  EXPECT_EQ(overlaid.out, expected);
  EXPECT_EQ(count(overlaid.stats, "early.peak_bytes"), 100u * 1024);
  // In eight rounds: B, C and D in every one (each round's C takes the place of both),
  // E in every second. Tables and code, as the linker laid them out.
  const uint64_t least = 8 * (20 + 60 + 42 - 2) * 1024 + 4 * 39 * 1024;
  EXPECT_GE(count(overlaid.stats, "early.bytes_read"), least);
  EXPECT_LE(count(overlaid.stats, "early.bytes_read"), least + 28 * 2048);
  EXPECT_EQ(count(overlaid.stats, "early.file_reads"), 28u + 6) << "and its own headers";

  const RunResult moved =
      early("early_overlay_base", {}, {"memory.model=base-bounds", "dram.size=164K", "memory.stack=4K"});
  EXPECT_EQ(moved.out, expected);

  // Paging in as much memory needs no plan, and moves what is touched.
  const RunResult paged = early("early_flat", {}, {"dram.size=164K"});
  EXPECT_EQ(paged.status, 0) << paged.err;
  EXPECT_EQ(paged.out, expected);
  EXPECT_GT(count(paged.stats, "faults.major"), 0u);
  EXPECT_LT(count(paged.stats, "disk.bytes_read") + count(paged.stats, "disk.bytes_written"),
            count(overlaid.stats, "early.bytes_read"));
}

// --- all of them ------------------------------------------------------------------

struct Mode {
  const char* suffix;
  std::vector<std::string> settings;
};

std::vector<Mode> modes() {
  return {{"", {"memory.model=fence", "memory.swapping=true", "dram.size=256K"}},
          {"_base", {"memory.model=base-bounds", "dram.size=256K"}},
          {"_base", {"memory.model=base-bounds", "memory.swapping=true", "dram.size=192K", "swap.size=256K"}}};
}

TEST(EarlyModes, HostileCallsHarmNobody) {
  for (const Mode& mode : modes()) {
    for (const char* seed : {"1", "2", "3"}) {
      const RunResult run = early(std::string("early_hostile") + mode.suffix, {"3000", seed}, mode.settings);
      SCOPED_TRACE(run.line);
      EXPECT_EQ(run.status, 0) << run.err;
      EXPECT_EQ(run.out, "came through\n");
      EXPECT_EQ(count(run.stats, "after_exit.anonymous_frames"), 0u);
    }
  }
}

TEST(EarlyModes, NoFastPathChangesAFigure) {
  for (const Mode& mode : modes()) {
    std::vector<std::string> slow = mode.settings;
    slow.push_back("hart.fast_path=false");
    RunResult a = early(std::string("early_swapping") + mode.suffix, {}, mode.settings);
    RunResult b = early(std::string("early_swapping") + mode.suffix, {}, slow);
    for (Json* stats : {&a.stats, &b.stats}) {
      stats->erase("host");
      stats->at("config").at("hart").erase("fast_path");
    }
    EXPECT_EQ(a.stats, b.stats);
  }
}

TEST(EarlyModes, TheChecksTimeIsBooked) {
  const RunResult free = early("early_fence", {}, {"memory.model=fence"});
  const RunResult dear = early("early_fence", {}, {"memory.model=fence", "memory.check_cycles=2"});
  EXPECT_EQ(count(free.stats, "cycle_stack.tlb"), 0u);
  EXPECT_EQ(count(dear.stats, "cycle_stack.tlb"), 2 * count(dear.stats, "references.total"));
}

// There is no fork without pages, and no mmap.
TEST(EarlyModes, RefuseWhatTheyCannotDo) {
  const RunResult fork = early("matrix_multiply", {"3"}, {"memory.model=fence"});
  EXPECT_NE(fork.status, 0);
  EXPECT_THAT(fork.err, HasSubstr("does not exist without paging: ENOSYS"));
  const RunResult dynamic = early("shared_libraries", {}, {"memory.model=base-bounds"});
  EXPECT_EQ(dynamic.status, 2);
  EXPECT_THAT(dynamic.err, HasSubstr("must be linked statically and at a fixed address"));
}

TEST(EarlyModes, SettingsThatContradictAreOneLine) {
  const auto refused = [](std::vector<std::string> settings, const char* why) {
    const RunResult run = early("early_fence", {}, settings);
    EXPECT_EQ(run.status, 2);
    EXPECT_THAT(run.err, HasSubstr(why));
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  };
  refused({"memory.swapping=true"}, "memory.swapping moves whole programs");
  refused({"memory.model=fence", "memory.swapping=true", "swap.size=0"}, "and swap.size = 0");
  for (const char* key : {"nested.enabled", "os.translated", "observe.tlb", "observe.pages"})
    refused({"memory.model=fence", std::string(key) + "=true"}, "is of paging alone");
  refused({"memory.model=fence", "memory.swapping=true", "swap.size=8K"},
          "bytes of swap, stack included, and swap.size = 8192");
  refused({"memory.model=fence", "dram.size=64K"}, "take all of memory");
  refused({"memory.model=fence", "memory.stack=5000"}, "multiples of the page");
  refused({"memory.model=segments"}, "expected one of paging, fence, base-bounds");
}

// --- A2 ---------------------------------------------------------------------------

// Accessor functions: calls without optimisation, nothing with it. The same output, whatever.
TEST(Allocator, OptimisationTakesTheCallsAway) {
  const auto instructions = [](const char* program, std::string& out) {
    const RunResult run = early(program, {"4000"}, {});
    EXPECT_EQ(run.status, 0) << run.err;
    if (out.empty()) out = run.out;
    EXPECT_EQ(run.out, out) << program;
    return static_cast<double>(count(run.stats, "instructions"));
  };
  std::string out;
  const double functions = instructions("allocator_functions_o0", out),
               macros = instructions("allocator_macros_o0", out);
  EXPECT_GT(functions, 2 * macros);
  const double functions_o2 = instructions("allocator_functions_o2", out);
  const double macros_o2 = instructions("allocator_macros_o2", out);
  EXPECT_LT(std::max(functions_o2, macros_o2), 1.05 * std::min(functions_o2, macros_o2));
  EXPECT_LT(functions_o2, macros) << "the optimiser does more than the preprocessor";
}

}  // namespace
}  // namespace faultline::system_test
