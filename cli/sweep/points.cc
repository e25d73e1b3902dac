#include "cli/sweep/points.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "cli/config/loader.h"
#include "cli/config/settings.h"
#include "cli/config/user_error.h"

namespace faultline::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostCombinations = 1'000'000;
constexpr size_t kMostPoints = 20'000;

std::string override_text(const Assignment& assignment) { return assignment.key + "=" + assignment.value; }

// The arguments with each {NAME} replaced.
std::vector<std::string> fill_in(const Workload& workload, const std::map<std::string, std::string>& values) {
  std::vector<std::string> arguments;
  for (std::string argument : workload.arguments) {
    for (const auto& [name, value] : values) {
      const std::string mark = "{" + name + "}";
      for (size_t at = argument.find(mark); at != std::string::npos; at = argument.find(mark, at + value.size()))
        argument.replace(at, mark.size(), value);
    }
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

// One combination on its way to a point.
class Candidate {
 public:
  Candidate(const Study& study, std::vector<size_t> choices) : study_(study) {
    point_.choices = std::move(choices);
    point_.machine = study.machine;
    machine_where_ = study.machine_where;
    assigned_ = study.settings;
    std::string workload = study.workloads.front().name;
    std::map<std::string, std::string> arguments;
    for (size_t i = 0; i < study.axes.size(); ++i) {
      const Choice& choice = study.axes[i].choices[point_.choices[i]];
      if (choice.machine) {
        point_.machine = *choice.machine;
        machine_where_ = choice.where;
      }
      if (choice.workload) workload = *choice.workload;
      assigned_.insert(assigned_.end(), choice.settings.begin(), choice.settings.end());
      for (const auto& [name, value] : choice.arguments) arguments[name] = value;
    }
    point_.workload = study.find_workload(workload);
    point_.arguments = fill_in(*point_.workload, arguments);
    for (const Assignment& assignment : assigned_) point_.overrides.push_back(override_text(assignment));
  }

  bool kept() {
    return std::all_of(study_.filters.begin(), study_.filters.end(), [this](const Filter& filter) {
      return filter.condition.holds([this](std::string_view name) { return value(name); }) == filter.keep;
    });
  }

  Point point(uint64_t seed, size_t repeat) {
    Point made = point_;
    made.repeat = repeat;
    if (!study_.seeds.empty()) made.overrides.push_back(fmt::format("seed={}", seed));
    const LoadedConfiguration loaded = load(made.overrides);
    made.seed = loaded.values.machine.seed;
    for (const Setting& setting : settings()) made.configuration.push_back(setting.get(loaded.values));
    return made;
  }

 private:
  // For filters. What the combination itself sets is known without building
  // the whole configuration, so that a filter can drop a contradiction.
  Json value(std::string_view name) {
    const Setting* setting = find_setting(name);
    if (!setting) return parameter(study_, point_, name);
    const auto given = std::find_if(assigned_.rbegin(), assigned_.rend(),
                                    [&](const Assignment& assignment) { return assignment.key == name; });
    if (given != assigned_.rend()) return value_json(setting->parse(given->value));
    if (!base_) base_ = load(point_.overrides);
    return value_json(setting->get(base_->values));
  }

  LoadedConfiguration load(const std::vector<std::string>& overrides) const {
    try {
      return load_configuration(point_.machine, overrides);
    } catch (const UserError& error) {
      throw UserError(fmt::format("{}: {}{}", blame(error.what()), combination(), error.what()));
    }
  }

  // The loader names the setting that was given last; here is who gave it.
  Where blame(std::string_view message) const {
    for (auto it = assigned_.rbegin(); it != assigned_.rend(); ++it) {
      if (message.starts_with("-s " + override_text(*it) + ":")) return it->where;
    }
    return machine_where_;
  }

  std::string combination() const {
    std::string text;
    for (size_t i = 0; i < study_.axes.size(); ++i) {
      const Axis& axis = study_.axes[i];
      text += fmt::format("{}{} {}", text.empty() ? "with " : ", ", axis.name, axis.choices[point_.choices[i]].label);
    }
    return text.empty() ? text : text + ": ";
  }

  const Study& study_;
  Point point_;
  Where machine_where_;
  std::vector<Assignment> assigned_;  // later ones win
  std::optional<LoadedConfiguration> base_;
};

// Counts through all combinations; the last axis turns fastest.
bool next_combination(const Study& study, std::vector<size_t>& choices) {
  for (size_t i = choices.size(); i-- > 0;) {
    if (++choices[i] < study.axes[i].choices.size()) return true;
    choices[i] = 0;
  }
  return false;
}

void check_size(const Study& study) {
  size_t combinations = 1;
  for (const Axis& axis : study.axes) {
    combinations *= axis.choices.size();
    if (combinations > kMostCombinations)
      throw UserError(
          fmt::format("{}: axis: {} makes more than {} combinations", axis.where, axis.name, kMostCombinations));
  }
}

std::string program_path(const Workload& workload, const Surroundings& surroundings) {
  const bool own = workload.program.find('/') == std::string::npos;
  const std::string path = own ? surroundings.guest_folder + "/" + workload.program : workload.program;
  std::error_code error;
  if (fs::is_regular_file(path, error)) return path;
  throw UserError(fmt::format("{}: workload.program: {}: {}", workload.where, path,
                              error ? error.message()
                              : own ? "no such guest program"
                                    : "no such file"));
}

void check_binds(const Workload& workload) {
  for (const std::string& bind : workload.binds) {
    std::error_code error;
    if (!fs::exists(bind_host(bind), error))
      throw UserError(fmt::format("{}: workload.binds: {} does not exist", workload.where, bind_host(bind)));
    if (bind.ends_with(":rw"))
      throw UserError(fmt::format("{}: workload.binds: {}: points run side by side, none may change a file of the host",
                                  workload.where, bind));
  }
}

}  // namespace

std::string bind_host(const std::string& bind) { return bind.substr(0, bind.find(':')); }

std::vector<Point> expand(const Study& study, const Surroundings& surroundings) {
  check_size(study);
  std::map<const Workload*, std::string> programs;
  for (const Workload& workload : study.workloads) {
    programs[&workload] = program_path(workload, surroundings);
    check_binds(workload);
  }
  std::vector<Point> points;
  std::vector<size_t> choices(study.axes.size(), 0);
  const size_t repeats = std::max<size_t>(study.seeds.size(), 1);
  do {
    Candidate candidate(study, choices);
    if (!candidate.kept()) continue;
    for (size_t repeat = 0; repeat < repeats; ++repeat) {
      points.push_back(candidate.point(study.seeds.empty() ? 0 : study.seeds[repeat], repeat + 1));
      points.back().number = points.size();
      points.back().program = programs[points.back().workload];
      if (points.size() > kMostPoints) throw UserError(fmt::format("{}: more than {} points", study.file, kMostPoints));
    }
  } while (next_combination(study, choices));
  if (points.empty()) throw UserError(fmt::format("{}: no point is left by only and exclude", study.file));
  return points;
}

Json label_value(const std::string& label) {
  if (const auto number = parse_size(label)) return *number;
  if (label == "true" || label == "false") return label == "true";
  return label;
}

Json value_json(const Value& value) {
  return std::visit([](const auto& held) { return Json(held); }, value);
}

Json parameter(const Study& study, const Point& point, std::string_view name) {
  for (size_t i = 0; i < settings().size() && i < point.configuration.size(); ++i) {
    if (settings()[i].path == name) return value_json(point.configuration[i]);
  }
  for (size_t i = 0; i < study.axes.size(); ++i) {
    if (study.axes[i].name == name) return label_value(study.axes[i].choices[point.choices[i]].label);
  }
  if (name == "workload") return point.workload->name;
  if (name == "machine") return point.machine;
  if (name == "seed") return point.seed;
  if (name == "repeat") return point.repeat;
  return nullptr;
}

bool is_parameter(const Study& study, std::string_view name) {
  return find_setting(name) || study.find_axis(name) || name == "workload" || name == "machine" || name == "seed" ||
         name == "repeat";
}

}  // namespace faultline::cli
