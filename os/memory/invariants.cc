// What must hold between any two sleeps, counted again from scratch.
#include <fmt/format.h>

#include <map>
#include <set>

#include "os/memory/memory_manager.h"

namespace faultline::os {

namespace {

// How often each anon is found in a place, and that none is found that should
// not be.
using References = std::map<const Anon*, uint64_t>;

void count_places(const AnonMap& map, References& references) {
  map.for_each(0, ~uint64_t{0}, [&](uint64_t, Anon& anon) { ++references[&anon]; });
}

std::optional<std::string> check_anon(const Anon& anon, uint64_t places, const FrameAllocator& frames) {
  if (anon.references != places)
    return fmt::format("an anonymous page has {} owners, noted {}", places, anon.references);
  if (!anon.in_memory()) {
    if (anon.slot == Anon::kNone && !anon.damaged) return "an anonymous page has neither frame nor slot";
    return std::nullopt;
  }
  const Frame& frame = frames[Pfn(anon.frame)];
  if (frame.kind != FrameKind::anonymous || frame.anon != &anon) {
    return fmt::format("frame {} is not its page's", anon.frame);
  }
  if (anon.slot == Anon::kNone && !frame.dirty && !frame.writing && frame.mappings == 0) {
    return fmt::format("frame {} is clean and has no copy", anon.frame);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> MemoryManager::check_invariants() const {
  if (auto broken = frames_.check_invariants()) return broken;
  if (auto broken = tables_.check_invariants()) return broken;
  if (auto broken = cache_.check_invariants()) return broken;
  if (auto broken = swap_.check_invariants()) return broken;

  References references;
  std::set<const AnonMap*> objects;
  uint64_t committed = 0;
  for (const auto& [asid, space] : spaces_) {
    if (auto broken = space->check_invariants()) return broken;
    count_places(space->private_pages(), references);
    space->for_each_area([&](const VmArea& area) {
      if (area.committed) committed += page().pages(area.bytes());
      if (!area.object || !objects.insert(area.object.get()).second) return;
      count_places(*area.object, references);
      committed += area.object->committed;
    });
  }
  if (committed != commit_.statistics().committed) return "committed pages do not add up";
  uint64_t slots = 0;
  uint64_t slots_in_flight = laundry_.slots_in_flight();
  uint64_t owned_frames = 0;
  for (const auto& [anon, places] : references) {
    if (auto broken = check_anon(*anon, places, frames_)) return broken;
    slots += anon->slot != Anon::kNone;
    owned_frames += anon->in_memory();
  }
  std::set<uint64_t> reserved;  // for large pages, without an owner yet
  const auto count_reserved = [&reserved](const AnonMap& map) {
    for (const auto& [page, run] : map.reserved()) {
      for (uint64_t i = 0; i < uint64_t{1} << run.order; ++i) reserved.insert(run.first.value + i);
    }
  };
  for (const auto& [asid, space] : spaces_) count_reserved(space->private_pages());
  for (const AnonMap* object : objects) count_reserved(*object);
  uint64_t orphans = 0;  // given up under I/O: they go when it ends
  uint64_t anonymous = 0;
  std::optional<std::string> broken;
  frames_.table().for_each_touched([&](uint64_t i, const Frame& frame) {
    if (frame.kind != FrameKind::anonymous || broken) return;
    if (reserved.contains(i)) {
      if (frame.anon || frame.mappings != 0) broken = fmt::format("frame {} is set aside and in use", i);
      return;
    }
    ++anonymous;
    if (references.contains(frame.anon)) return;
    if (!frame.under_io()) {
      broken = fmt::format("frame {} belongs to nobody", i);
      return;
    }
    ++orphans;
    slots += frame.anon->slot != Anon::kNone;
  });
  if (broken) return broken;
  if (owned_frames + orphans != anonymous) return "a frame has two owners";
  if (anons_.live() != references.size() + orphans) return "anonymous pages have been lost";
  if (slots + slots_in_flight != swap_.statistics().slots_used) return "swap slots in use do not add up";
  const FaultStatistics& f = faults_;
  const uint64_t kinds =
      f.demand_zero + f.zero_page + f.file + f.cow + f.cow_reuse + f.swap_in + f.reclaimed + f.spurious;
  if (f.minor + f.major != kinds) return "faults by kind do not add up";
  return std::nullopt;
}

}  // namespace faultline::os
