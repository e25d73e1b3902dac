// What passes between a policy and its mechanism, written down: enough to ask
// the policy's class the same again, off-line.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

struct PolicyEvent {
  enum class Kind : uint8_t {
    came,      // a page, into the frame
    left,      // it
    tick,      // a sampling interval is over ...
    step,      // the policy is to look ...
    returned,  // ... and has done so
    looked,    // answer: whether the frame's page may be taken
    asked,     // answer: whether it was referenced
    cleared,   // its reference bit
    taken,     // the page
  };
  Kind kind = Kind::came;
  Pfn frame{};
  Hand hand = Hand::front;  // of `looked`
  bool answer = false;

  bool operator==(const PolicyEvent&) const = default;
};

class PolicyRecorder {
 public:
  virtual ~PolicyRecorder() = default;
  // Once, before all events.
  virtual void policy(std::string_view name, const PolicySettings& settings) = 0;
  virtual void event(const PolicyEvent& event) = 0;
};

// `policy`, with all that it hears and does told to `recorder`, which outlives it.
std::unique_ptr<ReplacementPolicy> recorded_policy(std::unique_ptr<ReplacementPolicy> policy,
                                                   const PolicySettings& settings, PolicyRecorder& recorder);

}  // namespace faultline::os
