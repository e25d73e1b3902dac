// The bytes of physical memory: pieces made zero keep their neighbours.
#include "hw/memory/backing_store.h"

#include <gtest/gtest.h>

#include <vector>

namespace faultline::hw {
namespace {

constexpr uint64_t kMegabyte = uint64_t{1} << 20;

// From a megabyte on the host's pages are given back, which can only be done
// to whole ones: the ends of the piece lie inside pages.
TEST(BackingStore, WhatWillBeWrittenStaysAsItIs) {
  BackingStore memory(16 * 4096, PageSize{12});
  memory.store<uint64_t>(PhysAddr(4096 + 64), 7);
  memory.will_write(PhysAddr(4096), 4096);
  memory.will_write(PhysAddr(15 * 4096), 4096);
  EXPECT_EQ(memory.load<uint64_t>(PhysAddr(4096 + 64)), 7u);
  EXPECT_EQ(memory.load<uint64_t>(PhysAddr(15 * 4096)), 0u);
}

TEST(BackingStore, ZeroesExactlyThePiece) {
  for (const auto& [begin, bytes] : std::vector<std::pair<uint64_t, uint64_t>>{{4096, 4096},
                                                                               {5000, 100},
                                                                               {0, 3 * kMegabyte},
                                                                               {65536, 2 * kMegabyte},
                                                                               {100'001, 2 * kMegabyte + 777},
                                                                               {65537, kMegabyte}}) {
    BackingStore store(4 * kMegabyte, PageSize{12});
    std::memset(store.at(PhysAddr(0)), 0x5a, 4 * kMegabyte);
    store.zero(PhysAddr(begin), bytes);
    uint64_t wrong = 0;
    for (uint64_t i = 0; i < 4 * kMegabyte; ++i) {
      const uint8_t expected = i >= begin && i < begin + bytes ? 0 : 0x5a;
      wrong += *store.at(PhysAddr(i)) != expected;
    }
    EXPECT_EQ(wrong, 0u) << "begin " << begin << ", bytes " << bytes;
  }
}

}  // namespace
}  // namespace faultline::hw
