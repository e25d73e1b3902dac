#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/config/settings.h"
#include "cli/config/user_error.h"
#include "cli/sweep/study_parts.h"

namespace faultline::cli {
namespace {

constexpr size_t kMostChoices = 10'000;

// A range's end: a whole number, or a size as a text.
uint64_t bound(const TomlTable& range, std::string_view key) {
  const toml::node* node = range.find(key);
  if (!node) range.fail(key, "is missing");
  const std::optional<uint64_t> value = parse_size(scalar_text(*node).value_or(""));
  if (!value) range.fail(key, "expected a whole number or a size");
  return *value;
}

// {from, to, step}: from, from + step, ... to. {from, to, times}: from, from * times, ... to.
std::vector<uint64_t> numbers_of_range(const TomlTable& range) {
  range.allow_only({"from", "to", "step", "times"});
  const uint64_t from = bound(range, "from"), to = bound(range, "to");
  if (to < from) range.fail("to", "is below from");
  if (range.has("step") && range.has("times")) range.fail("times", "contradicts step: give one of them");
  const bool geometric = range.has("times");
  const uint64_t step = geometric ? bound(range, "times") : range.has("step") ? bound(range, "step") : 1;
  if (geometric && (step < 2 || from == 0)) range.fail("times", "expected at least 2, from a number above 0");
  if (step == 0) range.fail("step", "must not be 0");
  std::vector<uint64_t> numbers;
  for (uint64_t at = from;;) {
    numbers.push_back(at);
    if (numbers.size() > kMostChoices) range.fail("to", fmt::format("more than {} values", kMostChoices));
    const bool past = geometric ? at > to / step : to - at < step;
    if (past) return numbers;
    at = geometric ? at * step : at + step;
  }
}

// One axis in the making: its table, and what its kind fills in.
class AxisReader {
 public:
  explicit AxisReader(const TomlTable& table) : table_(table) {}

  Axis read() {
    table_.allow_only(
        {"name", "title", "key", "keys", "argument", "machine", "workload", "choice", "values", "range", "labels"});
    axis_.where = table_.where();
    read_kind();
    if (table_.has("name")) axis_.name = table_.required_text("name");
    check_name();
    axis_.title = table_.text("title", axis_.name);
    read_labels();
    if (axis_.choices.empty()) table_.fail(kind_, "is empty");
    check_labels();
    return std::move(axis_);
  }

 private:
  void read_kind() {
    static constexpr std::array<std::string_view, 6> kKinds = {"key",     "keys",     "argument",
                                                               "machine", "workload", "choice"};
    for (const std::string_view kind : kKinds) {
      if (!table_.has(kind)) continue;
      if (!kind_.empty()) table_.fail(kind, fmt::format("contradicts {}: an axis varies one thing", kind_));
      kind_ = kind;
    }
    if (kind_.empty())
      throw UserError(fmt::format(
          "{}: axis: says nothing of what varies (key, keys, argument, machine, workload or choice)", table_.where()));
    if (kind_ == "key") return read_key();
    if (kind_ == "keys") return read_keys();
    if (kind_ == "argument") return read_argument();
    if (kind_ == "choice") return read_choices();
    axis_.name = kind_ == "workload" ? kWorkloadAxis : "machine";
    for (const toml::node& node : table_.array(kind_)) {
      if (!node.is_string()) table_.fail_at(node, kind_, "expected a list of names");
      Choice choice = new_choice(**node.as_string(), table_.position(node.source()));
      (kind_ == "workload" ? choice.workload : choice.machine) = choice.label;
      axis_.choices.push_back(std::move(choice));
    }
  }

  void read_key() {
    const std::string key = table_.required_text("key");
    axis_.name = key;
    for_each_value([&](const toml::node& node, const Where& where) {
      Choice choice = new_choice(scalar_text(node).value_or(""), where);
      choice.settings.push_back(read_assignment(key, node, where));
      axis_.choices.push_back(std::move(choice));
    });
  }

  // Paired keys: each value goes to all of them, or is a list with one for each.
  void read_keys() {
    const std::vector<std::string> keys = table_.texts("keys");
    if (keys.empty()) table_.fail("keys", "is empty");
    axis_.name = keys.front();
    for_each_value([&](const toml::node& node, const Where& where) {
      const toml::array* row = node.as_array();
      if (row && row->size() != keys.size())
        table_.fail_at(node, "values", fmt::format("expected {} values, one for each of keys", keys.size()));
      Choice choice = new_choice(row ? "" : scalar_text(node).value_or(""), where);
      for (size_t i = 0; i < keys.size(); ++i) {
        choice.settings.push_back(read_assignment(keys[i], row ? *row->get(i) : node, where));
        if (row) choice.label += (i == 0 ? "" : " / ") + choice.settings.back().value;
      }
      axis_.choices.push_back(std::move(choice));
    });
  }

  void read_argument() {
    const std::string argument = table_.required_text("argument");
    axis_.name = argument;
    for_each_value([&](const toml::node& node, const Where& where) {
      const std::optional<std::string> text = node.is_array() ? std::nullopt : scalar_text(node);
      if (!text) table_.fail_at(node, "values", "expected numbers or texts");
      Choice choice = new_choice(*text, where);
      choice.arguments[argument] = *text;
      axis_.choices.push_back(std::move(choice));
    });
  }

  void read_choices() {
    for (const TomlTable& table : table_.tables("choice")) {
      table.allow_only({"label", "machine", "workload", "settings", "arguments"});
      Choice choice;
      choice.where = table.where();
      choice.label = table.required_text("label");
      if (table.has("machine")) choice.machine = table.required_text("machine");
      if (table.has("workload")) choice.workload = table.required_text("workload");
      if (const auto settings = table.table("settings")) choice.settings = read_assignments(*settings);
      if (const auto arguments = table.table("arguments")) {
        for (auto&& [name, node] : arguments->raw()) {
          const std::optional<std::string> text = node.is_array() ? std::nullopt : scalar_text(node);
          if (!text) arguments->fail_at(node, name.str(), "expected a number or a text");
          choice.arguments[std::string(name.str())] = *text;
        }
      }
      axis_.choices.push_back(std::move(choice));
    }
    axis_.name = "choice";
  }

  // Calls `take` with each of `values`, or of `range`, and where it stands.
  template <class Take>
  void for_each_value(Take take) {
    if (table_.has("values") == table_.has("range")) table_.fail("values", "give either values or range");
    if (const auto range = table_.table("range")) {
      for (const uint64_t number : numbers_of_range(*range)) {
        take(toml::value<int64_t>(static_cast<int64_t>(number)), range->where());
      }
      return;
    }
    for (const toml::node& node : table_.array("values")) take(node, table_.position(node.source()));
  }

  static Choice new_choice(std::string label, const Where& where) {
    Choice choice;
    choice.label = std::move(label);
    choice.where = where;
    return choice;
  }

  // Conditions and charts call an axis by a word.
  void check_name() const {
    const auto word = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    };
    const bool good = std::all_of(axis_.name.begin(), axis_.name.end(), word) && !axis_.name.empty() &&
                      !(axis_.name.front() >= '0' && axis_.name.front() <= '9');
    if (!good) table_.fail("name", "expected letters, digits, _ and dots, a letter first");
  }

  void read_labels() {
    if (!table_.has("labels")) return;
    const std::vector<std::string> labels = table_.texts("labels");
    if (labels.size() != axis_.choices.size())
      table_.fail("labels", fmt::format("expected {}, one for each value", axis_.choices.size()));
    for (size_t i = 0; i < labels.size(); ++i) axis_.choices[i].label = labels[i];
  }

  void check_labels() const {
    std::vector<std::string> labels;
    for (const Choice& choice : axis_.choices) labels.push_back(choice.label);
    std::sort(labels.begin(), labels.end());
    const auto twice = std::adjacent_find(labels.begin(), labels.end());
    if (twice != labels.end()) table_.fail(kind_, fmt::format("has \"{}\" twice", printable(*twice)));
  }

  const TomlTable& table_;
  std::string_view kind_;
  Axis axis_;
};

}  // namespace

Axis read_axis(const TomlTable& table) { return AxisReader(table).read(); }

}  // namespace faultline::cli
