#include "os/process/run_queues.h"

#include <algorithm>
#include <utility>

namespace faultline::os {

namespace {
constexpr unsigned kMostHarts = 64;  // bits of an affinity mask
}  // namespace

RunQueues::RunQueues(Cpu& cpu, const OsCosts& costs)
    : cpu_(cpu),
      costs_(costs),
      several_(cpu.harts() > 1),
      harts_(cpu.harts() >= kMostHarts ? ~uint64_t{0} : (uint64_t{1} << cpu.harts()) - 1),
      queues_(cpu.harts()) {}

// --- into a queue ---------------------------------------------------------------

unsigned RunQueues::choose(const Strand& strand, bool fresh) const {
  if (!several_) return 0;
  const bool at_home = allowed(strand, strand.hart);
  if (at_home && queues_[strand.hart].free()) return strand.hart;
  unsigned shortest = at_home ? strand.hart : kMostHarts;
  for (unsigned hart = 0; hart < queues_.size(); ++hart) {
    if (!allowed(strand, hart)) continue;
    if (queues_[hart].free()) return hart;
    const bool shorter = shortest == kMostHarts || queues_[hart].waiting() < queues_[shortest].waiting();
    if (shorter && (fresh || !at_home)) shortest = hart;
  }
  return shortest;
}

void RunQueues::add(Strand& strand, Turn turn, bool fresh) { put(strand, choose(strand, fresh), turn); }

void RunQueues::put_back(Strand& strand, Turn turn) {
  if (!may_stay(strand)) return add(strand, Turn::last);
  put(strand, several_ ? cpu_.hart() : 0, turn);
}

void RunQueues::put(Strand& strand, unsigned hart, Turn turn) {
  HartQueue& queue = queues_[hart];
  if (turn == Turn::first) {
    queue.ready.push_front(&strand);
  } else {
    (turn == Turn::urgent ? queue.urgent : queue.ready).push_back(&strand);
  }
  if (!several_) return;
  strand.runnable_from = cpu_.now();
  if (strand.hart != hart) ++migrations_;
  strand.hart = hart;
  if (hart != cpu_.hart() && (queue.current == nullptr || turn == Turn::urgent)) kick(hart);
}

void RunQueues::kick(unsigned hart) {
  cpu_.interrupt(hart);
  if (std::exchange(queues_[hart].kicked, true)) return;
  ++kicks_;
  cpu_.charge(Cycles(costs_.hart_interrupt));
}

bool RunQueues::take_kick() { return several_ && std::exchange(here().kicked, false); }

void RunQueues::nudge(const Strand& strand) {
  if (several_ && strand.hart != cpu_.hart() && queues_[strand.hart].current == &strand) kick(strand.hart);
}

// --- out of it ------------------------------------------------------------------

bool RunQueues::ready_from(const std::deque<Strand*>& queue) const {
  if (!several_) return !queue.empty();
  return std::any_of(queue.begin(), queue.end(), [this](const Strand* strand) { return runnable(*strand); });
}

Strand* RunQueues::take_from(std::deque<Strand*>& queue) {
  const auto next =
      std::find_if(queue.begin(), queue.end(), [this](const Strand* strand) { return runnable(*strand); });
  if (next == queue.end()) return nullptr;
  Strand* const strand = *next;
  queue.erase(next);
  return strand;
}

Strand* RunQueues::take() {
  HartQueue& queue = here();
  Strand* strand = take_from(queue.urgent);
  if (!strand) strand = take_from(queue.ready);
  return strand || !several_ ? strand : steal(0);
}

// What waits behind a strand that runs, and may run on the other hart by then.
const Strand* RunQueues::stealable(const HartQueue& queue, unsigned hart, Cycles by) const {
  if (!queue.current) return nullptr;
  for (const auto* strands : {&queue.urgent, &queue.ready}) {
    for (const Strand* strand : *strands) {
      if (allowed(*strand, hart) && strand->runnable_from <= by) return strand;
    }
  }
  return nullptr;
}

Strand* RunQueues::steal(size_t longer_than) {
  const unsigned hart = cpu_.hart();
  HartQueue* longest = nullptr;
  for (HartQueue& queue : queues_) {
    if (&queue == &queues_[hart] || queue.waiting() <= (longest ? longest->waiting() : longer_than)) continue;
    if (stealable(queue, hart, cpu_.now())) longest = &queue;
  }
  if (!longest) return nullptr;
  Strand* const strand = const_cast<Strand*>(stealable(*longest, hart, cpu_.now()));
  std::erase(longest->urgent, strand);
  std::erase(longest->ready, strand);
  ++migrations_;
  strand->hart = hart;
  return strand;
}

void RunQueues::balance() {
  if (!several_) return;
  if (Strand* const strand = steal(here().waiting() + 1)) here().ready.push_back(strand);
}

Cycles RunQueues::next_ready() const {
  Cycles next = Cpu::kForever;
  if (!several_) return next;
  const unsigned hart = cpu_.hart();
  for (const HartQueue& queue : queues_) {
    const bool own = &queue == &queues_[hart];
    if (!own && !queue.current) continue;
    for (const auto* strands : {&queue.urgent, &queue.ready}) {
      for (const Strand* strand : *strands) {
        if (own || allowed(*strand, hart)) next = std::min(next, strand->runnable_from);
      }
    }
  }
  return next;
}

bool RunQueues::nothing_to_do() const {
  return std::all_of(queues_.begin(), queues_.end(), [](const HartQueue& queue) { return queue.free(); });
}

// --- affinity ---------------------------------------------------------------------

void RunQueues::set_affinity(Strand& strand, uint64_t harts) {
  strand.harts = harts;
  if (!several_ || allowed(strand, strand.hart)) return;
  HartQueue& queue = queues_[strand.hart];
  const bool waited = std::erase(queue.urgent, &strand) + std::erase(queue.ready, &strand) != 0;
  if (waited) {
    add(strand, Turn::last);
  } else {
    nudge(strand);
  }
}

void RunQueues::forget(const Strand& strand) {
  for (HartQueue& queue : queues_) {
    if (queue.last == &strand) queue.last = nullptr;
  }
}

}  // namespace faultline::os
