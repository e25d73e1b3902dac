// Replacement policies off-line, on reference strings whose faults the
// literature gives, and the two hands on a list of events worked by hand.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "os/reclaim/aging.h"
#include "os/reclaim/reference_string.h"
#include "os/reclaim/replacement_policy.h"
#include "os/reclaim/two_handed_clock.h"

namespace faultline::os {
namespace {

// A memory that holds one page a frame and nothing else.
class Frames final : public PageView {
 public:
  struct Slot {
    int page = -1;
    bool referenced = false;
  };
  explicit Frames(size_t count) : slots(count) {}

  uint64_t frames() const override { return slots.size(); }
  bool look(Pfn frame, Hand hand) override {
    events += hand == Hand::front ? 'f' : 'b';
    events += std::to_string(frame.value);
    return slots[frame.value].page >= 0;
  }
  bool referenced(Pfn frame) override { return slots[frame.value].referenced; }
  void clear_referenced(Pfn frame) override {
    slots[frame.value].referenced = false;
    events += '-';
  }
  void take(Pfn frame) override {
    taken = frame.value;
    slots[frame.value].page = -1;
    events += '!';
  }

  std::vector<Slot> slots;
  std::optional<uint64_t> taken;
  std::string events;
};

ReferenceString string_of(const std::vector<int>& references) {
  ReferenceString string;
  std::map<int, uint32_t> number;
  for (const int page : references) {
    const auto [at, is_new] = number.emplace(page, string.distinct);
    string.distinct += is_new;
    string.pages.push_back(at->second);
  }
  return string;
}

// Nothing where there is no such policy, or it found no page.
std::optional<uint64_t> faults(std::string_view name, const OfflineSettings& settings, const ReferenceString& string) {
  const std::vector<uint32_t> next = next_references(string);
  OfflineMemory memory(name, settings, string, next);
  if (!memory.usable()) return std::nullopt;
  while (!memory.at_end()) {
    if (!memory.refer()) return std::nullopt;
  }
  return memory.faults();
}

std::optional<uint64_t> faults(std::string_view name, uint64_t frames, const std::vector<int>& references) {
  return faults(name, {.frames = frames}, string_of(references));
}

const std::vector<int> kBelady = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
const std::vector<int> kTextbook = {7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1};

struct Row {
  const char* policy;
  const std::vector<int>& references;
  uint64_t with_three;
  uint64_t with_four;
};

TEST(ReplacementPolicy, FaultsOnKnownStrings) {
  const Row rows[] = {
      {"fifo", kBelady, 9, 10},  // Belady's anomaly
      {"lru", kBelady, 10, 8},          {"opt", kBelady, 7, 6},    {"one-handed", kBelady, 9, 10},
      {"fifo", kTextbook, 15, 10},      {"lru", kTextbook, 12, 8}, {"opt", kTextbook, 9, 8},
      {"one-handed", kTextbook, 14, 9},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(faults(row.policy, 3, row.references), row.with_three) << row.policy;
    EXPECT_EQ(faults(row.policy, 4, row.references), row.with_four) << row.policy;
  }
}

TEST(ReplacementPolicy, NamesAreThoseThatCanBeMade) {
  struct Unknown final : Future {
    uint64_t next_use(Pfn) const override { return kNever; }
  } future;
  for (const std::string_view name : replacement_policy_names()) {
    const auto policy = make_replacement_policy(name, {.frames = 8, .hand_spread = 2, .future = &future});
    ASSERT_NE(policy, nullptr);
    EXPECT_EQ(policy->name(), name);
  }
  EXPECT_EQ(make_replacement_policy("no such", {.frames = 8, .hand_spread = 2}), nullptr);
  EXPECT_EQ(make_replacement_policy("opt", {.frames = 8}), nullptr) << "nobody told it the future";
}

// Pages in the style of programs: a place, near which most references are, that moves now and then.
ReferenceString random_string(uint64_t seed, uint32_t pages, size_t length) {
  std::mt19937_64 random(seed);
  std::vector<int> references;
  uint64_t place = 0;
  for (size_t i = 0; i < length; ++i) {
    if (random() % 20 == 0) place = random() % pages;
    references.push_back(static_cast<int>(random() % 4 == 0 ? random() % pages : (place + random() % 4) % pages));
  }
  return string_of(references);
}

// Mattson and others, 1970: what LRU and OPT hold in n frames they hold in n + 1.
TEST(ReplacementPolicy, MoreFramesNeverHurtStackAlgorithms) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const ReferenceString string = random_string(seed, 12, 150);
    for (const char* policy : {"lru", "opt"}) {
      std::optional<uint64_t> before = ~uint64_t{0};
      for (uint64_t frames = 1; frames <= 13; ++frames) {
        const std::optional<uint64_t> now = faults(policy, {.frames = frames}, string);
        ASSERT_TRUE(now);
        ASSERT_LE(*now, *before) << policy << ", seed " << seed << ", " << frames << " frames";
        before = now;
      }
      EXPECT_EQ(before, string.distinct) << "all fit: each page comes once";
    }
  }
}

TEST(ReplacementPolicy, NoneIsBetterThanOpt) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    const ReferenceString string = random_string(seed, 12, 150);
    for (uint64_t frames = 1; frames <= 12; ++frames) {
      const std::optional<uint64_t> floor = faults("opt", {.frames = frames}, string);
      for (const std::string_view policy : replacement_policy_names()) {
        const OfflineSettings settings{.frames = frames, .hand_spread = 1 + seed % frames, .seed = seed};
        const std::optional<uint64_t> now = faults(policy, settings, string);
        ASSERT_TRUE(now) << policy;
        ASSERT_GE(*now, *floor) << policy << ", seed " << seed << ", " << frames << " frames";
        EXPECT_TRUE(frames > 1 || *now == *floor) << "with one frame there is no choice";
      }
    }
  }
}

TEST(RandomChoice, DependsOnTheSeedAlone) {
  const ReferenceString string = random_string(7, 40, 2000);
  const auto with_seed = [&](uint64_t seed) { return faults("random", {.frames = 10, .seed = seed}, string); };
  EXPECT_EQ(with_seed(1), with_seed(1));
  std::set<std::optional<uint64_t>> results;
  for (uint64_t seed = 1; seed <= 20; ++seed) results.insert(with_seed(seed));
  EXPECT_GT(results.size(), 5u);
}

// Four pages, one of which may go: it is found within one round.
TEST(RandomChoice, FindsTheOnePageThatMayGoInOneRound) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    Frames memory(4);
    const auto policy = make_replacement_policy("random", {.frames = 4, .seed = seed});
    for (uint64_t i = 0; i < 4; ++i) policy->loaded(Pfn(i));
    memory.slots[2].page = 1;
    for (int i = 0; i < 4; ++i) policy->step(memory);
    EXPECT_EQ(memory.taken, 2u) << "seed " << seed;
  }
}

// Tanenbaum, Modern Operating Systems, figure 3-17: six pages, five ticks, 8-bit
// counters as they stand at the end. Pages begin with 00000000 there and with
// 10000000 here, which five shifts make 00000100: that is in every counter beside.
TEST(Aging, CountersOfTheTextbook) {
  const char* const bits[5] = {"101011", "110010", "110101", "100010", "011000"};
  const unsigned expected[6] = {0b01111000, 0b10110000, 0b10001000, 0b00100000, 0b01011000, 0b00101000};
  Frames memory(6);
  Aging aging(Aging::Rule::shift, 6, 8);
  for (uint64_t i = 0; i < 6; ++i) {
    memory.slots[i].page = static_cast<int>(i);
    aging.loaded(Pfn(i));
  }
  for (const char* row : bits) {
    for (uint64_t i = 0; i < 6; ++i) memory.slots[i].referenced = row[i] == '1';
    aging.tick(memory);
  }
  for (uint64_t i = 0; i < 6; ++i) EXPECT_EQ(aging.counter(Pfn(i)), expected[i] | 0b00000100) << "page " << i;
  aging.step(memory);
  EXPECT_EQ(memory.taken, 3u);
}

// NFU never forgets: page 0, used in the first three intervals, stays before page
// 1, used in the last two. Aging takes page 0.
TEST(Aging, NfuForgetsNothing) {
  for (const Aging::Rule rule : {Aging::Rule::count, Aging::Rule::shift}) {
    Frames memory(2);
    Aging policy(rule, 2, 8);
    for (uint64_t i = 0; i < 2; ++i) {
      memory.slots[i].page = static_cast<int>(i);
      policy.loaded(Pfn(i));
    }
    for (int tick = 0; tick < 5; ++tick) {
      memory.slots[0].referenced = tick < 3;
      memory.slots[1].referenced = tick >= 3;
      policy.tick(memory);
    }
    policy.step(memory);
    EXPECT_EQ(memory.taken, rule == Aging::Rule::count ? 1u : 0u);
  }
}

// Five frames, hands two apart. `f2-` the front hand looks at frame 2 and
// clears its bit, `b0` the back hand looks at 0 and leaves it, `b0!` takes it.
TEST(TwoHandedClock, BackHandTakesWhatWasNotUsedBetweenTheHands) {
  Frames memory(5);
  for (int i = 0; i < 5; ++i) memory.slots[static_cast<size_t>(i)] = {i, true};
  TwoHandedClock clock(5, 2);
  clock.step(memory);
  clock.step(memory);
  EXPECT_EQ(memory.events, "f0-f1-");  // the front hand sets out alone
  memory.slots[0].referenced = true;   // used again before the back hand comes
  clock.step(memory);
  EXPECT_EQ(memory.events, "f0-f1-f2-b0");
  clock.step(memory);
  EXPECT_EQ(memory.events, "f0-f1-f2-b0f3-b1!");
  memory.slots[2].referenced = true;
  clock.step(memory);
  clock.step(memory);
  EXPECT_EQ(memory.events, "f0-f1-f2-b0f3-b1!f4-b2f0-b3!");
  clock.step(memory);  // frame 1 is empty now: neither hand does anything there
  clock.step(memory);
  EXPECT_EQ(memory.events, "f0-f1-f2-b0f3-b1!f4-b2f0-b3!f1b4!f2-b0!");
}

TEST(TwoHandedClock, SpreadOfOneGivesOnlyTheTimeOfOneStep) {
  Frames memory(3);
  for (int i = 0; i < 3; ++i) memory.slots[static_cast<size_t>(i)] = {i, true};
  TwoHandedClock clock(3, 1);
  for (int i = 0; i < 3; ++i) clock.step(memory);
  EXPECT_EQ(memory.events, "f0-f1-b0!f2-b1!");
}

}  // namespace
}  // namespace faultline::os
