// The misses of first-level LRU TLBs of every geometry, from one run: a stack
// distance for each number of sets, each side and each size of page.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <tuple>
#include <vector>

#include "hw/base/types.h"
#include "hw/mmu/lru_stacks.h"
#include "hw/mmu/translation_observer.h"

namespace faultline::hw {

struct ObservedGeometry {
  uint64_t page = 0;  // bytes
  uint32_t sets = 0;
  uint32_t ways = 0;
  uint64_t misses = 0;         // of user-mode references
  uint64_t kernel_misses = 0;  // of the OS layer's own accesses, which use the data side's sets too
};

// What a TLB of `sets` x `ways` under LRU, of its own for each size of page,
// would have missed: set = page number modulo sets. Equal, count by count, to a
// run with that TLB where the references and flushes do not depend on the TLB:
// one process, no page-out.
//   - An invalidation leaves a hole in the stack (LruStacks).
//   - An attempt that faults pushes nothing.
//   - Accesses of the OS layer push, as they would touch the TLB, and count apart.
class StackDistanceObserver final : public TranslationObserver {
 public:
  static constexpr uint32_t kMostSets = 1024;  // of the powers of two
  static constexpr unsigned kMostWays = LruStacks::kDepth;

  // `sets`: beside 1, 2, 4 to kMostSets; each at least 1. `asids`: pages are
  // told apart by address space, as TLBs with identifiers do.
  explicit StackDistanceObserver(const std::vector<uint32_t>& sets);

  void looked_up(const ObservedLookUp& look_up) override;
  void flushed_page(Asid asid, VirtAddr address) override;
  void flushed_asid(Asid asid) override;
  void flushed_not_global() override;
  void flushed_all() override;

  // What is referenced while not counting moves the stacks and no count.
  void set_counting(bool counting) { counting_ = counting; }
  void clear_counts();

  // By page, sets and ways; 1 to kMostWays of each number of sets.
  std::vector<ObservedGeometry> instruction_misses() const { return misses(instruction_); }
  std::vector<ObservedGeometry> data_misses() const { return misses(data_); }

 private:
  // References by depth; those at depth 0 hit everywhere and are not told.
  using Depths = std::array<uint64_t, LruStacks::kDepth + 1>;
  struct Sets {
    LruStacks stacks;
    Depths user{};
    Depths kernel{};
  };
  struct SizeClass {
    unsigned page_shift;
    std::vector<Sets> by_sets;
  };
  using Side = std::vector<SizeClass>;  // by size, from when it is first seen

  SizeClass& size_class(Side& side, unsigned page_shift) const;
  static std::vector<ObservedGeometry> misses(const Side& side);
  template <class Visit>
  void for_each_size(Visit visit);
  template <class Goes>
  void remove_if(Goes goes);
  void flush_pieces(uint64_t owner, VirtAddr address);

  std::vector<uint32_t> sets_;  // each once: the powers of two ascending, then the others
  size_t powers_of_two_ = 0;    // of them
  bool counting_ = true;
  // Pages of the tables that were seen in pieces: log2 of the size, number, owner.
  std::set<std::tuple<unsigned, uint64_t, uint64_t>> in_pieces_;
  uint64_t leaf_sizes_ = 0;  // bit s: some of 2^s bytes
  Side instruction_;
  Side data_;
};

}  // namespace faultline::hw
