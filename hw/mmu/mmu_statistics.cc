// What the Mmu counts, and what follows from it.
#include "hw/mmu/mmu.h"

namespace faultline::hw {

void Mmu::count_walk(Counts& counts, const WalkResult& result) const {
  TranslationStatistics& translation = counts.translation;
  ++translation.walks;
  translation.walk_reads += result.reads;
  translation.walk_writes += result.writes;
  const unsigned depth = result.first - result.level + 1u;
  translation.walk_depth_sum += depth + result.host.depths;
  translation.walk_reads_skipped += format_.root_level() - result.first;
  if (walker_.host_format()) {
    counts.nested.host_reads += result.host.reads;
    counts.nested.guest_reads += result.reads - result.host.reads;
    counts.nested.tlb_lookups += result.host.lookups;
    counts.nested.tlb_hits += result.host.hits;
  }
  if (!walker_.caches().any()) return;
  for (unsigned level = 1; level < format_.levels() && level <= result.first; ++level) {
    if (walker_.caches().has(level)) ++counts.walk_cache[level].misses;
  }
  if (result.first < format_.root_level()) ++counts.walk_cache[result.first + 1u].hits;
}

TlbStatistics Mmu::first_level(const Side& side, const LevelCounts& counts, uint64_t references) {
  if (!side.tlb) return {};
  return {references, references - counts.misses, counts.misses, counts.evictions, side.flushes};
}

TlbStatistics Mmu::l1i(uint64_t fetch_references) const {
  return first_level(instruction_, user_.l1i, fetch_references);
}

TlbStatistics Mmu::l1d(uint64_t data_references) const { return first_level(data_, user_.l1d, data_references); }

TlbStatistics Mmu::l2() const {
  const LevelCounts& l2 = user_.l2;
  return {l2.hits + l2.misses, l2.hits, l2.misses, l2.evictions, l2_ ? l2_flushes_ : 0};
}

WalkCacheStatistics Mmu::walk_cache(unsigned level) const {
  if (!walker_.caches().has(level)) return {};
  const LevelCounts& counts = user_.walk_cache[level];
  return {counts.hits + counts.misses, counts.hits, counts.misses, walk_cache_flushes_};
}

Mmu::Reach Mmu::reach() const {
  const auto of = [](const std::optional<Tlb>& tlb) { return tlb ? tlb->reach() : 0; };
  return {of(instruction_.tlb), of(data_.tlb), of(l2_)};
}

KernelTranslationStatistics Mmu::kernel() const {
  const LevelCounts& l1 = kernel_.l1d;
  const LevelCounts& l2 = kernel_.l2;
  return {{l1.hits + l1.misses, l1.hits, l1.misses, l1.evictions, 0},
          {l2.hits + l2.misses, l2.hits, l2.misses, l2.evictions, 0},
          kernel_.translation,
          kernel_.nested};
}

}  // namespace faultline::hw
