#include "cli/sweep/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace faultline::cli {
namespace {

constexpr size_t kMostTableRows = 2000;
constexpr std::array<std::string_view, 5> kKindNames = {"bars", "lines", "heatmap", "stack", "series"};

std::string cell_text(const Figure& figure, const FigureSeries& series, const Place& at) {
  const auto found = series.cells.find(at);
  if (found == series.cells.end()) return "<td class=none>–</td>";
  const Cell& cell = found->second;
  std::string text = display_number(cell.mean(), figure.unit);
  if (cell.low != cell.high)
    text += fmt::format(" <small>({} to {})</small>", display_number(cell.low, figure.unit),
                        display_number(cell.high, figure.unit));
  return fmt::format("<td>{}</td>", text);
}

Json cell_json(const Figure& figure, const Cell& cell) { return figure.unit == "%" ? cell.mean() * 100 : cell.mean(); }

// [x, y] pairs where x is a scale, else [place, y].
Json series_json(const Figure& figure, const FigureSeries& series) {
  Json data = Json::array();
  for (size_t i = 0; i < figure.x.size(); ++i) {
    const auto found = series.cells.find(figure.x[i]);
    if (found == series.cells.end()) continue;
    const Json x = figure.numeric_x && figure.kind != ChartKind::heat_map ? Json(figure.x[i].order) : Json(i);
    Json item = {x, cell_json(figure, found->second)};
    if (found->second.low != found->second.high) {
      const double scale = figure.unit == "%" ? 100 : 1;
      item.push_back(found->second.low * scale);
      item.push_back(found->second.high * scale);
    }
    data.push_back(std::move(item));
  }
  return {{"name", series.name}, {"data", std::move(data)}};
}

}  // namespace

std::string html(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string figure_table(const Figure& figure) {
  const bool heat_map = figure.kind == ChartKind::heat_map;
  std::string text =
      fmt::format("<div class=scroll tabindex=0 role=region aria-label=\"Table: {}\"><table>", html(figure.title));
  if (heat_map) {
    text += fmt::format("<caption>{}; rows: {}, columns: {}</caption>", html(figure.value_title), html(figure.y_title),
                        html(figure.x_title));
  } else {
    text += fmt::format("<caption>{}</caption>", html(figure.y_title));
  }
  text += "<thead><tr>";
  const auto column_head = [&](const std::string& name) { text += fmt::format("<th scope=col>{}</th>", html(name)); };
  if (heat_map) {
    column_head(figure.y_title + " \\ " + figure.x_title);
    for (const Place& at : figure.x) column_head(at.label);
    text += "</tr></thead><tbody>";
    for (const FigureSeries& row : figure.series) {
      text += fmt::format("<tr><th scope=row>{}</th>", html(row.name));
      for (const Place& at : figure.x) text += cell_text(figure, row, at);
      text += "</tr>";
    }
    return text + "</tbody></table></div>";
  }
  column_head(figure.x_title);
  for (const FigureSeries& series : figure.series) column_head(series.name.empty() ? figure.y_title : series.name);
  text += "</tr></thead><tbody>";
  const size_t step = figure.x.size() / kMostTableRows + 1;
  for (size_t i = 0; i < figure.x.size(); i += step) {
    text += fmt::format("<tr><th scope=row>{}</th>", html(figure.x[i].label));
    for (const FigureSeries& series : figure.series) text += cell_text(figure, series, figure.x[i]);
    text += "</tr>";
  }
  text += "</tbody></table></div>";
  if (step > 1) text += fmt::format("<p class=note>Every {}th row of {}.</p>", step, figure.x.size());
  return text;
}

std::string figure_data(const Figure& figure) {
  Json json = {{"kind", kKindNames[static_cast<size_t>(figure.kind)]},
               {"title", figure.title},
               {"x", figure.x_title},
               {"y", figure.y_title},
               {"value", figure.value_title},
               {"unit", figure.unit},
               {"xUnit", figure.x_unit},
               {"numeric", figure.numeric_x},
               {"share", figure.share},
               {"logX", figure.log_x},
               {"logY", figure.log_y},
               {"labels", Json::array()},
               {"series", Json::array()}};
  for (const Place& at : figure.x) json["labels"].push_back(at.label);
  for (const FigureSeries& series : figure.series) json["series"].push_back(series_json(figure, series));
  // "</script>" or "<!--" in a label must not end the element.
  std::string text;
  for (const char c : json.dump(-1, ' ', false, Json::error_handler_t::replace))
    text += c == '<' ? std::string("\\u003c") : std::string(1, c);
  return text;
}

}  // namespace faultline::cli
