#include "cli/series.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/report/counters.h"
#include "cli/report/series_columns.h"

namespace faultline::cli {

Series::Series(const std::string& path, hw::Machine& machine, std::function<RunStatistics()> count, bool running)
    : path_(path),
      file_(path, std::ios::binary | std::ios::trunc),
      machine_(machine),
      count_(std::move(count)),
      running_(running) {
  file_ << fmt::format("{}\n", fmt::join(kSeriesColumns, ","));
}

void Series::set_running(bool running) {
  if (running == running_) return;
  if (running) {
    before_ = count_();
    machine_.hart().restart_intervals();
  } else {
    sample();
  }
  running_ = running;
}

void Series::sample() {
  if (!running_) return;
  RunStatistics now = count_();
  if (now.cycles == before_.cycles) return;
  RunStatistics interval = now;
  subtract_counters(interval, before_);
  write(interval, now.cycles);
  before_ = std::move(now);
  machine_.mmu().forget_recent();
}

void Series::write(const RunStatistics& interval, uint64_t end) {
  const hw::Mmu::Reach reach = machine_.mmu().reach();
  file_ << fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", end, interval.instructions,
                       interval.references.total(), interval.l1i.misses, interval.l1d.misses, interval.l2.misses,
                       interval.translation.walks, interval.translation.walk_reads,
                       interval.cycle_stack[CycleAccount::walk], reach.l1i, reach.l1d, reach.l2, working_set_.take(),
                       interval.faults.minor, interval.faults.major, interval.pageout.front_hand,
                       interval.pageout.back_hand);
  file_.flush();  // a long run is watched while it goes on
}

std::string Series::finish() {
  sample();
  errno = 0;
  file_.close();
  return file_ ? "" : fmt::format("--series {}: {}", path_, errno ? std::strerror(errno) : "cannot be written");
}

}  // namespace faultline::cli
