#include "os/reclaim/policy_record.h"

#include <utility>

namespace faultline::os {

namespace {

using Kind = PolicyEvent::Kind;

// The mechanism, overheard.
class RecordedView final : public PageView {
 public:
  RecordedView(PageView& pages, PolicyRecorder& recorder) : pages_(pages), recorder_(recorder) {}

  uint64_t frames() const override { return pages_.frames(); }
  bool look(Pfn frame, Hand hand) override {
    const bool answer = pages_.look(frame, hand);
    recorder_.event({.kind = Kind::looked, .frame = frame, .hand = hand, .answer = answer});
    return answer;
  }
  bool referenced(Pfn frame) override {
    const bool answer = pages_.referenced(frame);
    recorder_.event({.kind = Kind::asked, .frame = frame, .answer = answer});
    return answer;
  }
  void clear_referenced(Pfn frame) override {
    recorder_.event({.kind = Kind::cleared, .frame = frame});
    pages_.clear_referenced(frame);
  }
  // First the call, then what follows from it: the page may leave at once.
  void take(Pfn frame) override {
    recorder_.event({.kind = Kind::taken, .frame = frame});
    pages_.take(frame);
  }

 private:
  PageView& pages_;
  PolicyRecorder& recorder_;
};

class RecordedPolicy final : public ReplacementPolicy {
 public:
  RecordedPolicy(std::unique_ptr<ReplacementPolicy> policy, PolicyRecorder& recorder)
      : policy_(std::move(policy)), recorder_(recorder) {}

  std::string_view name() const override { return policy_->name(); }
  void loaded(Pfn frame) override {
    recorder_.event({.kind = Kind::came, .frame = frame});
    policy_->loaded(frame);
  }
  void removed(Pfn frame) override {
    recorder_.event({.kind = Kind::left, .frame = frame});
    policy_->removed(frame);
  }
  void tick(PageView& pages) override {
    recorder_.event({.kind = Kind::tick});
    RecordedView view(pages, recorder_);
    policy_->tick(view);
    recorder_.event({.kind = Kind::returned});
  }
  void step(PageView& pages) override {
    recorder_.event({.kind = Kind::step});
    RecordedView view(pages, recorder_);
    policy_->step(view);
    recorder_.event({.kind = Kind::returned});
  }

 private:
  std::unique_ptr<ReplacementPolicy> policy_;
  PolicyRecorder& recorder_;
};

}  // namespace

std::unique_ptr<ReplacementPolicy> recorded_policy(std::unique_ptr<ReplacementPolicy> policy,
                                                   const PolicySettings& settings, PolicyRecorder& recorder) {
  recorder.policy(policy->name(), settings);
  return std::make_unique<RecordedPolicy>(std::move(policy), recorder);
}

}  // namespace faultline::os
