#include "os/process/scheduler.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "os/memory/address_space.h"

namespace faultline::os {

namespace {
// Daemons wake up now and then whatever the processes do. When nothing else
// has happened for so long, in simulated seconds, the processes are stuck.
constexpr uint64_t kPatienceSeconds = 60;
}  // namespace

Scheduler::Scheduler(Cpu& cpu, const OsConfig& config)
    : cpu_(cpu), costs_(config.costs), slice_(std::max<uint64_t>(1, cpu.clock_hz() / config.timer_hz)) {}

Co<> Scheduler::run_body(std::function<Co<>()> body) {
  co_await yield();
  co_await body();
}

Co<> Scheduler::start(Strand& strand, std::function<Co<>()> body) {
  Strand* const before = std::exchange(current_, &strand);
  Co<> life = run_body(std::move(body));
  current_ = before;
  return life;
}

void Scheduler::Yield::await_suspend(std::coroutine_handle<> frame) {
  Strand& strand = scheduler_.current();
  strand.resume_point = frame;
  if (keeps_turn_ && scheduler_.cpu_.now() < scheduler_.slice_end_) {
    scheduler_.ready_.push_front(&strand);
  } else {
    scheduler_.ready_.push_back(&strand);
  }
}

void Scheduler::make_runnable(Strand& strand) {
  timers_.cancel(std::exchange(strand.timer, 0));
  if (strand.daemon || (in_interrupt_ && may_preempt(strand))) {
    urgent_.push_back(&strand);
  } else {
    ready_.push_back(&strand);
  }
}

void Scheduler::set_timeout(Strand& strand, Cycles when) {
  strand.timer = timers_.add(
      when,
      [&strand] {
        strand.timer = 0;
        strand.sleeping_on->end_sleep(strand, Wake::timeout);
      },
      strand.daemon);
}

bool Scheduler::deliver() {
  const size_t waiting = urgent_.size();
  AccountScope account(cpu_, CycleAccount::interrupt);
  in_interrupt_ = true;
  cpu_.deliver_interrupts();
  if (timers_.next() <= cpu_.now()) {
    ++statistics_.timer_interrupts;
    cpu_.charge(Cycles(costs_.interrupt));
    timers_.run_due(cpu_.now());
  }
  in_interrupt_ = false;
  return urgent_.size() > waiting;
}

bool Scheduler::take_interrupts() {
  const bool better = deliver();
  if (cpu_.now() < slice_end_) return better || !urgent_.empty();
  AccountScope account(cpu_, CycleAccount::interrupt);
  ++statistics_.timer_interrupts;
  cpu_.charge(Cycles(costs_.interrupt));
  if (!ready_.empty() || !urgent_.empty()) ++statistics_.preemptions;
  return true;
}

Cycles Scheduler::run_until() const { return std::min(slice_end_, timers_.next()); }

Cycles Scheduler::cpu_time(const Strand& strand) const {
  return &strand == current_ ? strand.cpu_time + (cpu_.now() - dispatched_) : strand.cpu_time;
}

Scheduler::Step Scheduler::step() {
  deliver();
  if (urgent_.empty() && ready_.empty()) {
    Cycles until = timers_.next();
    if (!timers_.has_guest_timers()) {
      const Cycles patience(cpu_.clock_hz() * kPatienceSeconds);
      if (cpu_.now() - last_progress_ > patience) return Step::deadlock;
    }
    return cpu_.idle(until == Cpu::kForever ? until : std::min(until, cpu_.end_of_time())) ? Step::ran : Step::deadlock;
  }
  std::deque<Strand*>& queue = urgent_.empty() ? ready_ : urgent_;
  Strand& next = *queue.front();
  queue.pop_front();
  dispatch(next);
  return Step::ran;
}

void Scheduler::dispatch(Strand& strand) {
  if (&strand != last_) {
    AccountScope account(cpu_, CycleAccount::context_switch);
    ++statistics_.context_switches;
    cpu_.charge(Cycles(costs_.context_switch));
    last_ = &strand;
  }
  if (!may_preempt(strand)) strand.slice_left = slice_;
  current_ = &strand;
  dispatched_ = cpu_.now();
  slice_end_ = dispatched_ + strand.slice_left;
  if (!strand.daemon) last_progress_ = dispatched_;

  const CycleAccount kernel_account = cpu_.set_account(strand.account);
  std::exchange(strand.resume_point, {}).resume();
  // The strand may be gone with the last statement of its body only if its
  // owner dropped it there, which start() forbids.
  strand.account = cpu_.set_account(kernel_account);

  const Cycles now = cpu_.now();
  strand.cpu_time += now - dispatched_;
  strand.slice_left = now < slice_end_ ? slice_end_ - now : Cycles(0);
  current_ = nullptr;
}

void Scheduler::use(AddressSpace& space) {
  if (loaded_ == &space) return;
  loaded_ = &space;
  cpu_.set_address_space(space.root(), space.asid());
}

void Scheduler::retire(AddressSpace& space) {
  if (loaded_ != &space) return;
  loaded_ = nullptr;
  cpu_.leave_address_space();
}

}  // namespace faultline::os
