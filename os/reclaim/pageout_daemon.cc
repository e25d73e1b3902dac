#include "os/reclaim/pageout_daemon.h"

#include <algorithm>
#include <utility>

#include "os/cpu.h"
#include "os/memory/anon_map.h"
#include "os/memory/page_table.h"
#include "os/reclaim/laundry.h"

namespace faultline::os {

namespace {
constexpr uint64_t kWakeupsPerSecond = 4;
constexpr uint64_t kAfterKillPerSecond = 100;  // a killed process gets so long to finish
constexpr uint64_t kLeastScan = 16;            // pages of one activation
}  // namespace

PageoutDaemon::PageoutDaemon(Cpu& cpu, Executor& executor, FrameAllocator& frames, PageTables& tables, Laundry& laundry,
                             const OsConfig& config, PageSize page)
    : cpu_(cpu),
      frames_(frames),
      tables_(tables),
      laundry_(laundry),
      config_(config),
      rates_(scan_rates(config.vm, page, frames.total())),
      most_in_flight_(std::max<uint64_t>({frames.thresholds().lotsfree, uint64_t{2} * config.vm.batch, 8})),
      policy_settings_{.frames = frames.total(),
                       .hand_spread = rates_.hand_spread,
                       .seed = config.seed,
                       .aging_bits = config.vm.aging_bits},
      policy_(make_replacement_policy(config.vm.replacement, policy_settings_)),
      wakeup_(executor),
      pause_(executor),
      // Both hands have been everywhere.
      progress_(frames.total() + rates_.hand_spread) {}

void PageoutDaemon::record(PolicyRecorder& recorder) {
  if (policy_) policy_ = recorded_policy(std::move(policy_), policy_settings_, recorder);
}

void PageoutDaemon::shortage(bool refused) {
  if (refused || resting_) wakeup_.wake_all();
}

void PageoutDaemon::disk_progress() {
  // Whoever waits for frames is woken as they come free. The daemon is needed
  // when all that it sent has come back.
  if (waiting_for_disk_ && laundry_.pages_in_flight() == 0) wakeup_.wake_all();
}

void PageoutDaemon::page_moved(Pfn frame, bool came) {
  if (!policy_) return;
  if (came) {
    policy_->loaded(frame);
  } else {
    policy_->removed(frame);
  }
}

Co<> PageoutDaemon::run() {
  Next next = Next::rest;
  for (;;) {
    const uint64_t hz = cpu_.clock_hz();
    switch (next) {
      case Next::rest:
        resting_ = true;
        co_await wakeup_.sleep();
        resting_ = false;
        break;
      case Next::tick:
      case Next::wait_for_disk:
        waiting_for_disk_ = next == Next::wait_for_disk;
        co_await wakeup_.sleep_interruptibly(cpu_.now() + Cycles(hz / kWakeupsPerSecond));
        waiting_for_disk_ = false;
        break;
      case Next::again:
        // Others get their turn in between.
        co_await pause_.sleep_interruptibly(cpu_.now() + Cycles(1));
        break;
      case Next::after_kill:
        co_await pause_.sleep_interruptibly(cpu_.now() + Cycles(hz / kAfterKillPerSecond));
        break;
    }
    next = activate();
  }
}

uint64_t PageoutDaemon::pages_to_scan(uint64_t free) const {
  const uint64_t lotsfree = std::max<uint64_t>(frames_.thresholds().lotsfree, 1);
  const uint64_t available = std::min(free, lotsfree);
  const uint64_t a_second = (rates_.slowscan * available + rates_.fastscan * (lotsfree - available)) / lotsfree;
  return std::max(a_second / kWakeupsPerSecond, std::min(kLeastScan, frames_.total()));
}

PageoutDaemon::Next PageoutDaemon::activate() {
  const AccountScope account(cpu_, CycleAccount::pageout);
  ++statistics_.wakeups;
  progress_.look(
      {.served = frames_.served(), .granted = frames_.granted(), .work = cpu_.instructions() + frames_.uses()});
  const Thresholds& marks = frames_.thresholds();
  // Not while frames are about to come free: a fault that waits for its page has
  // made its table, would make it again at once, and wait again.
  if (frames_.free_frames() < marks.desfree && laundry_.pages_in_flight() == 0) {
    statistics_.tables_freed += tables_.free_empty_tables();
  }
  tick();
  scan(pages_to_scan(frames_.free_frames()));
  laundry_.flush();
  frames_.wake_waiters();

  if (progress_.thrashing()) return out_of_memory();
  const bool fruitless = laundry_.pages_in_flight() == 0 && progress_.fruitless();
  if (frames_.somebody_waits()) {
    if (laundry_.pages_in_flight() != 0) return Next::wait_for_disk;
    return fruitless ? last_resort() : Next::again;
  }
  // Where nothing can be had nobody looks again before somebody asks.
  if (frames_.free_frames() >= marks.lotsfree || fruitless) return Next::rest;
  return Next::tick;
}

// Sampling has no clock of its own: as the hands, it rests while memory is plentiful.
void PageoutDaemon::tick() {
  constexpr uint64_t kMilliseconds = 1000;
  const Cycles interval(cpu_.clock_hz() / kMilliseconds * config_.vm.aging_interval);
  if (!policy_ || cpu_.now() - last_tick_ < interval) return;
  last_tick_ = cpu_.now();
  policy_->tick(*this);
}

void PageoutDaemon::scan(uint64_t steps) {
  if (!policy_) return;
  for (; steps > 0; --steps) {
    if (frames_.free_frames() + laundry_.pages_in_flight() >= frames_.thresholds().lotsfree) return;
    if (laundry_.pages_in_flight() >= most_in_flight_) return;
    progress_.step();
    policy_->step(*this);
  }
}

PageoutDaemon::Next PageoutDaemon::last_resort() {
  // Entries that map the zero page can be made again at the next touch.
  const uint64_t freed = tables_.free_one_zero_page_table();
  if (freed == 0) return out_of_memory();
  statistics_.tables_freed += freed;
  progress_.one_more_chance();
  frames_.wake_waiters();
  return Next::again;
}

PageoutDaemon::Next PageoutDaemon::out_of_memory() {
  progress_.start_again();
  ++statistics_.out_of_memory;
  if (out_of_memory_callback_) out_of_memory_callback_();
  frames_.begin_emergency();
  return Next::after_kill;
}

PageoutStatistics PageoutDaemon::statistics() const {
  PageoutStatistics result = statistics_;
  result.freed += laundry_.freed();
  result.cleaned = laundry_.cleaned();
  result.batches = laundry_.batches();
  return result;
}

// --- what the policy sees ---------------------------------------------------------

bool PageoutDaemon::look(Pfn pfn, Hand hand) {
  cpu_.charge(Cycles(config_.costs.page_scan));
  ++(hand == Hand::front ? statistics_.front_hand : statistics_.back_hand);
  const Frame& frame = frames_[pfn];
  if (frame.listed || frame.under_io() || frame.pins != 0) return false;
  const bool has_page =
      (frame.kind == FrameKind::anonymous && frame.anon) || (frame.kind == FrameKind::file && frame.file);
  return has_page && !(is_locked_ && is_locked_(pfn));
}

bool PageoutDaemon::referenced(Pfn pfn) { return tables_.referenced(pfn); }

void PageoutDaemon::clear_referenced(Pfn pfn) { tables_.clear_referenced(pfn); }

void PageoutDaemon::take(Pfn pfn) {
  const Frame& frame = frames_[pfn];
  const bool dirty =
      frame.dirty || (frame.kind == FrameKind::anonymous && (frame.anon->slot == Anon::kNone || tables_.modified(pfn)));
  if (dirty && !laundry_.can_clean(pfn)) return;
  progress_.taken();
  tables_.unmap_everywhere(pfn);
  if (dirty) {
    laundry_.add(pfn);
  } else {
    frames_.free_with_page(pfn);
    ++statistics_.freed;
  }
}

}  // namespace faultline::os
