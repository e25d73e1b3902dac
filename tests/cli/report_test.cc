// The statistics document, the sums that must hold, and the text report.
#include "cli/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <systemc>

#include "cli/config/settings.h"
#include "cli/report/invariants.h"
#include "cli/report/layout.h"
#include "cli/report/say.h"
#include "cli/report/statistics_json.h"

namespace faultline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A run whose sums hold: 100 fetches, 40 loads, 10 stores; the instruction TLB
// misses 2 and the data TLB 8, one page is marked modified; four levels.
RunStatistics sound_run() {
  RunStatistics s;
  s.run = {"textbook", "./chase", {"64"}};
  s.instructions = 100;
  s.cycles = 1000;
  s.seconds = 1e-6;
  s.references = {100, 40, 10};
  s.levels = 4;
  s.l1i = {100, 98, 2, 0, 1};
  s.l1d = {50, 42, 8, 3, 1};
  s.translation = {
      .walks = 11, .dirty_walks = 1, .walk_reads = 44, .walk_writes = 9, .fault_walk_reads = 6, .walk_depth_sum = 44};
  s.dram.reads[static_cast<size_t>(hw::Requester::walker)] = 50;
  s.dram.writes[static_cast<size_t>(hw::Requester::walker)] = 9;
  s.cycle_stack.book(CycleAccount::compute, Cycles(100));
  s.cycle_stack.book(CycleAccount::walk, Cycles(900));
  s.faults = {.minor = 4, .major = 1, .demand_zero = 2, .file = 3, .protection = 7};
  s.frames = {.total = 100,
              .free = 50,
              .anonymous = 20,
              .file = 15,
              .kernel = 10,
              .page_tables = 5,
              .peak_page_table_bytes = 20480};
  s.frames.peak = 60;
  s.page_tables.linear_bytes = uint64_t{1} << 55;
  return s;
}

TEST(Statistics, PenaltyIsAccessesForEachReference) {
  EXPECT_DOUBLE_EQ(sound_run().penalty(), (150.0 + 44.0) / 150.0);
  EXPECT_EQ(RunStatistics{}.penalty(), 1.0);
}

TEST(Statistics, TheDocumentHasTheContractsNames) {
  const nlohmann::ordered_json json = statistics_json(sound_run());
  for (const char* pointer : {"/schema",
                              "/config/tlb/l1d/ways",
                              "/exit/status",
                              "/exit/signal",
                              "/instructions",
                              "/cycles",
                              "/seconds",
                              "/references/fetch",
                              "/references/total",
                              "/translation/walks",
                              "/translation/dirty_walks",
                              "/translation/walk_reads",
                              "/translation/walk_writes",
                              "/translation/fault_walk_reads",
                              "/translation/penalty",
                              "/tlb/l1i/lookups",
                              "/tlb/l1d/evictions",
                              "/tlb/l2/flushes",
                              "/dram/reads",
                              "/dram/writes",
                              "/dram/row_hits",
                              "/dram/row_misses",
                              "/dram/by_requester/walker/reads",
                              "/cycle_stack/compute",
                              "/cycle_stack/idle",
                              "/faults/minor",
                              "/faults/zero_page",
                              "/faults/cow_reuse",
                              "/faults/spurious",
                              "/frames/total",
                              "/frames/peak",
                              "/frames/peak_page_table_bytes",
                              "/copies/pages",
                              "/copies/bytes",
                              "/zeroed/pages",
                              "/swap/ins",
                              "/swap/slots_used_peak",
                              "/pageout/front_hand",
                              "/pageout/batches",
                              "/page_cache/hits",
                              "/page_cache/writebehind",
                              "/disk/busy_seconds",
                              "/syscalls",
                              "/processes",
                              "/host/seconds",
                              "/host/mips"}) {
    EXPECT_TRUE(json.contains(nlohmann::ordered_json::json_pointer(pointer))) << pointer;
  }
  EXPECT_EQ(json["schema"], "faultline.stats/1");
  EXPECT_EQ(json["config"]["dram"]["size"], 256u << 20);
  EXPECT_EQ((--json.end()).key(), "host");
}

// Everything in the document is explained.
TEST(Statistics, EveryNameIsInTheDocumentation) {
  std::ifstream file(std::string(FAULTLINE_DOCS) + "/statistics.md");
  std::stringstream text;
  text << file.rdbuf();
  RunStatistics run = sound_run();
  run.exit.crash = CrashRecord{};
  run.caches = {{"l1i", {}}};
  run.processes = {{}};
  run.disk_failures = {{}};
  run.regions = RegionStatistics{.count = 1};
  run.early = EarlyRun{};
  run.observed.tlb = {{{.page = 4096}}, {{.page = 4096}}};
  run.config.os.translated = true;
  run.observed.costs = {.pages = {{}}, .pcs = {{.symbol = "main"}}};
  nlohmann::ordered_json json = statistics_json(run);
  json["config"] = nullptr;  // docs/configuration.md
  const auto visit = [&](const auto& self, const nlohmann::ordered_json& node) -> void {
    if (node.is_array()) {
      for (const auto& item : node) self(self, item);
    }
    if (!node.is_object()) return;
    for (const auto& [name, child] : node.items()) {
      EXPECT_THAT(text.str(), HasSubstr("`" + name + "`")) << name;
      self(self, child);
    }
  };
  visit(visit, json);
}

TEST(Invariants, HoldInASoundRun) { EXPECT_THAT(broken_invariants(sound_run()), IsEmpty()); }

TEST(Invariants, EachBrokenSumIsFound) {
  const auto broken = [](auto change) {
    RunStatistics s = sound_run();
    change(s);
    const std::vector<std::string> lines = broken_invariants(s);
    return lines.empty() ? std::string("none") : lines.front();
  };
  EXPECT_EQ(broken([](RunStatistics& s) { ++s.l1d.hits; }), "tlb.l1d.hits + misses = 51, but tlb.l1d.lookups = 50");
  EXPECT_THAT(broken([](RunStatistics& s) { ++s.references.fetch; }), HasSubstr("tlb.l1i.lookups"));
  EXPECT_THAT(broken([](RunStatistics& s) { ++s.translation.walks; }), HasSubstr("last-level misses"));
  EXPECT_THAT(broken([](RunStatistics& s) { ++s.translation.walk_depth_sum; }), HasSubstr("depths"));
  EXPECT_THAT(broken([](RunStatistics& s) { s.levels = 3; }), HasSubstr("walks x levels"));
  EXPECT_THAT(broken([](RunStatistics& s) { ++s.dram.reads[static_cast<size_t>(hw::Requester::walker)]; }),
              HasSubstr("dram.by_requester.walker.reads"));
  EXPECT_THAT(broken([](RunStatistics& s) { ++s.cycles; }), HasSubstr("the cycle stack = 1000, but cycles = 1001"));
  EXPECT_THAT(broken([](RunStatistics& s) { ++s.faults.cow; }), HasSubstr("faults.minor + major"));
  EXPECT_THAT(broken([](RunStatistics& s) { ++s.frames.free; }), HasSubstr("frames of every kind"));
  EXPECT_THAT(broken([](RunStatistics& s) { s.after_exit.swap_slots = 1; }), HasSubstr("swap slots after"));
  EXPECT_THAT(broken([](RunStatistics& s) {
                s.caches = {{"l1d", {.accesses = 3, .hits = 1, .misses = 1}}};
              }),
              HasSubstr("cache.l1d.hits + misses = 2"));
  EXPECT_THAT(broken([](RunStatistics& s) { s.l2.lookups = s.l2.misses = 10; }), HasSubstr("tlb.l2.lookups"));
  EXPECT_THAT(broken([](RunStatistics& s) { s.swap.slots_used_peak = 1; }), HasSubstr("swap.slots_used_peak"));
}

TEST(Invariants, WithoutATlbEveryReferenceWalks) {
  RunStatistics s = sound_run();
  s.config.machine.tlb.enabled = false;
  s.l1i = s.l1d = s.l2 = {};
  s.translation = {.walks = 150, .walk_reads = 600, .walk_depth_sum = 600};
  s.dram.reads[static_cast<size_t>(hw::Requester::walker)] = 600;
  s.dram.writes[static_cast<size_t>(hw::Requester::walker)] = 0;
  EXPECT_THAT(broken_invariants(s), IsEmpty());
  EXPECT_EQ(s.penalty(), 5.0);
  s.translation.walks = 149;
  EXPECT_THAT(broken_invariants(s), Not(IsEmpty()));
}

TEST(Invariants, AStoppedRunMayLeaveItsProcesses) {
  RunStatistics s = sound_run();
  s.after_exit.anonymous_frames = 12;
  EXPECT_THAT(broken_invariants(s), Not(IsEmpty()));
  s.exit.reason = "interrupted";
  EXPECT_THAT(broken_invariants(s), IsEmpty());
}

// A format that the hardware knows can be chosen, and no other.
TEST(Settings, PagingFormatsAreThoseOfTheHardware) {
  std::vector<std::string_view> names;
  for (const hw::PageTableFormat& format : hw::page_table_formats()) names.push_back(format.name());
  names.push_back("custom");
  EXPECT_EQ(find_setting("paging.format")->facts.choices, names);
}

TEST(Layout, Numbers) {
  EXPECT_EQ(with_commas(0), "0");
  EXPECT_EQ(with_commas(999), "999");
  EXPECT_EQ(with_commas(1000), "1,000");
  EXPECT_EQ(with_commas(1234567), "1,234,567");
  EXPECT_EQ(rounded(999999), "999,999");
  EXPECT_EQ(rounded(1234567), "1.235 million");
  EXPECT_EQ(bytes_for_people(1536), "1.5 KB");
  EXPECT_EQ(bytes_for_people(36028797018963968.0), "32 PB");
  EXPECT_EQ(time_for_people(0.00125), "1.25 ms");
  EXPECT_EQ(percent(1, 3), "33.3 %");
  EXPECT_EQ(percent(1, 100000), "<0.1 %");
  EXPECT_EQ(percent(0, 3), "0");
  EXPECT_EQ(counted(1, "page"), "1 page");
  EXPECT_EQ(counted(2, "page"), "2 pages");
}

TEST(Layout, Bars) {
  EXPECT_EQ(bar(0.5, 10, false), "#####");
  EXPECT_EQ(bar(0.0, 10, false), "");
  EXPECT_EQ(bar(0.0001, 10, false), ".");
  EXPECT_EQ(bar(2.0, 4, false), "####");
  EXPECT_EQ(bar(0.5, 3, true), "█▌");
}

TEST(Report, SaysWhatHappenedAndNothingElse) {
  const std::string text = text_report(sound_run(), {});
  EXPECT_THAT(text, HasSubstr("faultline: ./chase 64\n"));
  EXPECT_THAT(text, HasSubstr("1.293 memory accesses for each reference: itself, and 0.293 to find it"));
  EXPECT_THAT(text, HasSubstr("walk             90.0 %  ########"));
  EXPECT_THAT(text, HasSubstr("demand zero"));
  EXPECT_THAT(text, HasSubstr("one linear table for the same addresses takes 32 PB"));
  for (const char* absent :
       {"Swap", "Caches", "second level", "System calls", "Processes", "idle", "copy on write", "Host", "\033"}) {
    EXPECT_THAT(text, Not(HasSubstr(absent)));
  }
}

TEST(Report, OneIsNotMany) {
  RunStatistics s = sound_run();
  s.references = {2, 1, 0};
  s.translation.fault_walk_reads = 1;
  s.harts = {{}, {}};
  s.shootdowns.sent = 1;
  s.hart_interrupts = 2;
  const std::string text = text_report(s, {});
  EXPECT_THAT(text, HasSubstr("3 references: 2 fetches, 1 load, 0 stores\n"));
  EXPECT_THAT(text, HasSubstr("and 1 entry read by walks that ended in a fault\n"));
  EXPECT_THAT(text, HasSubstr("of the time; 1 shoot-down, 2 other interrupts between them\n"));
  EXPECT_THAT(text, HasSubstr(" cycles of all harts an instruction"));
}

// 10 million cycles of waiting do not hide the 1000 in which something ran.
TEST(Report, IdleDoesNotHideTheRest) {
  RunStatistics s = sound_run();
  s.cycles += 10'000'000;
  s.cycle_stack.book(CycleAccount::idle, Cycles(10'000'000));
  const std::string text = text_report(s, {});
  EXPECT_THAT(text, HasSubstr("100010.000 cycles an instruction; 10.000 without those in which nothing ran"));
  EXPECT_THAT(text, HasSubstr("                   of all of busy\n"));
  EXPECT_THAT(text, HasSubstr("compute          <0.1 %  10.0 %  ## "));
  EXPECT_THAT(text, HasSubstr("walk             <0.1 %  90.0 %  ############## "));
  EXPECT_THAT(text, HasSubstr("idle            100.0 %   "));
}

TEST(Report, SaysWhatThePageOutDaemonLookedAt) {
  RunStatistics s = sound_run();
  s.pageout = {.wakeups = 3, .front_hand = 50, .back_hand = 40, .freed = 7, .cleaned = 2, .batches = 1};
  EXPECT_THAT(text_report(s, {}), HasSubstr("  the page-out daemon ran 3 times by the policy two-handed\n"
                                            "  its front hand looked at 50 pages, its back hand at 40\n"));
  s.config.os.vm.replacement = "fifo";
  s.pageout.front_hand = 0;
  EXPECT_THAT(text_report(s, {}), HasSubstr("by the policy fifo\n  it looked at 40 pages\n"));
}

TEST(Report, SaysWhatPoliciesWithoutHandsLookedAt) {
  RunStatistics s = sound_run();
  s.pageout = {.wakeups = 3, .front_hand = 50, .back_hand = 4, .freed = 3, .cleaned = 2, .batches = 1};
  s.config.os.vm.replacement = "aging";
  EXPECT_THAT(text_report(s, {}), HasSubstr("  it sampled 50 pages and looked for a victim at 4\n"));
}

// More waiting than work, and pages that come back: one of the two alone is not it.
TEST(Report, SaysThrashing) {
  RunStatistics s = sound_run();
  s.pageout.wakeups = 3;
  s.swap.ins = 43;
  s.swap.slots_used_peak = 10;
  const std::string said = "thrashing: a page on swap came back 4.3 times, and for 75.0 % of the time";
  const auto thrashes = [&] { return statistics_json(s)["pageout"]["thrashing"] == true; };
  EXPECT_THAT(text_report(s, {}), Not(HasSubstr("thrashing")));
  EXPECT_FALSE(thrashes());
  const Cycles work(s.cycle_stack.total());
  ASSERT_EQ(s.cycles, work.value);
  s.cycle_stack.book(CycleAccount::idle, work * 3);
  s.cycles = s.cycle_stack.total();
  EXPECT_THAT(text_report(s, {}), HasSubstr(said));
  EXPECT_TRUE(thrashes());
  // The same stack of four harts, of which one worked all the time.
  s.cycles = work.value;
  EXPECT_FALSE(thrashes());
  s.cycles = 4 * work.value;
  s.swap.ins = 10;
  EXPECT_THAT(text_report(s, {}), Not(HasSubstr("thrashing")));
  EXPECT_FALSE(thrashes());
}

TEST(Report, ColoursOnlyWhereAsked) { EXPECT_THAT(text_report(sound_run(), {.colour = true}), HasSubstr("\033[1m")); }

TEST(Report, LinesFitTheTerminal) {
  RunStatistics s = sound_run();
  s.run.arguments.assign(50, "argument");
  std::stringstream text(text_report(s, {}));
  for (std::string line; std::getline(text, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(Report, NamesCannotLeaveTheirLine) {
  EXPECT_EQ(printable("plain \u00fc\u20ac\U0001f600"), "plain \u00fc\u20ac\U0001f600");
  EXPECT_EQ(printable("a\nb\033[2J\x7f\t"), "a?b?[2J??");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "?31m");  // a control character of 8 bits
  EXPECT_EQ(printable("\x9b"
                      "31m \xff \xc3"),
            "?31m ? ?");                                    // no UTF-8
  EXPECT_EQ(printable("\xc0\x8a \xed\xa0\x80"), "?? ???");  // overlong; a surrogate
  RunStatistics s = sound_run();
  s.run.program = "./a\nb";
  s.run.arguments = {"\033[31m"};
  s.processes = {{.pid = 2, .command = "x\ny"}, {.pid = 3, .command = "z"}};
  const std::string text = text_report(s, {});
  EXPECT_THAT(text, HasSubstr("faultline: ./a?b ?[31m\n"));
  EXPECT_THAT(text, HasSubstr("  x?y "));
}

TEST(Report, CrashNamesWhatAPersonNeeds) {
  EXPECT_EQ(crash_line({7, "crash", 11, 0x10400, 0x8, 0x0007b783, "ld a5,0(a5)"}),
            "crash (pid 7) died of SIGSEGV at pc 0x10400: address 0x8, instruction 0007b783 (ld a5,0(a5))");
  EXPECT_EQ(crash_line({7, "crash", 4, 0x10400, 0x10400, 0xdead0000, ""}),
            "crash (pid 7) died of SIGILL at pc 0x10400: address 0x10400, instruction 0000");
  EXPECT_EQ(crash_line({7, "crash", 11, 0, 0, 0, ""}),
            "crash (pid 7) died of SIGSEGV at pc 0x0: address 0x0, no instruction can be read there");
}

}  // namespace
}  // namespace faultline::cli
