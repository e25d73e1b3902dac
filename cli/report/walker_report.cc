#include "cli/report/walker_report.h"

#include <fmt/format.h>

#include <string_view>

namespace faultline::cli {

void add_walker_lines(const RunStatistics& s, ReportText& text) {
  if (!s.walk_caches.empty() && s.translation.walks != 0) {
    std::string hits;
    for (const WalkCacheLevel& level : s.walk_caches) {
      hits += fmt::format("{}level {}: {}", hits.empty() ? "" : ", ", level.level,
                          percent(level.counts.hits, level.counts.lookups));
    }
    text.line("  walk caches spared {} reads; hits: {}", with_commas(s.translation.walk_reads_skipped), hits);
  }
  if (s.host_levels == 0) return;
  const hw::NestedStatistics& nested = s.nested;
  text.line("  nested: {} of them the host's, whose tables take {}", with_commas(nested.host_reads),
            bytes_for_people(static_cast<double>(s.host_table_bytes)));
  if (nested.tlb_lookups) {
    text.line("  nested TLB: {} look-ups, {} hits", with_commas(nested.tlb_lookups),
              percent(nested.tlb_hits, nested.tlb_lookups));
  }
}

uint64_t longest_walk(const RunStatistics& statistics) {
  return (statistics.levels + 1) * (statistics.host_levels + 1) - 1;
}

void check_walker(const RunStatistics& s, std::vector<std::string>& broken) {
  const auto equal = [&broken](std::string_view left_name, uint64_t left, std::string_view right_name, uint64_t right) {
    if (left != right) broken.push_back(fmt::format("{} = {}, but {} = {}", left_name, left, right_name, right));
  };
  uint64_t asked = s.translation.walks;
  uint64_t skipped = 0;
  for (const WalkCacheLevel& level : s.walk_caches) {
    equal(fmt::format("walk_cache.l{}.lookups", level.level), level.counts.lookups, "the walks that come to it", asked);
    asked = level.counts.misses;
    skipped += level.counts.hits * (s.levels - level.level);
  }
  equal("translation.walk_reads_skipped", s.translation.walk_reads_skipped, "what the walk caches' hits spare",
        skipped);
  if (s.host_levels == 0) return;
  equal("nested.host_reads + guest_reads", s.nested.host_reads + s.nested.guest_reads, "translation.walk_reads",
        s.translation.walk_reads);
}

}  // namespace faultline::cli
