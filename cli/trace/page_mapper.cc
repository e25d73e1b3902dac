#include "cli/trace/page_mapper.h"

#include <algorithm>

namespace faultline::cli {

PageMapper::PageMapper(const hw::PageTableFormat& format, hw::BackingStore& memory, uint64_t memory_bytes)
    : format_(format), memory_(memory), end_(memory_bytes) {
  const uint64_t bytes = format.table_bytes(format.root_level());
  has_root_ = take(bytes, root_);
  if (!has_root_) return;
  table_bytes_ = bytes;
  level_bytes_[format.root_level()] = bytes;
}

bool PageMapper::take(uint64_t bytes, PhysAddr& begin) {
  const uint64_t size = std::max(bytes, format_.page().bytes());
  const uint64_t at = (next_ + size - 1) & ~(size - 1);
  if (at > end_ || end_ - at < size) return false;
  begin = PhysAddr(at);
  next_ = at + size;
  return true;
}

uint64_t PageMapper::load(PhysAddr entry) const {
  return format_.entry_bytes() == 4 ? memory_.load<uint32_t>(entry) : memory_.load<uint64_t>(entry);
}

void PageMapper::store(PhysAddr entry, uint64_t raw) {
  if (format_.entry_bytes() == 4) {
    memory_.store<uint32_t>(entry, static_cast<uint32_t>(raw));
  } else {
    memory_.store<uint64_t>(entry, raw);
  }
}

bool PageMapper::ensure(VirtAddr va) {
  if (!has_root_) return false;
  const PageSize page = format_.page();
  if (!mapped_.insert(page.vpn(va).value).second) return true;
  PhysAddr table = root_;
  for (unsigned level = format_.root_level(); level > 0; --level) {
    const PhysAddr entry = format_.entry_address(table, va, level);
    const uint64_t raw = load(entry);
    if (format_.points_at_table(raw, level)) {
      table = format_.table_of(raw);
      continue;
    }
    PhysAddr below;
    const uint64_t bytes = format_.table_bytes(level - 1);
    if (!take(bytes, below)) {
      mapped_.erase(page.vpn(va).value);
      return false;
    }
    table_bytes_ += bytes;
    level_bytes_[level - 1] += bytes;
    const uint64_t used = format_.tables_have_referenced() ? format_.referenced_bit() : 0;
    store(entry, format_.encode_table(page.pfn(below)) | used);
    table = below;
  }
  PhysAddr frame;
  if (!take(page.bytes(), frame)) {
    mapped_.erase(page.vpn(va).value);
    return false;
  }
  constexpr hw::Permissions kAll{.read = true, .write = true, .execute = true, .user = true};
  store(format_.entry_address(table, va, 0), format_.encode_leaf(page.pfn(frame), kAll, true, true));
  return true;
}

}  // namespace faultline::cli
