#include "cli/sweep/toml_access.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "cli/config/settings.h"
#include "cli/config/user_error.h"

namespace faultline::cli {
namespace {

// The one of `words` that looks most like `word`; empty when none does.
std::string_view nearest(std::string_view word, std::initializer_list<std::string_view> words) {
  std::string_view best;
  size_t distance = word.size() / 2 + 1;
  for (const std::string_view candidate : words) {
    const size_t d = edit_distance(word, candidate);
    if (d >= distance) continue;
    distance = d;
    best = candidate;
  }
  return best;
}

struct PlacedAssignment {
  toml::source_position at;
  Assignment assignment;
};

void collect(const TomlTable& root, const toml::table& table, const std::string& path,
             std::vector<PlacedAssignment>& into) {
  for (auto&& [name, node] : table) {
    const std::string key = path + std::string(name.str());
    if (const toml::table* below = node.as_table(); below && !find_setting(key)) {
      const auto inside = [&key](const Setting& setting) { return setting.path.starts_with(key + "."); };
      if (std::any_of(settings().begin(), settings().end(), inside)) {
        collect(root, *below, key + ".", into);
        continue;
      }
    }
    into.push_back({node.source().begin, read_assignment(key, node, root.position(node.source()))});
  }
}

}  // namespace

void TomlTable::allow_only(std::initializer_list<std::string_view> keys) const {
  for (auto&& [key, node] : table_) {
    if (std::find(keys.begin(), keys.end(), key.str()) != keys.end()) continue;
    const std::string_view guess = nearest(key.str(), keys);
    throw UserError(fmt::format("{}: unknown key {}{}{}", position(key.source()), path_, printable(key.str()),
                                guess.empty() ? "" : fmt::format("; did you mean {}{}?", path_, guess)));
  }
}

Where TomlTable::position(const toml::source_region& region) const {
  return fmt::format("{}:{}:{}", file_, region.begin.line, region.begin.column);
}

Where TomlTable::where(std::string_view key) const {
  const toml::node* node = find(key);
  return node ? position(node->source()) : where();
}

void TomlTable::fail(std::string_view key, std::string_view objection) const {
  throw UserError(fmt::format("{}: {}{}: {}", where(key), path_, key, objection));
}

void TomlTable::fail_at(const toml::node& node, std::string_view key, std::string_view objection) const {
  throw UserError(fmt::format("{}: {}{}: {}", position(node.source()), path_, key, objection));
}

std::string TomlTable::text(std::string_view key, std::string fallback) const {
  const toml::node* node = find(key);
  if (!node) return fallback;
  if (const auto* text = node->as_string()) return **text;
  fail(key, "expected a text");
}

std::string TomlTable::required_text(std::string_view key) const {
  if (!has(key)) fail(key, "is missing");
  std::string value = text(key);
  if (value.empty()) fail(key, "must not be empty");
  return value;
}

bool TomlTable::boolean(std::string_view key) const {
  const toml::node* node = find(key);
  if (!node) return false;
  if (!node->is_boolean()) fail(key, "expected true or false");
  return **node->as_boolean();
}

uint64_t TomlTable::number(std::string_view key, uint64_t fallback, uint64_t minimum, uint64_t maximum) const {
  const toml::node* node = find(key);
  if (!node) return fallback;
  const int64_t value = node->is_integer() ? **node->as_integer() : -1;
  if (value < 0 || static_cast<uint64_t>(value) < minimum || static_cast<uint64_t>(value) > maximum)
    fail(key, fmt::format("expected a whole number from {} to {}", minimum, maximum));
  return static_cast<uint64_t>(value);
}

std::vector<std::string> TomlTable::texts(std::string_view key) const {
  const toml::node* node = find(key);
  if (!node) return {};
  if (node->is_string()) return {**node->as_string()};
  const toml::array* array = node->as_array();
  if (!array) fail(key, "expected a list of texts");
  std::vector<std::string> values;
  for (const toml::node& item : *array) {
    if (!item.is_string()) fail_at(item, key, "expected a list of texts");
    values.push_back(**item.as_string());
  }
  return values;
}

Expression TomlTable::expression_of(std::string_view key, const toml::node& node) const {
  if (!node.is_string()) fail_at(node, key, "expected an expression as a text");
  try {
    return Expression(**node.as_string());
  } catch (const UserError& error) {
    fail_at(node, key, printable(error.what()));
  }
}

std::optional<Expression> TomlTable::expression(std::string_view key) const {
  const toml::node* node = find(key);
  if (!node) return std::nullopt;
  return expression_of(key, *node);
}

std::optional<TomlTable> TomlTable::table(std::string_view key) const {
  const toml::node* node = find(key);
  if (!node) return std::nullopt;
  if (!node->is_table()) fail(key, "expected a table");
  return TomlTable(file_, *node->as_table(), fmt::format("{}{}.", path_, key));
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) const {
  const toml::node* node = find(key);
  if (!node) return {};
  const toml::array* array = node->as_array();
  const auto objection = fmt::format("expected tables, each headed [[{}{}]]", path_, key);
  if (!array) fail(key, objection);
  std::vector<TomlTable> all;
  for (const toml::node& item : *array) {
    if (!item.is_table()) fail_at(item, key, objection);
    all.emplace_back(file_, *item.as_table(), fmt::format("{}{}.", path_, key));
  }
  return all;
}

const toml::array& TomlTable::array(std::string_view key) const {
  const toml::node* node = find(key);
  if (!node) fail(key, "is missing");
  if (!node->is_array()) fail(key, "expected a list");
  return *node->as_array();
}

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return **text;
  if (const auto* flag = node.as_boolean()) return **flag ? "true" : "false";
  if (const auto* number = node.as_integer()) return std::to_string(**number);
  const toml::array* array = node.as_array();
  if (!array) return std::nullopt;
  std::string list;
  for (const toml::node& item : *array) {
    const std::optional<std::string> value = item.is_array() ? std::nullopt : scalar_text(item);
    if (!value) return std::nullopt;
    list += (list.empty() ? "" : ",") + *value;
  }
  return "[" + list + "]";
}

Assignment read_assignment(const std::string& key, const toml::node& node, const Where& where) {
  const Setting* setting = find_setting(key);
  if (!setting) {
    const std::string guess = nearest_setting(key);
    throw UserError(fmt::format("{}: unknown setting {}{}", where, printable(key),
                                guess.empty() ? "" : fmt::format("; did you mean {}?", guess)));
  }
  const std::optional<std::string> text = scalar_text(node);
  std::string objection;
  try {
    objection = text ? setting->check(setting->parse(*text)) : "expected " + setting->expected();
  } catch (const UserError& error) {
    objection = error.what();
  }
  if (!objection.empty()) throw UserError(fmt::format("{}: {}: {}", where, key, objection));
  return {key, *text, where};
}

std::vector<Assignment> read_assignments(const TomlTable& table) {
  std::vector<PlacedAssignment> placed;
  collect(table, table.raw(), "", placed);
  std::stable_sort(placed.begin(), placed.end(), [](const PlacedAssignment& a, const PlacedAssignment& b) {
    return std::tie(a.at.line, a.at.column) < std::tie(b.at.line, b.at.column);
  });
  std::vector<Assignment> assignments;
  for (PlacedAssignment& each : placed) assignments.push_back(std::move(each.assignment));
  return assignments;
}

}  // namespace faultline::cli
