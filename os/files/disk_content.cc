#include "os/files/disk_content.h"

#include <algorithm>
#include <cstring>

namespace faultline::os {

DiskContent::DiskContent(uint64_t swap_bytes, uint64_t disk_bytes, PageSize page)
    : page_(page),
      first_file_block_(page.pages(swap_bytes)),
      end_block_(std::max(disk_bytes >> page.shift, first_file_block_)),
      next_block_(first_file_block_),
      free_blocks_(end_block_ - first_file_block_) {}

// Holes come last, so that a write still on its way to a file that is gone
// meets no new owner.
std::optional<uint64_t> DiskContent::take_run(uint64_t& pages) {
  if (next_block_ < end_block_) {
    pages = std::min(pages, end_block_ - next_block_);
    const uint64_t first = next_block_;
    next_block_ += pages;
    return first;
  }
  if (holes_.empty()) return std::nullopt;
  const auto [first, blocks] = *holes_.begin();
  holes_.erase(holes_.begin());
  pages = std::min(pages, blocks);
  if (pages < blocks) holes_.emplace(first + pages, blocks - pages);
  return first;
}

std::optional<DiskContent::Extent> DiskContent::allocate(DiskFile& owner, uint64_t first_page, uint64_t pages) {
  const auto first = take_run(pages);
  if (!first) return std::nullopt;
  const Extent extent{first_page, pages, *first};
  owned_.emplace(*first, Owned{&owner, extent});
  free_blocks_ -= pages;
  return extent;
}

void DiskContent::release(std::span<const Extent> extents) {
  for (const Extent& extent : extents) {
    owned_.erase(extent.first_block);
    holes_.emplace(extent.first_block, extent.pages);
    free_blocks_ += extent.pages;
  }
}

DiskContent::Place DiskContent::find(uint64_t block) const {
  auto it = owned_.upper_bound(block);
  if (it == owned_.begin()) return {};
  const Owned& owned = std::prev(it)->second;
  const uint64_t distance = block - owned.extent.first_block;
  if (distance >= owned.extent.pages) return {};
  return {owned.owner, owned.extent.first_page + distance};
}

bool DiskContent::read_block(uint64_t block, std::span<uint8_t> to) {
  std::fill(to.begin(), to.end(), uint8_t{0});
  if (block < first_file_block_) {
    if (auto it = swap_.find(block); it != swap_.end()) std::memcpy(to.data(), it->second.get(), to.size());
    return true;
  }
  const Place place = find(block);
  return !place.owner || place.owner->read_page(place.page, to);
}

bool DiskContent::write_block(uint64_t block, std::span<const uint8_t> from) {
  if (block < first_file_block_) {
    auto& bytes = swap_[block];
    if (!bytes) bytes = std::make_unique<uint8_t[]>(page_.bytes());
    std::memcpy(bytes.get(), from.data(), from.size());
    return true;
  }
  const Place place = find(block);
  return !place.owner || place.owner->write_page(place.page, from);
}

bool DiskContent::medium_fails(uint64_t block, bool write) {
  if (!faults_) return false;
  const Place place = find(block);
  return faults_->fails({.sector = sector_of(block),
                         .sectors = sector_of(1),
                         .write = write,
                         .path = place.owner ? place.owner->path() : std::string_view{},
                         .offset = place.page << page_.shift});
}

bool DiskContent::note(uint64_t block, bool write, bool ok) {
  if (ok || failed_pages_.size() == kFailedPagesKept) return ok;
  const Place place = find(block);
  failed_pages_.push_back({.sector = sector_of(block),
                           .write = write,
                           .path = std::string(place.owner ? place.owner->path() : std::string_view{}),
                           .offset = place.page << page_.shift});
  return ok;
}

bool DiskContent::read(uint64_t sector, std::span<uint8_t> bytes) {
  const uint64_t sectors_per_block = page_.bytes() / hw::kSectorBytes;
  if (sector % sectors_per_block != 0 || bytes.size() % page_.bytes() != 0) return false;
  uint64_t block = sector / sectors_per_block;
  if (block >= end_block_ || bytes.size() / page_.bytes() > end_block_ - block) return false;
  for (size_t at = 0; at < bytes.size(); at += page_.bytes(), ++block) {
    const bool ok = !medium_fails(block, false) && read_block(block, bytes.subspan(at, page_.bytes()));
    if (!note(block, false, ok)) return false;
  }
  return true;
}

bool DiskContent::write(uint64_t sector, std::span<const uint8_t> bytes) {
  const uint64_t sectors_per_block = page_.bytes() / hw::kSectorBytes;
  if (sector % sectors_per_block != 0 || bytes.size() % page_.bytes() != 0) return false;
  uint64_t block = sector / sectors_per_block;
  if (block >= end_block_ || bytes.size() / page_.bytes() > end_block_ - block) return false;
  for (size_t at = 0; at < bytes.size(); at += page_.bytes(), ++block) {
    const bool ok = !medium_fails(block, true) && write_block(block, bytes.subspan(at, page_.bytes()));
    if (!note(block, true, ok)) return false;
  }
  return true;
}

}  // namespace faultline::os
