#include "cli/measurement.h"

#include <fmt/format.h>

#include <utility>

#include "cli/report/counters.h"

namespace faultline::cli {

Measurement::Measurement(const RunConfig& config, Parts parts) : config_(config), parts_(std::move(parts)) {
  if (config.fast_forward != 0) {
    parts_.machine.stop_after(config.fast_forward, [this] { end_fast_forward(); });
  } else if (config.warm_up != 0) {
    parts_.machine.stop_after(config.warm_up, [this] { begin(); });
  } else {
    begun_ = true;
  }
}

uint64_t Measurement::instructions() {
  uint64_t sum = 0;
  for (size_t n = 0; n < parts_.machine.harts(); ++n) sum += parts_.machine.hart(n).statistics().instructions;
  return sum;
}

void Measurement::set_functional(bool functional) {
  if (functional == parts_.machine.functional()) return;
  if (functional) {
    functional_since_ = instructions();
  } else {
    record_.fast_forwarded += instructions() - functional_since_;
  }
  parts_.machine.set_functional(functional);
}

void Measurement::end_fast_forward() {
  set_functional(false);
  if (config_.warm_up == 0) return begin();
  parts_.machine.stop_after(config_.warm_up, [this] { begin(); });
}

void Measurement::begin() {
  start_ = parts_.count();
  begun_ = true;
  parts_.begun();
}

RunStatistics Measurement::counted() {
  RunStatistics counts = parts_.count();
  subtract_start(counts);
  return counts;
}

void Measurement::subtract_start(RunStatistics& counts) {
  if (!start_) return;
  subtract_counters(counts, *start_);
  counts.seconds = parts_.machine.clock().seconds(Cycles(counts.cycles));
}

void Measurement::leave_part(RunStatistics& whole) {
  if (!config_.asks_for_a_part()) return;
  record_.whole = {whole.instructions, whole.cycles, whole.seconds};
  if (parts_.machine.functional()) record_.fast_forwarded += whole.instructions - functional_since_;
  if (config_.detail == DetailIn::whole)
    record_.warm_up = (start_ ? start_->instructions : whole.instructions) - record_.fast_forwarded;
  subtract_start(whole);
}

std::string Measurement::finish(RunStatistics& statistics) {
  if (!config_.asks_for_a_part()) return {};
  const bool regions = config_.detail == DetailIn::regions;
  record_.measured = begun_ && (!regions || (statistics.regions && statistics.regions->count != 0));
  if (!record_.measured) {
    subtract_counters(statistics, RunStatistics(statistics));
    statistics.seconds = 0;
  }
  settle_difference(statistics);
  statistics.part = record_;
  if (record_.measured) return {};
  if (regions) return "nothing was measured: run.detail = \"regions\", and the program marked no region of interest";
  return fmt::format("nothing was measured: the program ended after {} instructions, and {} were to go before",
                     record_.whole.instructions, config_.fast_forward + config_.warm_up);
}

}  // namespace faultline::cli
