#include "os/reclaim/random_choice.h"

#include <utility>

namespace faultline::os {

// splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators,
// 2014), of which the upper half becomes a number below `count`.
size_t RandomChoice::below(size_t count) {
  uint64_t z = state_ += 0x9E3779B97F4A7C15;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  z ^= z >> 31;
  return static_cast<size_t>((z >> 32) * count >> 32);
}

void RandomChoice::exchange(size_t a, size_t b) {
  std::swap(pages_[a], pages_[b]);
  place_[pages_[a]] = a;
  place_[pages_[b]] = b;
}

void RandomChoice::loaded(Pfn frame) {
  removed(frame);
  place_[frame.value] = pages_.size();
  pages_.push_back(frame.value);
  exchange(drawable_++, pages_.size() - 1);
}

void RandomChoice::removed(Pfn frame) {
  const size_t place = place_[frame.value];
  if (place == kNone) return;
  exchange(place, pages_.size() - 1);
  pages_.pop_back();
  place_[frame.value] = kNone;
  drawable_ = pages_.size();
}

void RandomChoice::step(PageView& pages) {
  if (drawable_ == 0) drawable_ = pages_.size();
  if (drawable_ == 0) return;
  exchange(below(drawable_), drawable_ - 1);
  --drawable_;
  const Pfn frame(pages_[drawable_]);
  if (pages.look(frame, Hand::back)) pages.take(frame);
}

}  // namespace faultline::os
