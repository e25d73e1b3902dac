// The scheduler: who runs next on the hart that the OS layer runs on, for how
// long, and what happens when nobody can. Which hart a strand waits for is in
// os/process/run_queues.h.
//
// Round robin with time slices. A strand that an interrupt wakes (its disk
// transfer is done, its timer went off) goes before the others while it has
// some of its slice left, so that requests overlap with other processes'
// computation; one that has used its slice up waits its turn.
#pragma once

#include <cstdint>
#include <functional>

#include "os/config.h"
#include "os/cpu.h"
#include "os/process/co.h"
#include "os/process/run_queues.h"
#include "os/process/timer_queue.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class AddressSpace;

struct SchedulerStatistics {
  uint64_t context_switches = 0;  // to another strand than the one before
  uint64_t preemptions = 0;       // slices that ended with others waiting
  uint64_t timer_interrupts = 0;
  uint64_t hart_interrupts = 0;  // of one hart by another, but shoot-downs
  uint64_t migrations = 0;       // of strands, from one hart to another
};

class Scheduler final : public Executor {
 public:
  Scheduler(Cpu& cpu, const OsConfig& config);

  // --- Executor ---------------------------------------------------------------
  Strand& current() override { return *queues_.here().current; }
  void make_runnable(Strand& strand) override;
  void set_timeout(Strand& strand, Cycles when) override;
  void nudge(Strand& strand) override { queues_.nudge(strand); }

  // --- strands ------------------------------------------------------------------
  // Begins a strand: `body` first runs when its turn comes. The answer is the
  // strand's life; whoever holds it must not drop it while the strand runs.
  Co<> start(Strand& strand, std::function<Co<>()> body);

  class Yield {
   public:
    enum class Kind : uint8_t { begins, ends_turn, keeps_turn };
    Yield(Scheduler& scheduler, Kind kind) : scheduler_(scheduler), kind_(kind) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> frame);
    void await_resume() const noexcept {}

   private:
    Scheduler& scheduler_;
    Kind kind_;
  };
  // co_await yield(): to the end of the queue, and on when its turn comes.
  Yield yield() { return {*this, Yield::Kind::ends_turn}; }
  // After take_interrupts() said so: a strand that has some of its slice left
  // goes on before all but those that an interrupt woke.
  Yield step_aside() { return {*this, Yield::Kind::keeps_turn}; }

  // --- running --------------------------------------------------------------------
  enum class Step : uint8_t {
    ran,       // a strand ran, or the hart slept and something came
    deadlock,  // no strand can run and none ever will
  };
  // Runs one strand until it sleeps or yields, or sleeps when there is none. Each
  // hart's thread calls it.
  Step step();

  // For the strand that runs: user code may run until then.
  Cycles run_until() const;
  // Takes device interrupts and timers that are due. True when the strand that
  // runs should yield: its slice is over, an interrupt woke a better one, or it
  // may not stay on this hart.
  bool take_interrupts();
  // A time slice; also how often what has no timer of its own is looked at.
  Cycles tick() const { return slice_; }
  // CPU time of a strand up to now.
  Cycles cpu_time(const Strand& strand) const;

  // Before a strand goes away, so that one made later in its place is another.
  void forget(const Strand& strand) { queues_.forget(strand); }

  // All strands that run user code yield at the next chance, and go on yielding.
  void stop_strands() { stopping_ = true; }

  // --- harts ------------------------------------------------------------------------
  unsigned harts() const { return cpu_.harts(); }
  uint64_t all_harts() const { return queues_.harts(); }
  // `harts` names at least one that exists. The strand that runs must yield then.
  void set_affinity(Strand& strand, uint64_t harts) { queues_.set_affinity(strand, harts); }
  // For the strand that runs: it may on this hart.
  bool may_stay() const { return queues_.may_stay(*queues_.here().current); }
  uint64_t affinity(const Strand& strand) const { return strand.harts & queues_.harts(); }

  TimerQueue& timers() { return timers_; }

  // --- address spaces -----------------------------------------------------------------
  // The hart translates by `space` from here on, at no cost if it does already.
  void use(AddressSpace& space);
  // Before a process lets go of an address space.
  void retire(AddressSpace& space);

  SchedulerStatistics statistics() const;

 private:
  void dispatch(Strand& strand);
  bool deliver();
  bool may_preempt(const Strand& strand) const { return strand.daemon || strand.slice_left > Cycles(0); }
  Co<> run_body(std::function<Co<>()> body);

  Cpu& cpu_;
  const OsCosts& costs_;
  Cycles slice_;
  TimerQueue timers_;
  RunQueues queues_;
  Cycles last_progress_{};  // when a strand that is no daemon last ran
  bool in_interrupt_ = false;
  bool stopping_ = false;
  SchedulerStatistics statistics_;
};

}  // namespace faultline::os
