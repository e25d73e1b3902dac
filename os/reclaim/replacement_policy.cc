#include "os/reclaim/replacement_policy.h"

#include <array>

#include "os/reclaim/aging.h"
#include "os/reclaim/farthest_use.h"
#include "os/reclaim/one_handed_clock.h"
#include "os/reclaim/random_choice.h"
#include "os/reclaim/recency_order.h"
#include "os/reclaim/two_handed_clock.h"

namespace faultline::os {

namespace {

using Maker = std::unique_ptr<ReplacementPolicy> (*)(const PolicySettings&);

struct Named {
  std::string_view name;
  Maker make;
};

template <RecencyOrder::Order order>
std::unique_ptr<ReplacementPolicy> recency(const PolicySettings& s) {
  return std::make_unique<RecencyOrder>(order, s.frames, s.told_of_uses);
}
template <Aging::Rule rule>
std::unique_ptr<ReplacementPolicy> aging(const PolicySettings& s) {
  return std::make_unique<Aging>(rule, s.frames, s.aging_bits);
}

constexpr std::array kPolicies = {
    Named{"two-handed",
          [](const PolicySettings& s) -> std::unique_ptr<ReplacementPolicy> {
            return std::make_unique<TwoHandedClock>(s.frames, s.hand_spread);
          }},
    Named{"one-handed",
          [](const PolicySettings& s) -> std::unique_ptr<ReplacementPolicy> {
            return std::make_unique<OneHandedClock>(s.frames);
          }},
    Named{"fifo", recency<RecencyOrder::Order::arrival>},
    Named{"lru", recency<RecencyOrder::Order::last_use>},
    Named{"random",
          [](const PolicySettings& s) -> std::unique_ptr<ReplacementPolicy> {
            return std::make_unique<RandomChoice>(s.frames, s.seed);
          }},
    Named{"nfu", aging<Aging::Rule::count>},
    Named{"aging", aging<Aging::Rule::shift>},
    Named{"opt",
          [](const PolicySettings& s) -> std::unique_ptr<ReplacementPolicy> {
            return s.future ? std::make_unique<FarthestUse>(s.frames, *s.future) : nullptr;
          }},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kPolicies.size()> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kPolicies[i].name;
  return names;
}();

}  // namespace

std::span<const std::string_view> replacement_policy_names() { return kNames; }

std::unique_ptr<ReplacementPolicy> make_replacement_policy(std::string_view name, const PolicySettings& settings) {
  for (const Named& policy : kPolicies) {
    if (policy.name == name) return policy.make(settings);
  }
  return nullptr;
}

}  // namespace faultline::os
