// The kernel's part of every address space: all of physical memory, as far as
// the window reaches, at kernel_begin(). Lower tables are shared by all; what
// the root holds is written into every root. A linear table has nothing to
// share, so equal entries are written into each.
#include <algorithm>

#include "os/cpu.h"
#include "os/memory/page_table.h"

namespace faultline::os {

namespace {

// Bytes of memory that the kernel's part can map.
uint64_t window(const hw::PageTableFormat& format, uint64_t frames) {
  const uint64_t begin = format.kernel_begin().value;
  const uint64_t room = format.layout().rule == hw::AddressRule::zero_extended
                            ? (uint64_t{1} << format.address_bits()) - begin
                            : uint64_t{0} - begin;
  return std::min(room, frames << format.page().shift);
}

}  // namespace

uint64_t PageTables::kernel_tables(const hw::PageTableFormat& format, uint64_t frames) {
  const uint64_t first = format.kernel_begin().value;
  const uint64_t last = first + (window(format, frames) - 1);
  uint64_t tables = 0;
  for (unsigned level = 0; level < format.root_level(); ++level) {
    const uint64_t reach = format.entry_span(level + 1);
    tables += last / reach - first / reach + 1;
  }
  return tables;
}

void PageTables::build_kernel_part(Pfn next_table) {
  kernel_window_ = window(format_, frames_.total());
  const unsigned root = format_.root_level();
  kernel_first_ = format_.index(format_.kernel_begin(), root);
  // Referenced and modified from the start: nobody looks at these bits.
  const hw::Permissions permissions{.read = true, .write = true, .execute = false, .user = false, .global = true};
  for (uint64_t at = 0; at < kernel_window_;) {
    const VirtAddr va = format_.kernel_begin() + at;
    const uint64_t leaf = format_.encode_leaf(page().pfn(PhysAddr(at)), permissions, true, true);
    const uint64_t room = format_.entries(0) - format_.index(va, 0);
    const uint64_t count = std::min(room, page().pages(kernel_window_ - at));
    at += count << page().shift;
    // From one to the next only the frame's number grows.
    const uint64_t step = uint64_t{1} << format_.layout().pfn_shift;
    if (root == 0) {
      for (uint64_t i = 0; i < count; ++i) kernel_entries_.push_back(leaf + i * step);
      continue;
    }
    const uint64_t first = position(format_.entry_address(kernel_table(va, next_table), va, 0));
    for (uint64_t i = 0; i < count; ++i) set_raw(first + i, leaf + i * step);
  }
}

// The table of level 0 for an address of the kernel's part. Those that are not
// there yet are made from `next_table` on, which moves.
PhysAddr PageTables::kernel_table(VirtAddr va, Pfn& next_table) {
  const unsigned root = format_.root_level();
  const uint64_t index = format_.index(va, root) - kernel_first_;
  const auto make = [&] {
    const Pfn made = next_table;
    ++next_table;
    return format_.encode_table(made, false);
  };
  if (kernel_entries_.size() <= index) kernel_entries_.resize(index + 1, 0);
  if (kernel_entries_[index] == 0) kernel_entries_[index] = make();
  PhysAddr table = format_.table_of(kernel_entries_[index]);
  for (unsigned level = root - 1; level > 0; --level) {
    const uint64_t entry = position(format_.entry_address(table, va, level));
    if (raw(entry) == 0) set_raw(entry, make());
    table = format_.table_of(raw(entry));
  }
  return table;
}

std::optional<VirtAddr> PageTables::kernel_address(PhysAddr address) const {
  if (address.value >= kernel_window_) return std::nullopt;
  return format_.kernel_begin() + address.value;
}

// Writes what of the kernel's part lies in one frame of a root, whose first
// entry is number `first` of the root. Its entries follow from the address, so
// nothing is read.
void PageTables::write_kernel_part(Pfn frame, uint64_t first) {
  const uint64_t begin = std::max(first, kernel_first_);
  const uint64_t end = std::min(first + entries_per_frame_, kernel_first_ + kernel_entries_.size());
  if (begin >= end) return;
  const uint64_t at = frame.value * entries_per_frame_ + (begin - first);
  for (uint64_t i = begin; i < end; ++i) set_raw(at + (i - begin), kernel_entries_[i - kernel_first_]);
  cpu_.touch(address(at), (end - begin) * format_.entry_bytes(), true);
}

std::unique_ptr<PageTable> PageTables::create(bool& must_wait) {
  must_wait = false;
  const std::optional<uint64_t> asid = asids_.first();
  if (!asid) return nullptr;
  const unsigned level = format_.root_level();
  const uint64_t frames = page().pages(format_.table_bytes(level));
  const std::optional<Pfn> root = frames == 1 ? frames_.allocate(FrameKind::page_table, Urgency::table)
                                              : frames_.allocate_run(frames, FrameKind::page_table);
  if (!root) {
    must_wait = frames == 1;
    return nullptr;
  }
  asids_.erase(*asid);
  ++roots_;
  auto table = std::make_unique<PageTable>(*this, *root, static_cast<Asid>(*asid));
  for (uint64_t i = 0; i < frames; ++i) {
    const uint64_t first = i * entries_per_frame_;
    const bool all_kernel =
        kernel_first_ <= first && first + entries_per_frame_ <= kernel_first_ + kernel_entries_.size();
    if (!all_kernel) cpu_.zero_frame(*root + i);
    write_kernel_part(*root + i, first);
    add_notes(*root + i, *table, level, first * format_.entry_span(level), kNone);
  }
  return table;
}

}  // namespace faultline::os
