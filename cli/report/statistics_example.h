// One statistics document that has every field a run can give, also those that
// only some runs do.
#pragma once

#include <nlohmann/json.hpp>

namespace faultline::cli {

// Lists have one record each. `series` are the rows of --series, which a sweep
// keeps beside a point's statistics.
const nlohmann::ordered_json& statistics_example();

}  // namespace faultline::cli
