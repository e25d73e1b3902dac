#include "os/memory/internal_fragmentation.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"

namespace faultline::os {
namespace {

constexpr uint64_t kLine = 64;

AreaKind kind_of(const VmArea& area) {
  if (area.use == AreaUse::heap) return AreaKind::heap;
  if (area.use == AreaUse::stack) return AreaKind::stack;
  if (area.file) return (area.protection & kProtExec) != 0 ? AreaKind::code : AreaKind::file;
  return area.object ? AreaKind::shared : AreaKind::anonymous;
}

}  // namespace

uint64_t InternalFragmentation::zero_bytes(Pfn frame) const {
  static constexpr std::array<uint8_t, kLine> kZeros{};
  const PageSize page = manager_.page();
  const uint8_t* bytes = manager_.cpu().memory().at(page.address(frame));
  uint64_t zero = 0;
  for (uint64_t at = 0; at < page.bytes(); at += kLine) {
    if (std::memcmp(bytes + at, kZeros.data(), kLine) == 0) zero += kLine;
  }
  return zero;
}

InternalFragmentation::Share InternalFragmentation::share(const Index& index, uint64_t first, uint64_t end) {
  const auto place = [&index](uint64_t page) {
    return static_cast<size_t>(std::ranges::lower_bound(index.pages, page) - index.pages.begin());
  };
  const size_t from = place(first), to = place(end);
  return {to - from, index.unused[to] - index.unused[from]};
}

const InternalFragmentation::Index& InternalFragmentation::index_of(const AnonMap& anons) {
  const auto [at, fresh] = anons_.try_emplace(&anons);
  if (fresh) {
    anons.for_each(0, ~uint64_t{0}, [&](uint64_t page, const Anon& anon) {
      if (anon.in_memory()) at->second.add(page, zero_bytes(Pfn(anon.frame)));
    });
  }
  return at->second;
}

const InternalFragmentation::Index& InternalFragmentation::index_of(const FileBacking& file) {
  const auto [at, fresh] = files_.try_emplace(&file);
  if (!fresh) return at->second;
  std::vector<uint64_t> pages;
  for (const auto& [page, frame] : file.cached_pages) pages.push_back(page);
  std::ranges::sort(pages);
  const uint64_t bytes = manager_.page().bytes();
  for (const uint64_t page : pages) {
    const uint64_t begin = page * bytes;
    const uint64_t used = file.size() > begin ? std::min(file.size() - begin, bytes) : 0;
    at->second.add(page, bytes - used);
  }
  return at->second;
}

// A private area has pages of its own over those of its file.
InternalFragmentation::Share InternalFragmentation::share_of(const AddressSpace& space, const VmArea& area) {
  const PageSize page = manager_.page();
  const uint64_t first = area.backing_page(area.start, page);
  const uint64_t pages = area.bytes() >> page.shift;
  if (area.object) return share(index_of(*area.object), first, first + pages);
  const uint64_t first_virtual = area.start >> page.shift;
  Share all;
  if (!area.shared) all = share(index_of(space.private_pages()), first_virtual, first_virtual + pages);
  if (!area.file) return all;
  const Index& file = index_of(*area.file);
  const Share whole = share(file, first, first + pages);
  all.pages += whole.pages;
  all.unused += whole.unused;
  if (area.shared) return all;
  space.private_pages().for_each(first_virtual, first_virtual + pages, [&](uint64_t at, const Anon&) {
    const uint64_t index = first + (at - first_virtual);
    const Share hidden = share(file, index, index + 1);
    all.pages -= hidden.pages;
    all.unused -= hidden.unused;
  });
  return all;
}

void InternalFragmentation::add(const AddressSpace& space) {
  space.for_each_area([&](const VmArea& area) {
    const Share held = share_of(space, area);
    AreaKindStatistics& kind = areas_[static_cast<size_t>(kind_of(area))];
    ++kind.areas;
    kind.bytes += area.bytes();
    kind.resident_bytes += held.pages << manager_.page().shift;
    kind.unused_bytes += held.unused;
  });
}

}  // namespace faultline::os
