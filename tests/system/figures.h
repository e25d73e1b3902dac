// What a run tells, to compare runs that may not differ.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "guest_program.h"

namespace faultline::system_test {

// All that a run of the program tells but for the host's part and those settings of the hart that are named.
inline Json figures(const std::string& machine, const GuestProgram& program, const std::vector<std::string>& arguments,
                    const std::vector<std::string>& settings, const std::vector<std::string>& but_for) {
  FreshDirectory directory;
  make_files(program, directory.path());
  RunRequest request = faultline_request(program, arguments, directory.path());
  request.machine = machine;
  request.settings = settings;
  request.command.limit = std::chrono::seconds(300);  // without the shortcuts some programs take long
  RunResult result = faultline_run(request);
  EXPECT_TRUE(result.stats.is_object()) << result.line << "\n" << result.err;
  if (!result.stats.is_object()) return Json();
  result.stats.erase("host");
  for (const std::string& key : but_for) EXPECT_EQ(result.stats.at("config").at("hart").erase(key), 1u) << key;
  result.stats["output"] = result.out;
  result.stats["status"] = result.status;
  return result.stats;
}

}  // namespace faultline::system_test
