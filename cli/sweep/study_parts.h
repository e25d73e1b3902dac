// The parts of a study's file, one reader each; study_reader.cc joins them.
#pragma once

#include "cli/sweep/study.h"
#include "cli/sweep/toml_access.h"

namespace faultline::cli {

// UserError as read_study.
Axis read_axis(const TomlTable& table);
Chart read_chart(const TomlTable& table);

// What only the whole study shows: names that nothing bears, names borne
// twice, arguments that no axis gives. UserError for the first.
void check_names(const Study& study);
void check_chart(const Study& study, const Chart& chart);

// A record of the list at this path in the statistics; null where there is no such list.
const Json* record_example(std::string_view path);

}  // namespace faultline::cli
