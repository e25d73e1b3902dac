#include "cli/sweep/page.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/config/settings.h"
#include "cli/sweep/assets.h"
#include "cli/sweep/html.h"

namespace faultline::cli {
namespace {

std::string cell(std::string_view text, bool number = false) {
  return fmt::format("<td{}>{}</td>", number ? "" : " class=text", html(text));
}

std::string metric_cell(const Metric& metric, const Json& value) {
  if (value.is_number()) return cell(display_number(value.get<double>(), metric.unit), true);
  if (value.is_null()) return "<td class=none>–</td>";
  return cell(value.is_string() ? value.get<std::string>() : value.dump());
}

// Paragraphs are parted by empty lines.
void write_text(std::ostream& out, std::string_view text) {
  while (!text.empty()) {
    const size_t end = text.find("\n\n");
    const std::string_view paragraph = text.substr(0, end);
    if (paragraph.find_first_not_of(" \n") != std::string_view::npos) out << "<p>" << html(paragraph) << "</p>\n";
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
}

void write_figure(std::ostream& out, const Figure& figure, size_t number) {
  out << fmt::format("<section class=figure aria-labelledby=figure-{0}-title>\n<h2 id=figure-{0}-title>{1}</h2>\n",
                     number, html(figure.title));
  if (figure.x.empty()) {
    out << "<p class=note>No point has what this chart shows.</p></section>\n";
    return;
  }
  out << fmt::format(
      "<figure><div class=legend role=group aria-label=\"Series shown\"></div>"
      "<div class=chart tabindex=0 role=img aria-label=\"{}. The table below has the same numbers.\"></div>"
      "<p class=readout aria-live=polite></p>"
      "<script type=application/json class=data>{}</script></figure>\n",
      html(figure.title), figure_data(figure));
  write_text(out, figure.reading);
  out << figure_table(figure) << "</section>\n";
}

}  // namespace

PageWriter::PageWriter(const Study& study, size_t planned) : study_(study), planned_(planned) {
  for (const Chart& chart : study.charts) builders_.emplace_back(study, chart);
}

PageWriter::~PageWriter() = default;

void PageWriter::add(const Point& point, const StoredResult& result, const Json& statistics,
                     const std::vector<Json>& metrics) {
  rows_.push_back({&point, result.failure, metrics});
  if (result.failed()) return;
  for (FigureBuilder& builder : builders_) builder.add(point, statistics, metrics);
}

std::string PageWriter::heading_cells() const {
  std::string text = "<th scope=col>point</th>";
  for (const Axis& axis : study_.axes) text += fmt::format("<th scope=col>{}</th>", html(axis.title));
  if (!study_.seeds.empty()) text += "<th scope=col>seed</th>";
  return text;
}

std::string PageWriter::label_cells(const Point& point) const {
  std::string text = fmt::format("<th scope=row>{}</th>", point.number);
  for (size_t i = 0; i < study_.axes.size(); ++i) text += cell(study_.axes[i].choices[point.choices[i]].label);
  if (!study_.seeds.empty()) text += cell(std::to_string(point.seed), true);
  return text;
}

void PageWriter::write_failures(std::ostream& out) const {
  const auto failed = std::count_if(rows_.begin(), rows_.end(), [](const Row& row) { return !row.failure.empty(); });
  if (failed == 0) return;
  out << fmt::format(
      "<section class=failures><h2>{} of {} points failed</h2>\n<p>They are in no chart.</p>\n"
      "<div class=scroll tabindex=0 role=region aria-label=Failures><table><thead><tr>{}"
      "<th scope=col>why</th></tr></thead><tbody>\n",
      failed, rows_.size(), heading_cells());
  for (const Row& row : rows_) {
    if (!row.failure.empty()) out << "<tr>" << label_cells(*row.point) << cell(row.failure) << "</tr>\n";
  }
  out << "</tbody></table></div></section>\n";
}

void PageWriter::write_points(std::ostream& out) const {
  out << fmt::format(
      "<details><summary>All points ({})</summary>\n"
      "<div class=scroll tabindex=0 role=region aria-label=\"All points\"><table><thead><tr>{}",
      rows_.size(), heading_cells());
  for (const Metric& metric : study_.metrics) {
    out << fmt::format("<th scope=col>{}{}</th>", html(metric.title),
                       metric.unit.empty() ? "" : html(fmt::format(" ({})", metric.unit)));
  }
  out << "</tr></thead><tbody>\n";
  for (const Row& row : rows_) {
    out << "<tr>" << label_cells(*row.point);
    for (size_t i = 0; i < row.metrics.size(); ++i) out << metric_cell(study_.metrics[i], row.metrics[i]);
    out << "</tr>\n";
  }
  out << "</tbody></table></div></details>\n";
}

// The settings in which all points agree stand once; those that differ, for each point.
void PageWriter::write_configuration(std::ostream& out) const {
  if (rows_.empty()) return;
  const auto& table = settings();
  const Point& first = *rows_.front().point;
  std::vector<size_t> common, differing;
  for (size_t i = 0; i < table.size(); ++i) {
    const bool same = std::all_of(rows_.begin(), rows_.end(), [&](const Row& row) {
      return row.point->configuration[i] == first.configuration[i];
    });
    (same ? common : differing).push_back(i);
  }
  out << "<details><summary>The resolved configuration of every point</summary>\n"
         "<h3>What differs</h3>\n"
         "<div class=scroll tabindex=0 role=region aria-label=\"Settings that differ\"><table><thead><tr>"
      << heading_cells() << "<th scope=col>machine</th><th scope=col>program and arguments</th>";
  for (const size_t i : differing) out << fmt::format("<th scope=col><code>{}</code></th>", html(table[i].path));
  out << "</tr></thead><tbody>\n";
  for (const Row& row : rows_) {
    std::string command = row.point->workload->program;
    for (const std::string& argument : row.point->arguments) command += " " + argument;
    out << "<tr>" << label_cells(*row.point) << cell(row.point->machine) << cell(command);
    for (const size_t i : differing) out << cell(table[i].toml(row.point->configuration[i]));
    out << "</tr>\n";
  }
  out << "</tbody></table></div>\n<h3>What all points share</h3>\n"
         "<div class=scroll tabindex=0 role=region aria-label=\"Settings in common\"><table><thead><tr>"
         "<th scope=col>setting</th><th scope=col>value</th><th scope=col>meaning</th></tr></thead><tbody>\n";
  for (const size_t i : common) {
    out << fmt::format("<tr><th scope=row><code>{}</code></th>{}{}</tr>\n", html(table[i].path),
                       cell(table[i].toml(first.configuration[i])), cell(table[i].facts.help));
  }
  out << "</tbody></table></div></details>\n";
}

void PageWriter::write(std::ostream& out) const {
  out << "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
         "<meta name=viewport content=\"width=device-width, initial-scale=1\">\n"
         "<meta name=color-scheme content=\"light dark\">\n<link rel=icon href=\"data:,\">\n<title>"
      << html(study_.title) << "</title>\n<style>\n"
      << page_style() << "</style>\n</head>\n<body>\n<header><h1>" << html(study_.title) << "</h1>\n";
  write_text(out, study_.question);
  out << fmt::format("<p class=note>{} of {} points, measured by faultline sweep {}.</p></header>\n<main>\n",
                     rows_.size(), planned_, html(study_.file.substr(study_.file.rfind('/') + 1)));
  write_failures(out);
  if (!study_.reading.empty()) {
    out << "<section><h2>How to read it</h2>\n";
    write_text(out, study_.reading);
    out << "</section>\n";
  }
  size_t number = 0;
  for (const FigureBuilder& builder : builders_) {
    for (const Figure& figure : builder.figures()) write_figure(out, figure, ++number);
  }
  out << "<section><h2>The numbers behind</h2>\n";
  write_points(out);
  write_configuration(out);
  out << "</section>\n</main>\n<footer><details><summary>Licences of the charting library (Apache "
         "ECharts)</summary><pre>"
      << html(chart_licence()) << "</pre></details></footer>\n<script>\n"
      << chart_library() << "\n</script>\n<script>\n"
      << page_script() << "</script>\n</body>\n</html>\n";
}

}  // namespace faultline::cli
