#include "cli/report/observed.h"

#include <algorithm>

#include "cli/report/layout.h"
#include "cli/report/report_text.h"
#include "cli/report/statistics.h"

namespace faultline::cli {
namespace {

using Json = nlohmann::ordered_json;
using Geometries = std::vector<hw::ObservedGeometry>;

Json geometries_json(const Geometries& geometries, bool translated) {
  Json json = Json::array();
  for (const hw::ObservedGeometry& g : geometries) {
    Json row = {{"sets", g.sets}, {"ways", g.ways}, {"misses", g.misses}, {"page", g.page}};
    if (translated) row["kernel_misses"] = g.kernel_misses;
    json.push_back(std::move(row));
  }
  return json;
}

// A corner of the surface: every fourth power of two, few ways.
void add_surface(const char* title, const Geometries& geometries, ReportText& text) {
  constexpr uint32_t kSets[] = {1, 4, 16, 64, 256, 1024};
  constexpr uint32_t kWays[] = {1, 2, 4, 8, 16, 64};
  std::vector<uint64_t> pages;
  for (const hw::ObservedGeometry& g : geometries) {
    if (pages.empty() || pages.back() != g.page) pages.push_back(g.page);
  }
  for (const uint64_t page : pages) {
    std::vector<std::string> header = {fmt::format("{}, {} pages", title, bytes_for_people(static_cast<double>(page)))};
    for (const uint32_t ways : kWays) header.push_back(counted(ways, "way"));
    Table table(std::move(header));
    for (const uint32_t sets : kSets) {
      std::vector<std::string> row = {counted(sets, "set")};
      for (const uint32_t ways : kWays) {
        const auto at = std::find_if(geometries.begin(), geometries.end(), [=](const hw::ObservedGeometry& g) {
          return g.page == page && g.sets == sets && g.ways == ways;
        });
        row.push_back(with_commas(at->misses));
      }
      table.add(row);
    }
    text.table(table);
  }
}

Json rows_json(const char* what, const std::vector<ObservedCosts::Row>& rows) {
  Json json = Json::array();
  for (const auto& [cost, symbol] : rows) {
    Json row = {{what, cost.address},  {"pid", cost.process},   {"asid", cost.asid},
                {"walks", cost.walks}, {"faults", cost.faults}, {"cycles", cost.cycles}};
    if (!symbol.empty()) row["symbol"] = symbol;
    json.push_back(std::move(row));
  }
  return json;
}

// The first few rows.
void add_rows(const char* what, const std::vector<ObservedCosts::Row>& rows, uint64_t total, ReportText& text) {
  constexpr size_t kShown = 10;
  Table table({what, "pid", "walks", "cycles", "of all", ""});
  for (size_t i = 0; i < std::min(kShown, rows.size()); ++i) {
    const auto& [cost, symbol] = rows[i];
    table.add({fmt::format("{:#x}", cost.address), std::to_string(cost.process), with_commas(cost.walks),
               with_commas(cost.cycles), percent(cost.cycles, total), symbol});
  }
  text.table(table);
}

}  // namespace

nlohmann::ordered_json observed_json(const RunStatistics& statistics) {
  Json json = Json::object();
  if (const auto& tlb = statistics.observed.tlb) {
    const bool translated = statistics.config.os.translated;
    json["tlb"] = {{"l1i", geometries_json(tlb->l1i, translated)}, {"l1d", geometries_json(tlb->l1d, translated)}};
  }
  if (const auto& costs = statistics.observed.costs) {
    json["pages"] = rows_json("page", costs->pages);
    json["pcs"] = rows_json("pc", costs->pcs);
    json["pages_seen"] = costs->pages_seen;
    json["pcs_seen"] = costs->pcs_seen;
    json["pages_capped"] = costs->more_pages;
    json["pcs_capped"] = costs->more_pcs;
    json["translation_cycles"] = costs->total.cycles;
  }
  return json;
}

void add_observed_sections(const RunStatistics& statistics, ReportText& text) {
  if (const auto& tlb = statistics.observed.tlb) {
    text.section("Misses that other first-level TLBs (LRU) would have had");
    add_surface("instructions", tlb->l1i, text);
    add_surface("data", tlb->l1d, text);
  }
  if (const auto& costs = statistics.observed.costs; costs && costs->total.cycles) {
    text.section("What translation cost, by page and by instruction");
    text.line("{} cycles for {} of {}{}, paid by {}{}", rounded(static_cast<double>(costs->total.cycles)),
              counted(costs->total.walks, "walk"), costs->more_pages ? "more than " : "",
              counted(costs->pages_seen, "page"), costs->more_pcs ? "more than " : "",
              counted(costs->pcs_seen, "instruction"));
    add_rows("page", costs->pages, costs->total.cycles, text);
    add_rows("pc", costs->pcs, costs->total.cycles, text);
  }
}

}  // namespace faultline::cli
