#include "os/memory/area_map.h"

#include <fmt/format.h>

#include <bit>
#include <iterator>

#include "os/memory/mman.h"

namespace faultline::os {

namespace {

// What one area adds, or takes away.
template <class Apply>
void apply(AreaTotals& totals, const VmArea& area, Apply&& to) {
  const uint64_t bytes = area.bytes();
  to(totals.mapped, bytes);
  if (area.is_data()) to(totals.data, bytes);
  if (area.committed) to(totals.committed, bytes);
  if (area.lock != AreaLock::none) to(totals.locked, bytes);
}

bool is_locked_out_of_reach(const VmArea& area) { return area.lock != AreaLock::none && area.protection == 0; }

constexpr uint64_t kEndOfAddresses = ~uint64_t{0};

}  // namespace

bool VmArea::is_data() const { return !shared && (protection & kProtWrite) && !grows_down && use != AreaUse::stack; }

AreaMap::AreaMap(AddressSpace& owner, Asid asid, uint64_t guard) : owner_(owner), asid_(asid), guard_(guard) {
  note_gap(gaps_, 0, areas_.end());
}

AreaMap::~AreaMap() {
  for (const auto& [start, area] : areas_) take_out(area);
}

void AreaMap::count_in(const VmArea& area) {
  apply(totals_, area, [](uint64_t& total, uint64_t bytes) { total += bytes; });
  peak_mapped_ = std::max(peak_mapped_, totals_.mapped);
  if (area.file) area.file->mappings.emplace(std::pair{asid_, area.start}, &owner_);
  if (is_locked_out_of_reach(area)) locked_out_of_reach_.insert(area.start);
}

void AreaMap::take_out(const VmArea& area) {
  apply(totals_, area, [](uint64_t& total, uint64_t bytes) { total -= bytes; });
  if (area.file) area.file->mappings.erase(std::pair{asid_, area.start});
  if (is_locked_out_of_reach(area)) locked_out_of_reach_.erase(area.start);
}

AreaMap::iterator AreaMap::insert(VmArea area) {
  const uint64_t start = area.start;
  count_in(area);
  const iterator above = areas_.lower_bound(start);
  forget_gap(floor_below(above), above);
  const iterator place = areas_.emplace(start, std::move(area)).first;
  note_gaps(place);
  return place;
}

AreaMap::iterator AreaMap::erase(iterator area) {
  take_out(area->second);
  forget_gaps(area);
  const iterator above = areas_.erase(area);
  note_gap(gaps_, floor_below(above), above);
  return above;
}

void AreaMap::begin_at(iterator area, uint64_t start) {
  VmArea lower = area->second;
  lower.start = start;
  erase(area);
  insert(std::move(lower));
}

// --- gaps -----------------------------------------------------------------------

uint64_t AreaMap::floor_below(iterator area) const { return area == areas_.begin() ? 0 : std::prev(area)->second.end; }

void AreaMap::note_gap(Gaps& gaps, uint64_t floor, iterator above) const {
  const uint64_t ceiling = above == areas_.end() ? kEndOfAddresses : guarded_start(above->second);
  if (ceiling > floor) gaps[std::bit_width(ceiling - floor) - 1].emplace(floor, ceiling);
}

void AreaMap::forget_gap(uint64_t floor, iterator above) {
  const uint64_t ceiling = above == areas_.end() ? kEndOfAddresses : guarded_start(above->second);
  if (ceiling > floor) gaps_[std::bit_width(ceiling - floor) - 1].erase(floor);
}

void AreaMap::note_gaps(iterator area) {
  note_gap(gaps_, floor_below(area), area);
  note_gap(gaps_, area->second.end, std::next(area));
}

void AreaMap::forget_gaps(iterator area) {
  forget_gap(floor_below(area), area);
  forget_gap(area->second.end, std::next(area));
}

std::optional<uint64_t> AreaMap::highest_hole(uint64_t lowest, uint64_t top, uint64_t length, PageSize unit) const {
  std::optional<uint64_t> best;
  for (unsigned order = std::bit_width(length) - 1; order < gaps_.size(); ++order) {
    const auto& gaps = gaps_[order];
    // Only of the first orders, up to that of length and unit together, and at
    // the two ends, is one that is too short.
    for (auto gap = gaps.lower_bound(top); gap != gaps.begin();) {
      --gap;
      const uint64_t floor = std::max(gap->first, lowest);
      const uint64_t ceiling = std::min(gap->second, top);
      if (best && ceiling <= *best) break;
      if (ceiling < floor || ceiling - floor < length) continue;
      const uint64_t place = unit.round_down(ceiling - length);
      if (place < floor) continue;
      best = std::max(best.value_or(0), place);
      break;
    }
  }
  return best;
}

// --- the check --------------------------------------------------------------------

std::optional<std::string> AreaMap::check_invariants() const {
  AreaTotals again;
  std::set<uint64_t> out_of_reach;
  Gaps gaps;
  for (auto area = areas_.begin(); area != areas_.end(); ++area) note_gap(gaps, floor_below(area), area);
  note_gap(gaps, floor_below(areas_.end()), areas_.end());
  if (gaps != gaps_) return "the gaps between areas are not what they were noted to be";
  for (const auto& [start, area] : areas_) {
    apply(again, area, [](uint64_t& total, uint64_t bytes) { total += bytes; });
    if (is_locked_out_of_reach(area)) out_of_reach.insert(start);
    if (!area.file) continue;
    const auto listed = area.file->mappings.find({asid_, start});
    if (listed == area.file->mappings.end() || listed->second != &owner_) {
      return fmt::format("{} does not know its mapping at {:#x}", area.file->name(), start);
    }
    for (const auto& [place, space] : area.file->mappings) {
      if (place.first != asid_) continue;
      const auto mapping = areas_.find(place.second);
      if (space != &owner_ || mapping == areas_.end() || mapping->second.file != area.file) {
        return fmt::format("{} knows a mapping at {:#x} that is not there", area.file->name(), place.second);
      }
    }
  }
  if (again != totals_ || out_of_reach != locked_out_of_reach_) return "what the areas come to does not add up";
  return std::nullopt;
}

}  // namespace faultline::os
