// A record of a run's page-out, asked again of the same policy: every look, every
// question and every page taken must be the recorded one, in the same order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "os/reclaim/policy_record.h"

namespace faultline::os {

class PolicyReplay final : private PageView {
 public:
  // `settings`: as recorded.
  PolicyReplay(std::string_view policy, const PolicySettings& settings);

  // False: there is no policy of that name that can run.
  bool usable() const { return policy_ != nullptr; }
  // The next event. Nothing is done any more once there is a difference.
  void event(const PolicyEvent& event);

  // Where the replay left the record, in words.
  const std::optional<std::string>& difference() const { return difference_; }
  uint64_t events() const { return events_; }
  uint64_t steps() const { return steps_; }
  uint64_t looks() const { return looks_; }
  // Pages by their numbers: the n-th that came is n. In the order in which they were taken.
  const std::vector<uint64_t>& taken() const { return taken_pages_; }

 private:
  uint64_t frames() const override { return settings_.frames; }
  bool look(Pfn frame, Hand hand) override;
  bool referenced(Pfn frame) override;
  void clear_referenced(Pfn frame) override;
  void take(Pfn frame) override;

  void move(const PolicyEvent& event);
  void perform();
  // What was recorded where the policy now does this; its answer.
  bool expect(const PolicyEvent& done);

  PolicySettings settings_;
  std::unique_ptr<ReplacementPolicy> policy_;
  std::vector<PolicyEvent> call_;  // of the step or tick under way
  size_t next_ = 0;                // in call_
  std::vector<uint64_t> page_;     // by frame
  uint64_t pages_ = 0;
  uint64_t events_ = 0;
  uint64_t steps_ = 0;
  uint64_t looks_ = 0;
  std::vector<uint64_t> taken_pages_;
  std::optional<std::string> difference_;
};

}  // namespace faultline::os
