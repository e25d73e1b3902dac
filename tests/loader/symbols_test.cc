#include "loader/symbols.h"

#include <gtest/gtest.h>

#include <random>

#include "test_program.h"

namespace faultline::loader {
namespace {

TEST(Symbols, NameTheFunctionThatHoldsAnAddress) {
  const Bytes file = read_host_file(STATIC_PROGRAM);
  const Symbols symbols(file);
  const auto entry = peek<uint64_t>(file, 24);
  EXPECT_EQ(symbols.name_at(VirtAddr(entry)), "_start");
  EXPECT_EQ(symbols.name_at(VirtAddr(entry + 4)), "_start+0x4");
  EXPECT_EQ(symbols.name_at(VirtAddr(0)), "");
  EXPECT_EQ(symbols.name_at(VirtAddr(~uint64_t{0})), "");
}

TEST(Symbols, ThereAreNoneInWhatIsNoElfFile) {
  EXPECT_TRUE(Symbols().empty());
  EXPECT_TRUE(Symbols(Bytes{}).empty());
  EXPECT_TRUE(Symbols(Bytes(63, 1)).empty());
  EXPECT_TRUE(Symbols(Bytes(100'000, 0xff)).empty());
}

// Whatever stands in the file, nothing outside it is read (under the sanitizers this would show).
TEST(Symbols, DamagedFilesAreRead) {
  const Bytes whole = read_host_file(STATIC_PROGRAM);
  std::mt19937_64 random(3);
  for (const size_t cut : {size_t{64}, size_t{1000}, whole.size() / 2}) {
    EXPECT_TRUE(Symbols(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(cut))).empty()) << cut;
  }
  const auto sections = peek<uint64_t>(whole, 40);
  for (int n = 0; n < 200; ++n) {
    Bytes damaged = whole;
    // A field of the header, or of a section's.
    const uint64_t where = n % 2 ? 40 + random() % 24 : sections + random() % (whole.size() - sections);
    for (uint64_t at = where; at < std::min<uint64_t>(where + 8, damaged.size()); ++at) {
      damaged[at] = static_cast<uint8_t>(random() % 3 ? random() : 0xff);
    }
    const std::string name = Symbols(damaged).name_at(VirtAddr(peek<uint64_t>(whole, 24)));
    EXPECT_LE(name.size(), Symbols::kLongestName + 20);
  }
}

}  // namespace
}  // namespace faultline::loader
