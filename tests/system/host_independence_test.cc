// Nothing of the host reaches the simulation: where its allocator puts things,
// and which code it runs, with one hart and with several.
#include <algorithm>
#include <array>

#include "figures.h"

namespace faultline::system_test {
namespace {

constexpr std::array<const char*, 9> kPrograms = {"harts",  "threads",     "thread_ends",    "pipes_procs", "signals",
                                                  "storms", "job_control", "fork_exec_wait", "tight_memory"};

Json told(const GuestProgram& program, const std::vector<std::string>& settings,
          const std::vector<std::string>& environment) {
  FreshDirectory directory;
  make_files(program, directory.path());
  RunRequest request = faultline_request(program, program.runs.front(), directory.path());
  request.machine = "textbook";
  request.settings = settings;
  request.command.environment = environment;
  RunResult result = faultline_run(request);
  EXPECT_TRUE(result.stats.is_object()) << result.line << "\n" << result.err;
  if (!result.stats.is_object()) return Json();
  result.stats.erase("host");
  for (const char* key : {"translate", "translate_after"}) result.stats.at("config").at("hart").erase(key);
  result.stats["output"] = result.out;
  return result.stats;
}

void expect_independence(const std::string& harts) {
  size_t found = 0;
  for (const GuestProgram& program : guest_programs()) {
    if (std::find(kPrograms.begin(), kPrograms.end(), program.name) == kPrograms.end()) continue;
    ++found;
    const Json expected = told(program, {harts}, {});
    // Large pieces elsewhere; nothing kept for those who ask next.
    for (const char* allocator : {"glibc.malloc.mmap_threshold=2048", "glibc.malloc.tcache_count=0"}) {
      const Json other = told(program, {harts}, {std::string("GLIBC_TUNABLES=") + allocator});
      EXPECT_EQ(other, expected) << program.name << " " << allocator << "\n" << Json::diff(expected, other).dump(2);
    }
    for (const char* code : {"hart.translate=false", "hart.translate_after=1"}) {
      const Json other = told(program, {harts, code}, {});
      EXPECT_EQ(other, expected) << program.name << " " << code << "\n" << Json::diff(expected, other).dump(2);
    }
  }
  EXPECT_EQ(found, kPrograms.size());
}

TEST(HostIndependence, OneHart) { expect_independence("hart.count=1"); }
TEST(HostIndependence, TwoHarts) { expect_independence("hart.count=2"); }
TEST(HostIndependence, FourHarts) { expect_independence("hart.count=4"); }

}  // namespace
}  // namespace faultline::system_test
