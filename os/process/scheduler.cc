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
    : cpu_(cpu),
      costs_(config.costs),
      slice_(std::max<uint64_t>(1, cpu.clock_hz() / config.timer_hz)),
      queues_(cpu, config.costs) {}

Co<> Scheduler::run_body(std::function<Co<>()> body) {
  co_await Yield(*this, Yield::Kind::begins);
  co_await body();
}

Co<> Scheduler::start(Strand& strand, std::function<Co<>()> body) {
  HartQueue& here = queues_.here();
  Strand* const before = std::exchange(here.current, &strand);
  Co<> life = run_body(std::move(body));
  here.current = before;
  queues_.add(strand, RunQueues::Turn::last, true);
  return life;
}

void Scheduler::Yield::await_suspend(std::coroutine_handle<> frame) {
  Strand& strand = scheduler_.current();
  strand.resume_point = frame;
  RunQueues& queues = scheduler_.queues_;
  if (kind_ == Kind::begins) return;  // start() finds it a queue
  const bool first = kind_ == Kind::keeps_turn && scheduler_.cpu_.now() < queues.here().slice_end;
  queues.put_back(strand, first ? RunQueues::Turn::first : RunQueues::Turn::last);
}

void Scheduler::make_runnable(Strand& strand) {
  timers_.cancel(std::exchange(strand.timer, 0));
  const bool urgent = strand.daemon || (in_interrupt_ && may_preempt(strand));
  queues_.add(strand, urgent ? RunQueues::Turn::urgent : RunQueues::Turn::last);
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
  const std::deque<Strand*>& urgent = queues_.here().urgent;
  const size_t waiting = urgent.size();
  AccountScope account(cpu_, CycleAccount::interrupt);
  in_interrupt_ = true;
  if (queues_.take_kick()) cpu_.charge(Cycles(costs_.interrupt));
  cpu_.deliver_interrupts();
  if (timers_.next() <= cpu_.now()) {
    ++statistics_.timer_interrupts;
    cpu_.charge(Cycles(costs_.interrupt));
    timers_.run_due(cpu_.now());
  }
  in_interrupt_ = false;
  return urgent.size() > waiting;
}

bool Scheduler::take_interrupts() {
  const bool better = deliver();
  HartQueue& here = queues_.here();
  if (cpu_.now() < here.slice_end) return better || queues_.waits_urgently() || stopping_ || !may_stay();
  AccountScope account(cpu_, CycleAccount::interrupt);
  ++statistics_.timer_interrupts;
  cpu_.charge(Cycles(costs_.interrupt));
  queues_.balance();
  if (queues_.waits()) ++statistics_.preemptions;
  return true;
}

Cycles Scheduler::run_until() const { return std::min(queues_.here().slice_end, timers_.next()); }

Cycles Scheduler::cpu_time(const Strand& strand) const {
  const HartQueue& queue = queues_.of(strand);
  if (queue.current != &strand) return strand.cpu_time;
  return strand.cpu_time + (cpu_.now_on(strand.hart) - queue.dispatched);
}

SchedulerStatistics Scheduler::statistics() const {
  SchedulerStatistics all = statistics_;
  all.hart_interrupts = queues_.kicks();
  all.migrations = queues_.migrations();
  return all;
}

Scheduler::Step Scheduler::step() {
  deliver();
  if (Strand* const next = queues_.take()) {
    dispatch(*next);
    return Step::ran;
  }
  const Cycles until = std::min(timers_.next(), queues_.next_ready());
  if (!timers_.has_guest_timers() && queues_.nothing_to_do()) {
    const Cycles patience(cpu_.clock_hz() * kPatienceSeconds);
    if (cpu_.now() > last_progress_ + patience) return Step::deadlock;
  }
  return cpu_.idle(until == Cpu::kForever ? until : std::min(until, cpu_.end_of_time())) ? Step::ran : Step::deadlock;
}

void Scheduler::dispatch(Strand& strand) {
  HartQueue& here = queues_.here();
  if (&strand != here.last) {
    AccountScope account(cpu_, CycleAccount::context_switch);
    ++statistics_.context_switches;
    cpu_.charge(Cycles(costs_.context_switch));
    here.last = &strand;
  }
  if (!may_preempt(strand)) strand.slice_left = slice_;
  here.current = &strand;
  here.dispatched = cpu_.now();
  here.slice_end = here.dispatched + strand.slice_left;
  if (!strand.daemon) last_progress_ = std::max(last_progress_, here.dispatched);

  const CycleAccount kernel_account = cpu_.set_account(strand.account);
  std::exchange(strand.resume_point, {}).resume();
  // The strand may be gone with the last statement of its body only if its
  // owner dropped it there, which start() forbids.
  strand.account = cpu_.set_account(kernel_account);

  const Cycles now = cpu_.now();
  strand.cpu_time += now - here.dispatched;
  strand.slice_left = now < here.slice_end ? here.slice_end - now : Cycles(0);
  here.current = nullptr;
}

void Scheduler::use(AddressSpace& space) {
  HartQueue& here = queues_.here();
  if (here.loaded == &space) return;
  here.loaded = &space;
  cpu_.set_address_space(space.root(), space.asid());
}

void Scheduler::retire(AddressSpace& space) {
  std::vector<HartQueue>& harts = queues_.all();
  for (unsigned hart = 0; hart < harts.size(); ++hart) {
    HartQueue& queue = harts[hart];
    // A program that runs there is of another process that has it too.
    const bool in_use = &queue != &queues_.here() && queue.current != nullptr;
    if (queue.loaded != &space || in_use) continue;
    queue.loaded = nullptr;
    cpu_.leave_address_space(hart);
  }
}

}  // namespace faultline::os
