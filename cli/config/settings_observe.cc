#include "cli/config/settings.h"

namespace faultline::cli {
namespace {

using C = Configuration;
using M = hw::MachineConfig;
using O = hw::ObserveConfig;
using R = RunConfig;

template <auto Member>
Setting observe(std::string_view name, SettingFacts facts) {
  return setting<&C::machine, &M::observe, Member>("observe." + std::string(name), std::move(facts));
}

}  // namespace

void add_observe_settings(std::vector<Setting>& table) {
  table.push_back(observe<&O::tlb>(
      "tlb",
      {.help = "Counts the misses of first-level LRU TLBs of many sizes in this one run. Changes no other figure."}));
  table.push_back(observe<&O::sets>(
      "sets",
      {.help = "Numbers of sets to observe beside 1, 2, 4 and so on to 1024.", .range = {1, 65'536}, .longest = 64}));
  table.push_back(observe<&O::pages>(
      "pages", {.help = "Books the cycles of translation to pages and to instructions. Changes no other figure."}));
  table.push_back(observe<&O::top>(
      "top", {.help = "How many of the costliest pages and instructions the statistics list.", .range = {1, 100'000}}));
  table.push_back(observe<&O::interval>("interval", {.help = "Time between the rows of --series FILE; 0: no rows.",
                                                     .unit = "cycles",
                                                     .range = {0, uint64_t{1} << 62}}));
}

void add_run_settings(std::vector<Setting>& table) {
  constexpr Range kInstructions = {0, uint64_t{1} << 62};
  table.push_back(setting<&C::run, &R::fast_forward>(
      "run.fast_forward",
      {.help = "Instructions of all harts that are run as with timing = none and counted nowhere; then the machine is "
               "as configured, with empty TLBs and caches. As --fast-forward.",
       .range = kInstructions}));
  table.push_back(setting<&C::run, &R::warm_up>(
      "run.warm_up", {.help = "Instructions behind those that fill TLBs and caches and are not counted. As --warm-up.",
                      .range = kInstructions}));
  table.push_back(setting<&C::run, &R::detail>(
      "run.detail", {.help = "Where timing holds: in the whole run behind run.fast_forward, or in the regions of "
                             "interest that the program marks alone. regions is as --fast-forward mark."}));
}

}  // namespace faultline::cli
