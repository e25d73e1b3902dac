// The points of a study: every combination of choices that its filters keep,
// each with its whole configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/config/value.h"
#include "cli/sweep/study.h"

namespace faultline::cli {

struct Point {
  size_t number = 0;                   // from 1, in the order of the study
  std::vector<size_t> choices;         // one of each axis
  const Workload* workload = nullptr;  // of the study
  std::string program;                 // path, as the study's folder sees it
  std::vector<std::string> arguments;
  std::string machine;
  std::vector<std::string> overrides;  // KEY=VALUE, for -s
  size_t repeat = 1;
  uint64_t seed = 0;
  std::vector<Value> configuration;  // resolved, in the order of settings()
  std::string key;                   // names all its inputs (fingerprint.h); empty until asked for
};

// Where faultline's own guest programs are, for programs without a slash.
struct Surroundings {
  std::string guest_folder;
};

// UserError with file, line and key for a configuration that contradicts
// itself, a program that is not there, or a study without points. Relative
// paths are looked up from the current directory, which must be the study's.
std::vector<Point> expand(const Study& study, const Surroundings& surroundings);

// The value of an axis (its label, as a number where it is one), of
// "workload", "machine", "seed" and "repeat", and of a setting. Null else.
Json parameter(const Study& study, const Point& point, std::string_view name);

// Whether parameter() knows the name in every point.
bool is_parameter(const Study& study, std::string_view name);

// A label as people read it in a condition: 64, "4K" and "true" are values.
Json label_value(const std::string& label);

Json value_json(const Value& value);

// "--bind HOST[:GUEST][:rw]": the host's part.
std::string bind_host(const std::string& bind);

}  // namespace faultline::cli
