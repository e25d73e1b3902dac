#include "cli/report/statistics_json.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <tuple>

#include "cli/config/describe.h"
#include "cli/report/early_report.h"
#include "cli/report/report_memory.h"
#include "cli/report/statistics_fields.h"

namespace faultline::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class Struct>
Json object(const Struct& values) {
  Json json = Json::object();
  std::apply([&](const auto&... field) { ((json[field.name] = values.*(field.member)), ...); }, kFields<Struct>);
  return json;
}

Json exit_json(const ExitRecord& exit) {
  Json json = {{"status", exit.status}, {"signal", exit.signal}, {"reason", exit.reason}};
  if (exit.crash) json["crash"] = object(*exit.crash);
  return json;
}

Json whole_json(const RegionStatistics::Whole& whole) {
  return {{"instructions", whole.instructions}, {"cycles", whole.cycles}, {"seconds", whole.seconds}};
}

Json part_json(const PartStatistics& part) {
  return {{"fast_forwarded", part.fast_forwarded},
          {"warm_up", part.warm_up},
          {"measured", part.measured},
          {"whole", whole_json(part.whole)}};
}

Json regions_json(const RegionStatistics& regions) {
  return {{"count", regions.count},
          {"ignored", regions.ignored},
          {"open", regions.open},
          {"whole", whole_json(regions.whole)}};
}

Json references_json(const References& references) {
  return {{"fetch", references.fetch},
          {"load", references.load},
          {"store", references.store},
          {"total", references.total()}};
}

Json translation_json(const RunStatistics& statistics) {
  Json json = object(statistics.translation);
  json["penalty"] = statistics.penalty();
  json["levels"] = statistics.levels;
  json["walk_depth_sum"] = statistics.translation.walk_depth_sum;
  json["walk_reads_skipped"] = statistics.translation.walk_reads_skipped;
  return json;
}

Json walk_cache_json(const RunStatistics& statistics) {
  Json json = Json::object();
  for (const WalkCacheLevel& level : statistics.walk_caches) {
    json[fmt::format("l{}", level.level)] = {{"lookups", level.counts.lookups},
                                             {"hits", level.counts.hits},
                                             {"misses", level.counts.misses},
                                             {"flushes", level.counts.flushes}};
  }
  return json;
}

Json nested_json(const RunStatistics& statistics) {
  const hw::NestedStatistics& nested = statistics.nested;
  return {
      {"host_reads", nested.host_reads},
      {"guest_reads", nested.guest_reads},
      {"host_levels", statistics.host_levels},
      {"host_table_bytes", statistics.host_table_bytes},
      {"tlb",
       {{"lookups", nested.tlb_lookups}, {"hits", nested.tlb_hits}, {"misses", nested.tlb_lookups - nested.tlb_hits}}}};
}

Json caches_json(const std::vector<CacheLevelStatistics>& caches) {
  Json json = Json::object();
  // Scripts may count on these three, on a machine without caches too.
  for (const char* name : {"l1i", "l1d", "l2"}) json[name] = object(hw::CacheStatistics{});
  for (const CacheLevelStatistics& cache : caches) json[cache.name] = object(cache.counts);
  return json;
}

Json dram_json(const hw::DramStatistics& dram) {
  Json requesters = Json::object();
  for (size_t i = 0; i < hw::kRequesters; ++i) {
    requesters[std::string(hw::kRequesterNames[i])] = {{"reads", dram.reads[i]}, {"writes", dram.writes[i]}};
  }
  return {{"reads", dram.total_reads()},         {"writes", dram.total_writes()},
          {"row_hits", dram.row_hits},           {"row_misses", dram.row_misses},
          {"row_conflicts", dram.row_conflicts}, {"by_requester", std::move(requesters)}};
}

Json cycle_stack_json(const CycleLedger& ledger) {
  Json json = Json::object();
  for (size_t i = 0; i < kCycleAccounts; ++i) {
    json[std::string(kCycleAccountNames[i])] = ledger[static_cast<CycleAccount>(i)];
  }
  return json;
}

// By number.
Json harts_json(const std::vector<HartRecord>& harts) {
  Json json = Json::array();
  for (const HartRecord& hart : harts) {
    json.push_back({{"instructions", hart.instructions},
                    {"idle", hart.idle},
                    {"references", references_json(hart.references)},
                    {"translation", object(hart.translation)},
                    {"tlb", {{"l1i", object(hart.l1i)}, {"l1d", object(hart.l1d)}, {"l2", object(hart.l2)}}}});
  }
  return json;
}

Json kernel_json(const KernelAccesses& kernel) {
  return {{"reads", kernel.reads},
          {"writes", kernel.writes},
          {"tlb", {{"l1d", object(kernel.translation.l1d)}, {"l2", object(kernel.translation.l2)}}},
          {"translation", object(kernel.translation.translation)}};
}

// From the root down.
Json table_levels_json(const RunStatistics& statistics) {
  Json json = Json::array();
  for (uint64_t level = statistics.levels; level-- > 0;) {
    json.push_back({{"level", level},
                    {"bytes", statistics.page_tables_at_exit.by_level[level].bytes},
                    {"peak_bytes", statistics.page_tables.by_level[level].peak_bytes}});
  }
  return json;
}

// Kind by kind, and all together.
Json areas_json(const os::AreaStatistics& areas) {
  constexpr std::array<const char*, os::kAreaKinds> kNames = {"code", "file", "heap", "stack", "anonymous", "shared"};
  Json json = Json::object();
  os::AreaKindStatistics total;
  for (size_t i = 0; i < areas.size(); ++i) {
    json[kNames[i]] = object(areas[i]);
    total.areas += areas[i].areas;
    total.bytes += areas[i].bytes;
    total.resident_bytes += areas[i].resident_bytes;
    total.unused_bytes += areas[i].unused_bytes;
  }
  json["total"] = object(total);
  return json;
}

Json huge_json(const RunStatistics& statistics) {
  Json json = object(statistics.huge);
  json["split"] = statistics.huge.leaves.split;
  json["mapped_peak"] = statistics.huge.leaves.peak_pages;
  json["areas"] = Json::array();
  for (const os::LargeAreaStatistics& area : statistics.layout.large) json["areas"].push_back(object(area));
  return json;
}

void add_os(const RunStatistics& statistics, Json& json) {
  json["faults"] = object(statistics.faults);
  json["frames"] = object(statistics.frames);
  json["frames"]["fragmentation"] = {{"free_runs", statistics.fragmentation.free_runs},
                                     {"largest_free_run", statistics.fragmentation.largest_free_run},
                                     {"unusable", statistics.fragmentation.unusable}};
  json["page_tables"] = object(statistics.page_tables);
  json["page_tables"]["bytes_at_exit"] = statistics.page_tables_at_exit.bytes;
  json["page_tables"]["entries_at_exit"] = statistics.page_tables_at_exit.entries_present;
  json["page_tables"]["by_level"] = table_levels_json(statistics);
  json["areas"] = areas_json(statistics.areas);
  json["huge"] = huge_json(statistics);
  json["address_space"] = object(statistics.layout);
  json["copies"] = object(statistics.copies);
  json["zeroed"] = object(statistics.zeroed);
  json["swap"] = object(statistics.swap);
  json["pageout"] = object(statistics.pageout);
  json["pageout"]["thrashing"] = thrashing(statistics);
  json["page_cache"] = object(statistics.page_cache);
  json["commit"] = object(statistics.commit);
  json["disk"] = object(statistics.disk);
  json["disk"]["failures"] = Json::array();
  for (const DiskFailure& failure : statistics.disk_failures) json["disk"]["failures"].push_back(object(failure));
  json["context_switches"] = statistics.context_switches;
  json["kernel_accesses"] = kernel_json(statistics.kernel);
  json["files_changed_in_memory"] = statistics.files_changed_in_memory;
  json["syscalls"] = Json::object();
  for (const auto& [name, count] : statistics.syscalls) json["syscalls"][name] = count;
  json["processes"] = Json::array();
  for (const ProcessStatistics& process : statistics.processes) json["processes"].push_back(object(process));
  json["after_exit"] = object(statistics.after_exit);
}

// Numbers of what was not modelled are null, under their names.
void clear_numbers(Json& json) {
  if (json.is_structured()) {
    for (Json& member : json) clear_numbers(member);
  } else if (json.is_number()) {
    json = nullptr;
  }
}

void leave_out_translation(Json& json) {
  clear_numbers(json["translation"]);
  clear_numbers(json["tlb"]);
  if (json.contains("harts")) {
    for (Json& hart : json["harts"]) {
      clear_numbers(hart["translation"]);
      clear_numbers(hart["tlb"]);
    }
  }
  clear_numbers(json["kernel_accesses"]["tlb"]);
  clear_numbers(json["kernel_accesses"]["translation"]);
}

}  // namespace

double RunStatistics::penalty() const {
  const uint64_t total = references.total();
  return total == 0 ? 1.0 : static_cast<double>(total + translation.walk_reads) / static_cast<double>(total);
}

Json statistics_json(const RunStatistics& statistics) {
  Json json;
  json["schema"] = "faultline.stats/1";
  json["run"] = {{"machine", statistics.run.machine},
                 {"program", statistics.run.program},
                 {"arguments", statistics.run.arguments}};
  json["config"] = configuration_json(statistics.config);
  json["exit"] = exit_json(statistics.exit);
  if (statistics.part) json["part"] = part_json(*statistics.part);
  if (statistics.regions) json["regions"] = regions_json(*statistics.regions);
  if (statistics.trace) json["trace"] = {{"records", statistics.trace->records}, {"format", statistics.trace->format}};
  json["instructions"] = statistics.instructions;
  json["cycles"] = statistics.cycles;
  json["seconds"] = statistics.seconds;
  json["references"] = references_json(statistics.references);
  json["translation"] = translation_json(statistics);
  json["tlb"] = {{"l1i", object(statistics.l1i)}, {"l1d", object(statistics.l1d)}, {"l2", object(statistics.l2)}};
  json["walk_cache"] = walk_cache_json(statistics);
  json["nested"] = nested_json(statistics);
  json["cache"] = caches_json(statistics.caches);
  json["dram"] = dram_json(statistics.dram);
  json["cycle_stack"] = cycle_stack_json(statistics.cycle_stack);
  if (!statistics.harts.empty()) {
    json["harts"] = harts_json(statistics.harts);
    json["shootdowns"] = object(statistics.shootdowns);
    json["hart_interrupts"] = statistics.hart_interrupts;
    json["migrations"] = statistics.migrations;
  }
  if (statistics.observed.any()) json["observe"] = observed_json(statistics);
  if (statistics.early) json["early"] = early_json(*statistics.early);
  add_os(statistics, json);
  if (statistics.config.timing == kTimingNone) leave_out_translation(json);
  json["host"] = object(statistics.host);
  return json;
}

}  // namespace faultline::cli
