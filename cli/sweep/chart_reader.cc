#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "cli/sweep/study_parts.h"

namespace faultline::cli {
namespace {

constexpr std::array<std::pair<std::string_view, ChartKind>, 5> kKinds = {{{"bars", ChartKind::bars},
                                                                           {"lines", ChartKind::lines},
                                                                           {"heatmap", ChartKind::heat_map},
                                                                           {"stack", ChartKind::stack},
                                                                           {"series", ChartKind::time_series}}};

ChartKind kind_of(const TomlTable& table) {
  const std::string name = table.required_text("kind");
  for (const auto& [word, kind] : kKinds) {
    if (name == word) return kind;
  }
  table.fail("kind", "expected one of bars, lines, heatmap, stack, series");
}

void require(const TomlTable& table, std::string_view key, bool wanted, std::string_view kind) {
  if (table.has(key) == wanted) return;
  table.fail(key, wanted ? "is missing" : fmt::format("has no meaning in a chart of kind {}", kind));
}

// Which keys belong to which kind.
void check_keys(const TomlTable& table, const Chart& chart) {
  const std::string kind = table.text("kind");
  const bool heat_map = chart.kind == ChartKind::heat_map;
  const bool stack = chart.kind == ChartKind::stack;
  const bool rows = chart.kind == ChartKind::time_series || !chart.rows.empty();
  require(table, "x", true, kind);
  require(table, "y", !stack, kind);
  require(table, "value", heat_map, kind);
  if (chart.kind == ChartKind::time_series) require(table, "rows", true, kind);
  if (rows && chart.kind != ChartKind::time_series && !heat_map && chart.kind != ChartKind::lines)
    require(table, "rows", false, kind);
  if (stack && table.has("of") == table.has("parts")) table.fail("of", "give either of or parts");
  if (!stack) {
    for (const std::string_view key : {"of", "parts", "share", "unit"}) require(table, key, false, kind);
  }
  if (heat_map) require(table, "series", false, kind);
  if (!stack && chart.y.empty()) table.fail("y", "is empty");
  if (heat_map && chart.y.size() > 1) table.fail("y", "expected one name");
}

// TLBs are observed for each size of page apart; to add their misses up would mean nothing.
void tell_sizes_apart(Chart& chart) {
  constexpr const char* kPage = "page";
  if (!chart.rows.starts_with("observe.tlb.") || chart.x == kPage) return;
  for (const auto* names : {&chart.y, &chart.series, &chart.facets}) {
    if (std::ranges::find(*names, kPage) != names->end()) return;
  }
  chart.facets.emplace_back(kPage);
}

}  // namespace

Chart read_chart(const TomlTable& table) {
  table.allow_only({"kind", "title", "reading", "x", "y", "value", "series", "facets", "rows", "of", "unit", "parts",
                    "share", "log_x", "log_y", "only"});
  Chart chart;
  chart.where = table.where();
  chart.kind = kind_of(table);
  chart.title = table.required_text("title");
  chart.reading = table.text("reading");
  chart.x = table.text("x");
  chart.y = table.texts("y");
  chart.value = table.text("value");
  chart.series = table.texts("series");
  chart.facets = table.texts("facets");
  chart.rows = table.text("rows");
  chart.stack = table.text("of");
  chart.stack_unit = table.text("unit");
  chart.parts = table.texts("parts");
  chart.share = table.boolean("share");
  chart.log_x = table.boolean("log_x");
  chart.log_y = table.boolean("log_y");
  chart.only = table.expression("only");
  check_keys(table, chart);
  tell_sizes_apart(chart);
  return chart;
}

}  // namespace faultline::cli
