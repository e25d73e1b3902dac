#include "os/reclaim/policy_replay.h"

#include <fmt/format.h>

namespace faultline::os {

namespace {

using Kind = PolicyEvent::Kind;

std::string words(const PolicyEvent& event) {
  switch (event.kind) {
    case Kind::came:
      return fmt::format("a page comes into frame {}", event.frame.value);
    case Kind::left:
      return fmt::format("the page leaves frame {}", event.frame.value);
    case Kind::tick:
      return "an interval ends";
    case Kind::step:
      return "the policy is called";
    case Kind::returned:
      return "the policy returns";
    case Kind::looked:
      return fmt::format("the {} hand looks at frame {}", event.hand == Hand::front ? "front" : "back",
                         event.frame.value);
    case Kind::asked:
      return fmt::format("it asks whether frame {} was referenced", event.frame.value);
    case Kind::cleared:
      return fmt::format("it clears the bit of frame {}", event.frame.value);
    case Kind::taken:
      return fmt::format("it takes frame {}", event.frame.value);
  }
  return "";
}

// A tick looks, asks and clears once; pages come and go meanwhile.
constexpr uint64_t kMostPerFrame = 8;

bool begins_a_call(Kind kind) { return kind == Kind::step || kind == Kind::tick; }
bool moves(Kind kind) { return kind == Kind::came || kind == Kind::left; }

}  // namespace

PolicyReplay::PolicyReplay(std::string_view policy, const PolicySettings& settings)
    : settings_(settings), policy_(make_replacement_policy(policy, settings)), page_(settings.frames) {}

void PolicyReplay::event(const PolicyEvent& event) {
  if (difference_) return;
  ++events_;
  if (event.frame.value >= settings_.frames) {
    difference_ = fmt::format("event {}: there is no frame {}", events_, event.frame.value);
  } else if (!call_.empty() || begins_a_call(event.kind)) {
    if (!call_.empty() && begins_a_call(event.kind)) {
      difference_ = fmt::format("event {}: {} within a call", events_, words(event));
      return;
    }
    call_.push_back(event);
    if (event.kind == Kind::returned) {
      perform();
    } else if (call_.size() > kMostPerFrame * (settings_.frames + 1)) {
      difference_ = fmt::format("event {}: a call without an end", events_);
    }
  } else if (moves(event.kind)) {
    move(event);
  } else {
    difference_ = fmt::format("event {}: {} outside a call", events_, words(event));
  }
}

void PolicyReplay::move(const PolicyEvent& event) {
  if (event.kind == Kind::came) {
    page_[event.frame.value] = ++pages_;
    policy_->loaded(event.frame);
  } else {
    policy_->removed(event.frame);
  }
}

void PolicyReplay::perform() {
  next_ = 1;
  if (call_.front().kind == Kind::step) {
    ++steps_;
    policy_->step(*this);
  } else {
    policy_->tick(*this);
  }
  expect({.kind = Kind::returned});
  call_.clear();
}

bool PolicyReplay::expect(const PolicyEvent& done) {
  if (difference_) return false;
  const PolicyEvent& recorded = call_[next_];
  const uint64_t number = events_ - call_.size() + next_ + 1;
  PolicyEvent same = done;
  same.answer = recorded.answer;
  if (!(same == recorded)) {
    difference_ = fmt::format("event {}: in the run {}, and here {}", number, words(recorded), words(done));
    return false;
  }
  const bool answer = recorded.answer;
  // Pages that moved because of it, before it returned.
  for (++next_; next_ < call_.size() && moves(call_[next_].kind); ++next_) move(call_[next_]);
  return answer;
}

bool PolicyReplay::look(Pfn frame, Hand hand) {
  ++looks_;
  return expect({.kind = Kind::looked, .frame = frame, .hand = hand});
}

bool PolicyReplay::referenced(Pfn frame) { return expect({.kind = Kind::asked, .frame = frame}); }

void PolicyReplay::clear_referenced(Pfn frame) { expect({.kind = Kind::cleared, .frame = frame}); }

void PolicyReplay::take(Pfn frame) {
  const uint64_t page = page_[frame.value];
  expect({.kind = Kind::taken, .frame = frame});
  if (!difference_) taken_pages_.push_back(page);
}

}  // namespace faultline::os
