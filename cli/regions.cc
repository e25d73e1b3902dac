#include "cli/regions.h"

#include "cli/report/counters.h"

namespace faultline::cli {
namespace {

// A fault that turns out to need the disk is booked anew as a major one. Where
// it began before the region and ended in it, more was taken from the minor
// faults' account than went in meanwhile; that much of the major one is older
// than the region.
void settle_faults(CycleLedger& stack) {
  const auto minor = static_cast<int64_t>(stack[CycleAccount::minor_fault]);
  if (minor >= 0) return;
  stack.rebook(CycleAccount::major_fault, CycleAccount::minor_fault, Cycles(static_cast<uint64_t>(-minor)));
}

// What a hart that was behind where the region began did up to that moment had not
// been done yet: in the stack of that moment it is idle, and other work since.
// Of such work the region begins with the largest account's.
void settle_harts(CycleLedger& stack) {
  const auto idle = static_cast<int64_t>(stack[CycleAccount::idle]);
  if (idle >= 0) return;
  CycleAccount largest = CycleAccount::compute;
  for (size_t i = 0; i < kCycleAccounts; ++i) {
    const auto account = static_cast<CycleAccount>(i);
    if (account != CycleAccount::idle && stack[account] > stack[largest]) largest = account;
  }
  stack.rebook(largest, CycleAccount::idle, Cycles(static_cast<uint64_t>(-idle)));
}

}  // namespace

void Regions::mark(hw::RegionMark mark) {
  switch (mark) {
    case hw::RegionMark::begin:
      if (open_) break;
      begin();
      return;
    case hw::RegionMark::end:
      if (!open_) break;
      end(parts_.count());
      return;
    case hw::RegionMark::warmup_end:
      record_.count = 0;
      sum_ = {};
      begin();
      return;
  }
  ++record_.ignored;
}

void Regions::begin() {
  if (record_.count == 0) parts_.begin_anew();
  parts_.set_counting(true);
  ++record_.count;
  open_ = true;
  begun_ = parts_.count();
}

void Regions::end(const RunStatistics& now) {
  add_counters(sum_, now);
  subtract_counters(sum_, begun_);
  parts_.set_counting(false);
  open_ = false;
}

void Regions::finish(RunStatistics& whole, const hw::Clock& clock) {
  if (!any()) return;
  record_.open = open_;
  record_.whole = {whole.instructions, whole.cycles, whole.seconds};
  whole.regions = record_;
  if (record_.count == 0) return;
  if (open_) end(whole);
  copy_counters(whole, sum_);
  settle_faults(whole.cycle_stack);
  settle_harts(whole.cycle_stack);
  for (HartRecord& hart : whole.harts)
    if (static_cast<int64_t>(hart.idle) < 0) hart.idle = 0;
  whole.seconds = clock.seconds(Cycles(whole.cycles));
}

}  // namespace faultline::cli
