#include "hw/hart/interpreter.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "hw/hart/guest_float.h"
#include "hw/hart/translate/translator.h"

namespace faultline::hw {
namespace {

constexpr uint64_t kTimebaseFs = 100'000'000;  // the time CSR counts at 10 MHz

enum Csr : unsigned { kFflags = 0x001, kFrm = 0x002, kFcsr = 0x003, kCycle = 0xc00, kTime = 0xc01, kInstret = 0xc02 };

RecentLines recent_lines(Cache* cache, uint64_t offset) {
  return cache == nullptr ? RecentLines{} : cache->recent_lines(offset).value_or(RecentLines{});
}

std::optional<unsigned> line_shift(const Cache* cache) {
  return cache == nullptr ? std::nullopt : std::optional<unsigned>(cache->line_shift());
}

}  // namespace

Interpreter::Interpreter(const HartConfig& config, const HartCosts& costs, const HartEnvironment& environment,
                         Recorder* recorder)
    : l1i(recent_lines(environment.l1i, 0)),
      l1d(recent_lines(environment.l1d, environment.memory.host_offset())),
      l1d_cache(environment.l1d),
      memory_base(environment.memory.base()),
      code(environment.memory),
      code_pages(code.pages()),
      fetch_entries(environment.mmu.filter(Access::fetch).entries()),
      data_entries(environment.mmu.filter(Access::load).entries()),
      use_base(environment.mmu.use_base()),
      config_(config),
      costs_(costs),
      env_(environment),
      recorder_(recorder),
      handlers_(make_handlers(costs.fetch_mode, costs.data_mode)),
      builder_(handlers_, config, costs, line_shift(environment.l1i)),
      page_(environment.memory.page()),
      fetch_static_(uint64_t{costs.fetch} + costs.fetch_tlb) {
  const auto cycles = {config.base_cycles, config.multiply_cycles, config.divide_cycles, config.float_cycles,
                       config.float_divide_cycles};
  if (std::min(cycles) == 0) throw std::invalid_argument("hart: an instruction takes at least one cycle");
  if (page_.shift < TranslationFilter::kShift) throw std::invalid_argument("hart: pages have at least 4 KB");
  env_.memory.on_code_marked([this](Pfn frame) { env_.mmu.drop_store_filter(frame); });
  env_.memory.on_code_dropped([this](Pfn frame) {
    code.drop(frame);
    code_dropped_ = true;
  });
  if (config.translate) translator_ = Translator::create(translation_context());
  if (translator_ != nullptr) builder_.count_entries(count_entry, config.translate_after);
}

Interpreter::~Interpreter() = default;

Trap Interpreter::run(HartState& state, Cycles limit) {
  code.collect();
  window_ = {.start = now};
  const GuestFloatScope guest_float(state.frm, state.fflags);
  for (bool more = true; more;) {
    trap_ = {};
    code_dropped_ = false;
    restart_ = false;
    fetch_walk_.reset();
    const bool stepping = costs_.fetch_mode == FetchMode::step;
    // The packed counts must not overflow, whatever the limit. One instruction cannot do that.
    set_deadline(stepping ? limit.value : std::min(limit.value, now + PackedCounts::kLimit));
    const Op* op = translator_ != nullptr ? translator_->run(handlers_.start, *this, state)
                                          : handlers_.start(*this, nullptr, state);
    while (op != nullptr) op = op->handler(*this, op, state);
    settle();
    code.collect();
    if (stepping && restart_) trap_.cause = Trap::Cause::step;
    more = !stepping && (restart_ || (trap_.cause == Trap::Cause::budget && now < limit.value && !interrupted()));
  }
  return trap_;
}

void Interpreter::set_deadline(uint64_t limit) {
  deadline_.store(limit);
  if (interrupt_.load()) deadline_.store(0);
}

void Interpreter::take_over(Interpreter& other) {
  now = other.now;
  ledger_ = other.ledger_;
  statistics_ = other.statistics_;
  if (other.take_interrupt()) interrupt();
}

void Interpreter::step(HartState& s, uint64_t pc) {
  s.pc = pc;
  trap_ = {.cause = Trap::Cause::step};
}

void Interpreter::pause(HartState& s, uint64_t pc) {
  s.pc = pc;
  trap_ = {};
}

// Undoes what the block counted from the operation of `info` on.
void Interpreter::take_back(const OpInfo& info) {
  now -= info.cycles_after;
  counts -= PackedCounts::pack(info.instructions_after, info.loads_after, info.stores_after);
}

void Interpreter::trap(HartState& s, const Op* op, Trap::Cause cause, Access access, uint64_t address) {
  const OpInfo& info = info_of(op);
  take_back(info);
  now += fetch_static_;  // its fetch took place
  ++window_.fetch_references;
  ++window_.fetch_accesses;
  s.pc = piece + info.offset;
  trap_ = {.cause = cause, .access = access, .address = VirtAddr(address), .instruction = info.bits};
}

void Interpreter::trap_done(HartState& s, const Op* op, Trap::Cause cause) {
  const OpInfo& info = info_of(op);
  s.pc = piece + info.offset;
  trap_ = {.cause = cause, .instruction = info.bits};
}

// Behind a piece's last instruction interrupts are taken, whatever it stored:
// run() leaves as for Cause::budget, or goes on.
void Interpreter::restart_after(HartState& s, const Op* op) {
  const OpInfo& info = info_of(op + 1);
  take_back(info);
  s.pc = piece + info.offset;
  restart_ = info.offset < kPieceBytes;
}

void Interpreter::set_trap(const Translation& failed, Access access, uint64_t address) {
  const bool page_fault = failed.status == Translation::Status::page_fault;
  trap_ = {.cause = page_fault ? Trap::Cause::page_fault : Trap::Cause::access_fault,
           .access = access,
           .address = VirtAddr(address)};
}

// Advances the clock and `time` by what the look-up took.
Translation Interpreter::translate(uint64_t va, Access access, uint64_t& time) {
  return translate_beside(va, access, std::nullopt, time);
}

Translation Interpreter::translate_beside(uint64_t va, Access access, const std::optional<WalkTime>& other,
                                          uint64_t& time) {
  Cycles then(time);
  const Translation translation = other ? env_.mmu.translate_beside(VirtAddr(va), access, *other, then, ledger_)
                                        : env_.mmu.translate(VirtAddr(va), access, then, ledger_);
  const uint64_t took = then.value - time;
  now += took;
  window_.booked += took;
  time = then.value;
  return translation;
}

// A look-up ends with its walk; one that took no time hides none.
std::optional<WalkTime> Interpreter::walk_between(uint64_t before, uint64_t after) const {
  const WalkTime& last = env_.mmu.last_walk();
  if (before == after || last.ended.value != after) return std::nullopt;
  return last;
}

void Interpreter::spend(CycleAccount account, uint64_t cycles) {
  now += cycles;
  window_.booked += cycles;
  ledger_.book(account, Cycles(cycles));
}

// ---- CSRs ------------------------------------------------------------------

bool Interpreter::read_csr(HartState& s, const Op* op, unsigned number) {
  switch (number) {
    case kFflags:
      loaded = s.fflags |= host_float_flags();
      return true;
    case kFrm:
      loaded = s.frm;
      return true;
    case kFcsr:
      s.fflags |= host_float_flags();
      loaded = uint64_t{s.frm} << 5 | s.fflags;
      return true;
    case kCycle:
      loaded = data_time(op);
      return true;
    case kTime:
      loaded = data_time(op) * env_.clock.period_fs() / kTimebaseFs;
      return true;
    case kInstret:
      loaded = statistics_.instructions + PackedCounts::instructions(counts) - info_of(op).instructions_after;
      return true;
    default:
      loaded = 0;
      return false;
  }
}

bool Interpreter::write_csr(HartState& s, unsigned number, uint64_t value) {
  if (number != kFflags && number != kFrm && number != kFcsr) return false;
  if (number != kFrm) {
    s.fflags = value & 31;
    clear_host_float_flags();
  }
  if (number != kFflags) {
    s.frm = (number == kFcsr ? value >> 5 : value) & 7;
    set_host_rounding(s.frm);
  }
  return true;
}

// ---- Accounts --------------------------------------------------------------

// Books everything since the last time. What is neither booked already nor
// known from counts is the instructions' own time.
void Interpreter::settle() {
  const uint64_t instructions = PackedCounts::instructions(counts);
  const std::array<uint64_t, 2> data = {PackedCounts::loads(counts), PackedCounts::stores(counts)};
  const uint64_t fetches = instructions + window_.fetch_accesses;
  const uint64_t loads = data[0] + window_.data_accesses[0];
  const uint64_t stores = data[1] + window_.data_accesses[1];
  const uint64_t fetch_references = instructions + window_.fetch_references;
  const uint64_t load_references = data[0] + window_.data_references[0];
  const uint64_t store_references = data[1] + window_.data_references[1];

  const uint64_t fetch_cycles = fetches * costs_.fetch;
  const uint64_t data_cycles = (loads + stores) * costs_.data;
  const uint64_t tlb_cycles =
      fetch_references * costs_.fetch_tlb + (load_references + store_references) * costs_.data_tlb;
  const uint64_t compute = now - window_.start - window_.booked - fetch_cycles - data_cycles - tlb_cycles;
  ledger_.book(CycleAccount::fetch, Cycles(fetch_cycles));
  ledger_.book(CycleAccount::data, Cycles(data_cycles));
  ledger_.book(CycleAccount::tlb, Cycles(tlb_cycles));
  ledger_.book(CycleAccount::compute, Cycles(compute));

  statistics_.instructions += instructions;
  statistics_.fetch_references += fetch_references;
  statistics_.load_references += load_references;
  statistics_.store_references += store_references;
  count_in_bulk(fetches, loads, stores);
  env_.mmu.settle();
  counts = 0;
  window_ = {.start = now};
}

// What caches and memory were not asked about one by one.
void Interpreter::count_in_bulk(uint64_t fetches, uint64_t loads, uint64_t stores) {
  if (costs_.fetch_mode == FetchMode::line) env_.l1i->count_bulk_hits(fetches - window_.fetches_in_full);
  if (costs_.data_mode == DataMode::cached) env_.l1d->count_bulk_hits(loads + stores - window_.data_in_full);
  if (env_.counter == nullptr) return;
  if (costs_.fetch_in_bulk) env_.counter->count_bulk(Requester::fetch, fetches, 0);
  if (costs_.data_mode == DataMode::flat) env_.counter->count_bulk(Requester::data, loads, stores);
}

}  // namespace faultline::hw
