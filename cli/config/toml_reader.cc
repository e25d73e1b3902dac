#include "cli/config/toml_reader.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <vector>

#include "cli/config/presets.h"
#include "cli/config/settings.h"
#include "cli/config/user_error.h"

namespace faultline::cli {
namespace {

// Messages are one line whatever a hostile file is made of.
std::string printable(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, 80)) line += c >= ' ' && c != '\x7f' ? c : '?';
  if (text.size() > 80) line += "...";
  return line;
}

class Reader {
 public:
  Reader(const std::string& name, std::string_view text, LoadedConfiguration& into, int depth)
      : name_(name), text_(text), into_(into), depth_(depth) {}

  void read() {
    const toml::table table = parse();
    if (const toml::node* base = table.get("base")) read_base(*base);
    for (auto&& [key, node] : table) {
      if (key.str() == "base") continue;
      if (key.str() == "description") {
        into_.description = text_of(node, "description");
        continue;
      }
      visit(std::string(key.str()), key, node);
    }
  }

 private:
  toml::table parse() const {
    try {
      return toml::parse(text_, name_);
    } catch (const toml::parse_error& error) {
      throw UserError(fmt::format("{}: {}", position(error.source()), printable(error.description())));
    }
  }

  void read_base(const toml::node& node) {
    const std::string base = text_of(node, "base");
    const Preset* preset = find_preset(base);
    if (!preset) throw UserError(fmt::format("{}: base: no preset \"{}\"", position(node.source()), printable(base)));
    if (depth_ == kLongestChain)
      throw UserError(fmt::format("{}: base: the chain is too long", position(node.source())));
    read_toml(base + ".toml", preset->toml, into_, depth_ + 1);
    into_.description.clear();
  }

  void visit(const std::string& path, const toml::key& key, const toml::node& node) {
    const Setting* setting = find_setting(path);
    if (setting) return assign(*setting, node);
    const auto below = [&path](const Setting& s) { return s.path.starts_with(path + "."); };
    if (!std::any_of(settings().begin(), settings().end(), below)) {
      const std::string nearest = nearest_setting(path);
      throw UserError(fmt::format("{}: unknown key {}{}", position(key.source()), printable(path),
                                  nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
    }
    const toml::table* table = node.as_table();
    if (!table) throw UserError(fmt::format("{}: {}: expected a table", position(node.source()), path));
    for (auto&& [name, child] : *table) visit(path + "." + std::string(name.str()), name, child);
  }

  void assign(const Setting& setting, const toml::node& node) {
    const Value value = value_of(setting, node);
    const std::string objection = setting.check(value);
    if (!objection.empty()) fail(setting, node, objection);
    setting.set(into_.values, value);
    into_.origins[setting.path] = {position(node.source()), note(node.source().begin.line), order(node.source())};
  }

  Value value_of(const Setting& setting, const toml::node& node) const {
    using Kind = Setting::Kind;
    if (setting.kind == Kind::boolean && node.is_boolean()) return **node.as_boolean();
    if (setting.kind == Kind::list) return numbers_of(setting, node);
    const bool text = setting.kind == Kind::choice || setting.kind == Kind::text;
    const bool numeric = setting.kind != Kind::boolean && !text;
    if (numeric && node.is_integer() && **node.as_integer() >= 0) return static_cast<uint64_t>(**node.as_integer());
    const bool worded = text || setting.kind == Kind::size || setting.kind == Kind::numbered;
    if (worded && node.is_string()) {
      try {
        return setting.parse(**node.as_string());
      } catch (const UserError& error) {
        fail(setting, node, error.what());
      }
    }
    fail(setting, node, "expected " + setting.expected());
  }

  Numbers numbers_of(const Setting& setting, const toml::node& node) const {
    const toml::array* array = node.as_array();
    if (!array) fail(setting, node, "expected " + setting.expected());
    Numbers numbers;
    for (const toml::node& item : *array) {
      if (!item.is_integer() || **item.as_integer() < 0) fail(setting, item, "expected " + setting.expected());
      numbers.push_back(static_cast<uint64_t>(**item.as_integer()));
    }
    return numbers;
  }

  [[noreturn]] void fail(const Setting& setting, const toml::node& node, const std::string& objection) const {
    throw UserError(fmt::format("{}: {}: {}", position(node.source()), setting.path, objection));
  }

  std::string text_of(const toml::node& node, std::string_view key) const {
    if (const auto* text = node.as_string()) return **text;
    throw UserError(fmt::format("{}: {}: expected a string", position(node.source()), key));
  }

  std::string position(const toml::source_region& region) const {
    return fmt::format("{}:{}:{}", name_, region.begin.line, region.begin.column);
  }

  // Tables iterate by key; what stands further down counts as given later, and
  // a base earlier than whoever builds on it.
  Origin::Order order(const toml::source_region& region) const {
    return {static_cast<size_t>(kLongestChain - depth_), region.begin.line, region.begin.column};
  }

  // The comment at the end of a line (its number counts from 1).
  std::string note(size_t line) const {
    std::string_view rest = text_;
    for (size_t i = 1; i < line; ++i) rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    rest = rest.substr(0, rest.find('\n'));
    bool quoted = false;
    for (size_t i = 0; i < rest.size(); ++i) {
      if (rest[i] == '"') quoted = !quoted;
      if (rest[i] != '#' || quoted) continue;
      rest.remove_prefix(std::min(rest.find_first_not_of("# \t", i), rest.size()));
      return std::string(rest.substr(0, rest.find_last_not_of(" \t\r") + 1));
    }
    return "";
  }

  const std::string& name_;
  std::string_view text_;
  LoadedConfiguration& into_;
  int depth_;
};

}  // namespace

void read_toml(const std::string& name, std::string_view text, LoadedConfiguration& into, int depth) {
  Reader(name, text, into, depth).read();
}

}  // namespace faultline::cli
