// Conditions and metrics of studies.
#include "cli/sweep/expression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cli/config/user_error.h"
#include "cli/sweep/sha256.h"

namespace faultline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Json value(const std::string& text, const std::map<std::string, Json>& names = {}) {
  return Expression(text).evaluate([&](std::string_view name) {
    const auto found = names.find(std::string(name));
    return found == names.end() ? Json(nullptr) : found->second;
  });
}

std::string refusal(const std::string& text) {
  try {
    Expression expression(text);
    return "taken";
  } catch (const UserError& error) {
    return error.what();
  }
}

TEST(Expression, BindsAsArithmeticDoes) {
  EXPECT_EQ(value("2 + 3 * 4"), 14.0);
  EXPECT_EQ(value("(2 + 3) * 4"), 20.0);
  EXPECT_EQ(value("12 / 4 / 3"), 1.0);
  EXPECT_EQ(value("10 - 4 - 3"), 3.0);
  EXPECT_EQ(value("-2 * 3 < -5 and not 1 == 2 or 1 == 2"), true);
  EXPECT_EQ(value("1 == 1 or 1 == 1 and 1 == 2"), true);
  EXPECT_EQ(value("0.5 * 4K"), 2048.0);
}

TEST(Expression, NamesHaveValuesTextsAndFlags) {
  const std::map<std::string, Json> names = {{"a.b", 8}, {"kind", "lru"}, {"on", true}};
  EXPECT_EQ(value("a.b / 2", names), 4.0);
  EXPECT_EQ(value("kind == \"lru\"", names), true);
  EXPECT_EQ(value("kind != \"fifo\" and on == true and on", names), true);
  EXPECT_EQ(value("kind == 8", names), false);
  EXPECT_EQ(value("a.b == \"8\" and \"4K\" == 4096 and \"2M\" > 4K", names), true);
  EXPECT_EQ(value("a.b", names), 8) << "a name alone keeps its type";
  EXPECT_THAT(Expression("a.b * x + a.b").names(), ElementsAre("a.b", "x"));
}

TEST(Expression, WhatIsAbsentMakesNothing) {
  EXPECT_TRUE(value("missing").is_null());
  EXPECT_TRUE(value("missing + 1").is_null());
  EXPECT_TRUE(value("1 / 0").is_null());
  EXPECT_TRUE(value("missing < 1").is_null());
  EXPECT_FALSE(Expression("missing < 1").holds([](std::string_view) { return Json(nullptr); }));
}

TEST(Expression, WhatIsNotKnownYetMayHold) {
  const auto may = [](const char* text) {
    return Expression(text).may_hold([](std::string_view name) { return name == "one" ? Json(1) : Json(nullptr); });
  };
  EXPECT_TRUE(may("one == 1 and field < 3"));
  EXPECT_FALSE(may("one == 2 and field < 3"));
  EXPECT_FALSE(may("field < 3 and one == 2"));
  EXPECT_TRUE(may("one == 2 or field < 3"));
  EXPECT_TRUE(may("not (field < 3)"));
  EXPECT_FALSE(may("not (field < 3 or one == 1)"));
  EXPECT_FALSE(may("one == 2"));
}

TEST(Expression, LongTextsAreClipped) {
  const std::string long_text = "a " + std::string(5000, 'b');
  EXPECT_LT(refusal(long_text).size(), 200u);
  EXPECT_THAT(refusal(long_text), HasSubstr("bbb...\""));
}

TEST(Expression, RefusesWhatIsNone) {
  EXPECT_THAT(refusal("1 +"), HasSubstr("ends too early"));
  EXPECT_THAT(refusal(""), HasSubstr("ends too early"));
  EXPECT_THAT(refusal("a b"), HasSubstr("from \"b\" on"));
  EXPECT_THAT(refusal("a = 1"), HasSubstr("from \"= 1\" on"));
  EXPECT_THAT(refusal("\"open"), HasSubstr("ends too early"));
  EXPECT_THAT(refusal("(1"), HasSubstr("ends too early"));
  EXPECT_THAT(refusal("12zz"), HasSubstr("not understood"));
  EXPECT_THAT(refusal("a..b"), HasSubstr("not understood"));
  EXPECT_THAT(refusal(std::string(100'000, '(')), HasSubstr("not understood"));
  EXPECT_THAT(refusal(std::string(100'000, '-')), HasSubstr("not understood"));
}

// FIPS 180-4's examples: "abc", and 56 bytes, which need a second block.
TEST(Sha256, StandardsExamples) {
  const auto digest = [](std::string_view text) {
    Sha256 hash;
    hash.add(text);
    return hash.hex_digest();
  };
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

}  // namespace
}  // namespace faultline::cli
