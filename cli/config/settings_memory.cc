#include "cli/config/settings.h"
#include "os/files/fault_places.h"

namespace faultline::cli {
namespace {

using C = Configuration;
using M = hw::MachineConfig;
using Caches = hw::CacheConfig;
using D = hw::DramConfig;
using B = hw::BusConfig;
using K = hw::DiskConfig;
using F = hw::DiskFaultConfig;

constexpr Range kLatency = {0, 1'000'000};
constexpr Range kMicroseconds = {0, 10'000'000};

template <auto Level>
void add_cache_level(std::vector<Setting>& table, const std::string& prefix) {
  using L = hw::CacheLevelConfig;
  const auto add = [&]<auto Member>(std::string_view name, SettingFacts facts) {
    table.push_back(setting<&C::machine, &M::cache, Level, Member>(prefix + "." + std::string(name), std::move(facts)));
  };
  add.template operator()<&L::enabled>("enabled", {.help = "This cache exists (where cache.enabled is true)."});
  add.template operator()<&L::size>("size",
                                    {.help = "Data that it holds.", .unit = "bytes", .range = {64, uint64_t{1} << 30}});
  add.template operator()<&L::ways>("ways", {.help = "Lines of a set.", .range = {1, 65'536}});
  add.template operator()<&L::line>("line",
                                    {.help = "Line, the same at every level.", .unit = "bytes", .range = {16, 1'024}});
  add.template operator()<&L::replacement>("replacement", {.help = "Which line of a full set makes room."});
  add.template operator()<&L::hit_cycles>(
      "hit_cycles", {.help = "Added to every access that reaches this level.", .unit = "cycles", .range = {0, 10'000}});
  add.template operator()<&L::prefetch>("prefetch", {.help = "A miss fetches the next line too."});
}

template <auto Member>
Setting dram(std::string_view name, SettingFacts facts) {
  return setting<&C::machine, &M::dram, Member>("dram." + std::string(name), std::move(facts));
}

template <auto Member>
Setting fault(std::string_view name, SettingFacts facts) {
  return setting<&C::machine, &M::disk, &K::fault, Member>("disk.fault_" + std::string(name), std::move(facts));
}

template <auto Member>
Setting disk(std::string_view name, SettingFacts facts) {
  return setting<&C::machine, &M::disk, Member>("disk." + std::string(name), std::move(facts));
}

void add_dram(std::vector<Setting>& table) {
  table.push_back(dram<&D::size>(
      "size", {.help = "Physical memory.", .unit = "bytes", .range = {uint64_t{64} << 10, uint64_t{256} << 30}}));
  table.push_back(dram<&D::timing>(
      "timing", {.help = "flat: every access takes flat_cycles; banks: open rows in banks that can be busy."}));
  table.push_back(dram<&D::flat_cycles>(
      "flat_cycles", {.help = "An access, where timing is flat.", .unit = "cycles", .range = kLatency}));
  table.push_back(dram<&D::banks>("banks", {.help = "Banks.", .range = {1, 1'024}}));
  table.push_back(
      dram<&D::row>("row", {.help = "A row of one bank.", .unit = "bytes", .range = {64, uint64_t{1} << 20}}));
  table.push_back(dram<&D::row_hit_cycles>(
      "row_hit_cycles", {.help = "An access to the open row of its bank.", .unit = "cycles", .range = kLatency}));
  table.push_back(dram<&D::row_miss_cycles>(
      "row_miss_cycles",
      {.help = "An access to a bank with no open row: activate, then read.", .unit = "cycles", .range = kLatency}));
  table.push_back(dram<&D::row_conflict_cycles>(
      "row_conflict_cycles", {.help = "An access while another row is open: precharge, activate, then read.",
                              .unit = "cycles",
                              .range = kLatency}));
}

void add_disk(std::vector<Setting>& table) {
  table.push_back(disk<&K::kind>("kind", {.help = "hdd: arm and platter; ssd: flash."}));
  table.push_back(disk<&K::size>("size", {.help = "The disk: swap first, then files.",
                                          .unit = "bytes",
                                          .range = {uint64_t{1} << 20, uint64_t{64} << 40}}));
  table.push_back(disk<&K::rpm>("rpm", {.help = "hdd: turns a minute.", .range = {100, 1'000'000}}));
  table.push_back(disk<&K::seek_average_us>(
      "seek_average_us",
      {.help = "hdd: seek over a third of the tracks.", .unit = "microseconds", .range = kMicroseconds}));
  table.push_back(disk<&K::seek_track_us>(
      "seek_track_us", {.help = "hdd: seek to the next track.", .unit = "microseconds", .range = kMicroseconds}));
  table.push_back(disk<&K::track_bytes>(
      "track_bytes",
      {.help = "hdd: a track; one turn transfers it.", .unit = "bytes", .range = {4'096, uint64_t{1} << 30}}));
  table.push_back(disk<&K::track_buffer>(
      "track_buffer", {.help = "hdd: an idle drive reads on to the end of the track, into memory of its own."}));
  table.push_back(disk<&K::ssd_read_us>(
      "ssd_read_us", {.help = "ssd: time to the first byte read.", .unit = "microseconds", .range = kMicroseconds}));
  table.push_back(disk<&K::ssd_write_us>(
      "ssd_write_us",
      {.help = "ssd: time to the first byte written.", .unit = "microseconds", .range = kMicroseconds}));
  table.push_back(disk<&K::ssd_bytes_per_us>(
      "ssd_bytes_per_us", {.help = "ssd: transfer.", .unit = "bytes a microsecond", .range = {1, 1'000'000}}));
  table.push_back(
      disk<&K::queue_depth>("queue_depth", {.help = "ssd: requests served at once.", .range = {1, 65'536}}));
  table.push_back(disk<&K::scheduler>(
      "scheduler", {.help = "hdd: the order of requests that wait; fifo: as they came, elevator: one way round."}));
  table.push_back(disk<&K::merge>(
      "merge", {.help = "Pages that waiting requests for neighbouring sectors become one transfer of, at most; 0: they "
                        "stay apart.",
                .unit = "pages",
                .range = {0, 65'536}}));
}

void add_disk_faults(std::vector<Setting>& table) {
  table.push_back(fault<&F::rate>(
      "rate", {.help = "Pages that fail by chance, of a million read or written.", .range = {0, 1'000'000}}));
  table.push_back(fault<&F::seed>("seed", {.help = "Of that chance; 0: the run's seed."}));
  table.push_back(fault<&F::area>("area", {.help = "Where chance strikes."}));
  table.push_back(fault<&F::on>("on", {.help = "Which way of moving a page fails, by chance or at a named place."}));
  table.push_back(
      fault<&F::sectors>("sectors", {.help = "Sectors of 512 bytes that always fail; swap has the first ones.",
                                     .form = "sectors and ranges of them with commas between: \"100-107,4096\"",
                                     .takes = &os::are_fault_sectors}));
  table.push_back(fault<&F::files>(
      "files", {.help = "Files that always fail, by path or the end of it behind a slash, as a whole or some bytes.",
                .form = "files with commas between: \"data.bin:8192-12287,lib/libm.so.6\"",
                .takes = &os::are_fault_files}));
}

}  // namespace

void add_memory_settings(std::vector<Setting>& table) {
  table.push_back(setting<&C::machine, &M::cache, &Caches::enabled>(
      "cache.enabled", {.help = "false: no caches, every access goes to DRAM."}));
  add_cache_level<&Caches::l1i>(table, "cache.l1i");
  add_cache_level<&Caches::l1d>(table, "cache.l1d");
  add_cache_level<&Caches::l2>(table, "cache.l2");
  add_cache_level<&Caches::l3>(table, "cache.l3");
  table.push_back(setting<&C::machine, &M::bus, &B::cycles>(
      "bus.cycles", {.help = "Way to DRAM and back.", .unit = "cycles", .range = kLatency}));
  table.push_back(setting<&C::machine, &M::bus, &B::bytes_per_cycle>(
      "bus.bytes_per_cycle", {.help = "What the bus carries; 0: no limit.", .range = {0, 4'096}}));
  add_dram(table);
  add_disk(table);
  add_disk_faults(table);
}

}  // namespace faultline::cli
