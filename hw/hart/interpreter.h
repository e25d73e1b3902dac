// Runs decoded blocks on one hart's MMU and first-level caches, and keeps its
// clock. Knows nothing of SystemC's time; Hart does that part.
//
// Order of events of one instruction, in every mode:
//   fetch look-up (ITLB), fetch access (L1I or memory), the same again where
//   the instruction straddles pages or lines, data look-up (DTLB) of every page
//   touched, data access of every line touched, the instruction's own cycles.
// An instruction that traps (but ecall) has paid for its fetch and for the
// look-ups that it made, and is not counted.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "hw/base/clock.h"
#include "hw/base/cycle_ledger.h"
#include "hw/config/machine_config.h"
#include "hw/hart/block_builder.h"
#include "hw/hart/code_cache.h"
#include "hw/hart/handlers.h"
#include "hw/hart/hart_costs.h"
#include "hw/hart/hart_group.h"
#include "hw/hart/hart_state.h"
#include "hw/hart/instruction_stop.h"
#include "hw/hart/op.h"
#include "hw/hart/trap.h"
#include "hw/memory/backing_store.h"
#include "hw/memory/cache.h"
#include "hw/memory/memory_side.h"
#include "hw/mmu/mmu.h"
#include "hw/mmu/recorder.h"

namespace faultline::hw {

struct HartStatistics {
  uint64_t instructions = 0;  // retired by user mode
  uint64_t fetch_references = 0;
  uint64_t load_references = 0;
  uint64_t store_references = 0;
};

// What the interpreter works on; all of it outlives the interpreter.
struct HartEnvironment {
  BackingStore& memory;
  Mmu& mmu;
  Cache* l1i;  // null: no such cache
  Cache* l1d;
  MemorySide& fetch_side;  // L1I, or what lies behind it
  MemorySide& data_side;
  BulkCounter* counter;  // takes what flat modes count in bulk; else null
  const Clock& clock;
  HartGroup* group = nullptr;       // null: the machine's only hart
  InstructionStop* stop = nullptr;  // null: nobody waits for instructions
};

class Translator;
struct TranslationContext;

class Interpreter {
 public:
  // Throws std::invalid_argument when a kind of instruction takes no cycles
  // at all (time would stand still) or pages are smaller than 4 KB.
  // `recorder`, if there is one, is told of all references; both modes of
  // `costs` must be `each` then.
  Interpreter(const HartConfig& config, const HartCosts& costs, const HartEnvironment& environment,
              Recorder* recorder = nullptr);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // Runs user code on `state` until a trap, or until an interrupt waits or the
  // clock has reached `limit`, as seen at the first control transfer or entry
  // of another 4 KB piece: then Cause::budget. In FetchMode::step moreover behind
  // each instruction that does not end so. Returns with all counts and
  // cycles booked and `state` complete.
  Trap run(HartState& state, Cycles limit);

  // An interrupt: makes run() return. Safe in a signal handler.
  void interrupt() {
    interrupt_.store(true);
    deadline_.store(0);
  }
  bool interrupted() const { return interrupt_.load(); }
  // Takes the interrupt: true if there was one.
  bool take_interrupt() { return interrupt_.exchange(false); }

  // Goes on where `other`, of the same hart, stands: its clock, its counts, its interrupt. run() is off in both.
  void take_over(Interpreter& other);

  Cycles clock() const { return Cycles(now); }
  void advance(CycleAccount account, Cycles cycles) {
    now += cycles.value;
    ledger_.book(account, cycles);
  }
  CycleLedger& ledger() { return ledger_; }
  const CycleLedger& ledger() const { return ledger_; }
  const HartStatistics& statistics() const { return statistics_; }
  const HartCosts& costs() const { return costs_; }

  // ---- for the handlers alone, while run() is on -----------------------------

  // Hot state. `now` and `counts` stand at the end of the current block, as if
  // the rest of it were to hit.
  uint64_t now = 0;       // cycles
  uint64_t counts = 0;    // PackedCounts
  uint64_t piece = 0;     // virtual address of the current 4 KB piece
  const RecentLines l1i;  // in FetchMode::line
  const RecentLines l1d;  // in DataMode::cached; lines are named by the host's addresses
  Cache* const l1d_cache;
  uint8_t* const memory_base;
  CodeCache code;
  CodePage* const* const code_pages;
  const FilterEntry* const fetch_entries;  // first entries of the MMU's filters
  const FilterEntry* const data_entries;
  const uint64_t& use_base;  // Mmu's
  uint64_t loaded = 0;       // what load_slow or read_csr read

  bool due() const { return now >= deadline_.load(std::memory_order_relaxed); }

  // Leaves run() with Cause::budget, to go on at `pc`.
  void pause(HartState& s, uint64_t pc);
  // Leaves run() with Cause::step, to go on at `pc`; in FetchMode::step.
  void step(HartState& s, uint64_t pc);
  // Leaves run() because of `op`, which has no effect and does not count.
  void trap(HartState& s, const Op* op, Trap::Cause cause, Access access = Access::fetch, uint64_t address = 0);
  // The same for an operation that counts and ends its block (ecall).
  void trap_done(HartState& s, const Op* op, Trap::Cause cause);

  // Translates `block`, which is hot, or leaves it to its handlers for good.
  void translate(Block& block);
  // The block has been linked to by another of its piece.
  void linked(const Block& block);

  // Looks up `pc` in full and sets `piece`; null: trapped.
  Block* fetch(HartState& s, uint64_t pc);
  // FetchMode::line: L1I's access for the line that begins `block`, where that
  // is a hit of a few instructions. False: nothing has happened.
  bool quick_fetch_hit(const Block& block) { return env_.l1i->quick_hit(block.line, false); }
  // The modelled access for the line, or the one instruction, that begins `block`.
  void fetch_access(const Block& block);
  // The second line of the instruction behind `op`.
  void fetch_second_line(const Op* op, bool in_bulk);
  // The instruction that begins in the last two bytes of this piece, where
  // `op` stands; null: trapped.
  Block* fetch_straddling(HartState& s, const Op* op);

  // An access in full. False: trapped. `loaded` takes the value, zero-extended.
  bool load_slow(HartState& s, const Op* op, uint64_t va, unsigned bytes);
  bool store_slow(HartState& s, const Op* op, uint64_t va, unsigned bytes, uint64_t value);
  // The host address of `va`, an aligned access of `op`, looked up in full; where
  // nobody writes references down. Null: trapped.
  uint8_t* translated(HartState& s, const Op* op, uint64_t va, Access access);
  // What finds its page in a filter's entry tells so: `op`, a load or a store, or
  // a fetch that begins now.
  void used(const FilterEntry& entry, const Op* op) const { *entry.used = fetch_time(op) + use_base; }
  void used(const FilterEntry& entry) const { *entry.used = now + use_base; }
  // L1D for an access whose translation is known, in DataMode::cached.
  void data_access(const Op* op, const uint8_t* host, bool write) {
    if (!quick_data_hit(host, write)) further_data_access(op, host, write);
  }
  // Its two halves. If the first answers false nothing has happened.
  [[gnu::always_inline]] bool quick_data_hit(const uint8_t* host, bool write) {
    return l1d_cache->quick_hit(reinterpret_cast<uintptr_t>(host), write);
  }
  void further_data_access(const Op* op, const uint8_t* host, bool write);

  // Atomics: counts and times the access. Null: trapped.
  uint8_t* atomic_access(HartState& s, const Op* op, unsigned bytes, Access access);
  // False: trapped.
  bool atomic_aligned(HartState& s, const Op* op, unsigned bytes, Access access);
  PhysAddr physical(const uint8_t* host) const { return PhysAddr(static_cast<uint64_t>(host - memory_base)); }
  // After each store that was looked up in full.
  void wrote(const uint8_t* host) { env_.memory.wrote_frame(page_.pfn(physical(host))); }

  // True after a store that dropped decoded code. What runs may be stale then,
  // and `op` must be the last of its block: restart_after() leaves run()'s inner loop and
  // goes on behind it.
  bool code_dropped() const { return code_dropped_; }
  void restart_after(HartState& s, const Op* op);

  // False: no such register. The value is in `loaded`.
  bool read_csr(HartState& s, const Op* op, unsigned number);
  // False: not writable; nothing has changed.
  bool write_csr(HartState& s, unsigned number, uint64_t value);

 private:
  // One page's part of an access.
  struct Part {
    PhysAddr address{};
    unsigned bytes = 0;
  };
  using Parts = std::array<Part, 2>;

  // Since the last settle(), beyond what `counts` says.
  struct Window {
    uint64_t start = 0;   // value of `now`
    uint64_t booked = 0;  // cycles that are in the ledger already
    uint64_t fetch_references = 0;
    uint64_t fetch_accesses = 0;
    uint64_t fetches_in_full = 0;               // of all fetch accesses, those made one by one
    std::array<uint64_t, 2> data_references{};  // loads, stores
    std::array<uint64_t, 2> data_accesses{};
    uint64_t data_in_full = 0;
  };

  // Cycles at the start of the operation's fetch, and behind it.
  uint64_t fetch_time(const Op* op) const { return now - info_of(op).cycles_after; }
  uint64_t data_time(const Op* op) const { return fetch_time(op) + fetch_static_; }

  Translation translate(uint64_t va, Access access, uint64_t& time);
  // For a second page of the instruction, whose first made the walk `other`, if any.
  Translation translate_beside(uint64_t va, Access access, const std::optional<WalkTime>& other, uint64_t& time);
  // The walk that a translation between these moments ended with, if it made one.
  std::optional<WalkTime> walk_between(uint64_t before, uint64_t after) const;
  void take_back(const OpInfo& info);
  void set_trap(const Translation& failed, Access access, uint64_t address);
  void set_trap_cause(const Translation& failed);
  bool locate(HartState& s, const Op* op, uint64_t va, unsigned bytes, Access access, Parts& parts);
  bool look_up_parts(HartState& s, const Op* op, uint64_t va, unsigned bytes, Access access, Parts& parts);
  void data_accesses(const Op* op, const Parts& parts, bool write);
  uint64_t data_access_at(PhysAddr address, unsigned bytes, bool write, uint64_t time);
  void fetch_access_at(PhysAddr address, unsigned bytes, uint64_t time);
  Block* block_at(PhysAddr address);
  void note_code(PhysAddr address);
  void spend(CycleAccount account, uint64_t cycles);
  void set_deadline(uint64_t limit);
  void settle();
  TranslationContext translation_context() const;
  void count_in_bulk(uint64_t fetches, uint64_t loads, uint64_t stores);

  const HartConfig config_;
  const HartCosts costs_;
  const HartEnvironment env_;
  Recorder* const recorder_;  // null: nobody writes down
  const HandlerTable handlers_;
  BlockBuilder builder_;
  const PageSize page_;
  const uint64_t fetch_static_;  // costs_.fetch + costs_.fetch_tlb

  CycleLedger ledger_;
  HartStatistics statistics_;
  Trap trap_;
  std::atomic<uint64_t> deadline_{0};
  std::atomic<bool> interrupt_{false};
  bool code_dropped_ = false;
  bool restart_ = false;
  // The walk of the latest fetch(), and `counts` then: it belongs to the
  // instruction there while that has not moved.
  std::optional<WalkTime> fetch_walk_;
  uint64_t fetch_walk_counts_ = 0;
  Window window_;
  std::unique_ptr<Translator> translator_;  // null: no block is translated
};

}  // namespace faultline::hw
