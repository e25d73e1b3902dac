// A replacement policy off-line: pages referenced one after another, in so many
// frames, through the class that runs in the kernel.
//
// A page comes with its reference bit set, into the lowest frame that is free. A
// page is looked for only when none is free.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "os/reclaim/replacement_policy.h"

namespace faultline::os {

// Pages by number from 0 on, without gaps: the n-th that is new is n.
struct ReferenceString {
  std::vector<uint32_t> pages;
  uint32_t distinct = 0;
};

// For each reference, where its page is referenced next; the string's length
// where it never is.
std::vector<uint32_t> next_references(const ReferenceString& string);

struct OfflineSettings {
  uint64_t frames = 1;
  uint64_t hand_spread = 1;
  uint64_t seed = 1;
  unsigned aging_bits = 8;
  uint64_t tick_every = 4;  // references between two ticks
};

// What a policy did in one step.
struct PolicyAction {
  enum class Kind : uint8_t { passed, cleared, taken };
  Hand hand = Hand::front;
  uint64_t frame = 0;
  Kind kind = Kind::passed;
};

class OfflineMemory final : private PageView, private Future {
 public:
  static constexpr uint32_t kEmpty = ~uint32_t{0};

  struct Step {
    bool hit = false;
    uint64_t frame = 0;
    std::optional<uint32_t> victim = {};
  };

  // `next`: next_references() of the string. Both outlive the memory.
  OfflineMemory(std::string_view policy, const OfflineSettings& settings, const ReferenceString& string,
                std::span<const uint32_t> next);

  // False: there is no policy of that name.
  bool usable() const { return policy_ != nullptr; }
  bool at_end() const { return at_ == string_.pages.size(); }
  // The next reference. Nothing: the policy takes no page, however long it looks.
  std::optional<Step> refer();

  // What each frame holds, kEmpty among them.
  std::span<const uint32_t> contents() const { return page_; }
  bool has_bit(uint64_t frame) const { return referenced_[frame]; }
  // All that the hands did for the last reference.
  std::span<const PolicyAction> actions() const { return actions_; }
  uint64_t faults() const { return faults_; }

 private:
  uint64_t frames() const override { return page_.size(); }
  bool look(Pfn frame, Hand hand) override;
  bool referenced(Pfn frame) override { return referenced_[frame.value]; }
  void clear_referenced(Pfn frame) override;
  void take(Pfn frame) override;
  uint64_t next_use(Pfn frame) const override;

  std::optional<uint64_t> find_victim();

  const ReferenceString& string_;
  std::span<const uint32_t> next_;
  OfflineSettings settings_;
  std::vector<uint32_t> page_;      // by frame
  std::vector<bool> referenced_;    // by frame
  std::vector<uint64_t> last_use_;  // by frame: where in the string
  std::vector<uint32_t> frame_;     // by page; kEmpty: not in memory
  std::unique_ptr<ReplacementPolicy> policy_;
  std::vector<PolicyAction> actions_;
  std::optional<uint64_t> taken_;
  size_t at_ = 0;
  uint64_t used_ = 0;  // frames
  uint64_t faults_ = 0;
};

}  // namespace faultline::os
