// What the bits of a page table mean: one description for every radix format.
// The walker reads entries through it and the OS layer's page tables write them
// through it; nobody else knows a bit.
//
// Levels are numbered as in the RISC-V manual: level 0 holds the entries of
// base pages, level levels() - 1 is the root.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"

namespace faultline::hw {

// What an entry permits. `user`: open to user mode. In bits, as Entry: both are
// passed about on the way of every fault, and so fit the host's registers.
struct Permissions {
  bool read : 1 = false;
  bool write : 1 = false;
  bool execute : 1 = false;
  bool user : 1 = false;
  bool global : 1 = false;  // the translation is the same in every address space

  bool operator==(const Permissions&) const = default;
  bool any() const { return read || write || execute; }
};

// An entry as the walker understands it.
struct Entry {
  bool valid : 1 = false;  // present, and no reserved bit or encoding in it
  bool leaf : 1 = false;   // maps a page; otherwise points at the next table
  bool readable : 1 = false;
  bool writable : 1 = false;
  bool executable : 1 = false;
  bool user : 1 = false;
  bool global : 1 = false;
  bool referenced : 1 = false;
  bool modified : 1 = false;
  Pfn pfn{};  // of the page, or of the first frame of the next table

  Permissions permissions() const { return {readable, writable, executable, user, global}; }
};

enum class AddressRule : uint8_t {
  canonical,      // the bits above the translated ones repeat the top one
  zero_extended,  // the bits above the translated ones are zero
};

class PageTableFormat {
 public:
  static constexpr unsigned kMaxLevels = 6;

  // The plain description; a mask of 0 says that the format has no such bit.
  struct Layout {
    std::string_view name;
    unsigned page_shift = 12;
    unsigned levels = 0;
    std::array<unsigned, kMaxLevels> index_bits{};  // by level, 0 the last
    uint32_t leaf_levels = 1;                       // bit l: entries of level l may map a page
    unsigned entry_bytes = 8;                       // 4 or 8
    AddressRule rule = AddressRule::canonical;
    uint64_t user_end = 0;      // first address that is not the user's
    uint64_t kernel_begin = 0;  // first address of the kernel's part

    uint64_t valid = 0;
    uint64_t readable = 0;  // 0: valid implies readable
    uint64_t writable = 0;
    uint64_t user = 0;
    uint64_t executable = 0;  // set permits; 0: see no_execute
    uint64_t no_execute = 0;  // set forbids; both 0: everything readable executes
    uint64_t global = 0;
    uint64_t referenced = 0;
    uint64_t modified = 0;
    unsigned pfn_shift = 12;  // of the frame number in the entry
    unsigned pfn_bits = 0;

    uint64_t large_leaf = 0;              // marks a leaf above level 0; 0: a leaf is what has r, w or x
    uint64_t reserved = 0;                // set in any entry: a page fault
    uint64_t table_reserved = 0;          // set in an entry that points at a table: a page fault
    uint64_t large_ignored = 0;           // frame-number bits that mean something else in large leaves
    bool tables_restrict = false;         // permissions are those of every level together
    bool tables_have_referenced = false;  // the walker sets `referenced` in table entries too
    bool tables_global = false;           // a global table entry makes all below it global
  };

  // Throws std::invalid_argument when the description contradicts itself.
  explicit PageTableFormat(const Layout& layout);

  std::string_view name() const { return layout_.name; }
  PageSize page() const { return PageSize{layout_.page_shift}; }
  unsigned levels() const { return layout_.levels; }
  unsigned root_level() const { return layout_.levels - 1; }
  unsigned entry_bytes() const { return layout_.entry_bytes; }
  bool leaf_allowed(unsigned level) const { return (layout_.leaf_levels >> level & 1) != 0; }
  bool has_execute() const { return layout_.executable != 0 || layout_.no_execute != 0; }
  bool tables_restrict() const { return layout_.tables_restrict; }
  bool tables_have_referenced() const { return layout_.tables_have_referenced; }
  bool tables_global() const { return layout_.tables_global; }

  uint64_t entries(unsigned level) const { return uint64_t{1} << layout_.index_bits[level]; }
  // Bytes of one table: where more than a page, it lies in contiguous frames.
  uint64_t table_bytes(unsigned level) const { return entries(level) * layout_.entry_bytes; }
  // Bytes of address space that one entry of this level spans.
  uint64_t entry_span(unsigned level) const { return uint64_t{1} << shift_[level]; }
  unsigned entry_shift(unsigned level) const { return shift_[level]; }  // log2 of it
  uint64_t index(VirtAddr va, unsigned level) const { return va.value >> shift_[level] & index_mask_[level]; }
  PhysAddr entry_address(PhysAddr table, VirtAddr va, unsigned level) const {
    return table + (index(va, level) << entry_bytes_shift_);
  }

  // Translated bits of an address; the others follow from the rule.
  unsigned address_bits() const { return address_bits_; }
  bool valid_address(VirtAddr va) const {
    if (layout_.rule == AddressRule::zero_extended) return (va.value & ~low_mask_) == 0;
    const uint64_t upper = va.value >> (address_bits_ - 1);
    return upper == 0 || upper == canonical_ones_;
  }
  VirtAddr user_end() const { return VirtAddr(layout_.user_end); }
  VirtAddr kernel_begin() const { return VirtAddr(layout_.kernel_begin); }
  // Bytes of physical memory that entries can name; 0: 2^64.
  uint64_t physical_limit() const;

  // The one meaning of raw bits at a level.
  Entry decode(uint64_t raw, unsigned level) const;
  // The same question asked fast, for walks: a valid entry that points at a
  // table, and where that begins. Else decode() tells what it is.
  bool points_at_table(uint64_t raw, unsigned level) const {
    return (raw & table_check_[level].mask) == table_check_[level].value;
  }
  PhysAddr table_of(uint64_t raw) const {
    return PhysAddr((raw & pfn_mask_) >> layout_.pfn_shift << layout_.page_shift);
  }

  // Of an entry that maps a page: where that begins, and all its other bits.
  PhysAddr page_of(uint64_t raw, unsigned level) const {
    const uint64_t frame = raw & pfn_mask_ & ~(level > 0 ? layout_.large_ignored : 0);
    return PhysAddr(frame >> layout_.pfn_shift << layout_.page_shift);
  }
  uint64_t without_frame(uint64_t raw) const { return raw & ~pfn_mask_; }

  // An entry that maps `pfn`; of permissions that the format cannot tell apart
  // the weaker is widened (write implies read). One that permits nothing is
  // the invalid entry 0. Above level 0 leaf_allowed() must hold and `pfn` be aligned.
  uint64_t encode_leaf(Pfn pfn, Permissions permissions, bool referenced = false, bool modified = false,
                       unsigned level = 0) const;
  // An entry that points at the table beginning in frame `pfn`. Where tables
  // restrict, it permits everything and leaves the say to the leaves; `user`
  // false closes all below it to user mode.
  uint64_t encode_table(Pfn pfn, bool user = true) const;

  // For changing one bit of a raw entry.
  uint64_t valid_bit() const { return layout_.valid; }
  uint64_t writable_bit() const { return layout_.writable; }
  uint64_t referenced_bit() const { return layout_.referenced; }
  uint64_t modified_bit() const { return layout_.modified; }

  const Layout& layout() const { return layout_; }

 private:
  struct Check {
    uint64_t mask = 0;
    uint64_t value = 1;  // with the mask: never
  };

  Check table_check() const;
  bool marks_leaf(uint64_t raw, unsigned level) const;

  Layout layout_;
  std::array<unsigned, kMaxLevels> shift_{};
  std::array<uint64_t, kMaxLevels> index_mask_{};
  unsigned entry_bytes_shift_ = 0;
  std::array<Check, kMaxLevels> table_check_{};
  uint64_t pfn_mask_ = 0;
  unsigned address_bits_ = 0;
  uint64_t low_mask_ = 0;
  uint64_t canonical_ones_ = 0;
};

// Those that faultline knows by name, in the order of error messages.
std::span<const PageTableFormat> page_table_formats();
// Null when there is none of that name.
const PageTableFormat* find_page_table_format(std::string_view name);

// The format that config.paging_format names, or for "custom" that of
// config.paging_custom. Throws std::invalid_argument, one line that names the
// key, when there is no such format or it cannot be built.
PageTableFormat make_page_table_format(const MachineConfig& config);
// The same for config.nested.format.
PageTableFormat make_host_page_table_format(const MachineConfig& config);

}  // namespace faultline::hw
