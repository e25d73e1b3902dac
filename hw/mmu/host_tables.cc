#include "hw/mmu/host_tables.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "hw/mmu/host_stage.h"

namespace faultline::hw {
namespace {

constexpr Permissions kAll{.read = true, .write = true, .execute = true, .user = true};

void require(bool holds, const std::string& why) {
  if (!holds) throw std::invalid_argument(why);
}

}  // namespace

HostTables::HostTables(PageTableFormat format, const NestedConfig& config, uint64_t guest_bytes, PageSize guest_page)
    : format_(std::move(format)), leaf_level_(leaf_level_of(format_, config.page)), guest_bytes_(guest_bytes) {
  const std::string name(format_.name());
  const uint64_t leaf = format_.entry_span(leaf_level_);
  require(guest_bytes % leaf == 0, "dram.size: not a whole number of the host's pages (nested.page)");
  require(leaf >= guest_page.bytes(), "nested.page: smaller than the base pages of paging.format");
  first_ = PhysAddr(format_.page().round_up(guest_bytes));
  for (unsigned level = format_.levels(); level-- > leaf_level_;) {
    const uint64_t reach = format_.entry_span(level) * format_.entries(level);
    levels_[level] = {(guest_bytes - 1) / reach + 1, PhysAddr(end())};
    bytes_ += levels_[level].tables * stride(level);
  }
  require(levels_[format_.root_level()].tables == 1 && format_.valid_address(VirtAddr(guest_bytes - 1)),
          "dram.size: more than " + name + " tables of the host can map");
  require(format_.physical_limit() == 0 || end() <= format_.physical_limit(),
          "dram.size: with the host's tables more than the entries of " + name + " can name");
}

void HostTables::build(BackingStore& memory) const {
  for (unsigned level = format_.levels(); level-- > leaf_level_;) fill(memory, level);
}

void HostTables::fill(BackingStore& memory, unsigned level) const {
  const uint64_t span = format_.entry_span(level);
  const PageSize page = format_.page();
  const uint64_t referenced = format_.tables_have_referenced() ? format_.referenced_bit() : 0;
  for (uint64_t n = 0; n * span < guest_bytes_; ++n) {
    const PhysAddr table = levels_[level].first + n / format_.entries(level) * stride(level);
    const PhysAddr entry = format_.entry_address(table, VirtAddr(n * span), level);
    const uint64_t raw =
        level == leaf_level_
            ? format_.encode_leaf(page.pfn(PhysAddr(n * span)), kAll, true, true, level)
            : format_.encode_table(page.pfn(levels_[level - 1].first + n * stride(level - 1))) | referenced;
    if (format_.entry_bytes() == 4) {
      memory.store<uint32_t>(entry, static_cast<uint32_t>(raw));
    } else {
      memory.store<uint64_t>(entry, raw);
    }
  }
}

}  // namespace faultline::hw
