// Real software from Debian, unmodified, prints under faultline what it prints
// under qemu-riscv64. `./dev software` fetches and builds it into
// build/software; without that the tests are skipped, and say so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "harness.h"

namespace faultline::system_test {
namespace {

struct Case {
  std::string name;
  std::vector<std::string> command, settings;
  bool root = false;
};

std::ostream& operator<<(std::ostream& out, const Case& one) { return out << one.name; }

fs::path recipes() { return programs_manifest().parent_path() / "software"; }
fs::path software() { return build_directory() / "software"; }

std::vector<Case> cases() {
  std::vector<Case> all;
  const Json manifest = Json::parse(read_file(recipes() / "cases.json"));
  for (const Json& one : manifest.at("cases"))
    all.push_back({.name = one.at("name"),
                   .command = one.at("command"),
                   .settings = one.value("settings", std::vector<std::string>{"timing=tlb"}),
                   .root = one.value("root", false)});
  return all;
}

// A program built from source, or one of a package.
fs::path program(const std::string& name) {
  const fs::path built = software() / "bin" / name;
  return fs::exists(built) ? built : software() / "root/usr/bin" / name;
}

void make_files(const fs::path& directory) {
  for (const auto& script : fs::directory_iterator(recipes() / "cases"))
    fs::copy_file(script.path(), directory / script.path().filename());
  write_file(directory / "text", numbered_lines(10000));
}

CommandOptions patient(const fs::path& directory) {
  return {.directory = directory.string(), .limit = std::chrono::seconds(900)};
}

// Whatever the program executes runs under qemu-riscv64 too: see fetch.
Outcome run_under_qemu(const Case& one, const fs::path& directory) {
  CommandOptions options = patient(directory);
  const std::string path = "PATH=" + (software() / "qemu").string();
  std::vector<std::string> command = {"env", "-i", path, "HOME=.", "LC_ALL=C", "TZ=UTC"};
  command.insert(command.end(), one.command.begin(), one.command.end());
  return run(command, options);
}

RunResult run_under_faultline(const Case& one, const fs::path& directory) {
  RunRequest request{.settings = one.settings, .command = patient(directory)};
  const std::string root = (software() / "root").string();
  if (one.root) {
    request.options = {"--root", root, "--bind", directory.string() + ":/work:rw", "--env", "PATH=/usr/bin"};
    request.program = "/usr/bin/env";
    request.arguments = {"-C", "/work"};
    request.arguments.insert(request.arguments.end(), one.command.begin(), one.command.end());
  } else {
    request.options = {"--sysroot", root,
                       "--bind",    root + "/usr/bin:/usr/bin",
                       "--bind",    root + "/usr/bin:/bin",
                       "--bind",    (software() / "bin").string() + ":/usr/local/bin",
                       "--bind",    ".:rw",
                       "--env",     "PATH=/usr/local/bin:/usr/bin"};
    request.program = program(one.command.front()).string();
    request.arguments.assign(one.command.begin() + 1, one.command.end());
  }
  for (const char* variable : {"HOME=.", "LC_ALL=C", "TZ=UTC"})
    request.options.insert(request.options.end(), {"--env", variable});
  return faultline_run(request);
}

// What the two left in their directories that is not the same.
std::vector<std::string> differing_files(const fs::path& a, const fs::path& b) {
  const auto in_a = contents(a), in_b = contents(b);
  std::vector<std::string> names;
  for (const auto& [name, text] : in_a)
    if (!in_b.contains(name) || in_b.at(name) != text) names.push_back(name);
  for (const auto& [name, text] : in_b)
    if (!in_a.contains(name)) names.push_back(name);
  return names;
}

class Software : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!fs::exists(software() / "done"))
      GTEST_SKIP() << "no real software in " << software() << "; `./dev software` fetches it";
  }
};

TEST_P(Software, DoesWhatItDoesUnderQemu) {
  FreshDirectory expected_directory, directory;
  make_files(expected_directory.path());
  make_files(directory.path());
  const Outcome expected = run_under_qemu(GetParam(), expected_directory.path());
  const RunResult got = run_under_faultline(GetParam(), directory.path());
  ASSERT_FALSE(expected.timed_out);
  ASSERT_FALSE(got.timed_out) << got.line;
  EXPECT_NE(expected.out, "");
  EXPECT_EQ(got.out, expected.out) << got.line << "\n" << got.err;
  EXPECT_EQ(got.status, expected.status) << got.line << "\n" << got.err;
  EXPECT_THAT(got.err, testing::Not(testing::HasSubstr("internal error"))) << got.line;
  EXPECT_THAT(differing_files(directory.path(), expected_directory.path()), testing::IsEmpty()) << got.line;
}

INSTANTIATE_TEST_SUITE_P(, Software, testing::ValuesIn(cases()), [](const auto& item) { return item.param.name; });

// 50 MB of lines that need twice that in a machine of 32 MB.
class LargeSort : public Software {
 protected:
  static void make_lines(const fs::path& file) {
    constexpr size_t kBytes = 50 << 20;
    std::mt19937_64 random(1);
    std::ofstream out(file, std::ios::binary);
    for (size_t written = 0; written < kBytes;) {
      std::string line = std::to_string(random()) + std::string(random() % 64, 'x') + "\n";
      out << line;
      written += line.size();
    }
  }
};

TEST_P(LargeSort, GivesWhatItGivesUnderQemu) {
  FreshDirectory directory;
  const fs::path sorted = directory.path() / "sorted", expected = directory.path() / "expected";
  make_lines(directory.path() / "lines");
  ASSERT_EQ(run_under_qemu(GetParam(), directory.path()).status, 0);
  fs::rename(sorted, expected);
  const RunResult got = run_under_faultline(GetParam(), directory.path());
  ASSERT_EQ(got.status, 0) << got.line << "\n" << got.err;
  EXPECT_TRUE(read_file(sorted) == read_file(expected));
  EXPECT_GT(count(got.stats, "swap.ins"), 10000u);
  EXPECT_GT(count(got.stats, "swap.outs"), 10000u);
}

INSTANTIATE_TEST_SUITE_P(
    , LargeSort,
    testing::Values(
        Case{"coreutils", {"sort", "-S", "120M", "-o", "sorted", "lines"}, {"timing=none", "dram.size=32M"}},
        Case{"busybox", {"busybox", "sort", "-o", "sorted", "lines"}, {"timing=none", "dram.size=32M"}}),
    [](const auto& item) { return item.param.name; });

}  // namespace
}  // namespace faultline::system_test
