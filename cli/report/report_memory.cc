#include "cli/report/report_memory.h"

#include <algorithm>
#include <array>

#include "cli/report/say.h"

namespace faultline::cli {
namespace {

void add_faults(const RunStatistics& s, ReportText& text) {
  const os::FaultStatistics& f = s.faults;
  struct Kind {
    uint64_t count;
    const char* name;
    const char* meaning;
  };
  const std::array<Kind, 10> kinds = {{
      {f.demand_zero, "demand zero", "a new frame of zeros"},
      {f.zero_page, "zero page", "read of untouched memory: the one frame of zeros"},
      {f.file, "file", "a page of a file, from the page cache or the disk"},
      {f.cow, "copy on write", "written while shared: copied"},
      {f.cow_reuse, "reuse", "written by the last owner: no copy"},
      {f.swap_in, "swap in", "read back from swap"},
      {f.reclaimed, "reclaimed", "taken back from the free list without I/O"},
      {f.spurious, "spurious", "the page was there, its table entry was not"},
      {f.protection, "protection", "ended in a signal"},
  }};
  text.section("Page faults");
  if (f.minor + f.major + f.protection == 0) return;
  text.line("{} resolved without the disk, {} with it", with_commas(f.minor), with_commas(f.major));
  size_t width = 0;
  for (const Kind& kind : kinds) width = std::max(width, with_commas(kind.count).size());
  for (const Kind& kind : kinds) {
    if (kind.count) text.line("{:<14} {:>{}}  {}", kind.name, with_commas(kind.count), width, kind.meaning);
  }
  if (s.copies.pages) text.line("{} copied on write", counted(s.copies.pages, "page"));
  if (s.zeroed.pages) text.line("{} zeroed", counted(s.zeroed.pages, "frame"));
}

void add_memory(const RunStatistics& s, ReportText& text) {
  const os::FrameStatistics& f = s.frames;
  if (f.total == 0) return;
  text.section("Memory, when the first process ended");
  text.line("{} frames: {} anonymous, {} of files, {} page tables, {} kernel, {} free", with_commas(f.total),
            with_commas(f.anonymous), with_commas(f.file), with_commas(f.page_tables), with_commas(f.kernel),
            with_commas(f.free));
  if (s.frames.peak) text.line("at most {} in use at once", counted(s.frames.peak, "frame"));
  if (f.peak_page_table_bytes && s.page_tables.linear_bytes > 0) {
    text.line("page tables took at most {}; one linear table for the same addresses takes {}",
              bytes_for_people(static_cast<double>(f.peak_page_table_bytes)),
              bytes_for_people(static_cast<double>(s.page_tables.linear_bytes)));
  }
  os::AreaKindStatistics areas;
  for (const os::AreaKindStatistics& kind : s.areas) {
    areas.resident_bytes += kind.resident_bytes;
    areas.unused_bytes += kind.unused_bytes;
  }
  if (areas.resident_bytes) {
    text.line("areas had {} in memory, {} of it never used (internal fragmentation)",
              bytes_for_people(static_cast<double>(areas.resident_bytes)),
              percent(areas.unused_bytes, areas.resident_bytes));
  }
  if (const os::HugeStatistics& h = s.huge; h.faults + h.collapsed + h.fallback != 0) {
    text.line("{} by faults, {} made of base pages, {} split; {} found no run of frames",
              counted(h.faults, "large page"), with_commas(h.collapsed), with_commas(h.leaves.split),
              counted(h.fallback, "fault"));
  }
  if (s.commit.refused)
    text.line("{} of memory refused: the commit limit is {}", counted(s.commit.refused, "request"),
              bytes_for_people(static_cast<double>(s.commit.limit * s.config.page().bytes())));
  if (s.pageout.out_of_memory) text.line("out of memory {}", counted(s.pageout.out_of_memory, "time"));
}

// Of all harts together: one that has nothing to do while another works waits for nobody.
uint64_t work(const RunStatistics& s) { return s.cycle_stack.total() - s.cycle_stack[CycleAccount::idle]; }

void add_swap(const RunStatistics& s, ReportText& text) {
  const os::PageoutStatistics& p = s.pageout;
  if (s.swap.ins + s.swap.outs + p.wakeups == 0) return;
  text.section("Swap and page-out");
  text.line("{} written to swap, {} read back; at most {} of {} slots used", counted(s.swap.outs, "page"),
            with_commas(s.swap.ins), with_commas(s.swap.slots_used_peak), with_commas(s.swap.slots_total));
  if (p.wakeups == 0) return;
  text.line("the page-out daemon ran {} by the policy {}", counted(p.wakeups, "time"), s.config.os.vm.replacement);
  const bool samples = s.config.os.vm.replacement == "nfu" || s.config.os.vm.replacement == "aging";
  if (p.front_hand && samples) {
    text.line("it sampled {} and looked for a victim at {}", counted(p.front_hand, "page"), with_commas(p.back_hand));
  } else if (p.front_hand) {
    text.line("its front hand looked at {}, its back hand at {}", counted(p.front_hand, "page"),
              with_commas(p.back_hand));
  } else {
    text.line("it looked at {}", counted(p.back_hand, "page"));
  }
  text.line("{} freed, {} of them written first in {}", counted(p.freed, "page"), with_commas(p.cleaned),
            counted(p.batches, "request"));
  if (thrashing(s)) {
    text.strong(
        "thrashing: a page on swap came back {:.1f} times, and for {} of the time there was nothing to do but wait",
        static_cast<double>(s.swap.ins) / static_cast<double>(std::max<uint64_t>(s.swap.slots_used_peak, 1)),
        percent(s.cycles - work(s), s.cycles));
  }
}

void add_files(const RunStatistics& s, ReportText& text) {
  const os::PageCacheStatistics& c = s.page_cache;
  text.section("Files and disk");
  if (c.hits + c.misses) {
    text.line("page cache: {} found, {} not; {} read ahead, {} written back", counted(c.hits, "page"),
              with_commas(c.misses), with_commas(c.readahead), with_commas(c.written_back));
  }
  const DiskCounts& d = s.disk;
  if (d.reads) text.line("disk: {}, {}", counted(d.reads, "read"), bytes_for_people(static_cast<double>(d.bytes_read)));
  if (d.writes) {
    text.line("disk: {}, {}", counted(d.writes, "write"), bytes_for_people(static_cast<double>(d.bytes_written)));
  }
  if (d.busy_seconds > 0 && s.seconds > 0) {
    text.line("disk busy for {}, {:.1f} % of the run", time_for_people(d.busy_seconds),
              100 * d.busy_seconds / s.seconds);
  }
  if (d.merged) text.line("{} went with a neighbour's transfer", counted(d.merged, "request"));
  if (d.failed_pages) {
    text.line("{} could not be moved, {} of them by disk.fault_*", counted(d.failed_pages, "page"),
              with_commas(d.injected));
  }
  if (s.files_changed_in_memory) {
    text.line("{} written by the guest that no :rw bind covers: the changes ended with the run",
              counted(s.files_changed_in_memory, "file"));
  }
}

void add_processes(const RunStatistics& s, ReportText& text) {
  if (s.processes.size() < 2) return;
  constexpr size_t kShown = 12;
  text.section("Processes");
  Table table({"command", "pid", "exit", "instructions", "minor faults", "major", "peak pages"});
  for (size_t i = 0; i < std::min(kShown, s.processes.size()); ++i) {
    const ProcessStatistics& p = s.processes[i];
    table.add({printable(p.command), std::to_string(p.pid), std::to_string(p.exit), with_commas(p.instructions),
               with_commas(p.minor_faults), with_commas(p.major_faults), with_commas(p.max_rss_pages)});
  }
  text.table(table);
  if (s.processes.size() > kShown) text.line("and {} more", with_commas(s.processes.size() - kShown));
  text.line("{} context switches", with_commas(s.context_switches));
}

void add_syscalls(const RunStatistics& s, ReportText& text) {
  constexpr size_t kShown = 8;
  auto calls = s.syscalls;
  std::stable_sort(calls.begin(), calls.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  uint64_t total = 0;
  for (const auto& [name, count] : calls) total += count;
  if (total == 0) return;
  std::string list;
  for (size_t i = 0; i < std::min(kShown, calls.size()); ++i) {
    list += fmt::format("{}{} {}", i ? ", " : "", calls[i].first, with_commas(calls[i].second));
  }
  text.section("System calls");
  text.line("{}: {}{}", with_commas(total), list, calls.size() > kShown ? ", ..." : "");
}

}  // namespace

bool thrashing(const RunStatistics& statistics) {
  return work(statistics) < statistics.cycles / 2 && statistics.swap.ins > statistics.swap.slots_used_peak;
}

void add_memory_sections(const RunStatistics& statistics, ReportText& text) {
  add_faults(statistics, text);
  add_memory(statistics, text);
  add_swap(statistics, text);
  add_files(statistics, text);
  add_processes(statistics, text);
  add_syscalls(statistics, text);
}

}  // namespace faultline::cli
