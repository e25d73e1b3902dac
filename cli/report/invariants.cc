#include "cli/report/invariants.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "cli/report/walker_report.h"

namespace faultline::cli {
namespace {

class Checker {
 public:
  explicit Checker(const RunStatistics& statistics) : s_(statistics) {}

  std::vector<std::string> check() {
    check_tlbs();
    if (s_.early) {
      check_registers(*s_.early);
    } else {
      check_walks();
    }
    check_memory();
    check_cycles();
    check_faults();
    check_frames();
    return std::move(broken_);
  }

 private:
  void equal(std::string_view left_name, uint64_t left, std::string_view right_name, uint64_t right) {
    if (left == right) return;
    broken_.push_back(fmt::format("{} = {}, but {} = {}", left_name, left, right_name, right));
  }

  void at_most(std::string_view left_name, uint64_t left, std::string_view right_name, uint64_t right) {
    if (left <= right) return;
    broken_.push_back(fmt::format("{} = {} is more than {} = {}", left_name, left, right_name, right));
  }

  void check_tlb(std::string_view name, const hw::TlbStatistics& tlb) {
    equal(fmt::format("tlb.{0}.hits + misses", name), tlb.hits + tlb.misses, fmt::format("tlb.{}.lookups", name),
          tlb.lookups);
    at_most(fmt::format("tlb.{}.evictions", name), tlb.evictions, fmt::format("tlb.{}.misses", name), tlb.misses);
  }

  void check_tlbs() {
    check_tlb("l1i", s_.l1i);
    check_tlb("l1d", s_.l1d);
    check_tlb("l2", s_.l2);
    const hw::TlbConfig& tlb = s_.config.machine.tlb;
    const uint64_t data = s_.references.load + s_.references.store;
    const uint64_t zero = 0;
    equal("tlb.l1i.lookups", s_.l1i.lookups, "the fetches that look there up",
          tlb.enabled && tlb.l1i.enabled ? s_.references.fetch : zero);
    equal("tlb.l1d.lookups", s_.l1d.lookups, "the loads and stores that look there up",
          tlb.enabled && tlb.l1d.enabled ? data : zero);
    equal("tlb.l2.lookups", s_.l2.lookups, "what misses before it",
          tlb.enabled && tlb.l2.enabled ? first_misses() : zero);
  }

  // References that the first level does not answer.
  uint64_t first_misses() const {
    const hw::TlbConfig& tlb = s_.config.machine.tlb;
    const uint64_t data = s_.references.load + s_.references.store;
    return (tlb.enabled && tlb.l1i.enabled ? s_.l1i.misses : s_.references.fetch) +
           (tlb.enabled && tlb.l1d.enabled ? s_.l1d.misses : data);
  }

  void check_walks() {
    const hw::TlbConfig& tlb = s_.config.machine.tlb;
    const hw::TranslationStatistics& t = s_.translation;
    const uint64_t last_misses = tlb.enabled && tlb.l2.enabled ? s_.l2.misses : first_misses();
    equal("translation.walks", t.walks, "last-level misses + dirty_walks", last_misses + t.dirty_walks);
    equal("translation.walk_reads", t.walk_reads, "the sum of the walks' depths", t.walk_depth_sum);
    at_most("translation.walk_reads", t.walk_reads, "walks x levels (of both stages, where nested)",
            t.walks * longest_walk(s_));
    check_walker(s_, broken_);
  }

  // One comparison for each reference, and for each that trapped; no walk.
  void check_registers(const EarlyRun& early) {
    const hw::RelocationStatistics& r = early.registers;
    const uint64_t zero = 0;
    const bool relocates = s_.config.machine.relocation.model == hw::MemoryModel::base_bounds;
    const uint64_t traps = r.below_fence + r.beyond_bounds + r.beyond_memory;
    equal("translation.walks", s_.translation.walks, "none", zero);
    equal("early.registers.checks", r.checks, "references and traps", s_.references.total() + traps);
    equal("early.registers.additions", r.additions, "checks that passed", relocates ? r.checks - traps : zero);
    equal("early.same_place + other_place", early.images.same_place + early.images.other_place, "early.swap_ins",
          early.images.swap_ins);
    at_most("early.layout.largest_hole", early.layout.largest_hole, "early.layout.free_bytes", early.layout.free_bytes);
  }

  void check_memory() {
    for (const CacheLevelStatistics& cache : s_.caches) {
      equal(fmt::format("cache.{}.hits + misses", cache.name), cache.counts.hits + cache.counts.misses,
            fmt::format("cache.{}.accesses", cache.name), cache.counts.accesses);
    }
    const uint64_t accesses = s_.dram.total_reads() + s_.dram.total_writes();
    const bool banks = s_.config.machine.dram.timing == hw::DramTiming::banks;
    equal("dram.row_hits + row_misses", s_.dram.row_hits + s_.dram.row_misses, "the accesses that meet rows",
          banks ? accesses : uint64_t{0});
    // Every walk that reads memory itself is seen by both ends.
    if (s_.config.machine.walker.entry != hw::WalkerEntry::memory && s_.config.machine.cache.enabled) return;
    const hw::TranslationStatistics& t = s_.translation;
    const hw::TranslationStatistics& k = s_.kernel.translation.translation;
    const auto walker = static_cast<size_t>(hw::Requester::walker);
    equal("dram.by_requester.walker.reads", s_.dram.reads[walker], "walk_reads + fault_walk_reads",
          t.walk_reads + t.fault_walk_reads + k.walk_reads + k.fault_walk_reads);
    equal("dram.by_requester.walker.writes", s_.dram.writes[walker], "walk_writes", t.walk_writes + k.walk_writes);
  }

  void check_cycles() {
    const uint64_t harts = std::max<uint64_t>(1, s_.harts.size());
    equal("the cycle stack", s_.cycle_stack.total(), harts == 1 ? "cycles" : "cycles of all harts", s_.cycles * harts);
  }

  void check_faults() {
    const os::FaultStatistics& f = s_.faults;
    equal("faults.minor + major", f.minor + f.major, "the faults of every kind but protection",
          f.demand_zero + f.zero_page + f.file + f.cow + f.cow_reuse + f.swap_in + f.reclaimed + f.spurious);
  }

  void check_frames() {
    const os::FrameStatistics& f = s_.frames;
    equal("frames of every kind", f.free + f.anonymous + f.file + f.kernel + f.page_tables, "frames.total", f.total);
    at_most("frames.peak", f.peak, "frames.total", f.total);
    at_most("swap.slots_used_peak", s_.swap.slots_used_peak, "swap.slots_total", s_.swap.slots_total);
    // A run that was stopped leaves its processes where they are.
    if (s_.exit.reason == "interrupted" || s_.exit.reason == "deadlock" || s_.exit.reason == "time over") return;
    const uint64_t zero = 0;
    equal("anonymous frames after the last exit", s_.after_exit.anonymous_frames, "none", zero);
    equal("page-table frames after the last exit", s_.after_exit.page_table_frames, "none", zero);
    equal("swap slots after the last exit", s_.after_exit.swap_slots, "none", zero);
  }

  const RunStatistics& s_;
  std::vector<std::string> broken_;
};

}  // namespace

std::vector<std::string> broken_invariants(const RunStatistics& statistics) { return Checker(statistics).check(); }

}  // namespace faultline::cli
