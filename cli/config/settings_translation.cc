#include "cli/config/settings.h"
#include "cli/config/settings_array.h"
#include "cli/config/settings_walker.h"

namespace faultline::cli {
namespace {

using C = Configuration;
using M = hw::MachineConfig;
using O = os::OsConfig;
using T = hw::TlbConfig;
using A = hw::TlbArrayConfig;

constexpr uint64_t kMostEntries = 65'536;

template <auto Level>
void add_tlb_level(std::vector<Setting>& table, const std::string& prefix) {
  using L = hw::TlbLevelConfig;
  const auto add = [&]<auto Member>(std::string_view name, SettingFacts facts) {
    table.push_back(setting<&C::machine, &M::tlb, Level, Member>(prefix + "." + std::string(name), std::move(facts)));
  };
  add.template operator()<&L::enabled>("enabled", {.help = "This TLB exists."});
  add.template operator()<&L::sets>(
      "sets",
      {.help = "Sets; the set of a page is its number modulo this. 1: fully associative.", .range = {1, kMostEntries}});
  add.template operator()<&L::ways>("ways", {.help = "Entries of a set.", .range = {1, kMostEntries}});
  add.template operator()<&L::replacement>("replacement", {.help = "Which entry of a full set makes room."});
  add.template operator()<&L::hit_cycles>(
      "hit_cycles", {.help = "A look-up here, on top of the access.", .unit = "cycles", .range = {0, 10'000}});
  add.template operator()<&L::split>(
      "split", {.help = "Large pages have arrays of their own; false: pages of every size share these sets."});
  add_array<A, &C::machine, &M::tlb, Level, &L::large>(
      table, prefix + ".large", "With split: an array for the second page size (2 MB).", kMostEntries);
  add_array<A, &C::machine, &M::tlb, Level, &L::huge>(
      table, prefix + ".huge", "With split: an array for the third page size (1 GB) and above.", kMostEntries);
}

// The tables of a format of the user's own.
void add_custom_format(std::vector<Setting>& table) {
  using F = hw::CustomFormatConfig;
  table.push_back(setting<&C::machine, &M::paging_custom, &F::page>(
      "paging.custom.page", {.help = "With paging.format = custom: the base page, a power of two.",
                             .unit = "bytes",
                             .range = {4'096, uint64_t{1} << 30}}));
  table.push_back(setting<&C::machine, &M::paging_custom, &F::bits>(
      "paging.custom.bits",
      {.help = "... bits of address that each level translates, the root's first.", .range = {1, 30}, .longest = 6}));
  table.push_back(setting<&C::machine, &M::paging_custom, &F::entry_bytes>(
      "paging.custom.entry_bytes",
      {.help = "... bytes of an entry: 8, like those of x86-64, or 4, like those of IA32.", .range = {4, 8}}));
  table.push_back(setting<&C::machine, &M::paging_custom, &F::leaves>(
      "paging.custom.leaves",
      {.help = "... levels whose entries may map a page, 0 being the last.", .range = {0, 5}, .longest = 6}));
}

}  // namespace

void add_translation_settings(std::vector<Setting>& table) {
  table.push_back(setting<&C::machine, &M::paging_format>(
      "paging.format", {.help = "The page-table format that the hardware walks, whatever the instruction set.",
                        .choices = {"x86-64", "la57", "sv32", "sv39", "sv48", "sv57", "ia32", "linear32", "custom"}}));
  table.push_back(setting<&C::os, &O::huge, &os::HugeConfig::transparent>(
      "paging.huge", {.help = "Which areas get huge pages without asking for each: none, those of MADV_HUGEPAGE, or "
                              "every anonymous one."}));
  table.push_back(setting<&C::os, &O::huge, &os::HugeConfig::collapse_pages>(
      "paging.collapse.pages", {.help = "Base pages that the daemon which makes huge pages of them looks at each time; "
                                        "0: there is none.",
                                .unit = "pages",
                                .range = {0, 1'000'000'000}}));
  table.push_back(setting<&C::os, &O::huge, &os::HugeConfig::collapse_milliseconds>(
      "paging.collapse.milliseconds",
      {.help = "From one look of that daemon to the next.", .unit = "ms", .range = {1, 1'000'000}}));
  add_custom_format(table);
  table.push_back(setting<&C::machine, &M::tlb, &T::enabled>(
      "tlb.enabled", {.help = "false: no TLB at all, every reference walks the tables."}));
  table.push_back(setting<&C::machine, &M::tlb, &T::asids>(
      "tlb.asids", {.help = "Entries carry an address-space identifier; false: changing the address space flushes."}));
  table.push_back(setting<&C::machine, &M::tlb, &T::large>(
      "tlb.large", {.help = "What a page above the base size takes: one entry, or one for each base page touched."}));
  add_tlb_level<&T::l1i>(table, "tlb.l1i");
  add_tlb_level<&T::l1d>(table, "tlb.l1d");
  add_tlb_level<&T::l2>(table, "tlb.l2");
  add_walker_settings(table);
}

}  // namespace faultline::cli
