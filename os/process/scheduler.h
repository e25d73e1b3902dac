// One hart's scheduler: who runs next, for how long, and what happens when
// nobody can.
//
// Round robin with time slices. A strand that an interrupt wakes (its disk
// transfer is done, its timer went off) goes before the others while it has
// some of its slice left, so that requests overlap with other processes'
// computation; one that has used its slice up waits its turn.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>

#include "os/config.h"
#include "os/cpu.h"
#include "os/process/co.h"
#include "os/process/timer_queue.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class AddressSpace;

struct SchedulerStatistics {
  uint64_t context_switches = 0;  // to another strand than the one before
  uint64_t preemptions = 0;       // slices that ended with others waiting
  uint64_t timer_interrupts = 0;
};

class Scheduler final : public Executor {
 public:
  Scheduler(Cpu& cpu, const OsConfig& config);

  // --- Executor ---------------------------------------------------------------
  Strand& current() override { return *current_; }
  void make_runnable(Strand& strand) override;
  void set_timeout(Strand& strand, Cycles when) override;

  // --- strands ------------------------------------------------------------------
  // Begins a strand: `body` first runs when its turn comes. The answer is the
  // strand's life; whoever holds it must not drop it while the strand runs.
  Co<> start(Strand& strand, std::function<Co<>()> body);

  class Yield {
   public:
    Yield(Scheduler& scheduler, bool keeps_turn) : scheduler_(scheduler), keeps_turn_(keeps_turn) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() const noexcept {}

   private:
    Scheduler& scheduler_;
    bool keeps_turn_;
  };
  // co_await yield(): to the end of the queue, and on when its turn comes.
  Yield yield() { return {*this, false}; }
  // After take_interrupts() said so: a strand that has some of its slice left
  // goes on before all but those that an interrupt woke.
  Yield step_aside() { return {*this, true}; }

  // --- running --------------------------------------------------------------------
  enum class Step : uint8_t {
    ran,       // a strand ran, or the hart slept and something came
    deadlock,  // no strand can run and none ever will
  };
  // Runs one strand until it sleeps or yields, or sleeps when there is none.
  Step step();

  // For the strand that runs: user code may run until then.
  Cycles run_until() const;
  // Takes device interrupts and timers that are due. True when the strand that
  // runs should yield: its slice is over, or an interrupt woke a better one.
  bool take_interrupts();
  // A time slice; also how often what has no timer of its own is looked at.
  Cycles tick() const { return slice_; }
  // CPU time of a strand up to now.
  Cycles cpu_time(const Strand& strand) const;

  // Before a strand goes away, so that one made later in its place is another.
  void forget(const Strand& strand) {
    if (last_ == &strand) last_ = nullptr;
  }

  TimerQueue& timers() { return timers_; }

  // --- address spaces -----------------------------------------------------------------
  // The hart translates by `space` from here on, at no cost if it does already.
  void use(AddressSpace& space);
  // Before a process lets go of an address space.
  void retire(AddressSpace& space);

  const SchedulerStatistics& statistics() const { return statistics_; }

 private:
  void dispatch(Strand& strand);
  bool deliver();
  bool may_preempt(const Strand& strand) const { return strand.daemon || strand.slice_left > Cycles(0); }
  Co<> run_body(std::function<Co<>()> body);

  Cpu& cpu_;
  const OsCosts& costs_;
  Cycles slice_;
  TimerQueue timers_;
  std::deque<Strand*> urgent_;  // woken by interrupts
  std::deque<Strand*> ready_;
  Strand* current_ = nullptr;
  Strand* last_ = nullptr;  // that ran before the hart slept
  AddressSpace* loaded_ = nullptr;
  Cycles dispatched_{};  // when current_ began to run
  Cycles slice_end_{};
  Cycles last_progress_{};  // when a strand that is no daemon last ran
  bool in_interrupt_ = false;
  SchedulerStatistics statistics_;
};

}  // namespace faultline::os
