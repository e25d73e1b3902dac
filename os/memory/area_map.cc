#include "os/memory/area_map.h"

#include <fmt/format.h>

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
  if (area.lock == AreaLock::none) return;
  to(totals.locked, bytes);
  if (area.protection == 0) to(totals.unreachable, bytes);
}

}  // namespace

bool VmArea::is_data() const { return !shared && (protection & kProtWrite) && !grows_down && use != AreaUse::stack; }

AreaMap::~AreaMap() {
  for (const auto& [start, area] : areas_) take_out(area);
}

void AreaMap::count_in(const VmArea& area) {
  apply(totals_, area, [](uint64_t& total, uint64_t bytes) { total += bytes; });
  if (area.file) area.file->mappings.emplace(std::pair{asid_, area.start}, &owner_);
}

void AreaMap::take_out(const VmArea& area) {
  apply(totals_, area, [](uint64_t& total, uint64_t bytes) { total -= bytes; });
  if (area.file) area.file->mappings.erase(std::pair{asid_, area.start});
}

AreaMap::iterator AreaMap::insert(VmArea area) {
  const uint64_t start = area.start;
  count_in(area);
  return areas_.emplace(start, std::move(area)).first;
}

AreaMap::iterator AreaMap::erase(iterator area) {
  take_out(area->second);
  return areas_.erase(area);
}

void AreaMap::begin_at(iterator area, uint64_t start) {
  auto node = areas_.extract(area);
  take_out(node.mapped());
  node.key() = start;
  node.mapped().start = start;
  count_in(node.mapped());
  areas_.insert(std::move(node));
}

std::optional<std::string> AreaMap::check_invariants() const {
  AreaTotals again;
  for (const auto& [start, area] : areas_) {
    apply(again, area, [](uint64_t& total, uint64_t bytes) { total += bytes; });
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
  if (again != totals_) return "what the areas come to does not add up";
  return std::nullopt;
}

}  // namespace faultline::os
