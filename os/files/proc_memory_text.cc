// maps, smaps and smaps_rollup (proc(5)).
#include <fmt/format.h>

#include <array>
#include <utility>

#include "os/files/inode.h"
#include "os/files/proc_text.h"
#include "os/memory/address_space.h"
#include "os/memory/page_facts.h"

namespace faultline::os {

namespace {

constexpr int kProtRead = 1, kProtWrite = 2, kProtExecute = 4;

std::string area_line(const VmArea& area) {
  uint64_t offset = 0, number = 0;
  uint32_t device = 0;
  std::string name;
  if (area.file) {
    offset = area.offset;
    name = area.file->name();
    if (const auto* inode = dynamic_cast<const Inode*>(area.file.get())) {
      number = inode->number();
      device = inode->mount().device;
      name = inode->path_now();
    }
  } else if (area.use == AreaUse::heap) {
    name = "[heap]";
  } else if (area.use == AreaUse::stack) {
    name = "[stack]";
  } else if (area.use == AreaUse::zero_device) {
    name = "/dev/zero";
  } else if (area.shared) {
    name = "/dev/zero (deleted)";
  }
  std::string line = fmt::format("{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {} ", area.start, area.end,
                                 area.protection & kProtRead ? 'r' : '-', area.protection & kProtWrite ? 'w' : '-',
                                 area.protection & kProtExecute ? 'x' : '-', area.shared ? 's' : 'p', offset,
                                 device >> 8, device & 0xff, number);
  // Names begin at column 74 as Linux writes them.
  if (!name.empty()) {
    if (line.size() < 73) line.resize(73, ' ');
    line += name;
  }
  return line + "\n";
}

// Two letters each, as Linux's show_smap_vma_flags; a mapping may be made
// readable and executable whatever it is now.
std::string flags_line(const VmArea& area) {
  const std::array<std::pair<bool, const char*>, 21> flags{{{(area.protection & kProtRead) != 0, "rd"},
                                                            {(area.protection & kProtWrite) != 0, "wr"},
                                                            {(area.protection & kProtExecute) != 0, "ex"},
                                                            {area.shared && area.may_write, "sh"},
                                                            {true, "mr"},
                                                            {area.may_write, "mw"},
                                                            {true, "me"},
                                                            {area.shared, "ms"},
                                                            {area.grows_down, "gd"},
                                                            {area.lock != AreaLock::none, "lo"},
                                                            {area.lock == AreaLock::on_fault, "lf"},
                                                            {area.reading == ReadAdvice::sequential, "sr"},
                                                            {area.reading == ReadAdvice::random, "rr"},
                                                            {area.not_for_children, "dc"},
                                                            {area.committed, "ac"},
                                                            {area.no_reserve, "nr"},
                                                            {area.hugetlb_level != 0, "ht"},
                                                            {area.empty_in_children, "wf"},
                                                            {area.not_dumped, "dd"},
                                                            {area.huge == HugeAdvice::want, "hg"},
                                                            {area.huge == HugeAdvice::never, "nh"}}};
  std::string text = "VmFlags:";
  for (const auto& [set, name] : flags) {
    if (set) text.append(" ").append(name);
  }
  return text + " \n";
}

class SizeLines {
 public:
  explicit SizeLines(PageSize page) : page_(page) {}
  void bytes(const char* name, uint64_t value) {
    text_ += fmt::format("{:<16}{:8} kB\n", fmt::format("{}:", name), value >> 10);
  }
  void pages(const char* name, uint64_t value) { bytes(name, value << page_.shift); }
  void share(const char* name, uint64_t value) { bytes(name, value >> AreaUsage::kShareShift); }
  std::string take() { return std::move(text_); }

 private:
  PageSize page_;
  std::string text_;
};

// What smaps and smaps_rollup both say. `locked`: a share, as AreaUsage has them.
void usage_lines(SizeLines& lines, const AreaUsage& usage, uint64_t locked, bool kinds) {
  lines.pages("Rss", usage.resident);
  lines.share("Pss", usage.share);
  lines.share("Pss_Dirty", usage.share_dirty);
  if (kinds) {
    lines.share("Pss_Anon", usage.share_anonymous);
    lines.share("Pss_File", usage.share_files);
    lines.share("Pss_Shmem", usage.share_memory);
  }
  lines.pages("Shared_Clean", usage.shared_clean);
  lines.pages("Shared_Dirty", usage.shared_dirty);
  lines.pages("Private_Clean", usage.private_clean);
  lines.pages("Private_Dirty", usage.private_dirty);
  lines.pages("Referenced", usage.referenced);
  lines.pages("Anonymous", usage.anonymous);
  lines.pages("LazyFree", 0);  // MADV_FREE lets every page live on
  lines.pages("AnonHugePages", usage.large_anonymous);
  lines.pages("ShmemPmdMapped", usage.large_memory);
  lines.pages("FilePmdMapped", usage.large_files);
  lines.pages("Shared_Hugetlb", usage.hugetlb_shared);
  lines.pages("Private_Hugetlb", usage.hugetlb_private);
  lines.pages("Swap", usage.swapped);
  lines.pages("SwapPss", usage.swapped);
  lines.share("Locked", locked);
}

}  // namespace

std::string proc_maps(const ProcessFacts& process) {
  std::string text;
  if (process.space) process.space->for_each_area([&](const VmArea& area) { text += area_line(area); });
  return text;
}

std::string proc_smaps(const ProcessFacts& process) {
  std::string text;
  if (!process.space) return text;
  const AddressSpace& space = *process.space;
  space.for_each_area([&](const VmArea& area) {
    const AreaUsage usage = space.usage_of(area);
    const uint64_t page = space.unit_of(area).bytes();
    SizeLines lines(space.page());
    lines.bytes("Size", area.bytes());
    lines.bytes("KernelPageSize", page);
    lines.bytes("MMUPageSize", page);
    usage_lines(lines, usage, area.lock != AreaLock::none ? usage.share : 0, false);
    text += area_line(area) + lines.take() + flags_line(area);
  });
  return text;
}

std::string proc_smaps_rollup(const ProcessFacts& process) {
  if (!process.space) return {};
  const AddressSpace& space = *process.space;
  AreaUsage sum;
  uint64_t first = 0, last = 0, locked = 0;
  space.for_each_area([&](const VmArea& area) {
    const AreaUsage usage = space.usage_of(area);
    if (last == 0) first = area.start;
    last = area.end;
    sum.add(usage);
    if (area.lock != AreaLock::none) locked += usage.share;
  });
  SizeLines lines(space.page());
  usage_lines(lines, sum, locked, true);
  std::string head = fmt::format("{:08x}-{:08x} ---p 00000000 00:00 0 ", first, last);
  if (head.size() < 73) head.resize(73, ' ');
  return head + "[rollup]\n" + lines.take();
}

}  // namespace faultline::os
