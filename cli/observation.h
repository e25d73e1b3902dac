// What one run watches beside what is always counted: the `observe` settings.
#pragma once

#include <memory>
#include <string>

#include "cli/report/statistics.h"
#include "hw/machine/machine.h"
#include "hw/mmu/cost_observer.h"
#include "hw/mmu/stack_distance_observer.h"
#include "hw/mmu/translation_observer.h"

namespace faultline::cli {

class Observation {
 public:
  // Watches `machine`, whose configuration says what; outlives its simulation.
  explicit Observation(hw::Machine& machine);
  ~Observation();
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

  // One more, which must outlive this. Before simulation starts.
  void add(hw::TranslationObserver& observer);

  // For regions of interest: forget what was counted; count from now on, or not.
  void clear_counts();
  void set_counting(bool counting);

  // `program`: the host's path of the program, for the names of its functions; may be empty.
  void gather(RunStatistics& statistics, const std::string& program) const;

 private:
  hw::Machine& machine_;
  hw::TranslationObservers observers_;
  std::unique_ptr<hw::StackDistanceObserver> distances_;
  std::unique_ptr<hw::CostObserver> costs_;
};

}  // namespace faultline::cli
