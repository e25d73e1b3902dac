// The LRU stacks of a TLB's sets: what a set of any number of ways would hold.
//
// Mattson, Gecsei, Slutz, Traiger, "Evaluation techniques for storage
// hierarchies", IBM Systems Journal 9 (1970): under LRU a set of w ways holds
// the w pages on top of its stack, so the depth at which a page is found tells
// for every w at once whether the reference hits. An invalidated page leaves a
// hole: sets wide enough to reach it have an empty way, which their next fill
// takes without an eviction. So a push moves what lies above the first hole
// down into it, and nothing below.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace faultline::hw {

class LruStacks {
 public:
  static constexpr unsigned kDepth = 64;  // ways that are told apart
  static constexpr uint64_t kHole = ~uint64_t{0};

  explicit LruStacks(uint32_t sets) : stacks_(sets) {}

  uint32_t sets() const { return static_cast<uint32_t>(stacks_.size()); }

  // A reference to `key`, whose page is number `vpn`: its depth, 0 on top;
  // kDepth where it is not among so many. It is on top now.
  unsigned push(uint64_t vpn, uint64_t key) {
    Stack& stack = stack_of(vpn);
    const size_t size = stack.size();
    size_t hole = size;  // the first
    for (size_t depth = 0; depth < size; ++depth) {
      if (stack[depth] == key) {
        move_down(stack, std::min(hole, depth));
        stack[0] = key;
        if (hole < depth) punch(stack, depth);
        return static_cast<unsigned>(depth);
      }
      if (stack[depth] == kHole && hole == size) hole = depth;
    }
    if (hole == size && size < kDepth) stack.push_back(kHole);
    move_down(stack, std::min<size_t>(hole, kDepth - 1));
    stack[0] = key;
    return kDepth;
  }

  // The page leaves every set.
  void remove(uint64_t vpn, uint64_t key) {
    Stack& stack = stack_of(vpn);
    const auto found = std::find(stack.begin(), stack.end(), key);
    if (found != stack.end()) punch(stack, static_cast<size_t>(found - stack.begin()));
  }
  // Those leave of which `goes(key)` is true; it is not asked about holes.
  template <class Goes>
  void remove_if(Goes goes) {
    for (Stack& stack : stacks_) {
      for (size_t depth = stack.size(); depth-- > 0;) {
        if (stack[depth] != kHole && goes(stack[depth])) punch(stack, depth);
      }
    }
  }
  void clear() {
    for (Stack& stack : stacks_) stack.clear();
  }

 private:
  using Stack = std::vector<uint64_t>;  // from the top; never ends in a hole

  Stack& stack_of(uint64_t vpn) { return stacks_[vpn % stacks_.size()]; }

  // What lies above `depth` goes one down; the top is free then.
  static void move_down(Stack& stack, size_t depth) {
    const auto end = stack.begin() + static_cast<std::ptrdiff_t>(depth);
    std::move_backward(stack.begin(), end, end + 1);
  }
  // Below the last page there is nothing but holes, which need no room.
  static void punch(Stack& stack, size_t depth) {
    stack[depth] = kHole;
    while (!stack.empty() && stack.back() == kHole) stack.pop_back();
  }

  std::vector<Stack> stacks_;
};

}  // namespace faultline::hw
