// Whether taking pages gets anybody anywhere. Three ways in which it does not,
// from the plain one to the worst:
//
//   nothing can be taken;
//   pages are taken, but those who wait for frames take the same ones back and
//   still have too few;
//   frames are given out, but each takes away what the one before was for, so
//   that no instruction ever has all its pages at once.
//
// Counted in pages looked at and frames given out, never in time: a slow disk
// is not a full memory.
#pragma once

#include <cstdint>

namespace faultline::os {

class ProgressWatch {
 public:
  // Totals since the start.
  struct Totals {
    uint64_t served = 0;   // frames given to whoever may have to wait for one
    uint64_t granted = 0;  // frames given to anybody
    uint64_t work = 0;     // instructions, and pages that the kernel used for a process
  };

  // `round`: steps after which the policy has been everywhere.
  explicit ProgressWatch(uint64_t round) : round_(round) {}

  // The policy looked at a page.
  void step() {
    ++since_taken_;
    ++since_served_;
  }
  // ... and could take it.
  void taken() { since_taken_ = 0; }
  void look(const Totals& now) {
    if (now.served != before_.served) since_served_ = 0;
    if (now.work != before_.work) granted_before_work_ = now.granted;
    before_ = now;
  }

  // Who waits for a frame waits in vain.
  bool fruitless() const { return since_taken_ > kRoundsTaken * round_ || since_served_ > kRoundsServed * round_; }
  // Who gets frames gets them in vain.
  bool thrashing() const { return before_.granted - granted_before_work_ > kGrants * round_; }

  // Somebody was killed: all begins anew.
  void start_again() {
    since_taken_ = since_served_ = 0;
    granted_before_work_ = before_.granted;
  }
  // A frame came free otherwise; when that is not enough, the next step says so.
  void one_more_chance() { since_taken_ = since_served_ = kRoundsTaken * round_; }

 private:
  static constexpr uint64_t kRoundsTaken = 2;   // the first round only clears reference bits
  static constexpr uint64_t kRoundsServed = 8;  // others use their pages in between
  static constexpr uint64_t kGrants = 4;

  uint64_t round_;
  uint64_t since_taken_ = 0;
  uint64_t since_served_ = 0;
  uint64_t granted_before_work_ = 0;
  Totals before_;
};

}  // namespace faultline::os
