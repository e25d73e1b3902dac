#include "cli/config/contradictions.h"

#include <fmt/format.h>

#include <bit>
#include <initializer_list>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "cli/config/user_error.h"
#include "cli/config/value.h"
#include "hw/mmu/host_tables.h"
#include "hw/mmu/page_table_format.h"
#include "os/files/fault_places.h"
#include "os/reclaim/marks.h"

namespace faultline::cli {
namespace {

class Checker {
 public:
  Checker(const Configuration& configuration, const Origins& origins)
      : values_(configuration), machine_(configuration.machine), origins_(origins) {}

  void check() const {
    check_format();
    check_tlbs();
    check_walker();
    check_detail();
    check_harts();
    check_nested();
    check_caches();
    check_memory();
    check_disk();
    check_thresholds();
    check_early();
    check_run();
  }

 private:
  // Fails, in the name of whichever of the settings was given last, unless `good`.
  void require(bool good, std::initializer_list<std::string_view> paths, std::string_view why) const {
    if (good) return;
    const Origin* latest = nullptr;
    for (const std::string_view path : paths) {
      const auto origin = origins_.find(path);
      if (origin != origins_.end() && (!latest || origin->second.order >= latest->order)) latest = &origin->second;
    }
    throw UserError(fmt::format("{}{}", latest ? latest->where + ": " : "", why));
  }

  void check_replacement(const std::string& prefix, hw::Replacement replacement, uint32_t ways) const {
    require(replacement != hw::Replacement::plru || (std::has_single_bit(ways) && ways <= kMostTreeWays),
            {prefix + ".replacement", prefix + ".ways"},
            fmt::format("{0}.replacement = \"plru\" needs {0}.ways to be a power of two of at most {1}, and it is {2}",
                        prefix, kMostTreeWays, ways));
  }

  void check_tlb(const std::string& prefix, const hw::TlbLevelConfig& tlb) const {
    if (!tlb.enabled) return;
    check_tlb_array(prefix, tlb);
    if (!tlb.split) return;
    require(machine_.tlb.large == hw::TlbLarge::one, {prefix + ".split", "tlb.large"},
            fmt::format("{}.split: with tlb.large = \"several\" every entry is of the base size", prefix));
    if (tlb.large.enabled) check_tlb_array(prefix + ".large", tlb.large);
    if (tlb.huge.enabled) check_tlb_array(prefix + ".huge", tlb.huge);
  }

  // Of a TLB or of one of its arrays.
  void check_tlb_array(const std::string& prefix, const auto& array) const {
    check_replacement(prefix, array.replacement, array.ways);
    require(uint64_t{array.sets} * array.ways <= 1 << 20, {prefix + ".sets", prefix + ".ways"},
            fmt::format("{0}.sets x {0}.ways is more than 1048576 entries", prefix));
  }

  void check_format() const {
    try {
      const hw::PageTableFormat format = hw::make_page_table_format(machine_);
      check_format_in_memory(format);
      check_huge(format);
    } catch (const std::invalid_argument& error) {
      require(false,
              {"paging.format", "paging.custom.page", "paging.custom.bits", "paging.custom.entry_bytes",
               "paging.custom.leaves"},
              error.what());
    }
  }

  void check_huge(const hw::PageTableFormat& format) const {
    if (values_.os.huge.transparent == os::HugePages::never) return;
    bool any = false;
    for (unsigned level = 1; level < format.levels(); ++level) any |= format.leaf_allowed(level);
    require(any, {"paging.huge", "paging.format", "paging.custom.leaves"},
            fmt::format("paging.huge: {} tables have no pages above the base size", format.name()));
  }

  // The format's tables and its entries' reach, against memory.
  void check_format_in_memory(const hw::PageTableFormat& format) const {
    const std::initializer_list<std::string_view> kKeys = {"dram.size", "paging.format", "paging.custom.page",
                                                           "paging.custom.bits", "paging.custom.entry_bytes"};
    const uint64_t size = machine_.dram.size;
    const uint64_t limit = format.physical_limit();
    require(limit == 0 || size <= limit, kKeys,
            fmt::format("{} tables name frames with {} bits: dram.size is at most {}", format.name(),
                        format.layout().pfn_bits, format_size(limit)));
    for (unsigned level = 0; level < format.levels(); ++level) {
      const uint64_t table = format.page().round_up(format.table_bytes(level));
      require(table <= format.page().bytes() || size / 4 >= table, kKeys,
              fmt::format("{} takes a table of {} in one piece for every process: dram.size is at least {}",
                          format.name(), format_size(table), format_size(4 * table)));
    }
  }

  void check_tlbs() const {
    if (!machine_.tlb.enabled) return;
    check_tlb("tlb.l1i", machine_.tlb.l1i);
    check_tlb("tlb.l1d", machine_.tlb.l1d);
    check_tlb("tlb.l2", machine_.tlb.l2);
  }

  void check_walker() const {
    if (!machine_.walker.caches) return;
    for (unsigned level = 1; level <= 5; ++level) {
      const hw::WalkCacheLevelConfig& cache = machine_.walker.cache.level(level);
      if (cache.enabled) check_replacement(fmt::format("walker.cache.l{}", level), cache.replacement, cache.ways);
    }
  }

  void check_detail() const {
    const hw::ObserveConfig& observe = machine_.observe;
    require(values_.timing != kTimingNone || (!observe.tlb && !observe.pages && observe.interval == 0),
            {"timing", "observe.tlb", "observe.pages", "observe.interval"},
            "timing = none models no translation that could be observed");
  }

  // What is watched is one hart's.
  void check_harts() const {
    const hw::ObserveConfig& observe = machine_.observe;
    require(machine_.hart.count == 1 || (!observe.tlb && !observe.pages && observe.interval == 0),
            {"hart.count", "observe.tlb", "observe.pages", "observe.interval"},
            fmt::format("observe.tlb, observe.pages and observe.interval watch one hart, and hart.count = {}",
                        machine_.hart.count));
  }

  void check_nested() const {
    const hw::NestedConfig& nested = machine_.nested;
    if (!nested.enabled) return;
    if (nested.tlb.enabled) check_replacement("nested.tlb", nested.tlb.replacement, nested.tlb.ways);
    try {
      const hw::PageTableFormat guest = hw::make_page_table_format(machine_);
      const hw::HostTables tables(hw::make_host_page_table_format(machine_), nested, machine_.dram.size, guest.page());
    } catch (const std::invalid_argument& error) {
      require(false,
              {"nested.enabled", "nested.format", "nested.page", "dram.size", "paging.format", "paging.custom.page",
               "paging.custom.bits", "paging.custom.entry_bytes", "paging.custom.leaves"},
              error.what());
    }
  }

  void check_cache(const std::string& prefix, const hw::CacheLevelConfig& cache, uint32_t line) const {
    if (!cache.enabled) return;
    check_replacement(prefix, cache.replacement, cache.ways);
    require(std::has_single_bit(cache.line), {prefix + ".line"}, fmt::format("{}.line must be a power of two", prefix));
    require(cache.line == line, {prefix + ".line", "cache.l1d.line"},
            fmt::format("{}.line is {}, but lines have one size at every level, here {}", prefix, cache.line, line));
    const uint64_t way_bytes = uint64_t{cache.ways} * cache.line;
    require(cache.size % way_bytes == 0, {prefix + ".size", prefix + ".ways", prefix + ".line"},
            fmt::format("{0}.size = {1} is no multiple of {0}.ways x {0}.line = {2}", prefix, cache.size, way_bytes));
  }

  void check_caches() const {
    const hw::CacheConfig& cache = machine_.cache;
    if (!cache.enabled) return;
    // The first cache that exists sets the line that the others must have.
    uint32_t line = 0;
    for (const hw::CacheLevelConfig* level : {&cache.l1d, &cache.l1i, &cache.l2, &cache.l3}) {
      if (level->enabled && line == 0) line = level->line;
    }
    check_cache("cache.l1i", cache.l1i, line);
    check_cache("cache.l1d", cache.l1d, line);
    check_cache("cache.l2", cache.l2, line);
    check_cache("cache.l3", cache.l3, line);
  }

  void check_memory() const {
    const hw::DramConfig& dram = machine_.dram;
    require(values_.page().aligned(dram.size), {"dram.size"},
            fmt::format("dram.size must be a multiple of the page, {}", values_.page().bytes()));
    require(std::has_single_bit(dram.row), {"dram.row"}, "dram.row must be a power of two");
    require(values_.page().aligned(values_.os.swap.size), {"swap.size"},
            fmt::format("swap.size must be a multiple of the page, {}", values_.page().bytes()));
    require(values_.os.swap.size <= machine_.disk.size / 2, {"swap.size", "disk.size"},
            "swap.size is more than half of disk.size, which holds the files too");
  }

  void check_disk() const {
    const hw::DiskConfig& disk = machine_.disk;
    check_fault_sectors();
    if (disk.kind != hw::DiskKind::hdd) return;
    require(disk.seek_track_us <= disk.seek_average_us, {"disk.seek_track_us", "disk.seek_average_us"},
            fmt::format("disk.seek_track_us = {} is more than disk.seek_average_us = {}", disk.seek_track_us,
                        disk.seek_average_us));
    require(disk.track_bytes % kSector == 0, {"disk.track_bytes"},
            fmt::format("disk.track_bytes must be a multiple of the sector, {}", kSector));
  }

  // One beyond the disk would never fail, and nobody would know why.
  void check_fault_sectors() const {
    std::vector<os::FaultRange> sectors;
    if (!os::parse_fault_sectors(machine_.disk.fault.sectors, sectors)) return;
    const uint64_t end = machine_.disk.size / kSector;
    for (const os::FaultRange& range : sectors) {
      require(range.last < end, {"disk.fault_sectors", "disk.size"},
              fmt::format("disk.fault_sectors: there is no sector {}, the disk has {}", range.last, end));
    }
  }

  // Thresholds that are 0 follow from the size of memory and from each other.
  void check_thresholds() const {
    const uint64_t pages = values_.frames();
    const os::VmConfig& given = values_.os.vm;
    const os::VmConfig vm = os::with_marks(given, values_.page(), pages);
    require(vm.lotsfree < pages, {"vm.lotsfree", "dram.size"},
            fmt::format("vm.lotsfree = {} pages is not less than memory, {} pages", vm.lotsfree, pages));
    require(vm.desfree <= vm.lotsfree, {"vm.lotsfree", "vm.desfree"},
            fmt::format("vm.desfree = {} is more than vm.lotsfree = {}", vm.desfree, vm.lotsfree));
    require(vm.minfree <= vm.desfree, {"vm.desfree", "vm.minfree"},
            fmt::format("vm.minfree = {} is more than vm.desfree = {}", vm.minfree, vm.desfree));
    require(given.handspreadpages < pages, {"vm.handspreadpages", "dram.size"},
            fmt::format("vm.handspreadpages = {} is not less than memory, {} pages", given.handspreadpages, pages));
    require(given.slowscan <= vm.fastscan, {"vm.slowscan", "vm.fastscan"},
            fmt::format("vm.slowscan = {} is more than vm.fastscan = {}", given.slowscan, vm.fastscan));
    require(given.replacement != "opt", {"vm.replacement"},
            "vm.replacement = opt: a running machine does not know the future; record a run with --record and give the "
            "file to faultline policy --replay");
  }

  // Of a machine without paging, and of what only such a machine can do.
  void check_early() const {
    const os::EarlyConfig& early = values_.os.early;
    if (machine_.relocation.model == hw::MemoryModel::paging) {
      require(!early.swapping, {"memory.swapping", "memory.model"},
              "memory.swapping moves whole programs, which memory.model = \"paging\" never does");
      return;
    }
    const auto only_paged = [this](bool asked, std::string_view key) {
      require(!asked, {key, "memory.model"}, fmt::format("{} is of paging alone: set memory.model = \"paging\"", key));
    };
    require(machine_.hart.count == 1, {"hart.count", "memory.model"},
            fmt::format("memory.model other than \"paging\" has one hart, and hart.count = {}", machine_.hart.count));
    only_paged(machine_.nested.enabled, "nested.enabled");
    only_paged(values_.os.translated, "os.translated");
    only_paged(machine_.observe.tlb, "observe.tlb");
    only_paged(machine_.observe.pages, "observe.pages");
    only_paged(machine_.observe.interval != 0, "observe.interval");
    only_paged(values_.run.fast_forward != 0, "run.fast_forward");
    only_paged(values_.run.warm_up != 0, "run.warm_up");
    only_paged(values_.run.detail != DetailIn::whole, "run.detail");
    require(!early.swapping || values_.os.swap.size != 0, {"memory.swapping", "swap.size"},
            "memory.swapping moves programs to swap, and swap.size = 0");
    const PageSize page = values_.page();
    require(page.aligned(early.resident) && page.aligned(early.stack), {"memory.resident", "memory.stack"},
            fmt::format("memory.resident and memory.stack must be multiples of the page, {}", page.bytes()));
    require(early.resident + early.stack < machine_.dram.size, {"memory.resident", "memory.stack", "dram.size"},
            fmt::format("memory.resident and memory.stack take all of memory, {}", format_size(machine_.dram.size)));
  }

  void check_run() const {
    if (values_.run.detail == DetailIn::whole) return;
    require(
        values_.run.fast_forward == 0, {"run.detail", "run.fast_forward"},
        "run.detail = \"regions\" is functional up to the first region of interest, whatever run.fast_forward says");
    require(values_.run.warm_up == 0, {"run.detail", "run.warm_up"},
            "run.warm_up: with run.detail = \"regions\" the program ends its warm-up, by faultline_warmup_end()");
  }

  static constexpr uint64_t kSector = 512;
  static constexpr uint32_t kMostTreeWays = 64;  // one word holds the tree

  const Configuration& values_;
  const hw::MachineConfig& machine_;
  const Origins& origins_;
};

}  // namespace

void check_contradictions(const Configuration& configuration, const Origins& origins) {
  Checker(configuration, origins).check();
}

}  // namespace faultline::cli
