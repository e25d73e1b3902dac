// What the `observe` settings add to the statistics, the report and the document.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hw/mmu/cost_observer.h"
#include "hw/mmu/stack_distance_observer.h"

namespace faultline::cli {

class ReportText;
struct RunStatistics;

// Misses of first-level LRU TLBs by geometry.
struct ObservedTlbs {
  std::vector<hw::ObservedGeometry> l1i;
  std::vector<hw::ObservedGeometry> l1d;
};

// Where the cycles of translation went.
struct ObservedCosts {
  struct Row {
    hw::TranslationCost cost = {};
    std::string symbol = {};  // of an instruction, where the program has names
  };
  std::vector<Row> pages;  // the costliest, in order
  std::vector<Row> pcs;
  hw::TranslationCost total = {};  // of all
  uint64_t pages_seen = 0;         // that cost anything
  uint64_t pcs_seen = 0;
  bool more_pages = false;  // than could be told apart
  bool more_pcs = false;
};

struct Observed {
  std::optional<ObservedTlbs> tlb;
  std::optional<ObservedCosts> costs;

  bool any() const { return tlb.has_value() || costs.has_value(); }
};

// The object `observe`; only where there is any.
nlohmann::ordered_json observed_json(const RunStatistics& statistics);

void add_observed_sections(const RunStatistics& statistics, ReportText& text);

}  // namespace faultline::cli
