#include "os/files/medium_faults.h"

#include <algorithm>

namespace faultline::os {

namespace {
constexpr uint64_t kMillion = 1'000'000;
}

MediumFaults::MediumFaults(const hw::DiskFaultConfig& config, uint64_t seed, uint64_t swap_sectors)
    : config_(config), swap_sectors_(swap_sectors), chance_(config.seed != 0 ? config.seed : seed) {
  parse_fault_sectors(config.sectors, sectors_);
  parse_fault_files(config.files, files_);
}

bool MediumFaults::fails(const PageOnMedium& page) {
  if (config_.on == (page.write ? hw::DiskFaultOn::read : hw::DiskFaultOn::write)) return false;
  const bool chance = by_chance(page);
  if (!chance && !named(page)) return false;
  ++injected_;
  return true;
}

bool MediumFaults::by_chance(const PageOnMedium& page) {
  if (config_.rate == 0) return false;
  const bool swap = page.sector < swap_sectors_;
  if (config_.area == (swap ? hw::DiskFaultArea::files : hw::DiskFaultArea::swap)) return false;
  return chance_() % kMillion < config_.rate;
}

bool MediumFaults::named(const PageOnMedium& page) const {
  const auto has_sector = [&](const FaultRange& range) { return range.meets(page.sector, page.sectors); };
  if (std::any_of(sectors_.begin(), sectors_.end(), has_sector)) return true;
  const auto is_file = [&](const FaultFile& file) {
    if (!page.path.ends_with(file.path) || !file.bytes.meets(page.offset, page.sectors * 512)) return false;
    const size_t before = page.path.size() - file.path.size();
    return before == 0 || page.path[before - 1] == '/';
  };
  return !page.path.empty() && std::any_of(files_.begin(), files_.end(), is_file);
}

}  // namespace faultline::os
