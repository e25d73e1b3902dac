// Division by a known number, against division.
#include "hw/base/divider.h"

#include <gtest/gtest.h>

#include <random>

namespace faultline {
namespace {

TEST(Divider, AgreesWithDivision) {
  std::mt19937_64 random(1);
  for (const uint64_t by : {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{24}, uint64_t{64}, uint64_t{8191},
                            uint64_t{375'939}, uint64_t{1'000'000}, uint64_t{1} << 40, ~uint64_t{0}}) {
    const Divider divider(by);
    // Around every multiple of a few sizes, and where the multiplication is no longer enough.
    for (int n = 0; n < 2000; ++n) {
      const uint64_t multiple = (random() >> random() % 64) / by * by;
      for (const uint64_t value : {multiple - 1, multiple, multiple + 1, ~uint64_t{0} / by - 1, ~uint64_t{0} / by}) {
        ASSERT_EQ(divider.quotient(value), value / by) << value << " / " << by;
      }
    }
  }
}

}  // namespace
}  // namespace faultline
