// The table of a cache's lines and its quick ways, against the plain ones.
#include "hw/memory/line_table.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <vector>

#include "hw/memory/replacement_state.h"

namespace faultline::hw {
namespace {

constexpr Replacement kPolicies[] = {Replacement::lru, Replacement::plru, Replacement::fifo, Replacement::random};

// Words and turns choose the ways that the orders of TLBs choose.
TEST(WayOrder, ChoosesAsReplacementState) {
  std::mt19937_64 random(3);
  for (const Replacement policy : kPolicies) {
    for (const uint32_t ways : {1u, 2u, 3u, 4u, 7u, 8u, 9u, 16u, 20u, 32u, 64u}) {
      if (policy == Replacement::plru && (ways & (ways - 1)) != 0) continue;
      ReplacementState plain(policy, 2, ways, 5);
      WayOrder order(policy, 2, ways, 5);
      uint64_t words[2] = {order.start(), order.start()};
      for (uint32_t set = 0; set < 2; ++set) {
        for (uint32_t way = 0; way < ways; ++way) {
          plain.fill(set, way);
          order.fill(words[set], set, way);
        }
      }
      for (int n = 0; n < 3000; ++n) {
        const auto set = static_cast<uint32_t>(random() % 2), way = static_cast<uint32_t>(random() % ways);
        if (random() % 3 != 0) {
          plain.touch(set, way);
          order.touch(words[set], set, way);
          continue;
        }
        const uint32_t victim = plain.victim(set);
        ASSERT_EQ(order.victim(words[set], set), victim)
            << "policy " << static_cast<int>(policy) << ", ways " << ways << ", step " << n;
        plain.fill(set, victim);
        order.fill(words[set], set, victim);
      }
    }
  }
}

TEST(WayOrder, RefusesWhatPlruCannotDo) {
  EXPECT_THROW(WayOrder(Replacement::plru, 1, 3, 1), std::invalid_argument);
  EXPECT_THROW(WayOrder(Replacement::plru, 1, 128, 1), std::invalid_argument);
}

// A set as a list of ways, found by looking at each.
class PlainTable {
 public:
  PlainTable(const CacheLevelConfig& config, uint64_t seed)
      : line_(config.line),
        sets_(config.size / config.line / config.ways, std::vector<Way>(config.ways)),
        recent_(sets_.size(), kNone),
        order_(config.replacement, static_cast<uint32_t>(sets_.size()), config.ways, seed) {}

  bool is_mru(uint64_t address, bool write) const {
    const uint64_t line = address / line_, set = line % sets_.size();
    if (recent_[set] == kNone) return false;
    const Way& way = sets_[set][recent_[set]];
    return way.line == line && (way.dirty || !write);
  }
  // False: a miss; then `gone` is the dirty line that went, if there was one.
  bool access(uint64_t address, bool write, std::optional<uint64_t>& gone) {
    const uint64_t line = address / line_;
    const auto set = static_cast<uint32_t>(line % sets_.size());
    std::vector<Way>& ways = sets_[set];
    size_t empty = ways.size();
    for (size_t way = ways.size(); way-- > 0;) {
      if (ways[way].line == kNone) empty = way;
      if (ways[way].line != line) continue;
      ways[way].dirty |= write;
      order_.touch(set, static_cast<uint32_t>(way));
      recent_[set] = way;
      return true;
    }
    const size_t way = empty < ways.size() ? empty : order_.victim(set);
    if (ways[way].line != kNone && ways[way].dirty) gone = ways[way].line * line_;
    ways[way] = {line, write};
    order_.fill(set, static_cast<uint32_t>(way));
    recent_[set] = way;
    return false;
  }
  void drop(uint64_t address) {
    const uint64_t line = address / line_, set = line % sets_.size();
    for (size_t way = 0; way < sets_[set].size(); ++way) {
      if (sets_[set][way].line != line) continue;
      sets_[set][way] = {};
      if (recent_[set] == way) recent_[set] = kNone;
    }
  }

 private:
  static constexpr uint64_t kNone = ~uint64_t{0};
  struct Way {
    uint64_t line = kNone;
    bool dirty = false;
  };
  uint64_t line_;
  std::vector<std::vector<Way>> sets_;
  std::vector<uint64_t> recent_;  // way
  ReplacementState order_;
};

CacheLevelConfig random_geometry(std::mt19937_64& random) {
  CacheLevelConfig config;
  config.replacement = kPolicies[random() % 4];
  config.ways = static_cast<uint32_t>(1 + random() % 34);
  if (config.replacement == Replacement::plru) config.ways = 1u << random() % 7;
  config.line = 16u << random() % 5;
  const uint64_t sets = random() % 4 == 0 ? 1 + random() % 12 : uint64_t{1} << random() % 5;
  config.size = sets * config.ways * config.line;
  return config;
}

// Most recent lines, hits by hint, by marks, misses and dropped lines, with
// and without an offset: the same hits, the same victims.
TEST(LineTable, AgreesWithWaysInALoopInAnyGeometry) {
  std::mt19937_64 random(17);
  uint64_t recent = 0, quick = 0, slow = 0, misses = 0;
  for (int round = 0; round < 300; ++round) {
    const CacheLevelConfig config = random_geometry(random);
    const uint64_t offset = random() % 2 == 0 ? 0 : uint64_t{0x7f1234} << 21;
    LineTable table(config, 5, offset);
    PlainTable plain(config, 5);
    const std::optional<RecentLines> lines = table.recent_lines(offset);
    const uint64_t span = config.size * 2;
    uint64_t address = 0;
    for (int n = 0; n < 2000; ++n) {
      if (random() % 3 != 0) address = random() % span;
      const bool write = random() % 3 == 0;
      const bool mru = plain.is_mru(address, write);
      ASSERT_EQ(table.is_mru(PhysAddr(address), write), mru) << round << " " << n;
      if (lines) {
        ASSERT_EQ(lines->is_mru(address + offset, write), mru) << round << " " << n;
      }
      if (random() % 100 == 0) {
        plain.drop(address);
        table.drop(table.line_of(PhysAddr(address)));
        continue;
      }
      std::optional<uint64_t> gone;
      const bool hit = plain.access(address, write, gone);
      recent += mru;
      if (mru && random() % 2 == 0) continue;  // to be counted in bulk
      const uint64_t line = table.line_of(PhysAddr(address));
      if (lines && table.quick_hit(address + offset, write)) {
        ASSERT_TRUE(hit) << round << " " << n;
        ++quick;
      } else if (lines ? table.hit_after_quick(address + offset, write)
                       : table.find(table.set_of(line), line) != LineTable::kAbsent) {
        ASSERT_TRUE(hit) << round << " " << n;
        if (!lines) table.use(table.set_of(line), table.find(table.set_of(line), line), write);
        ++slow;
      } else {
        ASSERT_FALSE(hit) << round << " " << n;
        const uint64_t victim = table.insert(table.set_of(line), line, write);
        ASSERT_EQ(victim != LineTable::kNoLine, gone.has_value()) << round << " " << n;
        if (gone) {
          ASSERT_EQ(table.address_of(victim).value, *gone) << round << " " << n;
        }
        ++misses;
      }
    }
  }
  for (const uint64_t kind : {recent, quick, slow, misses}) EXPECT_GT(kind, 10'000u);
}

}  // namespace
}  // namespace faultline::hw
