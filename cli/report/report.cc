#include "cli/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/config/setting.h"
#include "cli/report/early_report.h"
#include "cli/report/observed.h"
#include "cli/report/report_memory.h"
#include "cli/report/report_text.h"
#include "cli/report/say.h"
#include "cli/report/walker_report.h"

namespace faultline::cli {
namespace {

constexpr std::array<const char*, kCycleAccounts> kAccountMeanings = {
    "the instructions themselves",
    "instruction bytes from memory",
    "loads and stores",
    "second-level TLB look-ups",
    "page-table entries",
    "faults without disk",
    "faults that read the disk",
    "system calls",
    "fork, exec and exit",
    "signals",
    "changing tasks",
    "interrupts",
    "page-out and write-behind",
    "nothing to run: all wait",
};

std::string outcome(const RunStatistics& s) {
  const ExitRecord& exit = s.exit;
  if (s.trace) {
    return fmt::format("{}{} records of {}", exit.reason == "exited" ? "" : exit.reason + " after ",
                       rounded(static_cast<double>(s.trace->records)), s.trace->format);
  }
  if (exit.reason == "exited") return fmt::format("exit status {}", exit.status);
  if (exit.reason == "killed") return "killed by " + signal_name(exit.signal);
  if (exit.reason == "interrupted") return "interrupted";
  return exit.reason;
}

void add_harts(const RunStatistics& s, ReportText& text) {
  std::string busy;
  for (const HartRecord& hart : s.harts)
    busy += fmt::format("{}{}", busy.empty() ? "" : ", ", percent(s.cycles - hart.idle, s.cycles));
  text.line("{} harts, busy for {} of the time; {}, {} between them", s.harts.size(), busy,
            counted(s.shootdowns.sent, "shoot-down"), counted(s.hart_interrupts, "other interrupt"));
}

void add_part(const PartStatistics& part, const RunStatistics& s, ReportText& text) {
  std::string before = with_commas(part.fast_forwarded) + " instructions fast-forwarded";
  if (part.warm_up != 0) before += fmt::format(", {} of warm-up", with_commas(part.warm_up));
  if (!part.measured) {
    text.strong("nothing measured: {}", before);
  } else if (s.config.run.detail == DetailIn::regions) {
    text.strong("{}: all but the regions of interest", before);
  } else {
    text.strong("measured behind them alone: {}", before);
  }
}

void add_headline(const RunStatistics& s, ReportText& text) {
  const hw::MachineConfig& machine = s.config.machine;
  std::string program = s.run.program;
  for (const std::string& argument : s.run.arguments) program += " " + argument;
  const size_t room = std::max<size_t>(text.style().width, 40) - 20;
  program = printable(program);
  if (program.size() > room) program = program.substr(0, room - 3) + "...";
  text.section("faultline: " + program);
  const auto model_number = static_cast<size_t>(machine.relocation.model);
  const std::string model =
      s.early ? std::string(kChoiceNames<hw::MemoryModel>[model_number]) : machine.paging_format + " tables";
  text.line("{} on {}: {}, {} of memory, {}", outcome(s), s.run.machine, model,
            bytes_for_people(static_cast<double>(machine.dram.size)),
            machine.cache.enabled ? "caches on" : "no caches");
  if (s.config.timing != kTimingFull) {
    text.strong(
        "timing = {}: {} modelled; cycles are no measure of this machine", s.config.timing,
        s.config.timing == kTimingTlb ? "caches and waiting for memory are not" : "neither translation nor memory is");
  }
  if (s.part) add_part(*s.part, s, text);
  if (s.regions && s.regions->count) {
    text.strong("of {} alone, as the program marked {}: {} of {} cycles", counted(s.regions->count, "region"),
                s.regions->count == 1 ? "it" : "them", percent(s.cycles, s.regions->whole.cycles),
                rounded(static_cast<double>(s.regions->whole.cycles)));
  }
  if (s.regions && s.regions->ignored) {
    text.line("{} ignored: begin within a region, or end without one", counted(s.regions->ignored, "region mark"));
  }
  text.line("{} instructions in {} cycles: {} at {} MHz", rounded(static_cast<double>(s.instructions)),
            rounded(static_cast<double>(s.cycles)), time_for_people(s.seconds), machine.hart.clock_mhz);
  const uint64_t idle = s.cycle_stack[CycleAccount::idle];
  if (s.instructions != 0) {
    const auto each = [&s](uint64_t cycles) {
      return static_cast<double>(cycles) / static_cast<double>(s.instructions);
    };
    const uint64_t all = s.cycle_stack.total();  // of every hart
    text.line("{:.3f} cycles{} an instruction{}", each(all), s.harts.size() > 1 ? " of all harts" : "",
              idle ? fmt::format("; {:.3f} without those in which nothing ran", each(all - idle)) : "");
  }
  if (s.harts.size() > 1) add_harts(s, text);
}

void add_tlb_rows(const RunStatistics& s, Table& table) {
  const auto add = [&table](const char* name, const hw::TlbLevelConfig& level, const hw::TlbStatistics& tlb) {
    if (tlb.lookups == 0) return;
    const std::string shape =
        level.sets == 1 ? fmt::format("{} fully assoc.", level.ways) : fmt::format("{} x {}", level.sets, level.ways);
    table.add({name, shape, with_commas(tlb.lookups), with_commas(tlb.misses), percent(tlb.misses, tlb.lookups),
               with_commas(tlb.evictions), with_commas(tlb.flushes)});
  };
  const hw::TlbConfig& config = s.config.machine.tlb;
  add("instructions", config.l1i, s.l1i);
  add("data", config.l1d, s.l1d);
  add("second level", config.l2, s.l2);
}

void add_translation(const RunStatistics& s, ReportText& text) {
  const References& r = s.references;
  if (r.total() == 0) return;
  text.section("Address translation");
  const auto some = [](uint64_t number, std::string_view one, std::string_view many) {
    return fmt::format("{} {}", rounded(static_cast<double>(number)), number == 1 ? one : many);
  };
  text.line("{}: {}, {}, {}", some(r.total(), "reference", "references"), some(r.fetch, "fetch", "fetches"),
            some(r.load, "load", "loads"), some(r.store, "store", "stores"));
  if (s.config.timing == kTimingNone) return text.line("not modelled: timing = {}", kTimingNone);
  if (s.early) return;
  text.strong("{:.3f} memory accesses for each reference: itself, and {:.3g} to find it", s.penalty(),
              static_cast<double>(s.translation.walk_reads) / static_cast<double>(r.total()));
  const hw::TranslationStatistics& t = s.translation;
  if (!s.config.machine.tlb.enabled) {
    text.line("without a TLB every reference walks {} of {} tables", counted(s.levels, "level"),
              s.config.machine.paging_format);
  }
  text.line("{}: {} entries read, {} written (referenced and modified bits)", counted(t.walks, "walk"),
            with_commas(t.walk_reads), with_commas(t.walk_writes));
  if (t.dirty_walks) text.line("  {} of them only to mark a page modified", with_commas(t.dirty_walks));
  if (t.fault_walk_reads)
    text.line("  and {} {} read by walks that ended in a fault", with_commas(t.fault_walk_reads),
              t.fault_walk_reads == 1 ? "entry" : "entries");
  add_walker_lines(s, text);
  if (s.l1i.lookups + s.l1d.lookups + s.l2.lookups == 0) return;
  Table table({"TLB", "sets x ways", "look-ups", "misses", "miss rate", "evictions", "flushes"});
  add_tlb_rows(s, table);
  text.table(table);
}

// One line of the stack for each account. Where the hart idled a second column
// and the bars leave that out, lest a wait for the disk hide all the rest.
void add_cycle_stack(const RunStatistics& s, ReportText& text) {
  if (s.cycles == 0) return;
  text.section("Where the cycles went");
  const uint64_t idle = s.cycle_stack[CycleAccount::idle];
  const uint64_t all = s.cycle_stack.total();
  const uint64_t busy = all - idle;
  uint64_t largest = 1;
  for (size_t i = 0; i < kCycleAccounts; ++i) {
    const auto account = static_cast<CycleAccount>(i);
    if (account != CycleAccount::idle) largest = std::max(largest, s.cycle_stack[account]);
  }
  // Name, percentages, bar, meaning: the bar takes what the others leave.
  const unsigned fixed = 2 + 15 + 8 + (idle ? 8 : 0) + 2 + 1 + 30;
  const unsigned columns = std::clamp(text.style().width > fixed ? text.style().width - fixed : 0u, 10u, 40u);
  if (idle) text.line("{:<15}{:>8}{:>8}", "", "of all", "of busy");
  for (size_t i = 0; i < kCycleAccounts; ++i) {
    const auto account = static_cast<CycleAccount>(i);
    const uint64_t cycles = s.cycle_stack[account];
    if (cycles == 0) continue;
    std::string head = fmt::format("{:<15}{:>8}", kCycleAccountNames[i], percent(cycles, all));
    const bool ran = account != CycleAccount::idle;
    if (idle) head += fmt::format("{:>8}", ran ? percent(cycles, busy) : "");
    const double fraction = ran ? static_cast<double>(cycles) / static_cast<double>(largest) : 0;
    text.bar_line(head + "  ", bar(fraction, columns, text.style().unicode), columns, kAccountMeanings[i]);
  }
}

void add_caches(const RunStatistics& s, ReportText& text) {
  if (s.caches.empty()) return;
  text.section("Caches");
  Table table({"cache", "accesses", "misses", "miss rate", "write-backs"});
  for (const CacheLevelStatistics& cache : s.caches) {
    table.add({cache.name, with_commas(cache.counts.accesses), with_commas(cache.counts.misses),
               percent(cache.counts.misses, cache.counts.accesses), with_commas(cache.counts.writebacks)});
  }
  text.table(table);
}

void add_host(const RunStatistics& s, ReportText& text) {
  if (s.host.seconds <= 0) return;
  text.section("Host");
  if (s.trace) {
    const auto millions = static_cast<double>(s.references.total()) / 1e6;
    text.line("{} of host time, {:.1f} million references a second", time_for_people(s.host.seconds),
              millions / s.host.seconds);
    return;
  }
  text.line("{} of host time, {:.1f} million instructions a second", time_for_people(s.host.seconds), s.host.mips);
}

}  // namespace

std::string text_report(const RunStatistics& statistics, const ReportStyle& style) {
  ReportText text(style);
  add_headline(statistics, text);
  add_translation(statistics, text);
  add_early_section(statistics, text);
  add_cycle_stack(statistics, text);
  add_caches(statistics, text);
  add_memory_sections(statistics, text);
  add_observed_sections(statistics, text);
  add_host(statistics, text);
  return text.finish();
}

std::string signal_name(int signal) {
  // Linux, asm-generic/signal.h.
  constexpr std::array<const char*, 32> kNames = {
      "",          "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
      "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
      "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
      "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};
  if (signal > 0 && signal < static_cast<int>(kNames.size())) return kNames[static_cast<size_t>(signal)];
  return fmt::format("signal {}", signal);
}

std::string crash_line(const CrashRecord& crash) {
  std::string instruction = "no instruction can be read there";
  if (crash.instruction != 0) {
    // Compressed instructions have two bytes (their low bits are not 11).
    const bool compressed = (crash.instruction & 3) != 3;
    const uint32_t bits = compressed ? crash.instruction & 0xffff : crash.instruction;
    instruction = fmt::format("instruction {:0{}x}", bits, compressed ? 4 : 8);
    if (!crash.disassembly.empty()) instruction += " (" + crash.disassembly + ")";
  }
  return fmt::format("{} (pid {}) died of {} at pc {:#x}: address {:#x}, {}", crash.command, crash.pid,
                     signal_name(crash.signal), crash.pc, crash.address, instruction);
}

}  // namespace faultline::cli
