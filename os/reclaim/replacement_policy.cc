#include "os/reclaim/replacement_policy.h"

#include <array>

#include "os/reclaim/one_handed_clock.h"
#include "os/reclaim/recency_order.h"
#include "os/reclaim/two_handed_clock.h"

namespace faultline::os {

namespace {

using Maker = std::unique_ptr<ReplacementPolicy> (*)(const PolicySettings&);

constexpr std::array<std::string_view, 4> kNames = {"two-handed", "one-handed", "fifo", "lru"};

constexpr std::array<Maker, kNames.size()> kMakers = {
    [](const PolicySettings& s) -> std::unique_ptr<ReplacementPolicy> {
      return std::make_unique<TwoHandedClock>(s.frames, s.hand_spread);
    },
    [](const PolicySettings& s) -> std::unique_ptr<ReplacementPolicy> {
      return std::make_unique<OneHandedClock>(s.frames);
    },
    [](const PolicySettings& s) -> std::unique_ptr<ReplacementPolicy> {
      return std::make_unique<RecencyOrder>(RecencyOrder::Order::arrival, s.frames);
    },
    [](const PolicySettings& s) -> std::unique_ptr<ReplacementPolicy> {
      return std::make_unique<RecencyOrder>(RecencyOrder::Order::last_use, s.frames);
    },
};

}  // namespace

std::span<const std::string_view> replacement_policy_names() { return kNames; }

std::unique_ptr<ReplacementPolicy> make_replacement_policy(std::string_view name, const PolicySettings& settings) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return kMakers[i](settings);
  }
  return nullptr;
}

}  // namespace faultline::os
