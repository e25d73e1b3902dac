#include "cli/config/settings.h"

namespace faultline::cli {
namespace {

using C = Configuration;
using O = os::OsConfig;
using V = os::VmConfig;
using Costs = os::OsCosts;

constexpr Range kPages = {0, uint64_t{1} << 40};

template <auto Member>
Setting vm(std::string_view name, SettingFacts facts) {
  return setting<&C::os, &O::vm, Member>("vm." + std::string(name), std::move(facts));
}

template <auto Member>
Setting cost(std::string_view name, std::string_view help) {
  return setting<&C::os, &O::costs, Member>("os.costs." + std::string(name),
                                            {.help = help, .unit = "cycles", .range = {0, 1'000'000'000}});
}

void add_overcommit(std::vector<Setting>& table) {
  table.push_back(setting<&C::os, &O::swap, &os::SwapConfig::size>(
      "swap.size",
      {.help = "Swap space, at the start of the disk.", .unit = "bytes", .range = {0, uint64_t{1} << 44}}));
  table.push_back(vm<&V::overcommit>(
      "overcommit", {.help = "What may be allocated beyond memory, as Linux numbers it.", .numbered = true}));
  table.push_back(vm<&V::overcommit_ratio>(
      "overcommit_ratio", {.help = "Memory that counts beside swap where overcommit is 2; 0: swap alone bounds.",
                           .unit = "percent",
                           .range = {0, 1'000}}));
}

void add_reclaim(std::vector<Setting>& table) {
  table.push_back(vm<&V::replacement>(
      "replacement", {.help = "Which page leaves memory; opt, which must know the future, only in faultline policy.",
                      .choices = {"two-handed", "one-handed", "fifo", "lru", "random", "nfu", "aging", "opt"}}));
  table.push_back(vm<&V::lotsfree>(
      "lotsfree",
      {.help = "Free pages below which the page-out daemon runs; 0: memory/64, at least 512 KB, at most a quarter.",
       .unit = "pages",
       .range = kPages}));
  table.push_back(vm<&V::desfree>(
      "desfree",
      {.help = "Free pages that should not be gone below; 0: half of lotsfree.", .unit = "pages", .range = kPages}));
  table.push_back(vm<&V::minfree>(
      "minfree",
      {.help = "Free pages below which allocations wait; 0: half of desfree.", .unit = "pages", .range = kPages}));
  table.push_back(vm<&V::handspreadpages>(
      "handspreadpages", {.help = "Distance between the two hands; 0: a quarter of memory, at most fastscan.",
                          .unit = "pages",
                          .range = kPages}));
  table.push_back(
      vm<&V::slowscan>("slowscan", {.help = "Scan rate with lotsfree pages free; 0: fastscan/10, at most 100.",
                                    .unit = "pages a second",
                                    .range = kPages}));
  table.push_back(vm<&V::fastscan>("fastscan", {.help = "Scan rate with none free; 0: half of memory, at most 64 MB.",
                                                .unit = "pages a second",
                                                .range = kPages}));
  table.push_back(vm<&V::aging_bits>(
      "aging_bits", {.help = "Width of a page's counter under nfu and aging.", .unit = "bits", .range = {1, 64}}));
  table.push_back(vm<&V::aging_interval>(
      "aging_interval",
      {.help = "Time between two samples of all reference bits under nfu and aging, while memory is short.",
       .unit = "milliseconds",
       .range = {1, 60'000}}));
  table.push_back(
      vm<&V::batch>("batch", {.help = "Pages written in one go by page-out.", .unit = "pages", .range = {1, 4'096}}));
  table.push_back(vm<&V::readahead>(
      "readahead",
      {.help = "Pages fetched ahead of a sequential reader; 0: none.", .unit = "pages", .range = {0, 4'096}}));
  table.push_back(vm<&V::writebehind>(
      "writebehind",
      {.help = "Modified pages of files are written in the background; false: when asked to, and by page-out."}));
  table.push_back(vm<&V::dirty_background_ratio>(
      "dirty_background_ratio",
      {.help = "Memory that may hold modified pages of files before they are written in the background.",
       .unit = "percent",
       .range = {0, 100}}));
  table.push_back(
      vm<&V::dirty_ratio>("dirty_ratio", {.help = "Memory that may hold them before whoever writes more has to wait.",
                                          .unit = "percent",
                                          .range = {1, 100}}));
  table.push_back(vm<&V::dirty_expire_ms>(
      "dirty_expire_ms", {.help = "How long a page may stay modified before it is written in the background.",
                          .unit = "milliseconds",
                          .range = {1, 3'600'000}}));
  table.push_back(vm<&V::swap_readaround>(
      "swap_readaround",
      {.help = "Pages fetched around one that comes back from swap; 0: none.", .unit = "pages", .range = {0, 4'096}}));
  table.push_back(
      vm<&V::max_map_count>("max_map_count", {.help = "Areas that one address space may have, as Linux names it.",
                                              .unit = "areas",
                                              .range = {16, 16'777'216}}));
  table.push_back(vm<&V::flush_on_clear>(
      "flush_on_clear", {.help = "Clearing a reference bit flushes the TLB entry; false: the clock sees less."}));
}

void add_costs(std::vector<Setting>& table) {
  table.push_back(cost<&Costs::trap_entry>("trap_entry", "Into the kernel, registers saved."));
  table.push_back(cost<&Costs::trap_return>("trap_return", "Back to the program."));
  table.push_back(cost<&Costs::area_lookup>("area_lookup", "Find the area of an address."));
  table.push_back(cost<&Costs::fault>("fault", "The rest of handling a page fault."));
  table.push_back(cost<&Costs::frame_allocate>("frame_allocate", "Take a free frame."));
  table.push_back(cost<&Costs::frame_free>("frame_free", "Give a frame back."));
  table.push_back(cost<&Costs::syscall>("syscall", "Dispatch of a system call."));
  table.push_back(cost<&Costs::path_component>("path_component", "Look up one name of a path."));
  table.push_back(cost<&Costs::area_change>("area_change", "Make, split, merge or remove an area."));
  table.push_back(cost<&Costs::context_switch>("context_switch", "From one task to another."));
  table.push_back(cost<&Costs::fork>("fork", "A fork, beyond its areas and pages."));
  table.push_back(cost<&Costs::fork_area>("fork_area", "An area that fork copies."));
  table.push_back(cost<&Costs::exec>("exec", "An exec, beyond the pages that it touches."));
  table.push_back(cost<&Costs::exit>("exit", "The end of a process, beyond its areas and pages."));
  table.push_back(cost<&Costs::signal_deliver>("signal_deliver", "Delivery of a signal."));
  table.push_back(cost<&Costs::interrupt>("interrupt", "A device's or the timer's interrupt."));
  table.push_back(cost<&Costs::disk_submit>("disk_submit", "Hand a request to the disk."));
  table.push_back(cost<&Costs::page_scan>("page_scan", "One page under a hand of the clock."));
  table.push_back(cost<&Costs::tlb_flush_page>("tlb_flush_page", "Flush one page from the TLBs."));
  table.push_back(cost<&Costs::shootdown>(
      "shootdown",
      "Interrupt other harts so that they flush, and wait until they have; each of them pays interrupt too."));
  table.push_back(cost<&Costs::hart_interrupt>(
      "hart_interrupt", "Interrupt another hart for any other reason; that one pays interrupt too."));
  table.push_back(cost<&Costs::pipe>("pipe", "One read or write of a pipe, beyond the copy."));
}

}  // namespace

void add_os_settings(std::vector<Setting>& table) {
  add_overcommit(table);
  add_reclaim(table);
  table.push_back(setting<&C::os, &O::translated>(
      "os.translated", {.help = "The OS layer's own accesses use kernel addresses and the data TLB, counted apart."}));
  table.push_back(setting<&C::os, &O::timer_hz>(
      "os.timer_hz", {.help = "Timer ticks; a time slice is one tick.", .unit = "a second", .range = {1, 100'000}}));
  table.push_back(setting<&C::os, &O::stack_limit>(
      "os.stack_limit", {.help = "How far a stack may grow before the program raises its limit.",
                         .unit = "bytes",
                         .range = {uint64_t{64} << 10, uint64_t{1} << 30}}));
  add_costs(table);
}

}  // namespace faultline::cli
