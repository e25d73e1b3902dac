#include "os/reclaim/reference_string.h"

namespace faultline::os {

std::vector<uint32_t> next_references(const ReferenceString& string) {
  const auto end = static_cast<uint32_t>(string.pages.size());
  std::vector<uint32_t> next(string.pages.size());
  std::vector<uint32_t> seen(string.distinct, end);
  for (size_t i = string.pages.size(); i-- > 0;) {
    next[i] = seen[string.pages[i]];
    seen[string.pages[i]] = static_cast<uint32_t>(i);
  }
  return next;
}

OfflineMemory::OfflineMemory(std::string_view policy, const OfflineSettings& settings, const ReferenceString& string,
                             std::span<const uint32_t> next)
    : string_(string),
      next_(next),
      settings_(settings),
      page_(settings.frames, kEmpty),
      referenced_(settings.frames),
      last_use_(settings.frames),
      frame_(string.distinct, kEmpty),
      policy_(make_replacement_policy(policy, {.frames = settings.frames,
                                               .hand_spread = settings.hand_spread,
                                               .seed = settings.seed,
                                               .aging_bits = settings.aging_bits,
                                               .told_of_uses = true,
                                               .future = this})) {}

std::optional<OfflineMemory::Step> OfflineMemory::refer() {
  actions_.clear();
  const uint32_t page = string_.pages[at_];
  Step step{.hit = frame_[page] != kEmpty, .frame = frame_[page]};
  if (!step.hit) {
    ++faults_;
    if (used_ < page_.size()) {
      step.frame = used_++;
    } else {
      const std::optional<uint64_t> frame = find_victim();
      if (!frame) return std::nullopt;
      step.frame = *frame;
      step.victim = page_[*frame];
      frame_[*step.victim] = kEmpty;
      policy_->removed(Pfn(*frame));
    }
    page_[step.frame] = page;
    frame_[page] = static_cast<uint32_t>(step.frame);
  }
  referenced_[step.frame] = true;
  last_use_[step.frame] = at_;
  if (step.hit) {
    policy_->touched(Pfn(step.frame));
  } else {
    policy_->loaded(Pfn(step.frame));
  }
  ++at_;
  if (settings_.tick_every != 0 && at_ % settings_.tick_every == 0) policy_->tick(*this);
  return step;
}

// After a round and the hands' distance both hands have been everywhere and the
// bits are clear; when as much again and more gives nothing, nothing will.
std::optional<uint64_t> OfflineMemory::find_victim() {
  taken_.reset();
  for (uint64_t left = 4 * page_.size(); left > 0 && !taken_; --left) policy_->step(*this);
  return taken_;
}

bool OfflineMemory::look(Pfn frame, Hand hand) {
  actions_.push_back({hand, frame.value, PolicyAction::Kind::passed});
  return page_[frame.value] != kEmpty && taken_ != frame.value;
}

void OfflineMemory::clear_referenced(Pfn frame) {
  referenced_[frame.value] = false;
  actions_.back().kind = PolicyAction::Kind::cleared;
}

void OfflineMemory::take(Pfn frame) {
  taken_ = frame.value;
  actions_.back().kind = PolicyAction::Kind::taken;
}

uint64_t OfflineMemory::next_use(Pfn frame) const {
  const uint32_t next = next_[last_use_[frame.value]];
  return next == string_.pages.size() ? kNever : next;
}

}  // namespace faultline::os
