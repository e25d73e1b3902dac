#include "cli/config/describe.h"

#include <fmt/format.h>

#include "cli/config/presets.h"
#include "cli/config/settings.h"

namespace faultline::cli {
namespace {

// "tlb.l1d" of "tlb.l1d.ways"; empty at the top.
std::string_view table_of(std::string_view path) {
  const size_t dot = path.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : path.substr(0, dot);
}

std::string_view name_of(std::string_view path) { return path.substr(path.rfind('.') + 1); }

// Calls `heading(table)` where a new table begins and `row(setting)` for each.
template <class Heading, class Row>
void for_each_setting(Heading heading, Row row) {
  std::string_view table;
  for (const Setting& setting : settings()) {
    if (table_of(setting.path) != table) {
      table = table_of(setting.path);
      heading(table);
    }
    row(setting);
  }
}

// A basic string of TOML: one line, whatever is in it.
std::string toml_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      result += fmt::format("\\u{:04x}", byte);
    } else {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
  }
  return result + '"';
}

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) result += c == '|' ? std::string("\\|") : std::string(1, c);
  return result;
}

}  // namespace

std::string describe_as_toml(const LoadedConfiguration& loaded) {
  std::string text =
      fmt::format("# Every setting of {}, resolved. This is a machine file: faultline run -m FILE.toml PROGRAM\n",
                  toml_string(loaded.machine));
  if (!loaded.description.empty()) text += fmt::format("description = {}\n", toml_string(loaded.description));
  text += "\n";
  for_each_setting([&text](std::string_view table) { text += fmt::format("\n[{}]\n", table); },
                   [&text, &loaded](const Setting& setting) {
                     const std::string value = setting.toml(setting.get(loaded.values));
                     const std::string line = fmt::format("{} = {}", name_of(setting.path), value);
                     const auto origin = loaded.origins.find(setting.path);
                     // Where the number comes from, else what it means.
                     const bool sourced = origin != loaded.origins.end() && !origin->second.note.empty();
                     const std::string_view comment = sourced ? origin->second.note : setting.facts.help;
                     text += fmt::format("{:<28} # {}\n", line, comment);
                   });
  return text;
}

nlohmann::ordered_json configuration_json(const Configuration& configuration) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const Setting& setting : settings()) {
    nlohmann::ordered_json* place = &json;
    std::string_view path = setting.path;
    for (size_t dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
      place = &(*place)[std::string(path.substr(0, dot))];
      path.remove_prefix(dot + 1);
    }
    std::visit([&](const auto& value) { (*place)[std::string(path)] = value; }, setting.get(configuration));
  }
  return json;
}

std::string settings_reference() {
  std::string text =
      "# Configuration\n\n"
      "<!-- Written by `faultline machines --reference`; a test holds it equal. -->\n\n"
      "A machine is a preset or a TOML file (`-m`), and any setting can be given on the command line\n"
      "(`-s KEY=VALUE`), which wins. A machine file may begin with `base = \"PRESET\"` and then says only what is\n"
      "different; without a base it starts from the defaults below, which are the textbook machine. An unknown key,\n"
      "a value out of range or two settings that contradict each other end faultline with status 2 before anything\n"
      "runs. Sizes are bytes, or text with K, M, G or T (powers of 1024).\n\n"
      "```toml\n"
      "# big-tlb.toml\n"
      "base = \"core-i7\"\n"
      "description = \"The case study with a second-level TLB of 2048 entries\"\n"
      "[tlb.l2]\n"
      "sets = 512\n"
      "```\n\n"
      "Presets: ";
  for (const Preset& preset : presets())
    text += fmt::format("{}`{}`", &preset == &presets().front() ? "" : ", ", preset.name);
  text += ". `faultline machines NAME` prints one whole, with the source of each number.\n";
  const std::string header = "\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
  text += header;
  for_each_setting([&](std::string_view table) { text += fmt::format("\n## {}\n{}", table, header); },
                   [&text](const Setting& setting) {
                     std::string value = setting.expected();
                     if (!setting.facts.unit.empty() && setting.kind != Setting::Kind::size) {
                       value += fmt::format(", {}", setting.facts.unit);
                     }
                     text += fmt::format("| `{}` | {} | `{}` | {} |\n", setting.path, escaped(value),
                                         setting.toml(setting.default_value()), escaped(setting.facts.help));
                   });
  return text;
}

}  // namespace faultline::cli
