// Who waits for which hart. Each hart has queues of its own; a strand that
// becomes runnable goes to a hart that is free, the one it ran on last if it
// may, and else waits where it ran. A hart without work takes from the longest
// queue. All ties go to the lowest number, so that equal runs are equal.
//
// Harts' clocks are apart (hw/hart/hart.h). A strand runs nowhere before the
// moment at which it became runnable, by the clock of the hart that made it so;
// so no task ever sees time go backwards.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "os/config.h"
#include "os/cpu.h"
#include "os/process/wait_queue.h"

namespace faultline::os {

class AddressSpace;

// One hart's part.
struct HartQueue {
  std::deque<Strand*> urgent;  // woken by interrupts
  std::deque<Strand*> ready;
  Strand* current = nullptr;
  Strand* last = nullptr;          // that ran before the hart slept
  AddressSpace* loaded = nullptr;  // that it translates by
  Cycles dispatched{};             // when `current` began to run
  Cycles slice_end{};
  bool kicked = false;  // another hart interrupted it, which is not yet paid for

  size_t waiting() const { return urgent.size() + ready.size(); }
  bool free() const { return current == nullptr && waiting() == 0; }
};

class RunQueues {
 public:
  enum class Turn : uint8_t {
    urgent,  // ahead of all that wait
    last,
    first,   // ahead of all but the urgent ones
  };

  RunQueues(Cpu& cpu, const OsCosts& costs);

  // The hart that the OS layer runs on.
  HartQueue& here() { return queues_[several_ ? cpu_.hart() : 0]; }
  const HartQueue& here() const { return queues_[several_ ? cpu_.hart() : 0]; }
  const HartQueue& of(const Strand& strand) const { return queues_[strand.hart]; }
  std::vector<HartQueue>& all() { return queues_; }
  bool several() const { return several_; }

  // A strand that slept, to a hart of this class's choice. One that has never
  // run (`fresh`) has no hart that it knows.
  void add(Strand& strand, Turn turn, bool fresh = false);
  // The strand that runs here gives way; elsewhere if it may not stay.
  void put_back(Strand& strand, Turn turn);
  // Takes the next to run here, or null.
  Strand* take();

  // Somebody else could run here now.
  bool waits() const { return ready_from(here().urgent) || ready_from(here().ready); }
  bool waits_urgently() const { return ready_from(here().urgent); }
  // When somebody could at the earliest, if none can now.
  Cycles next_ready() const;
  // No hart runs a strand, and none waits.
  bool nothing_to_do() const;
  // One strand comes here where it would wait for shorter.
  void balance();

  // The harts that a strand may run on, a bit each; at least one.
  uint64_t harts() const { return harts_; }
  bool may_stay(const Strand& strand) const { return !several_ || allowed(strand, cpu_.hart()); }
  void set_affinity(Strand& strand, uint64_t harts);

  // Makes the strand come into the OS layer soon, if it runs on another hart.
  void nudge(const Strand& strand);
  // True once for each time that another hart interrupted this one so.
  bool take_kick();
  void forget(const Strand& strand);

  uint64_t kicks() const { return kicks_; }
  uint64_t migrations() const { return migrations_; }

 private:
  static bool allowed(const Strand& strand, unsigned hart) { return (strand.harts >> hart & 1) != 0; }
  bool runnable(const Strand& strand) const { return !several_ || strand.runnable_from <= cpu_.now(); }
  bool ready_from(const std::deque<Strand*>& queue) const;
  unsigned choose(const Strand& strand, bool fresh) const;
  void put(Strand& strand, unsigned hart, Turn turn);
  void kick(unsigned hart);
  Strand* take_from(std::deque<Strand*>& queue);
  Strand* steal(size_t longer_than);
  const Strand* stealable(const HartQueue& queue, unsigned hart, Cycles by) const;

  Cpu& cpu_;
  const OsCosts& costs_;
  bool several_;
  uint64_t harts_;
  std::vector<HartQueue> queues_;
  uint64_t kicks_ = 0;
  uint64_t migrations_ = 0;
};

}  // namespace faultline::os
