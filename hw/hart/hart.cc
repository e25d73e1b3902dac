#include "hw/hart/hart.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <utility>

#include "hw/memory/memory_port.h"

namespace faultline::hw {
namespace {

constexpr uint64_t kWordBytes = 8;
constexpr uint64_t kMarkBytes = 4;

// The latency of a memory that the hart reaches directly and that is flat.
std::optional<uint32_t> flat_latency(const Cache* cache, MemorySide& side) {
  auto* port = cache == nullptr ? dynamic_cast<MemoryPort*>(&side) : nullptr;
  if (port == nullptr) return std::nullopt;
  const std::optional<FlatLatency> flat = port->flat_latency();
  if (!flat || flat->read != flat->write || flat->read.value > UINT32_MAX) return std::nullopt;
  return static_cast<uint32_t>(flat->read.value);
}

HartCosts certain_costs(const HartEnvironment& env) {
  const auto hit_cycles = [](const Cache* cache) {
    return cache == nullptr ? 0 : static_cast<uint32_t>(cache->hit_cycles().value);
  };
  HartCosts costs;
  costs.fetch = flat_latency(env.l1i, env.fetch_side).value_or(hit_cycles(env.l1i));
  costs.fetch_tlb = static_cast<uint32_t>(env.mmu.first_level_cycles(Access::fetch).value);
  costs.data = flat_latency(env.l1d, env.data_side).value_or(hit_cycles(env.l1d));
  costs.data_tlb = static_cast<uint32_t>(env.mmu.first_level_cycles(Access::load).value);
  return costs;
}

void take_shortcuts(HartCosts& costs, const HartEnvironment& env) {
  const bool flat_fetch = flat_latency(env.l1i, env.fetch_side).has_value();
  costs.fetch_in_bulk = flat_fetch;
  if (env.mmu.has_first_level(Access::fetch)) {
    const bool line_stays = env.l1i != nullptr && env.l1i->recent_lines(0) && env.l1i->line_stays_recent();
    costs.fetch_mode = line_stays ? FetchMode::line : flat_fetch ? FetchMode::flat : FetchMode::each;
  }
  const bool recent = env.l1d != nullptr && env.l1d->recent_lines(env.memory.host_offset());
  const bool flat_data = flat_latency(env.l1d, env.data_side).has_value();
  costs.data_mode = recent ? DataMode::cached : flat_data ? DataMode::flat : DataMode::each;
}

}  // namespace

Hart::Hart(sc_core::sc_module_name name, const HartConfig& config, const HartEnvironment& environment)
    : sc_module(name),
      config_(config),
      clock_(environment.clock),
      group_(environment.group),
      stop_(environment.stop),
      detailed_{.env = environment} {
  const auto cycles = {config.base_cycles, config.multiply_cycles, config.divide_cycles, config.float_cycles,
                       config.float_divide_cycles};
  if (std::min(cycles) == 0) throw std::invalid_argument("hart: an instruction takes at least one cycle");
  if (config.quantum == 0) throw std::invalid_argument("hart.quantum: at least 1");
  SC_THREAD(run_body);
}

void Hart::run_body() {
  if (group_ != nullptr) ++group_->awake;
  if (body_) body_();
  if (group_ != nullptr) --group_->awake;
}

Hart::~Hart() = default;

void Hart::begin_functionally(const HartEnvironment& environment) {
  functional_.emplace(Level{.env = environment});
  at_ = &*functional_;
}

void Hart::start_of_simulation() {
  detailed_.interpreter = make_interpreter(detailed_);
  if (functional_) functional_->interpreter = make_interpreter(*functional_);
  interpreter_ = at_->interpreter.get();
}

std::unique_ptr<Interpreter> Hart::make_interpreter(const Level& level) const {
  HartCosts costs = certain_costs(level.env);
  // Only accesses in full can be written down.
  if (config_.fast_path && recorder_ == nullptr) take_shortcuts(costs, level.env);
  return std::make_unique<Interpreter>(config_, costs, level.env, recorder_);
}

void Hart::set_functional(bool functional) {
  Level& to = functional && functional_ ? *functional_ : detailed_;
  if (at_ == &to) return;
  Level& from = *std::exchange(at_, &to);
  to.env.mmu.take_over(from.env.mmu);
  if (interpreter_ == nullptr) return;
  interpreter_ = to.interpreter.get();
  interpreter_->take_over(*from.interpreter);
}

Trap Hart::run(HartState& state, Cycles until) {
  for (unsigned held = 0;;) {
    const uint64_t due = held != 0 ? now().value + 1 : next_look();
    const Trap trap = execute(state, Cycles(std::min({until.value, due, next_interval_})));
    if (now().value >= next_interval_) end_interval();
    if (trap.cause == Trap::Cause::mark) {
      // A no-operation to the program: on behind it, to the next place where
      // interrupts are taken.
      state.pc += kMarkBytes;
      if (on_mark_) on_mark_(*region_mark(trap.instruction));
      continue;
    }
    const bool over = trap.cause != Trap::Cause::budget || interrupted() || now() >= until;
    if (!over && group_ != nullptr && state.reserved && ++held <= kMostHeld) continue;
    held = 0;
    if (!over) synchronise();
    if (group_ != nullptr) state.reserved = false;
    if (over || interrupted()) {
      state.reserved = false;
      return trap;
    }
  }
}

// Runs on, whatever level that is on, until something else than the stop is due.
Trap Hart::execute(HartState& state, Cycles limit) {
  for (;;) {
    if (stop_ == nullptr || stop_->left == InstructionStop::kNever) return interpreter_->run(state, limit);
    const uint64_t before = statistics().instructions;
    // An instruction takes a cycle at least.
    const Trap trap = stop_->left > kFurthest
                          ? interpreter_->run(state, std::min(limit, now() + Cycles(stop_->left - kFurthest)))
                          : step(state, limit);
    stop_->left -= std::min(stop_->left, statistics().instructions - before);
    if (stop_->left == 0) {
      stop_->left = InstructionStop::kNever;
      std::exchange(stop_->reached, {})();  // which may ask for another
    }
    const bool goes_on =
        trap.cause == Trap::Cause::step || (trap.cause == Trap::Cause::budget && !interrupted() && now() < limit);
    if (!goes_on) return trap;
  }
}

// One instruction. It is made in full, which changes no count.
Trap Hart::step(HartState& state, Cycles limit) {
  if (at_->stepper == nullptr) {
    HartConfig config = config_;
    config.translate = false;
    HartCosts costs = certain_costs(at_->env);
    costs.fetch_mode = FetchMode::step;
    at_->stepper = std::make_unique<Interpreter>(config, costs, at_->env, recorder_);
  }
  at_->stepper->take_over(*interpreter_);
  const Trap trap = at_->stepper->run(state, limit);
  interpreter_->take_over(*at_->stepper);
  return trap;
}

void Hart::end_interval() {
  next_interval_ = now().value + interval_ - (now().value - intervals_from_) % interval_;
  on_interval_();
}

// With nothing under way elsewhere there is nobody to run ahead of.
uint64_t Hart::next_look() const {
  if (!alone()) return now().value + config_.quantum;
  const uint64_t activity = next_activity();
  return activity == ~uint64_t{0} ? activity : std::min(activity, now().value + config_.quantum);
}

// When something is due elsewhere in the machine: the first cycle not before it.
uint64_t Hart::next_activity() const {
  if (sc_core::sc_pending_activity_at_current_time()) return 0;
  if (!sc_core::sc_pending_activity_at_future_time()) return ~uint64_t{0};
  return clock_.cycles(sc_core::sc_time_stamp() + sc_core::sc_time_to_pending_activity()).value;
}

void Hart::synchronise() {
  const sc_core::sc_time ahead = clock_.time(now()) - sc_core::sc_time_stamp();
  if (ahead > sc_core::SC_ZERO_TIME) {
    sc_core::wait(ahead);
  }
  // What else is due at this moment comes first. Two harts would wait for each other.
  while (alone() && sc_core::sc_pending_activity_at_current_time()) sc_core::wait(sc_core::SC_ZERO_TIME);
}

void Hart::meet() {
  if (group_ != nullptr && next_activity() <= now().value) synchronise();
}

bool Hart::idle(Cycles until) {
  synchronise();
  const Cycles from = now();
  const bool forever = until.value == ~uint64_t{0};
  if (!interrupted() && from < until) {
    if (forever && !sc_core::sc_pending_activity()) return false;
    if (group_ != nullptr) --group_->awake;
    if (forever) {
      sc_core::wait(wake_);
    } else {
      sc_core::wait(clock_.time(until - from), wake_);
    }
    if (group_ != nullptr) ++group_->awake;
  }
  // Another hart may have booked something here meanwhile.
  const Cycles then = clock_.cycles(sc_core::sc_time_stamp());
  if (then > now()) spend(CycleAccount::idle, then - now());
  return true;
}

void Hart::wake() {
  interpreter_->interrupt();
  wake_.notify();
}

Cycles Hart::kernel_word(PhysAddr address, unsigned bytes, bool write, Cycles at) {
  const HartEnvironment& env = at_->env;
  if (env.l1d != nullptr) return env.l1d->access(address, write, Requester::kernel, at);
  return env.data_side.access(address, bytes, write, Requester::kernel, at);
}

bool Hart::kernel_flat(CycleAccount account, uint64_t words, bool write) {
  const HartCosts& costs = interpreter_->costs();
  BulkCounter* const counter = at_->env.counter;
  if (costs.data_mode != DataMode::flat || counter == nullptr) return false;
  counter->count_bulk(Requester::kernel, write ? 0 : words, write ? words : 0);
  spend(account, Cycles(costs.data) * words);
  return true;
}

Cycles Hart::kernel_access(CycleAccount account, PhysAddr address, unsigned bytes, bool write) {
  const HartEnvironment& env = at_->env;
  const Cycles from = now();
  const uint64_t line = env.l1d != nullptr ? env.l1d->line_bytes() : kWordBytes;
  const uint64_t room = line - (address.value & (line - 1));
  Cycles at = from;
  if (env.l1d != nullptr && bytes > room) {
    at = kernel_word(address, static_cast<unsigned>(room), write, at);
    address += room;
    bytes -= static_cast<unsigned>(room);
  }
  at = kernel_word(address, bytes, write, at);
  spend(account, at - from);
  return at - from;
}

Cycles Hart::kernel_sweep(CycleAccount account, PhysAddr address, uint64_t bytes, bool write) {
  if (bytes == 0) return Cycles(0);
  const HartEnvironment& env = at_->env;
  const Cycles from = now();
  const uint64_t end = address.value + bytes;
  const HartCosts& costs = interpreter_->costs();
  Cycles at = from;
  uint64_t word = address.value / kWordBytes * kWordBytes;
  if (costs.data_mode == DataMode::flat) {
    const uint64_t words = (end - word + kWordBytes - 1) / kWordBytes;
    if (env.counter != nullptr) env.counter->count_bulk(Requester::kernel, write ? 0 : words, write ? words : 0);
    at += Cycles(costs.data) * words;
  } else if (costs.data_mode == DataMode::cached && env.l1d->line_stays_recent()) {
    at = env.l1d->sweep(address, bytes, write, Requester::kernel, at);
  } else {
    for (; word < end; word += kWordBytes) at = kernel_word(PhysAddr(word), kWordBytes, write, at);
  }
  spend(account, at - from);
  return at - from;
}

}  // namespace faultline::hw
