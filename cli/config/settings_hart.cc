#include "cli/config/settings.h"

namespace faultline::cli {
namespace {

using C = Configuration;
using M = hw::MachineConfig;
using H = hw::HartConfig;

template <auto Member>
Setting hart(std::string_view name, SettingFacts facts) {
  return setting<&C::machine, &M::hart, Member>("hart." + std::string(name), std::move(facts));
}

constexpr Range kInstructionCycles = {1, 1'000};

}  // namespace

void add_hart_settings(std::vector<Setting>& table) {
  table.push_back(setting<&C::machine, &M::seed>(
      "seed", {.help = "Of everything random: random replacement, getrandom, AT_RANDOM."}));
  table.push_back(setting<&C::timing>(
      "timing",
      {.help = "Level of detail: full is the machine as described; tlb has no caches, and only walks wait for memory; "
               "none translates without a TLB's limits and counts, and an instruction takes its own cycles.",
       .choices = {kTimingFull, kTimingTlb, kTimingNone}}));
  table.push_back(hart<&H::count>(
      "count", {.help = "Harts, each with TLBs, a walker and first-level caches of its own.", .range = {1, 64}}));
  table.push_back(hart<&H::clock_mhz>(
      "clock_mhz", {.help = "Clock of the harts; turns cycles into seconds.", .unit = "MHz", .range = {1, 10'000}}));
  table.push_back(hart<&H::misaligned>(
      "misaligned",
      {.help =
           "An access not aligned to its size is free (fast), costs misaligned_cycles (slow), or is SIGBUS (trap)."}));
  table.push_back(hart<&H::misaligned_cycles>(
      "misaligned_cycles",
      {.help = "Cycles of a misaligned access beyond its memory accesses, where misaligned is slow.",
       .unit = "cycles",
       .range = {0, 10'000}}));
  table.push_back(hart<&H::base_cycles>(
      "base_cycles",
      {.help = "An instruction, beyond its fetch and its data.", .unit = "cycles", .range = kInstructionCycles}));
  table.push_back(hart<&H::multiply_cycles>(
      "multiply_cycles", {.help = "An integer multiplication.", .unit = "cycles", .range = kInstructionCycles}));
  table.push_back(hart<&H::divide_cycles>(
      "divide_cycles", {.help = "An integer division or remainder.", .unit = "cycles", .range = kInstructionCycles}));
  table.push_back(hart<&H::float_cycles>(
      "float_cycles", {.help = "A floating-point addition, multiplication, conversion or comparison.",
                       .unit = "cycles",
                       .range = kInstructionCycles}));
  table.push_back(hart<&H::float_divide_cycles>(
      "float_divide_cycles",
      {.help = "A floating-point division or square root.", .unit = "cycles", .range = kInstructionCycles}));
  table.push_back(hart<&H::quantum>("quantum", {.help = "The longest a hart runs ahead of the rest of the machine; "
                                                        "with one hart no figure depends on it, with several "
                                                        "all do.",
                                                .unit = "cycles",
                                                .range = {100, 1'000'000'000}}));
  table.push_back(
      hart<&H::fast_path>("fast_path", {.help = "Host-side shortcuts, which change no figure; false to check that."}));
  table.push_back(hart<&H::translate>(
      "translate", {.help = "Turns code that runs often into host code (on x86-64), where fast_path is on; changes no "
                            "figure; false to check that."}));
  table.push_back(hart<&H::translate_after>(
      "translate_after",
      {.help = "So often a block of code is entered before it is turned into host code; changes no figure.",
       .unit = "entries",
       .range = {1, 65'535}}));
}

}  // namespace faultline::cli
