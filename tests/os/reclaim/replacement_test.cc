// Replacement policies off-line, on reference strings whose faults the
// literature gives, and the two hands on a list of events worked by hand.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

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

// Pages come in with their reference bit set; a frame is looked for only when
// all are full.
int faults(std::string_view name, size_t frames, const std::vector<int>& references) {
  Frames memory(frames);
  const auto policy = make_replacement_policy(name, {frames, 1});
  std::map<int, uint64_t> where;
  int count = 0;
  for (const int page : references) {
    const auto found = where.find(page);
    if (found != where.end()) {
      memory.slots[found->second].referenced = true;
      policy->touched(Pfn(found->second));
      continue;
    }
    ++count;
    uint64_t frame = where.size();
    if (frame == frames) {
      memory.taken.reset();
      // LRU knows the order by itself; its bits are for a machine.
      if (name == "lru") {
        for (Frames::Slot& slot : memory.slots) slot.referenced = false;
      }
      while (!memory.taken) policy->step(memory);
      frame = *memory.taken;
      std::erase_if(where, [&](const auto& entry) { return entry.second == frame; });
      policy->removed(Pfn(frame));
    }
    memory.slots[frame] = {page, true};
    where[page] = frame;
    policy->loaded(Pfn(frame));
  }
  return count;
}

const std::vector<int> kBelady = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};
const std::vector<int> kTextbook = {7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1};

struct Row {
  const char* policy;
  const std::vector<int>& references;
  int with_three;
  int with_four;
};

TEST(ReplacementPolicy, FaultsOnKnownStrings) {
  const Row rows[] = {
      {"fifo", kBelady, 9, 10},  // Belady's anomaly
      {"lru", kBelady, 10, 8},   {"one-handed", kBelady, 9, 10},   {"fifo", kTextbook, 15, 10},
      {"lru", kTextbook, 12, 8}, {"one-handed", kTextbook, 14, 9},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(faults(row.policy, 3, row.references), row.with_three) << row.policy;
    EXPECT_EQ(faults(row.policy, 4, row.references), row.with_four) << row.policy;
  }
}

TEST(ReplacementPolicy, NamesAreThoseThatCanBeMade) {
  for (const std::string_view name : replacement_policy_names()) {
    const auto policy = make_replacement_policy(name, {8, 2});
    ASSERT_NE(policy, nullptr);
    EXPECT_EQ(policy->name(), name);
  }
  EXPECT_EQ(make_replacement_policy("no such", {8, 2}), nullptr);
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
