#include "cli/config/settings_walker.h"

#include "cli/config/settings_array.h"

namespace faultline::cli {

template <>
inline constexpr std::array<std::string_view, 4> kChoiceNames<hw::NestedPage> = {"4K", "2M", "1G", "base"};

namespace {

using C = Configuration;
using M = hw::MachineConfig;
using W = hw::WalkerConfig;
using P = hw::WalkCacheConfig;
using N = hw::NestedConfig;
using L = hw::WalkCacheLevelConfig;

constexpr uint64_t kMostEntries = 1'024;

template <auto Level>
void add_walk_cache(std::vector<Setting>& table, const std::string& name, std::string_view help) {
  add_array<L, &C::machine, &M::walker, &W::cache, Level>(table, "walker.cache." + name, help, kMostEntries);
}

void add_nested(std::vector<Setting>& table) {
  table.push_back(setting<&C::machine, &M::nested, &N::enabled>(
      "nested.enabled",
      {.help = "The system runs in a virtual machine: its physical addresses are translated by the host's tables."}));
  table.push_back(setting<&C::machine, &M::nested, &N::format>(
      "nested.format", {.help = "The format of the host's tables; custom: that of paging.custom.",
                        .choices = {"x86-64", "la57", "sv32", "sv39", "sv48", "sv57", "ia32", "linear32", "custom"}}));
  table.push_back(setting<&C::machine, &M::nested, &N::page>(
      "nested.page",
      {.help = "The pages with which the host maps the guest's memory; base: the smallest of nested.format."}));
  add_array<L, &C::machine, &M::nested, &N::tlb>(
      table, "nested.tlb",
      "A TLB of guest-physical pages, of the host's page size, for the walker (where tlb.enabled is true).",
      kMostEntries);
}

}  // namespace

void add_walker_settings(std::vector<Setting>& table) {
  table.push_back(setting<&C::machine, &M::walker, &W::entry>(
      "walker.entry",
      {.help = "Where the walker's reads enter the memory hierarchy; a cache that is off passes them on."}));
  table.push_back(setting<&C::machine, &M::walker, &W::parallel>(
      "walker.parallel",
      {.help = "Walks at once: from 2 on, those for the two pages of one instruction overlap.", .range = {1, 16}}));
  table.push_back(setting<&C::machine, &M::walker, &W::caches>(
      "walker.caches", {.help = "Page-walk caches, one for each level of tables above the last."}));
  table.push_back(setting<&C::machine, &M::walker, &W::cache, &P::cycles>(
      "walker.cache.cycles",
      {.help = "A look-up in all of them at once, before a walk.", .unit = "cycles", .range = {0, 10'000}}));
  add_walk_cache<&P::l1>(table, "l1", "For the entries one level above the last (x86: the page directory's).");
  add_walk_cache<&P::l2>(table, "l2", "For the entries two levels above the last.");
  add_walk_cache<&P::l3>(table, "l3", "For the entries three levels above the last.");
  add_walk_cache<&P::l4>(table, "l4", "For the entries four levels above the last.");
  add_walk_cache<&P::l5>(table, "l5", "For the entries five levels above the last.");
  add_nested(table);
}

}  // namespace faultline::cli
