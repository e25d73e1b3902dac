#include "hw/mmu/cost_observer.h"

#include <algorithm>
#include <tuple>

namespace faultline::hw {
namespace {

void add(TranslationCost& cost, const ObservedLookUp& look_up, bool fault) {
  cost.walks += look_up.walks;
  cost.faults += fault ? 1 : 0;
  cost.cycles += look_up.tlb.value + look_up.walk.value;
}

bool costs_more(const TranslationCost& a, const TranslationCost& b) {
  return std::tuple(b.cycles, b.walks, a.address, a.process) < std::tuple(a.cycles, a.walks, b.address, b.process);
}

}  // namespace

void CostObserver::book(const ObservedLookUp& look_up, bool fault) {
  if (!counting_ || look_up.kernel) return;
  book_in(pages_, {page_.round_down(look_up.address.value), look_up.process}, look_up, fault);
  book_in(instructions_, {look_up.pc, look_up.process}, look_up, fault);
  add(total_, look_up, fault);
}

void CostObserver::book_in(Costs& costs, const Key& key, const ObservedLookUp& look_up, bool fault) {
  auto at = costs.by_key.find(key);
  if (at == costs.by_key.end()) {
    if (costs.by_key.size() == kMost) {
      costs.more = true;
      return;
    }
    at =
        costs.by_key.emplace(key, TranslationCost{.address = key.address, .process = key.process, .asid = look_up.asid})
            .first;
  }
  add(at->second, look_up, fault);
}

void CostObserver::clear_counts() {
  pages_ = {};
  instructions_ = {};
  total_ = {};
}

std::vector<TranslationCost> CostObserver::top(const Costs& costs, size_t most) {
  std::vector<TranslationCost> all;
  all.reserve(costs.by_key.size());
  for (const auto& [key, cost] : costs.by_key) all.push_back(cost);
  const size_t taken = std::min(most, all.size());
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(taken), all.end(), costs_more);
  all.resize(taken);
  return all;
}

}  // namespace faultline::hw
