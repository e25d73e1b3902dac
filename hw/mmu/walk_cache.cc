#include "hw/mmu/walk_cache.h"

#include <bit>

namespace faultline::hw {

WalkCaches::WalkCaches(const PageTableFormat& format, const WalkerConfig& config, uint64_t seed) {
  if (!config.caches) return;
  for (unsigned level = 1; level < format.levels(); ++level) {
    shift_[level] = static_cast<unsigned>(std::countr_zero(format.entry_span(level)));
    const WalkCacheLevelConfig& cache = config.cache.level(level);
    if (!cache.enabled) continue;
    levels_[level].emplace(cache, seed + level);
    any_ = true;
  }
}

void WalkCaches::touch(unsigned level, VirtAddr va, Asid asid) {
  Array& cache = *levels_[level];
  cache.touch(cache.find(prefix(va, level), asid));
}

void WalkCaches::fill(unsigned level, VirtAddr va, Asid asid, const TablePointer& pointer) {
  if (levels_[level]) levels_[level]->fill(prefix(va, level), asid, pointer);
}

void WalkCaches::flush_page(Asid asid, VirtAddr va) {
  for (unsigned level = 1; level < levels_.size(); ++level) {
    if (levels_[level]) levels_[level]->drop(prefix(va, level), asid);
  }
}

void WalkCaches::flush_asid(Asid asid) {
  for (auto& level : levels_) {
    if (level) level->drop_tag(asid);
  }
}

void WalkCaches::flush_all() {
  for (auto& level : levels_) {
    if (level) level->clear();
  }
}

}  // namespace faultline::hw
