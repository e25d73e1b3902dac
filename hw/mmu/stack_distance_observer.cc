#include "hw/mmu/stack_distance_observer.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace faultline::hw {
namespace {

// As in the Tlb: a page number and, in the low bits, whose it is. No address
// space has the identifier of the global pages.
constexpr unsigned kAsidBits = 16;
constexpr uint64_t kGlobal = 0xFFFF;

uint64_t key_of(uint64_t vpn, uint64_t owner) { return vpn << kAsidBits | owner; }
uint64_t owner_of(uint64_t key) { return key & ((uint64_t{1} << kAsidBits) - 1); }

}  // namespace

StackDistanceObserver::StackDistanceObserver(const std::vector<uint32_t>& sets) {
  for (uint32_t power = 1; power <= kMostSets; power *= 2) sets_.push_back(power);
  powers_of_two_ = sets_.size();
  for (const uint32_t given : sets) {
    if (std::find(sets_.begin(), sets_.end(), given) == sets_.end()) sets_.push_back(given);
  }
}

StackDistanceObserver::SizeClass& StackDistanceObserver::size_class(Side& side, unsigned page_shift) const {
  const auto at =
      std::find_if(side.begin(), side.end(), [=](const SizeClass& c) { return c.page_shift >= page_shift; });
  if (at != side.end() && at->page_shift == page_shift) return *at;
  SizeClass made{.page_shift = page_shift, .by_sets = {}};
  for (const uint32_t sets : sets_) made.by_sets.push_back({.stacks = LruStacks(sets)});
  return *side.insert(at, std::move(made));
}

void StackDistanceObserver::looked_up(const ObservedLookUp& look_up) {
  Side& side = look_up.access == Access::fetch ? instruction_ : data_;
  SizeClass& pages = size_class(side, look_up.page_shift);
  const uint64_t vpn = look_up.address.value >> look_up.page_shift;
  const uint64_t owner = look_up.global ? kGlobal : look_up.asid;
  const uint64_t key = key_of(vpn, owner);
  if (look_up.leaf_shift > look_up.page_shift) {
    leaf_sizes_ |= uint64_t{1} << look_up.leaf_shift;
    in_pieces_.insert({look_up.leaf_shift, look_up.address.value >> look_up.leaf_shift, owner});
  }
  // The sets of twice as many are parts of these sets: a page that is on top of
  // its set is on top there too, and a push would change nothing.
  for (size_t i = 0; i < pages.by_sets.size(); ++i) {
    Sets& sets = pages.by_sets[i];
    const unsigned depth = sets.stacks.push(vpn, key);
    if (depth != 0) {
      if (counting_) ++(look_up.kernel ? sets.kernel : sets.user)[depth];
    } else if (i == 0) {
      return;  // on top of all pages
    } else if (i < powers_of_two_) {
      i = powers_of_two_ - 1;
    }
  }
}

template <class Visit>
void StackDistanceObserver::for_each_size(Visit visit) {
  for (Side* side : {&instruction_, &data_}) {
    for (SizeClass& pages : *side) {
      for (Sets& sets : pages.by_sets) visit(pages.page_shift, sets);
    }
  }
}

template <class Goes>
void StackDistanceObserver::remove_if(Goes goes) {
  for_each_size([&](unsigned, Sets& sets) { sets.stacks.remove_if(goes); });
}

void StackDistanceObserver::flushed_page(Asid asid, VirtAddr address) {
  for_each_size([=](unsigned page_shift, Sets& sets) {
    const uint64_t vpn = address.value >> page_shift;
    sets.stacks.remove(vpn, key_of(vpn, asid));
    sets.stacks.remove(vpn, key_of(vpn, kGlobal));
  });
  flush_pieces(asid, address);
  flush_pieces(kGlobal, address);
}

// All pieces of a page go together.
void StackDistanceObserver::flush_pieces(uint64_t owner, VirtAddr address) {
  for (uint64_t sizes = leaf_sizes_; sizes != 0; sizes &= sizes - 1) {
    const auto leaf_shift = static_cast<unsigned>(std::countr_zero(sizes));
    if (in_pieces_.erase({leaf_shift, address.value >> leaf_shift, owner}) == 0) continue;
    for_each_size([=](unsigned page_shift, Sets& sets) {
      if (page_shift >= leaf_shift) return;
      // Equal but for the number of the piece in its page.
      const uint64_t wanted = key_of(address.value >> page_shift, owner);
      sets.stacks.remove_if([=](uint64_t key) {
        return owner_of(key) == owner && (key ^ wanted) >> (leaf_shift - page_shift + kAsidBits) == 0;
      });
    });
  }
}

void StackDistanceObserver::flushed_asid(Asid asid) {
  remove_if([=](uint64_t key) { return owner_of(key) == asid; });
}

void StackDistanceObserver::flushed_not_global() {
  remove_if([](uint64_t key) { return owner_of(key) != kGlobal; });
}

void StackDistanceObserver::flushed_all() {
  for_each_size([](unsigned, Sets& sets) { sets.stacks.clear(); });
}

void StackDistanceObserver::clear_counts() {
  for_each_size([](unsigned, Sets& sets) { sets.user = sets.kernel = {}; });
}

std::vector<ObservedGeometry> StackDistanceObserver::misses(const Side& side) {
  std::vector<ObservedGeometry> all;
  for (const SizeClass& pages : side) {
    std::vector<const Sets*> order;
    for (const Sets& sets : pages.by_sets) order.push_back(&sets);
    std::sort(order.begin(), order.end(), [](auto a, auto b) { return a->stacks.sets() < b->stacks.sets(); });
    for (const Sets* sets : order) {
      for (unsigned ways = 1; ways <= kMostWays; ++ways) {
        all.push_back({.page = uint64_t{1} << pages.page_shift,
                       .sets = sets->stacks.sets(),
                       .ways = ways,
                       .misses = std::accumulate(sets->user.begin() + ways, sets->user.end(), uint64_t{0}),
                       .kernel_misses = std::accumulate(sets->kernel.begin() + ways, sets->kernel.end(), uint64_t{0})});
      }
    }
  }
  return all;
}

}  // namespace faultline::hw
