#include "cli/report/statistics_json.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <tuple>

#include "cli/config/describe.h"
#include "cli/report/early_report.h"
#include "cli/report/report_memory.h"

namespace faultline::cli {
namespace {

using Json = nlohmann::ordered_json;

template <class Struct, class Member>
struct Field {
  const char* name;
  Member Struct::*member;
};
template <class Struct, class Member>
Field(const char*, Member Struct::*) -> Field<Struct, Member>;

// The names of a struct's members, in the order of the document.
template <class Struct>
inline constexpr auto kFields = nullptr;

template <>
inline constexpr auto kFields<hw::TlbStatistics> =
    std::tuple{Field{"lookups", &hw::TlbStatistics::lookups}, Field{"hits", &hw::TlbStatistics::hits},
               Field{"misses", &hw::TlbStatistics::misses}, Field{"evictions", &hw::TlbStatistics::evictions},
               Field{"flushes", &hw::TlbStatistics::flushes}};

template <>
inline constexpr auto kFields<hw::TranslationStatistics> = std::tuple{
    Field{"walks", &hw::TranslationStatistics::walks}, Field{"dirty_walks", &hw::TranslationStatistics::dirty_walks},
    Field{"walk_reads", &hw::TranslationStatistics::walk_reads},
    Field{"walk_writes", &hw::TranslationStatistics::walk_writes},
    Field{"fault_walk_reads", &hw::TranslationStatistics::fault_walk_reads}};

template <>
inline constexpr auto kFields<hw::CacheStatistics> =
    std::tuple{Field{"accesses", &hw::CacheStatistics::accesses}, Field{"hits", &hw::CacheStatistics::hits},
               Field{"misses", &hw::CacheStatistics::misses}, Field{"writebacks", &hw::CacheStatistics::writebacks},
               Field{"prefetches", &hw::CacheStatistics::prefetches}};

template <>
inline constexpr auto kFields<os::FaultStatistics> = std::tuple{Field{"minor", &os::FaultStatistics::minor},
                                                                Field{"major", &os::FaultStatistics::major},
                                                                Field{"demand_zero", &os::FaultStatistics::demand_zero},
                                                                Field{"zero_page", &os::FaultStatistics::zero_page},
                                                                Field{"file", &os::FaultStatistics::file},
                                                                Field{"cow", &os::FaultStatistics::cow},
                                                                Field{"cow_reuse", &os::FaultStatistics::cow_reuse},
                                                                Field{"swap_in", &os::FaultStatistics::swap_in},
                                                                Field{"reclaimed", &os::FaultStatistics::reclaimed},
                                                                Field{"protection", &os::FaultStatistics::protection},
                                                                Field{"spurious", &os::FaultStatistics::spurious}};

template <>
inline constexpr auto kFields<os::FrameStatistics> =
    std::tuple{Field{"total", &os::FrameStatistics::total},
               Field{"free", &os::FrameStatistics::free},
               Field{"anonymous", &os::FrameStatistics::anonymous},
               Field{"file", &os::FrameStatistics::file},
               Field{"kernel", &os::FrameStatistics::kernel},
               Field{"page_tables", &os::FrameStatistics::page_tables},
               Field{"peak_page_table_bytes", &os::FrameStatistics::peak_page_table_bytes},
               Field{"peak", &os::FrameStatistics::peak}};

template <>
inline constexpr auto kFields<os::PageTableStatistics> = std::tuple{
    Field{"bytes", &os::PageTableStatistics::bytes}, Field{"peak_bytes", &os::PageTableStatistics::peak_bytes},
    Field{"linear_bytes", &os::PageTableStatistics::linear_bytes},
    Field{"entries_present", &os::PageTableStatistics::entries_present}};

template <>
inline constexpr auto kFields<os::CopyStatistics> =
    std::tuple{Field{"pages", &os::CopyStatistics::pages}, Field{"bytes", &os::CopyStatistics::bytes}};

template <>
inline constexpr auto kFields<os::HugeStatistics> =
    std::tuple{Field{"faults", &os::HugeStatistics::faults},       Field{"fallback", &os::HugeStatistics::fallback},
               Field{"collapsed", &os::HugeStatistics::collapsed}, Field{"failed", &os::HugeStatistics::failed},
               Field{"copied", &os::HugeStatistics::copied},       Field{"scans", &os::HugeStatistics::scans}};
template <>
inline constexpr auto kFields<os::LargeAreaStatistics> =
    std::tuple{Field{"start", &os::LargeAreaStatistics::start},
               Field{"bytes", &os::LargeAreaStatistics::bytes},
               Field{"heap", &os::LargeAreaStatistics::heap},
               Field{"hugetlb", &os::LargeAreaStatistics::hugetlb},
               Field{"large_pages", &os::LargeAreaStatistics::large_pages},
               Field{"zero_pages", &os::LargeAreaStatistics::zero_pages}};
template <>
inline constexpr auto kFields<os::LayoutStatistics> =
    std::tuple{Field{"areas", &os::LayoutStatistics::areas}, Field{"mapped_bytes", &os::LayoutStatistics::mapped_bytes},
               Field{"largest_hole", &os::LayoutStatistics::largest_hole}};
template <>
inline constexpr auto kFields<os::ZeroStatistics> = std::tuple{Field{"pages", &os::ZeroStatistics::pages}};

template <>
inline constexpr auto kFields<os::SwapStatistics> =
    std::tuple{Field{"ins", &os::SwapStatistics::ins},
               Field{"outs", &os::SwapStatistics::outs},
               Field{"slots_total", &os::SwapStatistics::slots_total},
               Field{"slots_used_peak", &os::SwapStatistics::slots_used_peak},
               Field{"slots_bad", &os::SwapStatistics::slots_bad},
               Field{"requests_in", &os::SwapStatistics::requests_in},
               Field{"requests_out", &os::SwapStatistics::requests_out},
               Field{"readaround", &os::SwapStatistics::readaround},
               Field{"readaround_hits", &os::SwapStatistics::readaround_hits},
               Field{"read_errors", &os::SwapStatistics::read_errors},
               Field{"write_errors", &os::SwapStatistics::write_errors}};

template <>
inline constexpr auto kFields<os::PageoutStatistics> =
    std::tuple{Field{"wakeups", &os::PageoutStatistics::wakeups},
               Field{"front_hand", &os::PageoutStatistics::front_hand},
               Field{"back_hand", &os::PageoutStatistics::back_hand},
               Field{"freed", &os::PageoutStatistics::freed},
               Field{"cleaned", &os::PageoutStatistics::cleaned},
               Field{"batches", &os::PageoutStatistics::batches},
               Field{"tables_freed", &os::PageoutStatistics::tables_freed},
               Field{"out_of_memory", &os::PageoutStatistics::out_of_memory}};

template <>
inline constexpr auto kFields<os::PageCacheStatistics> =
    std::tuple{Field{"hits", &os::PageCacheStatistics::hits},
               Field{"misses", &os::PageCacheStatistics::misses},
               Field{"readahead", &os::PageCacheStatistics::readahead},
               Field{"writebehind", &os::PageCacheStatistics::writebehind},
               Field{"written_back", &os::PageCacheStatistics::written_back},
               Field{"readahead_hits", &os::PageCacheStatistics::readahead_hits},
               Field{"readahead_requests", &os::PageCacheStatistics::readahead_requests},
               Field{"waits", &os::PageCacheStatistics::waits},
               Field{"throttled", &os::PageCacheStatistics::throttled},
               Field{"read_errors", &os::PageCacheStatistics::read_errors},
               Field{"write_errors", &os::PageCacheStatistics::write_errors}};

template <>
inline constexpr auto kFields<os::CommitStatistics> =
    std::tuple{Field{"limit", &os::CommitStatistics::limit}, Field{"peak", &os::CommitStatistics::peak},
               Field{"refused", &os::CommitStatistics::refused}};

template <>
inline constexpr auto kFields<DiskCounts> = std::tuple{Field{"reads", &DiskCounts::reads},
                                                       Field{"writes", &DiskCounts::writes},
                                                       Field{"bytes_read", &DiskCounts::bytes_read},
                                                       Field{"bytes_written", &DiskCounts::bytes_written},
                                                       Field{"errors", &DiskCounts::errors},
                                                       Field{"busy_seconds", &DiskCounts::busy_seconds},
                                                       Field{"merged", &DiskCounts::merged},
                                                       Field{"failed_pages", &DiskCounts::failed_pages},
                                                       Field{"injected", &DiskCounts::injected},
                                                       Field{"queued_peak", &DiskCounts::queued_peak},
                                                       Field{"seek_seconds", &DiskCounts::seek_seconds},
                                                       Field{"rotation_seconds", &DiskCounts::rotation_seconds},
                                                       Field{"transfer_seconds", &DiskCounts::transfer_seconds}};

template <>
inline constexpr auto kFields<DiskFailure> =
    std::tuple{Field{"sector", &DiskFailure::sector}, Field{"write", &DiskFailure::write},
               Field{"path", &DiskFailure::path}, Field{"offset", &DiskFailure::offset}};

template <>
inline constexpr auto kFields<ProcessStatistics> =
    std::tuple{Field{"pid", &ProcessStatistics::pid},
               Field{"command", &ProcessStatistics::command},
               Field{"exit", &ProcessStatistics::exit},
               Field{"instructions", &ProcessStatistics::instructions},
               Field{"minor_faults", &ProcessStatistics::minor_faults},
               Field{"major_faults", &ProcessStatistics::major_faults},
               Field{"max_rss_pages", &ProcessStatistics::max_rss_pages}};

template <>
inline constexpr auto kFields<CrashRecord> = std::tuple{Field{"pid", &CrashRecord::pid},
                                                        Field{"command", &CrashRecord::command},
                                                        Field{"signal", &CrashRecord::signal},
                                                        Field{"pc", &CrashRecord::pc},
                                                        Field{"address", &CrashRecord::address},
                                                        Field{"instruction", &CrashRecord::instruction},
                                                        Field{"disassembly", &CrashRecord::disassembly}};

template <>
inline constexpr auto kFields<ShootdownCounts> = std::tuple{
    Field{"sent", &ShootdownCounts::sent}, Field{"received", &ShootdownCounts::received},
    Field{"pages", &ShootdownCounts::pages}, Field{"spaces", &ShootdownCounts::spaces},
    Field{"deferred", &ShootdownCounts::deferred}};

template <>
inline constexpr auto kFields<AfterExit> =
    std::tuple{Field{"anonymous_frames", &AfterExit::anonymous_frames},
               Field{"page_table_frames", &AfterExit::page_table_frames}, Field{"swap_slots", &AfterExit::swap_slots}};

template <>
inline constexpr auto kFields<HostStatistics> =
    std::tuple{Field{"seconds", &HostStatistics::seconds}, Field{"mips", &HostStatistics::mips}};

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

Json regions_json(const RegionStatistics& regions) {
  return {{"count", regions.count},
          {"ignored", regions.ignored},
          {"open", regions.open},
          {"whole",
           {{"instructions", regions.whole.instructions},
            {"cycles", regions.whole.cycles},
            {"seconds", regions.whole.seconds}}}};
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

template <>
inline constexpr auto kFields<os::AreaKindStatistics> =
    std::tuple{Field{"areas", &os::AreaKindStatistics::areas}, Field{"bytes", &os::AreaKindStatistics::bytes},
               Field{"resident_bytes", &os::AreaKindStatistics::resident_bytes},
               Field{"unused_bytes", &os::AreaKindStatistics::unused_bytes}};

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
