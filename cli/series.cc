#include "cli/series.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/report/counters.h"

namespace faultline::cli {
namespace {

constexpr const char* kHeader =
    "cycle,instructions,references,l1i_misses,l1d_misses,l2_misses,walks,walk_reads,walk_cycles,"
    "l1i_reach_bytes,l1d_reach_bytes,l2_reach_bytes,working_set_bytes,minor_faults,major_faults\n";

}  // namespace

Series::Series(const std::string& path, hw::Machine& machine, std::function<RunStatistics()> count)
    : path_(path), file_(path, std::ios::binary | std::ios::trunc), machine_(machine), count_(std::move(count)) {
  file_ << kHeader;
}

void Series::sample() {
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
  file_ << fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", end, interval.instructions,
                       interval.references.total(), interval.l1i.misses, interval.l1d.misses, interval.l2.misses,
                       interval.translation.walks, interval.translation.walk_reads,
                       interval.cycle_stack[CycleAccount::walk], reach.l1i, reach.l1d, reach.l2, working_set_.take(),
                       interval.faults.minor, interval.faults.major);
}

std::string Series::finish() {
  sample();
  errno = 0;
  file_.close();
  return file_ ? "" : fmt::format("--series {}: {}", path_, errno ? std::strerror(errno) : "cannot be written");
}

}  // namespace faultline::cli
