#include "hw/mmu/page_table_format.h"

#include <bit>
#include <stdexcept>
#include <string>

namespace faultline::hw {
namespace {

using Layout = PageTableFormat::Layout;

constexpr uint64_t bit(unsigned n) { return uint64_t{1} << n; }
constexpr uint64_t bits(unsigned high, unsigned low) {
  return (high == 63 ? ~uint64_t{0} : bit(high + 1) - 1) & ~(bit(low) - 1);
}

// Intel SDM volume 3A, 4.5, tables 4-15 to 4-20: P, R/W, U/S, A, D, PS, G, the
// frame in bits 51..12, XD in bit 63. R/W, U/S and XD of all levels combine
// (4.6.1), and A is set in every entry used (4.8). Page-directory entries may
// map 2 MB, page-directory-pointer entries 1 GB; a set PS where no page may be
// mapped counts as a reserved bit; bit 12 of a large leaf is PAT.
Layout x86_64() {
  return {.name = "x86-64",
          .levels = 4,
          .index_bits = {9, 9, 9, 9},
          .leaf_levels = 0b111,
          .entry_bytes = 8,
          .rule = AddressRule::canonical,
          .user_end = bit(47),
          .kernel_begin = bits(63, 47),
          .valid = bit(0),
          .writable = bit(1),
          .user = bit(2),
          .no_execute = bit(63),
          .global = bit(8),
          .referenced = bit(5),
          .modified = bit(6),
          .pfn_shift = 12,
          .pfn_bits = 40,
          .large_leaf = bit(7),
          .large_ignored = bit(12),
          .tables_restrict = true,
          .tables_have_referenced = true};
}

// Intel SDM volume 3A, 4.5, "5-Level Paging": one more level above, table 4-14;
// all else is as with four.
Layout la57() {
  Layout layout = x86_64();
  layout.name = "la57";
  layout.levels = 5;
  layout.index_bits[4] = 9;
  layout.user_end = bit(56);
  layout.kernel_begin = bits(63, 56);
  return layout;
}

// Intel SDM volume 3A, 4.3, tables 4-4 to 4-6: as above in 32 bits, no XD.
// CR4.PSE is on: page-directory entries may map 4 MB (table 4-4; without
// PSE-36, bits 21..13 are reserved, and bit 12 is PAT). The kernel has the top
// quarter, as Linux's 3:1 split.
Layout ia32() {
  return {.name = "ia32",
          .levels = 2,
          .index_bits = {10, 10},
          .leaf_levels = 0b11,
          .entry_bytes = 4,
          .rule = AddressRule::zero_extended,
          .user_end = 0xC0000000,
          .kernel_begin = 0xC0000000,
          .valid = bit(0),
          .writable = bit(1),
          .user = bit(2),
          .global = bit(8),
          .referenced = bit(5),
          .modified = bit(6),
          .pfn_shift = 12,
          .pfn_bits = 20,
          .large_leaf = bit(7),
          .large_ignored = bit(12),
          .tables_restrict = true,
          .tables_have_referenced = true};
}

// The textbook's single-level table: 2^20 entries of 4 bytes in one piece of
// 4 MB. Its entries are IA32's.
Layout linear32() {
  Layout layout = ia32();
  layout.name = "linear32";
  layout.levels = 1;
  layout.index_bits = {20};
  layout.leaf_levels = 1;
  layout.large_leaf = 0;
  layout.large_ignored = 0;
  layout.tables_restrict = false;
  layout.tables_have_referenced = false;
  return layout;
}

// RISC-V Privileged Architecture, Supervisor-level ISA, "Sv39", "Sv48" and
// "Sv57": V R W X U G A D from bit 0, RSW, PPN in bits 53..10. Bits 60..54 are reserved,
// 62..61 (Svpbmt) and 63 (Svnapot) too where those are absent; U, A and D are
// reserved in entries that point at a table. The leaf alone has the say, and
// may be at any level: a page must be aligned to its size.
Layout risc_v(std::string_view name, unsigned levels) {
  Layout layout{.name = name,
                .levels = levels,
                .leaf_levels = (uint32_t{1} << levels) - 1,
                .entry_bytes = 8,
                .rule = AddressRule::canonical,
                .valid = bit(0),
                .readable = bit(1),
                .writable = bit(2),
                .user = bit(4),
                .executable = bit(3),
                .global = bit(5),
                .referenced = bit(6),
                .modified = bit(7),
                .pfn_shift = 10,
                .pfn_bits = 44,
                .reserved = bits(63, 54),
                .table_reserved = bit(4) | bit(6) | bit(7),
                .tables_global = true};
  for (unsigned level = 0; level < levels; ++level) layout.index_bits[level] = 9;
  const unsigned top = 12 + 9 * levels - 1;
  layout.user_end = bit(top);
  layout.kernel_begin = bits(63, top);
  return layout;
}

// The same manual, "Sv32": two levels of 4-byte entries with the same low bits,
// PPN in bits 31..10: 34 bits of physical address; no bit is reserved but those
// of entries that point at a table. A 64-bit program sees 32-bit addresses, so
// the bits above must be zero. The kernel has the top quarter (Linux's
// PAGE_OFFSET for 32-bit RISC-V, 0xC0000000).
Layout sv32() {
  Layout layout = risc_v("sv32", 2);
  layout.index_bits = {10, 10};
  layout.entry_bytes = 4;
  layout.rule = AddressRule::zero_extended;
  layout.user_end = 0xC0000000;
  layout.kernel_begin = 0xC0000000;
  layout.pfn_bits = 22;
  layout.reserved = 0;
  return layout;
}

constexpr unsigned kMostAddressBits = 60;

void must(bool holds, const std::string& why) {
  if (!holds) throw std::invalid_argument(why);
}

// Bits of address that the user's own format translates.
unsigned check_custom(const CustomFormatConfig& config) {
  constexpr unsigned kLeastAddressBits = 28;
  must(std::has_single_bit(config.page) && config.page >= 4096 && config.page <= bit(30),
       "paging.custom.page must be a power of two from 4K to 1G");
  must(config.entry_bytes == 4 || config.entry_bytes == 8, "paging.custom.entry_bytes must be 4 or 8");
  must(!config.bits.empty() && config.bits.size() <= PageTableFormat::kMaxLevels,
       "paging.custom.bits must name 1 to " + std::to_string(PageTableFormat::kMaxLevels) + " levels");
  auto total = static_cast<unsigned>(std::countr_zero(config.page));
  for (const uint32_t translated : config.bits) {
    must(translated >= 1 && translated <= 30, "paging.custom.bits: a level translates 1 to 30 bits");
    total += translated;
  }
  must(config.bits[0] >= 2,
       "paging.custom.bits: the first level translates at least 2 bits, so that the kernel's part "
       "has root entries of its own");
  must(total >= kLeastAddressBits && total <= kMostAddressBits,
       "paging.custom.page and paging.custom.bits make addresses of " + std::to_string(total) + " bits; " +
           std::to_string(kLeastAddressBits) + " to " + std::to_string(kMostAddressBits) + " can be built");
  for (size_t below = 1; below < config.bits.size(); ++below) {
    must(config.entry_bytes * bit(config.bits[below]) <= config.page,
         "paging.custom.bits: a table below the root must fit a page; with this page and entry a level below the "
         "first translates at most " +
             std::to_string(std::countr_zero(config.page / config.entry_bytes)) + " bits");
  }
  bool last = false;
  for (const uint32_t level : config.leaves) {
    must(level < config.bits.size(), "paging.custom.leaves: there is no level " + std::to_string(level) +
                                         ", paging.custom.bits names " + std::to_string(config.bits.size()));
    last = last || level == 0;
  }
  must(last, "paging.custom.leaves must have 0: entries of the last level map pages");
  return total;
}

// With pages of 4 KB, four levels of 9 bits are x86-64 itself, two of 10 bits
// with entries of 4 bytes IA32, and one of 20 the linear table.
Layout custom(const CustomFormatConfig& config) {
  const unsigned total = check_custom(config);
  Layout layout = config.entry_bytes == 4 ? ia32() : x86_64();
  layout.name = "custom";
  layout.page_shift = static_cast<unsigned>(std::countr_zero(config.page));
  layout.levels = static_cast<unsigned>(config.bits.size());
  for (unsigned level = 0; level < layout.levels; ++level) {
    layout.index_bits[level] = config.bits[layout.levels - 1 - level];
  }
  layout.leaf_levels = 0;
  for (const uint32_t level : config.leaves) layout.leaf_levels |= uint32_t{1} << level;
  // 52 bits of physical address, as x86-64 has; all 20 bits of a frame number in 32.
  if (config.entry_bytes == 8) layout.pfn_bits = 52 - layout.page_shift;
  if (total <= 32) {
    layout.rule = AddressRule::zero_extended;
    layout.user_end = layout.kernel_begin = uint64_t{3} << (total - 2);
  } else {
    layout.rule = AddressRule::canonical;
    layout.user_end = bit(total - 1);
    layout.kernel_begin = bits(63, total - 1);
  }
  if (layout.levels == 1) {
    layout.tables_restrict = false;
    layout.tables_have_referenced = false;
  }
  return layout;
}

void require(bool holds, const Layout& layout, const char* what) {
  if (!holds) throw std::invalid_argument("page-table format " + std::string(layout.name) + ": " + what);
}

}  // namespace

PageTableFormat::PageTableFormat(const Layout& layout) : layout_(layout) {
  require(layout.levels >= 1 && layout.levels <= kMaxLevels, layout, "1 to 6 levels");
  require(layout.entry_bytes == 4 || layout.entry_bytes == 8, layout, "entries of 4 or 8 bytes");
  require(layout.pfn_bits >= 1 && layout.pfn_shift + layout.pfn_bits <= 8 * layout.entry_bytes, layout,
          "the frame number lies inside the entry");
  require(layout.valid && layout.writable && layout.user && layout.referenced && layout.modified, layout,
          "valid, writable, user, referenced and modified bits");
  unsigned shift = layout.page_shift;
  for (unsigned level = 0; level < layout.levels; ++level) {
    require(layout.index_bits[level] >= 1, layout, "every level translates at least one bit");
    shift_[level] = shift;
    index_mask_[level] = bit(layout.index_bits[level]) - 1;
    shift += layout.index_bits[level];
  }
  require(layout.page_shift >= 12 && shift <= kMostAddressBits, layout,
          "pages of at least 4 KB, addresses of at most 60 bits");
  address_bits_ = shift;
  entry_bytes_shift_ = static_cast<unsigned>(std::countr_zero(layout.entry_bytes));
  low_mask_ = bit(shift) - 1;
  canonical_ones_ = ~uint64_t{0} >> (address_bits_ - 1);
  pfn_mask_ = (bit(layout.pfn_bits) - 1) << layout.pfn_shift;
  for (unsigned level = 1; level < layout.levels; ++level) table_check_[level] = table_check();
}

// Which bits of an entry above level 0 make it a valid pointer to a table.
PageTableFormat::Check PageTableFormat::table_check() const {
  uint64_t clear = layout_.reserved | layout_.table_reserved;
  clear |= layout_.readable ? layout_.readable | layout_.writable | layout_.executable : layout_.large_leaf;
  return {clear | layout_.valid, layout_.valid};
}

uint64_t PageTableFormat::physical_limit() const {
  const unsigned width = layout_.pfn_bits + layout_.page_shift;
  return width >= 64 ? 0 : bit(width);
}

bool PageTableFormat::marks_leaf(uint64_t raw, unsigned level) const {
  if (layout_.levels == 1) return true;
  if (layout_.readable) return (raw & (layout_.readable | layout_.writable | layout_.executable)) != 0;
  return level == 0 || (raw & layout_.large_leaf) != 0;
}

Entry PageTableFormat::decode(uint64_t raw, unsigned level) const {
  Entry entry;
  if (!(raw & layout_.valid) || (raw & layout_.reserved)) return entry;
  entry.leaf = marks_leaf(raw, level);
  uint64_t frame = raw & pfn_mask_;
  entry.writable = (raw & layout_.writable) != 0;
  if (entry.leaf) {
    if (!leaf_allowed(level)) return entry;
    if (level > 0) frame &= ~layout_.large_ignored;
    const uint64_t below = (entry_span(level) >> layout_.page_shift) - 1;
    if (frame >> layout_.pfn_shift & below) return entry;
    entry.readable = layout_.readable == 0 || (raw & layout_.readable);
    if (entry.writable && !entry.readable) return entry;
    entry.modified = (raw & layout_.modified) != 0;
  } else {
    if (level == 0 || (raw & layout_.table_reserved)) return entry;
    entry.readable = true;
  }
  entry.executable = layout_.executable ? (raw & layout_.executable) != 0 : (raw & layout_.no_execute) == 0;
  entry.user = (raw & layout_.user) != 0;
  entry.global = (raw & layout_.global) != 0;
  entry.referenced = (raw & layout_.referenced) != 0;
  entry.pfn = Pfn(frame >> layout_.pfn_shift);
  entry.valid = true;
  return entry;
}

uint64_t PageTableFormat::encode_leaf(Pfn pfn, Permissions permissions, bool referenced, bool modified,
                                      unsigned level) const {
  if (!permissions.any()) return 0;
  uint64_t raw = layout_.valid | (pfn.value << layout_.pfn_shift & pfn_mask_);
  if (permissions.read || permissions.write) raw |= layout_.readable;
  if (permissions.write) raw |= layout_.writable;
  if (permissions.execute) raw |= layout_.executable;
  if (!permissions.execute) raw |= layout_.no_execute;
  if (permissions.user) raw |= layout_.user;
  if (permissions.global) raw |= layout_.global;
  if (referenced) raw |= layout_.referenced;
  if (modified) raw |= layout_.modified;
  if (level > 0) raw |= layout_.large_leaf;
  return raw;
}

uint64_t PageTableFormat::encode_table(Pfn pfn, bool user) const {
  uint64_t raw = layout_.valid | (pfn.value << layout_.pfn_shift & pfn_mask_);
  if (!layout_.tables_restrict) return raw;
  raw |= layout_.writable;
  if (user) raw |= layout_.user;
  return raw;
}

std::span<const PageTableFormat> page_table_formats() {
  static const std::array<PageTableFormat, 8> formats = {PageTableFormat(x86_64()),
                                                         PageTableFormat(la57()),
                                                         PageTableFormat(sv32()),
                                                         PageTableFormat(risc_v("sv39", 3)),
                                                         PageTableFormat(risc_v("sv48", 4)),
                                                         PageTableFormat(risc_v("sv57", 5)),
                                                         PageTableFormat(ia32()),
                                                         PageTableFormat(linear32())};
  return formats;
}

const PageTableFormat* find_page_table_format(std::string_view name) {
  for (const PageTableFormat& format : page_table_formats()) {
    if (format.name() == name) return &format;
  }
  return nullptr;
}

namespace {

PageTableFormat make_format(const std::string& key, const std::string& name, const CustomFormatConfig& own) {
  if (name == "custom") return PageTableFormat(custom(own));
  if (const PageTableFormat* format = find_page_table_format(name)) return *format;
  std::string known;
  for (const PageTableFormat& format : page_table_formats()) known += std::string(format.name()) + ", ";
  throw std::invalid_argument(key + ": no format \"" + name + "\"; known are " + known + "custom");
}

}  // namespace

PageTableFormat make_page_table_format(const MachineConfig& config) {
  return make_format("paging.format", config.paging_format, config.paging_custom);
}

PageTableFormat make_host_page_table_format(const MachineConfig& config) {
  return make_format("nested.format", config.nested.format, config.paging_custom);
}

}  // namespace faultline::hw
