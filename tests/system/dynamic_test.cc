// Programs that the kernel does not run by themselves: dynamically linked ones,
// through their interpreter and the sysroot's libraries, and scripts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "harness.h"

namespace faultline::system_test {
namespace {

using testing::HasSubstr;

RunResult run_copies(const std::string& number) {
  RunResult result = faultline_run({.program = "shared_libraries", .arguments = {number}});
  EXPECT_EQ(result.status, 0) << result.line << "\n" << result.err;
  EXPECT_THAT(result.out, HasSubstr(number + " copies run"));
  return result;
}

TEST(DynamicPrograms, ShareTheTextOfTheirLibraries) {
  const RunResult one = run_copies("1"), five = run_copies("5");
  // The interpreter, libc and libm are several hundred pages, of which a few
  // hundred are touched; what four more processes add of them is nothing.
  EXPECT_GT(count(one.stats, "frames.file"), 100u);
  EXPECT_EQ(count(five.stats, "frames.file"), count(one.stats, "frames.file"));
  EXPECT_EQ(count(five.stats, "disk.bytes_read"), count(one.stats, "disk.bytes_read"));
  // Their own stacks, heaps, and the pages that relocation writes to.
  EXPECT_GT(count(five.stats, "frames.anonymous"), count(one.stats, "frames.anonymous") + 4 * 10);
  EXPECT_EQ(five.stats.at("processes").size(), 6u);
  for (const Json& process : five.stats.at("processes")) EXPECT_EQ(process.at("exit"), 0);
}

TEST(DynamicPrograms, NeedTheirLibraries) {
  FreshDirectory empty;
  const RunResult result =
      faultline_run({.options = {"--sysroot", empty.path().string()}, .program = "shared_libraries"});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("/lib/ld-linux-riscv64-lp64d.so.1: No such file or directory"));
}

class Scripts : public testing::Test {
 protected:
  void write_script(const std::string& name, const std::string& text, fs::perms mode = fs::perms::all) {
    write_file(directory_.path() / name, text);
    fs::permissions(directory_.path() / name, mode);
  }
  std::string path(const std::string& name) const { return (directory_.path() / name).string(); }
  RunResult run_script(const std::string& name, std::vector<std::string> arguments = {}) {
    return faultline_run({.options = {"--bind", guest("env_args").parent_path().string()},
                          .program = path(name),
                          .arguments = std::move(arguments),
                          .command = {.directory = directory_.path().string()}});
  }
  std::string interpreter() const { return guest("env_args").string(); }

 private:
  FreshDirectory directory_;
};

TEST_F(Scripts, RunTheirInterpreterWithOneArgumentOfTheLine) {
  write_script("script", "#! " + interpreter() + " \t-one and  the same \t\nnot read\n");
  const RunResult result = run_script("script", {"two", "three four"});
  EXPECT_EQ(result.status, 5) << result.err;  // the number of its arguments
  EXPECT_THAT(result.out, HasSubstr("argv[1] = \"-one and  the same\""));
  EXPECT_THAT(result.out, HasSubstr("argv[2] = \"" + path("script") + "\""));
  EXPECT_THAT(result.out, HasSubstr("argv[3] = \"two\""));
  EXPECT_THAT(result.out, HasSubstr("argv[4] = \"three four\""));
}

TEST_F(Scripts, MayBeRunByScripts) {
  write_script("inner", "#!" + interpreter() + "\n");
  write_script("outer", "#!" + path("inner") + " x\n");
  const RunResult result = run_script("outer", {"y"});
  EXPECT_EQ(result.status, 5) << result.err;
  EXPECT_THAT(result.out, HasSubstr("argv[1] = \"" + path("inner") + "\""));
  EXPECT_THAT(result.out, HasSubstr("argv[2] = \"x\""));
  EXPECT_THAT(result.out, HasSubstr("argv[3] = \"" + path("outer") + "\""));
  EXPECT_THAT(result.out, HasSubstr("argv[4] = \"y\""));
}

TEST_F(Scripts, ThatCannotRunAreSaidSo) {
  write_script("loop", "#!" + path("loop") + "\n");
  write_script("missing", "#!/nowhere/interpreter\n");
  write_script("nothing", "#!  \n");
  write_script("plain", "#!" + path("data") + "\n");
  write_script("data", "no program\n", fs::perms::owner_read);
  const std::vector<std::pair<std::string, std::string>> cases = {{"loop", "too deep"},
                                                                  {"missing", "/nowhere/interpreter: No such file"},
                                                                  {"nothing", "nothing: "},
                                                                  {"plain", "data: Permission denied"}};
  for (const auto& [name, reason] : cases) {
    const RunResult result = run_script(name);
    EXPECT_EQ(result.status, 2) << name;
    EXPECT_THAT(result.err, HasSubstr(reason)) << name;
  }
}

}  // namespace
}  // namespace faultline::system_test
