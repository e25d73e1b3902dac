// Settings, machine files, presets, and what is said of each mistake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "cli/config/describe.h"
#include "cli/config/loader.h"
#include "cli/config/presets.h"
#include "cli/config/settings.h"
#include "cli/config/user_error.h"

namespace faultline::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// The line that a machine file and overrides are refused with; empty when taken.
std::string refusal(std::string_view toml, const std::vector<std::string>& overrides = {}) {
  try {
    load_toml("m.toml", toml, overrides);
    return "";
  } catch (const UserError& error) {
    return error.what();
  }
}

std::string refused_override(const std::string& text) { return refusal("", {text}); }

TEST(Value, SizesAreExactOrRefused) {
  EXPECT_EQ(parse_size("64K"), 65'536u);
  EXPECT_EQ(parse_size("3g"), uint64_t{3} << 30);
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("17179869183G"), ((uint64_t{1} << 34) - 1) << 30);
  for (const char* bad : {"", "K", "1.5M", "-1", "17179869184G", "64KB", " 1", "0x10", "99999999999999999999"}) {
    EXPECT_EQ(parse_size(bad), std::nullopt) << bad;
  }
  for (const uint64_t size : {0ull, 1ull, 1000ull, 1024ull, 1536ull, 262144ull, 5ull << 40}) {
    EXPECT_EQ(parse_size(format_size(size)), size);
  }
  EXPECT_EQ(format_size(256u << 20), "256M");
}

TEST(Value, NumbersMayHaveUnderscoresBetweenDigits) {
  EXPECT_EQ(parse_number("50_000_000"), 50'000'000u);
  EXPECT_EQ(parse_number("0"), 0u);
  for (const char* bad : {"", "_", "_1", "1_", "1__0", "1_x", "-1", "18446744073709551616"}) {
    EXPECT_EQ(parse_number(bad), std::nullopt) << bad;
  }
}

TEST(Value, EditDistance) {
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(Settings, PathsAreUniqueAndDefaultsPassTheirOwnCheck) {
  std::set<std::string> seen;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(seen.insert(setting.path).second) << setting.path;
    EXPECT_EQ(setting.check(setting.default_value()), "") << setting.path;
    EXPECT_FALSE(setting.facts.help.empty()) << setting.path;
  }
}

// Each setting reaches a member of its own: setting one changes no other.
TEST(Settings, EachReachesItsOwnMember) {
  for (const Setting& setting : settings()) {
    Configuration configuration;
    Value value = setting.default_value();
    if (bool* flag = std::get_if<bool>(&value)) {
      *flag = !*flag;
    } else if (Numbers* numbers = std::get_if<Numbers>(&value)) {
      numbers->assign({setting.facts.range.minimum, setting.facts.range.minimum + 2});
    } else if (uint64_t* number = std::get_if<uint64_t>(&value)) {
      *number += *number == setting.facts.range.maximum ? -1 : 1;
    } else if (setting.kind == Setting::Kind::text) {
      value = std::string("1");  // sectors or a file
      EXPECT_EQ(setting.check(value), "") << setting.path;
      EXPECT_EQ(setting.check(std::string(":")), "expected " + setting.expected()) << setting.path;
    } else {
      value = std::string(setting.facts.choices.back());
      if (value == setting.default_value()) value = std::string(setting.facts.choices.front());
    }
    setting.set(configuration, value);
    for (const Setting& other : settings()) {
      EXPECT_EQ(other.get(configuration), other.path == setting.path ? value : other.default_value())
          << setting.path << " and " << other.path;
    }
  }
}

TEST(Settings, TheNamesOfTheContractExist) {
  for (const char* path : {"seed",
                           "timing",
                           "hart.count",
                           "hart.clock_mhz",
                           "paging.format",
                           "paging.huge",
                           "tlb.enabled",
                           "tlb.l1i.enabled",
                           "tlb.l1d.sets",
                           "tlb.l2.ways",
                           "tlb.l2.replacement",
                           "walker.caches",
                           "walker.entry",
                           "walker.parallel",
                           "cache.enabled",
                           "cache.l1i.size",
                           "cache.l1d.ways",
                           "cache.l2.line",
                           "cache.l3.size",
                           "dram.size",
                           "dram.timing",
                           "disk.kind",
                           "swap.size",
                           "vm.overcommit",
                           "vm.replacement",
                           "vm.lotsfree",
                           "vm.desfree",
                           "vm.minfree",
                           "vm.handspreadpages",
                           "vm.slowscan",
                           "vm.fastscan",
                           "vm.readahead",
                           "vm.writebehind",
                           "os.translated",
                           "vm.overcommit_ratio",
                           "hart.misaligned"}) {
    EXPECT_NE(find_setting(path), nullptr) << path;
  }
}

TEST(Loader, ReadsEveryKind) {
  const LoadedConfiguration loaded = load_toml("m.toml", R"(
seed = 7
[tlb]
enabled = false
[tlb.l1d]
ways = 3
replacement = "fifo"
[dram]
size = "64M"
[vm]
overcommit = 2
)",
                                               {"swap.size=32M", "vm.overcommit_ratio=0", "dram.size=8M"});
  EXPECT_EQ(loaded.values.machine.seed, 7u);
  EXPECT_EQ(loaded.values.os.seed, 7u);
  EXPECT_FALSE(loaded.values.machine.tlb.enabled);
  EXPECT_EQ(loaded.values.machine.tlb.l1d.ways, 3u);
  EXPECT_EQ(loaded.values.machine.tlb.l1d.replacement, hw::Replacement::fifo);
  EXPECT_EQ(loaded.values.machine.dram.size, 8u << 20);  // the command line wins
  EXPECT_EQ(loaded.values.os.vm.overcommit, os::Overcommit::never);
  EXPECT_EQ(loaded.values.os.swap.size, 32u << 20);
  EXPECT_EQ(loaded.origins.at("tlb.l1d.ways").where, "m.toml:6:8");
}

TEST(Loader, ListsOfNumbers) {
  using Sets = std::vector<uint32_t>;
  EXPECT_EQ(load_toml("m.toml", "observe.sets = [3, 12]", {}).values.machine.observe.sets, (Sets{3, 12}));
  for (const char* text : {"observe.sets=3,12", "observe.sets=[3, 12]", "observe.sets= 3 , 12 "}) {
    EXPECT_EQ(load_toml("m.toml", "", {text}).values.machine.observe.sets, (Sets{3, 12})) << text;
  }
  EXPECT_EQ(load_toml("m.toml", "", {"observe.sets=[]"}).values.machine.observe.sets, Sets{});
  for (const char* text : {"observe.sets=3,,4", "observe.sets=3,", "observe.sets=,3", "observe.sets=[3",
                           "observe.sets=0", "observe.sets=3 4", "observe.sets=65537"}) {
    EXPECT_THAT(refused_override(text), HasSubstr("expected a list of at most 64 numbers, each from 1 to 65536"))
        << text;
  }
  EXPECT_THAT(refusal("[observe]\nsets = [3, \"x\"]\n"), StartsWith("m.toml:2:12: observe.sets: expected a list"));
  EXPECT_THAT(refusal("[observe]\nsets = 3\n"), StartsWith("m.toml:2:8: observe.sets: expected a list"));
}

TEST(Loader, OvercommitByNumberOrName) {
  for (const char* text : {"vm.overcommit=1", "vm.overcommit=always"}) {
    EXPECT_EQ(load_toml("m.toml", "", {text}).values.os.vm.overcommit, os::Overcommit::always);
  }
  EXPECT_THAT(refused_override("vm.overcommit=3"), HasSubstr("0 (heuristic), 1 (always), 2 (never)"));
}

TEST(Loader, MistakesInAFileNameLineAndColumn) {
  EXPECT_EQ(refusal("[tlb.l1d]\nwayz = 3\n"), "m.toml:2:1: unknown key tlb.l1d.wayz; did you mean tlb.l1d.ways?");
  EXPECT_EQ(refusal("[tlb.l1d]\nways = \"four\"\n"),
            "m.toml:2:8: tlb.l1d.ways: expected a whole number from 1 to 65536");
  EXPECT_EQ(refusal("[tlb.l1d]\nways = 0\n"), "m.toml:2:8: tlb.l1d.ways: expected a whole number from 1 to 65536");
  EXPECT_EQ(refusal("[tlb.l1d]\nways = -2\n"), "m.toml:2:8: tlb.l1d.ways: expected a whole number from 1 to 65536");
  EXPECT_EQ(refusal("[tlb]\nenabled = 1\n"), "m.toml:2:11: tlb.enabled: expected true or false");
  EXPECT_THAT(refusal("tlb = 4\n"), StartsWith("m.toml:1:7: tlb: expected a table"));
  EXPECT_THAT(refusal("[dram]\nsize = [1]\n"), StartsWith("m.toml:2:8: dram.size: expected a size"));
  EXPECT_THAT(refusal("[dram]\nsize = \"64Q\"\n"), StartsWith("m.toml:2:8: dram.size: expected a size"));
  EXPECT_THAT(refusal("[dram\nsize = 1\n"), StartsWith("m.toml:1:"));
  EXPECT_THAT(refusal("base = \"textbok\"\n"), StartsWith("m.toml:1:8: base: no preset \"textbok\""));
  EXPECT_THAT(refusal("base = 3\n"), StartsWith("m.toml:1:8: base: expected a string"));
  EXPECT_THAT(refusal("hart.clock_mhz = 1.5\n"), StartsWith("m.toml:1:18: hart.clock_mhz: expected a whole number"));
}

TEST(Loader, MistakesOnTheCommandLineNameTheOption) {
  EXPECT_EQ(refused_override("tlb.l1d.ways"), "-s tlb.l1d.ways: expected KEY=VALUE");
  EXPECT_EQ(refused_override("l1d.ways=4"), "-s l1d.ways=4: unknown key l1d.ways; did you mean tlb.l1d.ways?");
  EXPECT_EQ(refused_override("completely.different=4"), "-s completely.different=4: unknown key completely.different");
  EXPECT_EQ(refused_override("dram.size="), "-s dram.size=: expected a size in bytes (K, M, G) from 64K to 256G");
  EXPECT_THAT(refused_override("paging.format=sv40"),
              HasSubstr("expected one of x86-64, la57, sv32, sv39, sv48, sv57, ia32, linear32"));
  EXPECT_EQ(refused_override("tlb.enabled=maybe"), "-s tlb.enabled=maybe: expected true or false");
}

TEST(Loader, WhatWatchesOneHartIsRefusedWithSeveral) {
  const auto refusal_of = [](const std::string& text) { return refusal("[hart]\ncount = 2\n" + text); };
  EXPECT_THAT(refusal_of("[observe]\ntlb = true\n"), HasSubstr("watch one hart, and hart.count = 2"));
  EXPECT_THAT(refusal_of("[observe]\npages = true\n"), HasSubstr("watch one hart, and hart.count = 2"));
  EXPECT_THAT(refusal_of("[observe]\ninterval = 1000\n"), HasSubstr("watch one hart, and hart.count = 2"));
  EXPECT_EQ(refused_override("hart.count=64"), "");
  EXPECT_THAT(refused_override("hart.count=65"), HasSubstr("expected a whole number from 1 to 64"));
}

TEST(Loader, NothingIsObservedThatIsNotModelled) {
  for (const char* what : {"observe.tlb=true", "observe.pages=true", "observe.interval=1000"}) {
    EXPECT_THAT(refusal("", {"timing=none", what}), HasSubstr("timing = none models no translation")) << what;
    EXPECT_EQ(refusal("", {"timing=tlb", what}), "") << what;
  }
}

TEST(Loader, HostileFilesGetOneLine) {
  const std::vector<std::string> files = {std::string("\0\0\0", 3),
                                          "\xff\xfe",
                                          std::string(100'000, '['),
                                          "a = \"\n\"",
                                          "\"line\\nbreak\" = 1",
                                          "x = {",
                                          "[[tlb]]\n",
                                          std::string(5'000, 'k') + " = 1"};
  for (const std::string& text : files) {
    const std::string line = refusal(text);
    EXPECT_FALSE(line.empty());
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    EXPECT_LT(line.size(), 400u) << line;
  }
}

TEST(Contradictions, AreFoundAndNamedByTheLastOfTheSettings) {
  EXPECT_EQ(refusal("[tlb.l1d]\nreplacement = \"plru\"\n", {"tlb.l1d.ways=3"}),
            "-s tlb.l1d.ways=3: tlb.l1d.replacement = \"plru\" needs tlb.l1d.ways to be a power of two of at most 64, "
            "and it is 3");
  EXPECT_EQ(
      refusal("[tlb.l1d]\nways = 3\nreplacement = \"plru\"\n"),
      "m.toml:3:15: tlb.l1d.replacement = \"plru\" needs tlb.l1d.ways to be a power of two of at most 64, and it is 3");
  const std::string caches = "[cache]\nenabled = true\n";
  EXPECT_THAT(refusal(caches, {"cache.l1d.ways=7"}),
              StartsWith("-s cache.l1d.ways=7: cache.l1d.size = 32768 is no multiple"));
  EXPECT_THAT(refusal(caches, {"cache.l2.line=32"}), HasSubstr("one size at every level"));
  EXPECT_THAT(refusal(caches, {"cache.l1i.line=48"}), HasSubstr("power of two"));
  EXPECT_EQ(refusal("", {"cache.l1d.ways=7"}), "");  // no caches, no contradiction
  EXPECT_THAT(refusal("", {"paging.format=ia32", "dram.size=8G"}), StartsWith("-s dram.size=8G: ia32 tables"));
  EXPECT_THAT(refusal("", {"dram.size=8G", "paging.format=linear32"}), StartsWith("-s paging.format=linear32: "));
  EXPECT_THAT(refusal("", {"paging.format=linear32", "dram.size=8M"}), HasSubstr("at least 16M"));
  EXPECT_THAT(refusal("", {"dram.size=5000001"}), HasSubstr("multiple of the page"));
  EXPECT_THAT(refusal("", {"vm.desfree=2000"}),
              StartsWith("-s vm.desfree=2000: vm.desfree = 2000 is more than vm.lotsfree = 1024"));
  EXPECT_THAT(refusal("", {"tlb.l1d.replacement=plru", "tlb.l1d.ways=128"}), HasSubstr("at most 64, and it is 128"));
  EXPECT_THAT(refusal("", {"disk.seek_track_us=6000"}), HasSubstr("more than disk.seek_average_us"));
  EXPECT_THAT(refusal("", {"disk.track_bytes=5000"}), HasSubstr("multiple of the sector"));
  EXPECT_EQ(refusal("", {"disk.size=1G", "swap.size=16M", "disk.fault_sectors=5,2097150-2097151"}), "");
  EXPECT_THAT(refusal("", {"disk.size=1G", "swap.size=16M", "disk.fault_sectors=5,2097150-2097152"}),
              HasSubstr("there is no sector 2097152, the disk has 2097152"));
  EXPECT_EQ(refusal("", {"memory.model=fence", "memory.swapping=true", "swap.size=0"}),
            "-s swap.size=0: memory.swapping moves programs to swap, and swap.size = 0");
  EXPECT_THAT(refusal("", {"vm.minfree=600"}), HasSubstr("more than vm.desfree = 512"));
  EXPECT_THAT(refusal("", {"vm.lotsfree=65536"}), HasSubstr("not less than memory"));
  EXPECT_THAT(refusal("", {"vm.slowscan=10", "vm.fastscan=5"}), HasSubstr("more than vm.fastscan"));
  EXPECT_THAT(refusal("", {"swap.size=1G", "disk.size=1G"}), HasSubstr("more than half of disk.size"));
}

TEST(Contradictions, FormatsAndMemory) {
  EXPECT_THAT(refusal("", {"paging.format=sv32", "dram.size=17G"}), HasSubstr("dram.size is at most 16G"));
  EXPECT_THAT(refusal("", {"paging.format=ia32", "dram.size=5G"}), HasSubstr("dram.size is at most 4G"));
  EXPECT_THAT(refusal("", {"paging.format=linear32", "dram.size=8M"}), HasSubstr("dram.size is at least 16M"));
}

TEST(Contradictions, AFormatOfTheUsersOwn) {
  const std::string custom = "[paging]\nformat = \"custom\"\n[paging.custom]\n";
  EXPECT_THAT(refusal(custom + "page = \"6K\"\n"), HasSubstr("paging.custom.page must be a power of two"));
  EXPECT_THAT(refusal(custom + "bits = [13, 13, 13, 13]\n"), HasSubstr("addresses of 64 bits"));
  EXPECT_THAT(refusal(custom + "bits = [10, 10]\nentry_bytes = 8\n"), HasSubstr("at most 9 bits"));
  EXPECT_THAT(refusal(custom + "bits = [9, 9]\nleaves = [0, 2]\n"), HasSubstr("there is no level 2"));
  EXPECT_THAT(refusal(custom + "entry_bytes = 6\n"), HasSubstr("must be 4 or 8"));
  EXPECT_THAT(refusal(custom + "bits = [30]\n"), HasSubstr("takes a table of 8G in one piece"));
  EXPECT_THAT(refusal("", {"paging.format=custom", "paging.custom.page=2M", "dram.size=3M"}),
              HasSubstr("dram.size must be a multiple of the page, 2097152"));
}

// What the host's tables would say when the machine is built is said before.
TEST(Contradictions, TheHostsTables) {
  const auto nested = [](std::vector<std::string> more) {
    more.insert(more.begin(), "nested.enabled=true");
    return refusal("", more);
  };
  EXPECT_THAT(nested({"nested.format=ia32", "nested.page=2M"}), HasSubstr("-s nested.page=2M: nested.page: ia32"));
  EXPECT_THAT(nested({"nested.page=1G", "dram.size=512M"}), HasSubstr("-s dram.size=512M: dram.size: not a whole"));
  EXPECT_THAT(nested({"nested.format=linear32", "dram.size=8G"}), HasSubstr("more than linear32 tables"));
  const std::vector<std::string> large = {"paging.format=custom", "paging.custom.page=64K",
                                          "paging.custom.bits=13,13,12"};
  EXPECT_THAT(nested(large), HasSubstr("nested.page: smaller than the base pages of paging.format"));
  std::vector<std::string> own = large;
  own.insert(own.end(), {"nested.enabled=true", "nested.format=custom", "nested.page=base"});
  EXPECT_NO_THROW(load_toml("m.toml", "", own)) << "the host has the same format";
}

TEST(Contradictions, ArraysOfATlb) {
  EXPECT_THAT(refusal("", {"tlb.l1d.split=true", "tlb.l1d.large.replacement=plru", "tlb.l1d.large.ways=3"}),
              HasSubstr("tlb.l1d.large.replacement = \"plru\" needs tlb.l1d.large.ways to be a power of two"));
  EXPECT_THAT(refusal("", {"tlb.l2.enabled=true", "tlb.l2.split=true", "tlb.large=several"}),
              HasSubstr("tlb.l2.split: with tlb.large = \"several\""));
}

TEST(Presets, AllLoadAndSayWhatTheyAre) {
  std::vector<std::string> names;
  for (const Preset& preset : presets()) {
    names.emplace_back(preset.name);
    EXPECT_FALSE(load_configuration(names.back(), {}).description.empty()) << preset.name;
  }
  EXPECT_THAT(names, ::testing::ElementsAre("core-i7", "ia32", "la57", "linear32", "nested", "nested-la57", "skylake",
                                            "sv32", "sv39", "sv48", "sv57", "textbook", "u74", "zen2"));
}

TEST(Presets, TextbookIsTheDefaults) {
  EXPECT_EQ(configuration_json(load_configuration("textbook", {}).values),
            configuration_json(load_toml("empty.toml", "", {}).values));
}

TEST(Presets, EveryNumberSaysWhereItComesFrom) {
  for (const Preset& preset : presets()) {
    for (const auto& [path, origin] : load_configuration(std::string(preset.name), {}).origins) {
      const bool obvious =
          path.ends_with(".enabled") || path.ends_with(".size") || path == "dram.timing" || path == "disk.kind";
      const bool same = path.ends_with("_cycles") && origin.where.starts_with("textbook.toml");
      EXPECT_TRUE(obvious || same || !origin.note.empty()) << origin.where << " " << path;
    }
  }
}

TEST(Presets, UnknownOnesAreRefusedWithTheKnown) {
  try {
    load_configuration("textbok", {});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_THAT(error.what(), StartsWith("no machine \"textbok\"; there are core-i7, "));
    EXPECT_THAT(error.what(), EndsWith(", textbook, u74, zen2, or name a TOML file"));
  }
}

TEST(Machine, FilesThatCannotBeReadAreNamed) {
  const auto message = [](const std::string& path) {
    try {
      load_configuration(path, {});
      return std::string();
    } catch (const UserError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_EQ(message("./nowhere.toml"), "./nowhere.toml: No such file or directory");
  EXPECT_THAT(message("/"), StartsWith("/: "));
  EXPECT_THAT(message("/dev/zero"), StartsWith("/dev/zero: "));
}

TEST(Describe, TheResolvedTomlReadsBackToTheSame) {
  for (const Preset& preset : presets()) {
    const LoadedConfiguration loaded = load_configuration(std::string(preset.name), {"seed=9", "vm.overcommit=2"});
    const LoadedConfiguration again = load_toml("printed.toml", describe_as_toml(loaded), {});
    EXPECT_EQ(configuration_json(again.values), configuration_json(loaded.values)) << preset.name;
  }
}

TEST(Describe, AHostileDescriptionStaysOneLine) {
  const LoadedConfiguration loaded = load_toml("a\nb.toml", R"(description = "one\n[tlb]\nenabled = \"x\" \\")", {});
  const LoadedConfiguration again = load_toml("printed.toml", describe_as_toml(loaded), {});
  EXPECT_EQ(again.description, loaded.description);
}

TEST(Describe, SourcesOfNumbersAreCarriedOver) {
  EXPECT_THAT(describe_as_toml(load_configuration("core-i7", {})), HasSubstr("CS:APP 3e, figure 9.21"));
}

TEST(Describe, TheReferenceInDocsIsTheTable) {
  std::ifstream file(std::filesystem::path(FAULTLINE_DOCS) / "configuration.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), settings_reference()) << "run: build/faultline machines --reference > docs/configuration.md";
}

}  // namespace
}  // namespace faultline::cli
