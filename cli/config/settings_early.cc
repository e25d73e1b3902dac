#include "cli/config/settings.h"

namespace faultline::cli {
namespace {

using C = Configuration;
using M = hw::MachineConfig;
using R = hw::RelocationConfig;
using O = os::OsConfig;
using E = os::EarlyConfig;

template <auto Member>
Setting early(std::string_view name, SettingFacts facts) {
  return setting<&C::os, &O::early, Member>("memory." + std::string(name), std::move(facts));
}

}  // namespace

void add_early_settings(std::vector<Setting>& table) {
  table.push_back(setting<&C::machine, &M::relocation, &R::model>(
      "memory.model", {.help = "How a program's addresses become those of memory; but for paging, of free-standing "
                               "programs (docs/address-spaces.md)."}));
  table.push_back(setting<&C::machine, &M::relocation, &R::check_cycles>(
      "memory.check_cycles", {.help = "Without paging: what the registers' check takes of every reference.",
                              .unit = "cycles",
                              .range = {0, 10'000}}));
  table.push_back(early<&E::resident>(
      "resident", {.help = "Without paging: the OS layer's own part of memory, from address 0; the fence is its end.",
                   .unit = "bytes",
                   .range = {uint64_t{16} << 10, uint64_t{1} << 30}}));
  table.push_back(early<&E::stack>("stack", {.help = "Without paging: a program's stack, which does not grow.",
                                             .unit = "bytes",
                                             .range = {uint64_t{4} << 10, uint64_t{1} << 30}}));
  table.push_back(early<&E::placement>(
      "placement",
      {.help = "Without paging, with base registers: which of the holes that are large enough is taken."}));
  table.push_back(early<&E::compaction>(
      "compaction", {.help = "With base registers: programs move together where no hole is large enough."}));
  table.push_back(early<&E::swapping>(
      "swapping", {.help = "Without paging: whole programs go to the disk and come back, a time slice each."}));
}

}  // namespace faultline::cli
