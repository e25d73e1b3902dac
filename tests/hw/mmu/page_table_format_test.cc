#include "hw/mmu/page_table_format.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace faultline::hw {
namespace {

const PageTableFormat& format(std::string_view name) {
  const PageTableFormat* found = find_page_table_format(name);
  if (!found) throw std::runtime_error("no such format");
  return *found;
}

TEST(PageTableFormatTest, NamesAndShapes) {
  struct Shape {
    std::string_view name;
    unsigned levels, entry_bytes, address_bits;
    uint64_t root_bytes, user_end, kernel_begin;
  };
  const Shape shapes[] = {
      {"x86-64", 4, 8, 48, 4096, 0x0000'8000'0000'0000, 0xFFFF'8000'0000'0000},
      {"la57", 5, 8, 57, 4096, 0x0100'0000'0000'0000, 0xFF00'0000'0000'0000},
      {"sv32", 2, 4, 32, 4096, 0xC000'0000, 0xC000'0000},
      {"sv39", 3, 8, 39, 4096, 0x0000'0040'0000'0000, 0xFFFF'FFC0'0000'0000},
      {"sv48", 4, 8, 48, 4096, 0x0000'8000'0000'0000, 0xFFFF'8000'0000'0000},
      {"sv57", 5, 8, 57, 4096, 0x0100'0000'0000'0000, 0xFF00'0000'0000'0000},
      {"ia32", 2, 4, 32, 4096, 0xC000'0000, 0xC000'0000},
      {"linear32", 1, 4, 32, 4 << 20, 0xC000'0000, 0xC000'0000},
  };
  ASSERT_EQ(page_table_formats().size(), std::size(shapes));
  for (size_t i = 0; i < std::size(shapes); ++i) {
    const PageTableFormat& f = page_table_formats()[i];
    EXPECT_EQ(f.name(), shapes[i].name);
    EXPECT_EQ(f.levels(), shapes[i].levels);
    EXPECT_EQ(f.entry_bytes(), shapes[i].entry_bytes);
    EXPECT_EQ(f.address_bits(), shapes[i].address_bits);
    EXPECT_EQ(f.table_bytes(f.root_level()), shapes[i].root_bytes);
    EXPECT_EQ(f.user_end().value, shapes[i].user_end);
    EXPECT_EQ(f.kernel_begin().value, shapes[i].kernel_begin);
    EXPECT_EQ(f.page().bytes(), 4096u);
  }
  EXPECT_EQ(find_page_table_format("sv40"), nullptr);
  EXPECT_EQ(format("ia32").physical_limit(), uint64_t{1} << 32);
  EXPECT_EQ(format("sv32").physical_limit(), uint64_t{1} << 34);
  EXPECT_EQ(format("sv57").physical_limit(), uint64_t{1} << 56);
  EXPECT_EQ(format("la57").physical_limit(), uint64_t{1} << 52);
}

TEST(PageTableFormatTest, Addresses) {
  EXPECT_TRUE(format("x86-64").valid_address(VirtAddr(0x0000'7FFF'FFFF'FFFF)));
  EXPECT_FALSE(format("x86-64").valid_address(VirtAddr(0x0000'8000'0000'0000)));
  EXPECT_FALSE(format("x86-64").valid_address(VirtAddr(0xFFFF'7FFF'FFFF'FFFF)));
  EXPECT_TRUE(format("x86-64").valid_address(VirtAddr(0xFFFF'8000'0000'0000)));
  EXPECT_FALSE(format("x86-64").valid_address(VirtAddr(0x1000'0000'0000'1000)));
  EXPECT_TRUE(format("sv39").valid_address(VirtAddr(0x3F'FFFF'FFFF)));
  EXPECT_FALSE(format("sv39").valid_address(VirtAddr(0x40'0000'0000)));
  EXPECT_TRUE(format("sv39").valid_address(VirtAddr(0xFFFF'FFC0'0000'0000)));
  EXPECT_TRUE(format("ia32").valid_address(VirtAddr(0xFFFF'FFFF)));
  EXPECT_FALSE(format("ia32").valid_address(VirtAddr(0x1'0000'0000)));
  EXPECT_FALSE(format("linear32").valid_address(VirtAddr(0xFFFF'FFFF'FFFF'F000)));
  EXPECT_TRUE(format("sv32").valid_address(VirtAddr(0xFFFF'FFFF)));
  EXPECT_FALSE(format("sv32").valid_address(VirtAddr(0xFFFF'FFFF'8000'0000)));
  for (const char* name : {"la57", "sv57"}) {
    EXPECT_TRUE(format(name).valid_address(VirtAddr(0x00FF'FFFF'FFFF'FFFF))) << name;
    EXPECT_FALSE(format(name).valid_address(VirtAddr(0x0100'0000'0000'0000))) << name;
    EXPECT_FALSE(format(name).valid_address(VirtAddr(0xFEFF'FFFF'FFFF'FFFF))) << name;
    EXPECT_TRUE(format(name).valid_address(VirtAddr(0xFF00'0000'0000'0000))) << name;
  }
}

TEST(PageTableFormatTest, Indices) {
  const VirtAddr va(0x0000'1234'5678'9ABC);
  EXPECT_EQ(format("x86-64").index(va, 3), 0x024u);  // bits 47..39
  EXPECT_EQ(format("x86-64").index(va, 2), 0x0D1u);
  EXPECT_EQ(format("x86-64").index(va, 1), 0x0B3u);
  EXPECT_EQ(format("x86-64").index(va, 0), 0x189u);
  const VirtAddr wide(0x00AB'1234'5678'9ABC);
  EXPECT_EQ(format("la57").index(wide, 4), 0x0ABu);  // bits 56..48
  EXPECT_EQ(format("sv57").index(wide, 4), 0x0ABu);
  EXPECT_EQ(format("la57").index(wide, 3), 0x024u);
  EXPECT_EQ(format("sv32").index(VirtAddr(0xC0401234), 1), 0x301u);
  EXPECT_EQ(format("ia32").index(VirtAddr(0xC0401234), 1), 0x301u);
  EXPECT_EQ(format("ia32").index(VirtAddr(0xC0401234), 0), 0x001u);
  EXPECT_EQ(format("linear32").index(VirtAddr(0xC0401234), 0), 0xC0401u);
  EXPECT_EQ(format("linear32").entry_address(PhysAddr(0x400000), VirtAddr(0x2000), 0).value, 0x400008u);
}

// Raw words written by hand from the manuals' tables.
TEST(PageTableFormatTest, RawLayouts) {
  const Permissions rw{.read = true, .write = true, .user = true};
  const Permissions rx{.read = true, .execute = true, .user = true};
  // x86-64: P RW US, XD; and P US.
  EXPECT_EQ(format("x86-64").encode_leaf(Pfn(0x12345), rw), 0x8000'0000'1234'5007);
  EXPECT_EQ(format("x86-64").encode_leaf(Pfn(0x12345), rx), 0x0000'0000'1234'5005u);
  EXPECT_EQ(format("x86-64").encode_leaf(Pfn(0x12345), rx, true, true), 0x0000'0000'1234'5065u);
  EXPECT_EQ(format("x86-64").encode_table(Pfn(0x777)), 0x777007u);
  EXPECT_EQ(format("x86-64").encode_table(Pfn(0x777), false), 0x777003u);
  // Sv39: V R W U, PPN from bit 10; V R X U.
  EXPECT_EQ(format("sv39").encode_leaf(Pfn(0x12345), rw), (0x12345u << 10) | 0x17u);
  EXPECT_EQ(format("sv39").encode_leaf(Pfn(0x12345), rx, true, true), (0x12345u << 10) | 0xDBu);
  EXPECT_EQ(format("sv39").encode_table(Pfn(0x777)), (0x777u << 10) | 1u);
  // Sv32: the same in 32 bits, and a frame above 4 GB.
  EXPECT_EQ(format("sv32").encode_leaf(Pfn(0x3F'FFFF), rw), 0xFFFF'FC17u);
  EXPECT_EQ(format("sv32").decode(0xFFFF'FC17, 0).pfn, Pfn(0x3F'FFFF));
  EXPECT_EQ(format("sv32").encode_table(Pfn(0x777)), (0x777u << 10) | 1u);
  // IA32 cannot forbid execution.
  EXPECT_EQ(format("ia32").encode_leaf(Pfn(0x12345), rw), 0x12345007u);
  EXPECT_TRUE(format("ia32").decode(0x12345007, 0).executable);
  EXPECT_FALSE(format("ia32").has_execute());
}

TEST(PageTableFormatTest, EveryPermissionComesBack) {
  for (const PageTableFormat& f : page_table_formats()) {
    for (unsigned bits = 1; bits < 32; ++bits) {
      const Permissions asked{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0};
      const Entry entry = f.decode(f.encode_leaf(Pfn(0x54321), asked, bits & 1, bits & 2), 0);
      if (!asked.any()) {
        EXPECT_FALSE(entry.valid) << f.name();
        continue;
      }
      ASSERT_TRUE(entry.valid && entry.leaf) << f.name() << " " << bits;
      EXPECT_EQ(entry.pfn, Pfn(0x54321));
      EXPECT_EQ(entry.writable, asked.write);
      EXPECT_EQ(entry.user, asked.user);
      EXPECT_EQ(entry.global, asked.global);
      EXPECT_EQ(entry.referenced, (bits & 1) != 0);
      EXPECT_EQ(entry.modified, (bits & 2) != 0);
      EXPECT_EQ(entry.readable, f.layout().readable == 0 || asked.read || asked.write) << f.name();
      EXPECT_EQ(entry.executable, !f.has_execute() || asked.execute) << f.name();
    }
  }
}

TEST(PageTableFormatTest, ReservedEncodingsAreNotValid) {
  const PageTableFormat& sv39 = format("sv39");
  EXPECT_TRUE(sv39.decode((0x111u << 10) | 0x1, 1).valid);      // a table
  EXPECT_FALSE(sv39.decode((0x111u << 10) | 0x1, 0).valid);     // a table below the last level
  EXPECT_FALSE(sv39.decode((0x111u << 10) | 0x5, 0).valid);     // W without R
  EXPECT_FALSE(sv39.decode((0x111u << 10) | 0xD, 0).valid);     // W X without R
  EXPECT_FALSE(sv39.decode((0x111u << 10) | 0x41, 1).valid);    // A in a table entry
  EXPECT_FALSE(sv39.decode((0x111u << 10) | 0x81, 1).valid);    // D
  EXPECT_FALSE(sv39.decode((0x111u << 10) | 0x11, 1).valid);    // U
  EXPECT_FALSE(sv39.decode(uint64_t{1} << 63 | 0x3, 0).valid);  // N
  EXPECT_FALSE(sv39.decode(uint64_t{1} << 61 | 0x3, 0).valid);  // PBMT
  EXPECT_FALSE(sv39.decode(uint64_t{1} << 54 | 0x3, 0).valid);
  EXPECT_TRUE(sv39.decode((0x111u << 10) | 0x303, 0).valid);            // RSW is software's
  EXPECT_TRUE(sv39.decode((0x200u << 10) | 0x3, 1).valid);              // a large leaf
  EXPECT_FALSE(sv39.decode((0x201u << 10) | 0x3, 1).valid);             // not aligned
  EXPECT_TRUE(format("sv32").decode((0x400u << 10) | 0x3, 1).leaf);     // a large leaf
  EXPECT_FALSE(format("sv32").decode((0x111u << 10) | 0x11, 1).valid);  // U in a table entry
  EXPECT_TRUE(format("x86-64").decode(0x200087, 0).valid);              // PAT in a last-level entry
  EXPECT_FALSE(format("x86-64").decode(0x200006, 0).valid);             // not present
}

// By the manuals: which levels may map pages, and that those must be aligned.
TEST(PageTableFormatTest, LargeLeavesByFormat) {
  const std::pair<std::string_view, unsigned> pages[] = {{"x86-64", 3}, {"la57", 3}, {"sv32", 2}, {"sv39", 3},
                                                         {"sv48", 4},   {"sv57", 5}, {"ia32", 2}, {"linear32", 1}};
  for (const auto& [name, sizes] : pages) {
    const PageTableFormat& f = format(name);
    for (unsigned level = 0; level < f.levels(); ++level) {
      EXPECT_EQ(f.leaf_allowed(level), level < sizes) << name << " " << level;
      const uint64_t frames = f.entry_span(level) / f.page().bytes();
      if (f.physical_limit() / f.page().bytes() <= frames) continue;
      const uint64_t raw = f.encode_leaf(Pfn(frames), {.read = true, .write = true, .user = true}, true, true, level);
      EXPECT_FALSE(f.points_at_table(raw, level) && level > 0) << name << " " << level;
      const Entry entry = f.decode(raw, level);
      EXPECT_EQ(entry.valid, level < sizes) << name << " " << level;
      if (entry.valid) {
        EXPECT_TRUE(entry.leaf && entry.writable && entry.modified);
        EXPECT_EQ(entry.pfn, Pfn(frames)) << name << " " << level;
      }
      if (level == 0) continue;
      const Pfn between(frames + frames / 2);
      EXPECT_FALSE(f.decode(f.encode_leaf(between, {.read = true}, true, true, level), level).valid) << name;
    }
  }
  EXPECT_EQ(format("ia32").entry_span(1), uint64_t{4} << 20);
  // 4 MB: PS, P, RW, US; bit 12 is PAT, bits 21..13 are reserved without PSE-36.
  EXPECT_EQ(format("ia32").encode_leaf(Pfn(0x400), {.write = true, .user = true}, false, false, 1), 0x0040'0087u);
  EXPECT_EQ(format("ia32").decode(0x0040'1087, 1).pfn, Pfn(0x400));
  EXPECT_FALSE(format("ia32").decode(0x0040'2087, 1).valid);
}

TEST(PageTableFormatTest, LargeLeavesWhereAFormatAllowsThem) {
  PageTableFormat::Layout layout = format("x86-64").layout();
  layout.leaf_levels = 0b011;
  const PageTableFormat large(layout);
  const Permissions rw{.read = true, .write = true, .user = true};
  const Entry entry = large.decode(large.encode_leaf(Pfn(0x400), rw, false, false, 1), 1);
  EXPECT_TRUE(entry.valid && entry.leaf);
  EXPECT_EQ(entry.pfn, Pfn(0x400));
  EXPECT_FALSE(large.decode(large.encode_leaf(Pfn(0x402), rw, false, false, 1), 1).valid);  // not aligned
  EXPECT_TRUE(large.decode(large.encode_leaf(Pfn(0x401), rw, false, false, 1), 1).valid);   // bit 12 is PAT
  EXPECT_EQ(large.decode(large.encode_leaf(Pfn(0x401), rw, false, false, 1), 1).pfn, Pfn(0x400));
  EXPECT_EQ(large.entry_span(1), uint64_t{2} << 20);
}

TEST(PageTableFormatTest, DescriptionsThatContradictThemselvesAreRefused) {
  PageTableFormat::Layout layout = format("sv39").layout();
  layout.levels = 0;
  EXPECT_THROW(PageTableFormat{layout}, std::invalid_argument);
  layout = format("sv39").layout();
  layout.entry_bytes = 6;
  EXPECT_THROW(PageTableFormat{layout}, std::invalid_argument);
  layout = format("sv39").layout();
  layout.index_bits[1] = 0;
  EXPECT_THROW(PageTableFormat{layout}, std::invalid_argument);
  layout = format("ia32").layout();
  layout.pfn_bits = 21;
  EXPECT_THROW(PageTableFormat{layout}, std::invalid_argument);
}

MachineConfig custom(uint64_t page, std::vector<uint32_t> bits, uint32_t entry_bytes = 8,
                     std::vector<uint32_t> leaves = {0}) {
  MachineConfig config;
  config.paging_format = "custom";
  config.paging_custom = {page, std::move(bits), entry_bytes, std::move(leaves)};
  return config;
}

// The user's own format, given what a known one has, is that one to the bit.
TEST(CustomFormatTest, KnownFormatsComeOutTheSame) {
  const std::pair<std::string_view, MachineConfig> same[] = {{"x86-64", custom(4096, {9, 9, 9, 9}, 8, {0, 1, 2})},
                                                             {"la57", custom(4096, {9, 9, 9, 9, 9}, 8, {2, 1, 0})},
                                                             {"ia32", custom(4096, {10, 10}, 4, {0, 1})},
                                                             {"linear32", custom(4096, {20}, 4)}};
  for (const auto& [name, config] : same) {
    const PageTableFormat& known = format(name);
    const PageTableFormat made = make_page_table_format(config);
    EXPECT_EQ(made.name(), "custom");
    EXPECT_EQ(made.user_end(), known.user_end()) << name;
    EXPECT_EQ(made.kernel_begin(), known.kernel_begin()) << name;
    EXPECT_EQ(made.physical_limit(), known.physical_limit()) << name;
    EXPECT_EQ(made.address_bits(), known.address_bits()) << name;
    ASSERT_EQ(made.levels(), known.levels()) << name;
    for (unsigned level = 0; level < known.levels(); ++level) {
      EXPECT_EQ(made.entry_span(level), known.entry_span(level)) << name;
      EXPECT_EQ(made.entries(level), known.entries(level)) << name;
      EXPECT_EQ(made.leaf_allowed(level), known.leaf_allowed(level)) << name;
      for (const uint64_t raw : {0x200007u, 0x200087u, 0x400067u, 0x600006u, 0x201087u}) {
        const Entry a = made.decode(raw, level);
        const Entry b = known.decode(raw, level);
        EXPECT_TRUE(a.valid == b.valid && a.leaf == b.leaf && a.pfn == b.pfn && a.permissions() == b.permissions());
      }
    }
  }
}

TEST(CustomFormatTest, OtherPages) {
  const PageTableFormat all_2m = make_page_table_format(custom(2 << 20, {9, 9, 9}));
  EXPECT_EQ(all_2m.levels(), 3u);
  EXPECT_EQ(all_2m.page().bytes(), 2u << 20);
  EXPECT_EQ(all_2m.user_end(), format("x86-64").user_end());
  EXPECT_EQ(all_2m.decode(all_2m.encode_leaf(Pfn(5), {.read = true}), 0).pfn, Pfn(5));
  EXPECT_EQ(all_2m.table_of(all_2m.encode_table(Pfn(5))), PhysAddr(10 << 20));
  const PageTableFormat all_1g = make_page_table_format(custom(1 << 30, {9, 9}));
  EXPECT_EQ(all_1g.levels(), 2u);
  EXPECT_EQ(all_1g.address_bits(), 48u);
  // 64 KB pages with 13 bits a level; a 4-byte entry names 2^20 of them.
  const PageTableFormat of_64k = make_page_table_format(custom(65536, {10, 6}, 4, {0, 1}));
  EXPECT_EQ(of_64k.physical_limit(), uint64_t{1} << 36);
  EXPECT_EQ(of_64k.user_end().value, 0xC000'0000u);
  EXPECT_EQ(of_64k.entry_span(1), uint64_t{4} << 20);
  EXPECT_EQ(make_page_table_format(custom(16384, {11, 11, 11, 11})).address_bits(), 58u);
}

// Each in one line that names the key.
TEST(CustomFormatTest, WhatCannotBeIsRefused) {
  const std::pair<MachineConfig, const char*> cases[] = {
      {custom(2048, {9, 9, 9, 9}), "paging.custom.page must be a power of two"},
      {custom(6144, {9, 9, 9, 9}), "paging.custom.page must be a power of two"},
      {custom(uint64_t{2} << 30, {9, 9}), "paging.custom.page must be a power of two"},
      {custom(4096, {}), "paging.custom.bits must name 1 to 6 levels"},
      {custom(4096, {4, 4, 4, 4, 4, 4, 4}), "paging.custom.bits must name 1 to 6 levels"},
      {custom(4096, {9, 0, 9}), "paging.custom.bits: a level translates"},
      {custom(4096, {31, 9}), "paging.custom.bits: a level translates"},
      {custom(4096, {2, 18}), "a level below the first translates at most 9 bits"},
      {custom(4096, {1, 9, 9, 9}), "the first level translates at least 2"},
      {custom(4096, {13, 13, 13, 13}), "addresses of 64 bits"},
      {custom(4096, {9}), "addresses of 21 bits"},
      {custom(4096, {9, 9, 9}, 6), "paging.custom.entry_bytes must be 4 or 8"},
      {custom(4096, {9, 9, 9}, 8, {0, 3}), "there is no level 3"},
      {custom(4096, {9, 9, 9}, 8, {1}), "paging.custom.leaves must have 0"},
      {custom(4096, {9, 9, 9}, 8, {}), "paging.custom.leaves must have 0"}};
  for (const auto& [config, why] : cases) {
    try {
      make_page_table_format(config);
      ADD_FAILURE() << why;
    } catch (const std::invalid_argument& error) {
      const std::string_view what = error.what();
      EXPECT_NE(what.find(why), std::string_view::npos) << what;
      EXPECT_EQ(what.find('\n'), std::string_view::npos) << what;
    }
  }
  MachineConfig unknown;
  unknown.paging_format = "sv40";
  EXPECT_THROW(make_page_table_format(unknown), std::invalid_argument);
}

}  // namespace
}  // namespace faultline::hw
