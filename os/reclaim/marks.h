// Page-out's marks and rates: from the settings or, where these say 0, from the
// size of memory (illumos, vm_pageout.c). It needs nothing else of the OS
// layer, so that whoever prints the settings can say what a 0 came to.
#pragma once

#include <algorithm>
#include <cstdint>

#include "hw/base/types.h"
#include "os/config.h"

namespace faultline::os {

// In frames.
struct Thresholds {
  uint64_t lotsfree = 0;
  uint64_t desfree = 0;
  uint64_t minfree = 0;
  uint64_t reserve = 0;
};

// In pages a second, and pages between the hands.
struct ScanRates {
  uint64_t slowscan = 0;
  uint64_t fastscan = 0;
  uint64_t hand_spread = 0;
};

inline Thresholds pageout_thresholds(const VmConfig& config, PageSize page, uint64_t frames) {
  constexpr uint64_t kLeastLotsfreeBytes = 512 << 10;
  Thresholds marks;
  // illumos knows no memory so small that 512 KB are most of it; a quarter is
  // the cap here.
  const uint64_t automatic = std::min(std::max(frames / 64, kLeastLotsfreeBytes >> page.shift), frames / 4);
  marks.lotsfree = config.lotsfree ? config.lotsfree : automatic;
  marks.desfree = config.desfree ? config.desfree : marks.lotsfree / 2;
  marks.minfree = config.minfree ? config.minfree : marks.desfree / 2;
  marks.reserve = std::min(std::max<uint64_t>(marks.minfree / 4, 2), marks.minfree);
  return marks;
}

inline ScanRates scan_rates(const VmConfig& config, PageSize page, uint64_t frames) {
  constexpr uint64_t kMostFastscanBytes = 64 << 20;
  ScanRates rates;
  rates.fastscan = config.fastscan ? config.fastscan : std::min(frames / 2, kMostFastscanBytes >> page.shift);
  rates.fastscan = std::max<uint64_t>(rates.fastscan, 1);
  rates.slowscan = config.slowscan ? config.slowscan : std::min<uint64_t>(rates.fastscan / 10, 100);
  rates.slowscan = std::min(rates.slowscan, rates.fastscan);
  rates.hand_spread = config.handspreadpages ? config.handspreadpages : std::min(frames / 4, rates.fastscan);
  rates.hand_spread = std::clamp<uint64_t>(rates.hand_spread, 1, std::max<uint64_t>(frames - 1, 1));
  return rates;
}

// The same settings with what they come to in place of every 0.
inline VmConfig with_marks(VmConfig config, PageSize page, uint64_t frames) {
  const Thresholds marks = pageout_thresholds(config, page, frames);
  const ScanRates rates = scan_rates(config, page, frames);
  config.lotsfree = marks.lotsfree;
  config.desfree = marks.desfree;
  config.minfree = marks.minfree;
  config.slowscan = rates.slowscan;
  config.fastscan = rates.fastscan;
  config.handspreadpages = rates.hand_spread;
  return config;
}

}  // namespace faultline::os
