#include "cli/report/counters.h"

#include <algorithm>
#include <array>
#include <bit>
#include <type_traits>
#include <vector>

namespace faultline::cli {
namespace {

struct Add {
  static void apply(uint64_t& into, uint64_t other) { into += other; }
  static void apply(double& into, double other) { into += other; }
};
struct Subtract {
  static void apply(uint64_t& into, uint64_t other) { into -= other; }
  static void apply(double& into, double other) { into -= other; }
};
struct Copy {
  static void apply(uint64_t& into, uint64_t other) { into = other; }
  static void apply(double& into, double other) { into = other; }
};

// Every member of a struct of uint64_t; anything else in it fails to compile.
template <class Change, class Counters>
void change_all(Counters& into, const Counters& other) {
  static_assert(std::has_unique_object_representations_v<Counters> && sizeof(Counters) % sizeof(uint64_t) == 0 &&
                alignof(Counters) == alignof(uint64_t));
  using Numbers = std::array<uint64_t, sizeof(Counters) / sizeof(uint64_t)>;
  auto numbers = std::bit_cast<Numbers>(into);
  const auto others = std::bit_cast<Numbers>(other);
  for (size_t i = 0; i < numbers.size(); ++i) Change::apply(numbers[i], others[i]);
  into = std::bit_cast<Counters>(numbers);
}

// By name; those that only `other` has follow.
template <class Change>
void change_calls(RunStatistics& into, const RunStatistics& other) {
  for (const auto& [name, number] : other.syscalls) {
    auto at = into.syscalls.begin();
    while (at != into.syscalls.end() && at->first != name) ++at;
    if (at == into.syscalls.end()) at = into.syscalls.insert(at, {name, 0});
    Change::apply(at->second, number);
  }
}

// Levels of one kind, which both have in one order; those that only `other` has follow.
template <class Change, class Level>
void change_levels(std::vector<Level>& into, const std::vector<Level>& other) {
  for (size_t i = into.size(); i < other.size(); ++i) into.emplace_back(other[i]).counts = {};
  for (size_t i = 0; i < other.size(); ++i) change_all<Change>(into[i].counts, other[i].counts);
}

template <class Change>
void change_harts(RunStatistics& into, const RunStatistics& other) {
  into.harts.resize(std::max(into.harts.size(), other.harts.size()));
  for (size_t n = 0; n < other.harts.size(); ++n) {
    HartRecord& hart = into.harts[n];
    Change::apply(hart.instructions, other.harts[n].instructions);
    Change::apply(hart.idle, other.harts[n].idle);
    change_all<Change>(hart.references, other.harts[n].references);
    change_all<Change>(hart.translation, other.harts[n].translation);
    change_all<Change>(hart.l1i, other.harts[n].l1i);
    change_all<Change>(hart.l1d, other.harts[n].l1d);
    change_all<Change>(hart.l2, other.harts[n].l2);
  }
  change_all<Change>(into.shootdowns, other.shootdowns);
  Change::apply(into.hart_interrupts, other.hart_interrupts);
  Change::apply(into.migrations, other.migrations);
}

template <class Change>
void change_memory(RunStatistics& into, const RunStatistics& other) {
  change_all<Change>(into.faults, other.faults);
  change_all<Change>(into.copies, other.copies);
  change_all<Change>(into.zeroed, other.zeroed);
  Change::apply(into.swap.ins, other.swap.ins);
  Change::apply(into.swap.outs, other.swap.outs);
  Change::apply(into.swap.requests_in, other.swap.requests_in);
  Change::apply(into.swap.requests_out, other.swap.requests_out);
  Change::apply(into.swap.readaround, other.swap.readaround);
  Change::apply(into.swap.readaround_hits, other.swap.readaround_hits);
  Change::apply(into.swap.read_errors, other.swap.read_errors);
  Change::apply(into.swap.write_errors, other.swap.write_errors);
  change_all<Change>(into.pageout, other.pageout);
  Change::apply(into.page_cache.hits, other.page_cache.hits);
  Change::apply(into.page_cache.misses, other.page_cache.misses);
  Change::apply(into.page_cache.readahead, other.page_cache.readahead);
  Change::apply(into.page_cache.writebehind, other.page_cache.writebehind);
  Change::apply(into.page_cache.written_back, other.page_cache.written_back);
  Change::apply(into.page_cache.readahead_hits, other.page_cache.readahead_hits);
  Change::apply(into.page_cache.readahead_requests, other.page_cache.readahead_requests);
  Change::apply(into.page_cache.waits, other.page_cache.waits);
  Change::apply(into.page_cache.throttled, other.page_cache.throttled);
  Change::apply(into.page_cache.read_errors, other.page_cache.read_errors);
  Change::apply(into.page_cache.write_errors, other.page_cache.write_errors);
  Change::apply(into.commit.refused, other.commit.refused);
}

template <class Change>
void change(RunStatistics& into, const RunStatistics& other) {
  Change::apply(into.instructions, other.instructions);
  Change::apply(into.cycles, other.cycles);
  change_all<Change>(into.references, other.references);
  change_all<Change>(into.translation, other.translation);
  change_all<Change>(into.l1i, other.l1i);
  change_all<Change>(into.l1d, other.l1d);
  change_all<Change>(into.l2, other.l2);
  change_levels<Change>(into.walk_caches, other.walk_caches);
  change_all<Change>(into.nested, other.nested);
  change_levels<Change>(into.caches, other.caches);
  change_all<Change>(into.dram, other.dram);
  change_all<Change>(into.cycle_stack, other.cycle_stack);
  change_harts<Change>(into, other);
  change_memory<Change>(into, other);
  Change::apply(into.context_switches, other.context_switches);
  Change::apply(into.kernel.reads, other.kernel.reads);
  Change::apply(into.kernel.writes, other.kernel.writes);
  change_all<Change>(into.kernel.translation, other.kernel.translation);
  Change::apply(into.disk.reads, other.disk.reads);
  Change::apply(into.disk.writes, other.disk.writes);
  Change::apply(into.disk.bytes_read, other.disk.bytes_read);
  Change::apply(into.disk.bytes_written, other.disk.bytes_written);
  Change::apply(into.disk.merged, other.disk.merged);
  Change::apply(into.disk.errors, other.disk.errors);
  Change::apply(into.disk.failed_pages, other.disk.failed_pages);
  Change::apply(into.disk.injected, other.disk.injected);
  Change::apply(into.disk.busy_seconds, other.disk.busy_seconds);
  Change::apply(into.disk.seek_seconds, other.disk.seek_seconds);
  Change::apply(into.disk.rotation_seconds, other.disk.rotation_seconds);
  Change::apply(into.disk.transfer_seconds, other.disk.transfer_seconds);
  change_calls<Change>(into, other);
}

// A fault that turns out to need the disk is booked anew as a major one. Where
// it began before the first moment and ended behind it, more was taken from the minor
// faults' account than went in meanwhile; that much of the major one is older.
void settle_faults(CycleLedger& stack) {
  const auto minor = static_cast<int64_t>(stack[CycleAccount::minor_fault]);
  if (minor >= 0) return;
  stack.rebook(CycleAccount::major_fault, CycleAccount::minor_fault, Cycles(static_cast<uint64_t>(-minor)));
}

// What a hart that was behind the first moment did up to there had not been done yet:
// in the stack of that moment it is idle, and other work since. Of such work the
// difference begins with the largest account's.
void settle_harts(CycleLedger& stack) {
  const auto idle = static_cast<int64_t>(stack[CycleAccount::idle]);
  if (idle >= 0) return;
  CycleAccount largest = CycleAccount::compute;
  for (size_t i = 0; i < kCycleAccounts; ++i) {
    const auto account = static_cast<CycleAccount>(i);
    if (account != CycleAccount::idle && stack[account] > stack[largest]) largest = account;
  }
  stack.rebook(largest, CycleAccount::idle, Cycles(static_cast<uint64_t>(-idle)));
}

void forget_uncalled(RunStatistics& statistics) {
  std::erase_if(statistics.syscalls, [](const auto& call) { return call.second == 0; });
}

}  // namespace

void add_counters(RunStatistics& into, const RunStatistics& more) { change<Add>(into, more); }
void subtract_counters(RunStatistics& from, const RunStatistics& less) { change<Subtract>(from, less); }
void copy_counters(RunStatistics& to, const RunStatistics& from) {
  to.syscalls.clear();
  change<Copy>(to, from);
  forget_uncalled(to);
}
void settle_difference(RunStatistics& difference) {
  settle_faults(difference.cycle_stack);
  settle_harts(difference.cycle_stack);
  for (HartRecord& hart : difference.harts)
    if (static_cast<int64_t>(hart.idle) < 0) hart.idle = 0;
  forget_uncalled(difference);
}

}  // namespace faultline::cli
