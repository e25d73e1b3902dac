// Which page goes when memory is short: a small class behind this interface.
// The page-out daemon is the mechanism; a table in a test can be one too, so
// that a policy runs off-line on a reference string.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "hw/base/types.h"

namespace faultline::os {

enum class Hand : uint8_t { front, back };

// What a policy may see and do. Frames are numbered 0..frames()-1.
class PageView {
 public:
  virtual ~PageView() = default;
  virtual uint64_t frames() const = 0;
  // A hand comes by: false when the frame holds no page that may be taken
  // (free, the kernel's, pinned, under I/O). Counts and charges the look.
  virtual bool look(Pfn frame, Hand hand) = 0;
  // Any reference bit, of all who map the page.
  virtual bool referenced(Pfn frame) = 0;
  virtual void clear_referenced(Pfn frame) = 0;
  // Takes the page: to the free list, or to be written first.
  virtual void take(Pfn frame) = 0;
};

class ReplacementPolicy {
 public:
  virtual ~ReplacementPolicy() = default;
  virtual std::string_view name() const = 0;
  // A page came into the frame; it left.
  virtual void loaded(Pfn) {}
  virtual void removed(Pfn) {}
  // Off-line only: the page was referenced. Hardware tells no more than a bit.
  virtual void touched(Pfn) {}
  // A sampling interval is over; may look at every page, and takes none.
  virtual void tick(PageView&) {}
  // One page's worth of looking: the hands move by one, and at most one page
  // is taken.
  virtual void step(PageView& pages) = 0;
};

// What is to come, for a policy that must know it.
class Future {
 public:
  static constexpr uint64_t kNever = ~uint64_t{0};

  virtual ~Future() = default;
  // When the page in the frame is used next after the present moment: greater is later.
  virtual uint64_t next_use(Pfn frame) const = 0;
};

struct PolicySettings {
  uint64_t frames = 0;
  uint64_t hand_spread = 0;        // pages between the hands
  uint64_t seed = 1;               // of random choices
  unsigned aging_bits = 8;         // of a page's counter, 1 to 64
  bool told_of_uses = false;       // touched() tells of every use: reference bits say nothing new
  const Future* future = nullptr;  // outlives the policy; null: nobody knows it
};

// All names, off-line and on the machine.
std::span<const std::string_view> replacement_policy_names();
// Null when there is none of that name, or it needs a future and there is none.
std::unique_ptr<ReplacementPolicy> make_replacement_policy(std::string_view name, const PolicySettings& settings);

}  // namespace faultline::os
