// What a policy heard and did, asked again of the same class.
#include "os/reclaim/policy_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "os/reclaim/policy_replay.h"

namespace faultline::os {
namespace {

using ::testing::HasSubstr;
using Kind = PolicyEvent::Kind;

struct Tape final : PolicyRecorder {
  void policy(std::string_view called, const PolicySettings& with) override {
    name = called;
    settings = with;
  }
  void event(const PolicyEvent& event) override { events.push_back(event); }

  std::string name;
  PolicySettings settings;
  std::vector<PolicyEvent> events;
};

// Memory as the kernel's: some pages may not go, some go later, and a page leaves
// within the very call that takes it.
class Machine final : public PageView {
 public:
  Machine(const char* policy, Tape& tape, uint64_t seed)
      : random_(seed), pages_(kFrames), bits_(kFrames), policy_(make(policy, tape)) {}

  void run(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      const Pfn frame(random_() % kFrames);
      if (!pages_[frame.value]) {
        pages_[frame.value] = true;
        bits_[frame.value] = true;
        policy_->loaded(frame);
      } else {
        bits_[frame.value] = true;
      }
      if (random_() % 3 == 0) policy_->step(*this);
      if (random_() % 10 == 0) policy_->tick(*this);
    }
  }

  std::vector<uint64_t> taken;  // frames

 private:
  static constexpr uint64_t kFrames = 16;

  static std::unique_ptr<ReplacementPolicy> make(const char* policy, Tape& tape) {
    const PolicySettings settings{.frames = kFrames, .hand_spread = 5, .seed = 9};
    return recorded_policy(make_replacement_policy(policy, settings), settings, tape);
  }
  uint64_t frames() const override { return kFrames; }
  bool look(Pfn frame, Hand) override { return pages_[frame.value] && random_() % 5 != 0; }
  bool referenced(Pfn frame) override { return bits_[frame.value]; }
  void clear_referenced(Pfn frame) override { bits_[frame.value] = false; }
  void take(Pfn frame) override {
    taken.push_back(frame.value);
    if (random_() % 3 == 0) return;  // it is written first
    pages_[frame.value] = false;
    policy_->removed(frame);
  }

  std::mt19937_64 random_;
  std::vector<bool> pages_;
  std::vector<bool> bits_;
  std::unique_ptr<ReplacementPolicy> policy_;
};

PolicyReplay replayed(const Tape& tape, const std::string& policy, const PolicySettings& settings) {
  PolicyReplay replay(policy, settings);
  for (const PolicyEvent& event : tape.events) replay.event(event);
  return replay;
}

TEST(PolicyReplay, TakesTheSamePagesInTheSameOrder) {
  for (const std::string_view name : replacement_policy_names()) {
    if (name == "opt") continue;
    Tape tape;
    Machine machine(name.data(), tape, 3);
    machine.run(20'000);
    EXPECT_EQ(tape.name, name);
    const PolicyReplay replay = replayed(tape, tape.name, tape.settings);
    EXPECT_EQ(replay.difference(), std::nullopt) << name;
    EXPECT_EQ(replay.taken().size(), machine.taken.size());
    EXPECT_GT(machine.taken.size(), 100u) << name;
  }
}

TEST(PolicyReplay, SaysWhereAnotherPolicyGoesAnotherWay) {
  Tape tape;
  Machine machine("fifo", tape, 3);
  machine.run(500);
  EXPECT_THAT(replayed(tape, "lru", tape.settings).difference().value_or(""), HasSubstr("it asks whether frame"));
  Tape random;
  Machine other("random", random, 3);
  other.run(500);
  PolicySettings settings = random.settings;
  ++settings.seed;
  EXPECT_THAT(replayed(random, "random", settings).difference().value_or(""), HasSubstr("in the run"));
}

// A record from a file may say anything.
TEST(PolicyReplay, SenselessRecordsAreDifferences) {
  const auto difference = [](const std::vector<PolicyEvent>& events) {
    Tape tape;
    tape.events = events;
    return replayed(tape, "fifo", {.frames = 4}).difference().value_or("");
  };
  EXPECT_EQ(difference({{.kind = Kind::came, .frame = Pfn(4)}}), "event 1: there is no frame 4");
  EXPECT_EQ(difference({{.kind = Kind::taken}}), "event 1: it takes frame 0 outside a call");
  EXPECT_EQ(difference({{.kind = Kind::step}, {.kind = Kind::step}}), "event 2: the policy is called within a call");
  EXPECT_EQ(difference({{.kind = Kind::step}, {.kind = Kind::taken}, {.kind = Kind::returned}}),
            "event 2: in the run it takes frame 0, and here the policy returns");
  std::vector<PolicyEvent> endless(1000, {.kind = Kind::came});
  endless.front() = {.kind = Kind::step};
  EXPECT_THAT(difference(endless), HasSubstr("a call without an end"));
}

}  // namespace
}  // namespace faultline::os
