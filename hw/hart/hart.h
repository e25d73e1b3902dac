// A hart: runs RV64GC user code, translates through its Mmu, and gives the
// machine back to the OS on a trap. Its SC_THREAD runs the OS, which calls
// run() for user code; its clock runs ahead of SystemC's.
//
// Several harts of one machine take turns, one at a time: another one runs only
// while this one waits, in run(), meet(), synchronise() or idle(). Order on the
// host is order in memory, and clocks are apart by up to a quantum.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <systemc>
#include <utility>

#include "hw/base/clock.h"
#include "hw/base/cycle_ledger.h"
#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/hart/hart_costs.h"
#include "hw/hart/hart_state.h"
#include "hw/hart/interpreter.h"
#include "hw/hart/region_mark.h"
#include "hw/hart/trap.h"
#include "hw/mmu/recorder.h"

namespace faultline::hw {

class Hart : public sc_core::sc_module {
 public:
  // Throws std::invalid_argument when a kind of instruction takes no cycles.
  Hart(sc_core::sc_module_name name, const HartConfig& config, const HartEnvironment& environment);
  ~Hart() override;

  // What the hart's SC_THREAD runs from time 0 on: the OS. Before simulation
  // starts. All of what follows is for that thread, where nothing else is said.
  void on_start(std::function<void()> body) { body_ = std::move(body); }

  // Called where a program has executed a region mark, with all counts and
  // cycles up to and with the mark booked. Before simulation starts; without
  // it marks do nothing.
  void on_mark(std::function<void(RegionMark)> callback) { on_mark_ = std::move(callback); }

  // Called about every `interval` cycles (more than 0) while user code runs: at
  // the first place where interrupts are taken once the clock has passed the
  // next multiple of it. Time that the OS takes beyond that makes one long
  // interval. Changes no count and no cycle. Before simulation starts.
  void on_interval(Cycles interval, std::function<void()> callback) {
    interval_ = interval.value;
    next_interval_ = interval.value;
    on_interval_ = std::move(callback);
  }
  // Begins the first interval anew, now.
  void restart_intervals() {
    intervals_from_ = now().value;
    next_interval_ = intervals_from_ + interval_;
  }

  // Writes down every instruction and every load and store, in order. Without
  // the host's shortcuts then, which changes no count and no cycle. Before
  // simulation starts; null, as without a call: nobody does, which costs nothing.
  void record(Recorder* recorder) { recorder_ = recorder; }

  // A second set of hardware that it can run on: `environment`, of the same memory, clock, group and stop.
  // Begins there. Before simulation starts.
  void begin_functionally(const HartEnvironment& environment);
  // Goes over to the one or to the other. The clock, the counts of HartStatistics and the ledger go on; the MMU
  // that it comes to knows the address space, and no translation. While no hart is in Interpreter::run.
  void set_functional(bool functional);
  // The one that translates now.
  Mmu& mmu() { return at_->env.mmu; }

  // Runs user code on `state` until a trap. Cause::budget: now() >= until or an
  // interrupt waits, seen at the first control transfer or entry of another
  // 4 KB piece of code (the only places where interrupts are taken, so that
  // block sizes on the host do not show). Lets the rest of the machine run
  // whenever something is due there, and every `quantum` cycles while anything is
  // under way at all; where other harts are awake, every `quantum` cycles and no
  // sooner. Books its cycles itself. The reservation of LR is lost at the end, and
  // where other harts may have run; they do not come between an LR and an SC that
  // follows within kMostHeld control transfers.
  Trap run(HartState& state, Cycles until);

  // The local clock: cycles since the start, not behind SystemC's time.
  Cycles now() const { return interpreter_->clock(); }
  void spend(CycleAccount account, Cycles cycles) { interpreter_->advance(account, cycles); }

  // Waits until SystemC's time has come up to now(), and lets run what is due then.
  void synchronise();
  // With several harts, lets those run that have not come so far: what the OS
  // does next comes about in the order of time.
  void meet();
  // Sleeps until `until` or until an interrupt waits; books `idle`. Answers
  // false, at once, when neither can ever come: nothing is under way anywhere
  // and `until` is the end of time (all ones).
  bool idle(Cycles until);

  // Raises an interrupt, from any SC_THREAD. One that sleeps goes on at SystemC's time.
  void wake();
  // The same from a signal handler, once simulation has started: run() returns;
  // idle() does with the next event of the simulation that ends its sleep.
  void interrupt_from_signal() { interpreter_->interrupt(); }
  bool interrupted() const { return interpreter_->interrupted(); }
  // Takes the interrupt that waits: true if there was one.
  bool take_interrupt() { return interpreter_->take_interrupt(); }

  // Accesses of the OS layer, by physical address, through the first-level data
  // cache or what stands in its place, as Requester::kernel. Time only; advance
  // the clock, book to `account`, answer the time taken.
  // One access of at most 8 bytes (two where it crosses lines):
  Cycles kernel_access(CycleAccount account, PhysAddr address, unsigned bytes, bool write);
  // So many, wherever they are, where that makes no difference: memory is flat
  // and may be counted in bulk. Else false, and nothing has happened.
  bool kernel_flat(CycleAccount account, uint64_t words, bool write);
  // One after the other, in words of 8 bytes:
  Cycles kernel_sweep(CycleAccount account, PhysAddr address, uint64_t bytes, bool write);

  CycleLedger& ledger() { return interpreter_->ledger(); }
  HartStatistics statistics() const { return interpreter_ ? interpreter_->statistics() : HartStatistics{}; }

 private:
  SC_HAS_PROCESS(Hart);

  // The ISA manual lets a constrained loop have 16 instructions (Unprivileged ISA, 13.3).
  static constexpr unsigned kMostHeld = 16;
  // More instructions than lie between two places where interrupts are taken: those of a piece of 4 KB, and one that
  // straddles.
  static constexpr uint64_t kFurthest = 4096;

  // Hardware that it runs on, and what runs there.
  struct Level {
    HartEnvironment env;
    std::unique_ptr<Interpreter> interpreter{};  // once all is bound
    std::unique_ptr<Interpreter> stepper{};      // once it was needed
  };

  void start_of_simulation() override;
  void run_body();
  bool alone() const { return group_ == nullptr || group_->awake <= 1; }
  std::unique_ptr<Interpreter> make_interpreter(const Level& level) const;
  Trap execute(HartState& state, Cycles limit);
  Trap step(HartState& state, Cycles limit);
  uint64_t next_look() const;
  void end_interval();
  uint64_t next_activity() const;
  Cycles kernel_word(PhysAddr address, unsigned bytes, bool write, Cycles at);

  const HartConfig config_;
  const Clock& clock_;
  HartGroup* const group_;       // null: the machine's only hart
  InstructionStop* const stop_;  // null: nobody waits for instructions
  std::function<void()> body_;
  std::function<void(RegionMark)> on_mark_;
  uint64_t interval_ = 0;
  uint64_t intervals_from_ = 0;            // where the first one began
  uint64_t next_interval_ = ~uint64_t{0};  // when the next one ends
  std::function<void()> on_interval_;
  Recorder* recorder_ = nullptr;
  Level detailed_;
  std::optional<Level> functional_;
  Level* at_ = &detailed_;              // the one of the two that it runs on
  Interpreter* interpreter_ = nullptr;  // of that one
  sc_core::sc_event wake_;
};

}  // namespace faultline::hw
