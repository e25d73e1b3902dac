// What the settings say against what the OS layer does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <systemc>

#include "cli/config/describe.h"
#include "cli/config/loader.h"
#include "cli/config/settings.h"
#include "cli/config/user_error.h"
#include "os/reclaim/replacement_policy.h"

namespace faultline::cli {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

os::VmConfig vm(const std::vector<std::string>& overrides) {
  return load_configuration("textbook", overrides).values.os.vm;
}

// A policy that the OS layer has can be chosen, and no other.
TEST(Replacement, PoliciesAreThoseOfTheOsLayer) {
  EXPECT_THAT(find_setting("vm.replacement")->facts.choices, ElementsAreArray(os::replacement_policy_names()));
}

// 64 MB are 16384 pages: 1/64 of them, its half, its quarter; half of memory a
// second, but at most 64 MB; 100; a quarter of memory.
TEST(Marks, AreListedAsTheyAreInForce) {
  const os::VmConfig computed = vm({"dram.size=64M"});
  EXPECT_EQ(computed.lotsfree, 256u);
  EXPECT_EQ(computed.desfree, 128u);
  EXPECT_EQ(computed.minfree, 64u);
  EXPECT_EQ(computed.fastscan, 8192u);
  EXPECT_EQ(computed.slowscan, 100u);
  EXPECT_EQ(computed.handspreadpages, 4096u);
  const nlohmann::ordered_json json =
      configuration_json(load_configuration("textbook", {"dram.size=64M", "vm.desfree=0"}).values);
  EXPECT_EQ(json["vm"]["lotsfree"], 256);
  EXPECT_EQ(json["vm"]["desfree"], 128);
}

TEST(Marks, FollowThoseThatAreGiven) {
  const os::VmConfig given = vm({"vm.lotsfree=40", "vm.minfree=7", "vm.fastscan=500"});
  EXPECT_EQ(given.lotsfree, 40u);
  EXPECT_EQ(given.desfree, 20u);
  EXPECT_EQ(given.minfree, 7u);
  EXPECT_EQ(given.slowscan, 50u);
  EXPECT_EQ(given.handspreadpages, 500u);
}

TEST(Marks, SayThatTheyAreComputed) {
  const std::string text = describe_as_toml(load_configuration("textbook", {"vm.lotsfree=500"}));
  EXPECT_THAT(text, HasSubstr("lotsfree = 500 "));
  EXPECT_THAT(text, HasSubstr("desfree = 250                # computed from the size of memory"));
}

// A machine of 1 MB computes 64, a quarter of memory, and not 512 KB.
TEST(Marks, ContradictionsAreThoseOfWhatIsInForce) {
  EXPECT_EQ(vm({"dram.size=1M"}).lotsfree, 64u);
  try {
    vm({"dram.size=1M", "vm.desfree=100"});
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(), "-s vm.desfree=100: vm.desfree = 100 is more than vm.lotsfree = 64");
  }
}

}  // namespace
}  // namespace faultline::cli
