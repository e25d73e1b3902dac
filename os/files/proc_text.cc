#include "os/files/proc_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "os/memory/address_space.h"
#include "os/memory/page_facts.h"

namespace faultline::os {

namespace {

constexpr int kProtWrite = 2, kProtExecute = 4;
constexpr size_t kLimitResident = 5;  // RLIMIT_RSS

uint64_t mapped_bytes(const ProcessFacts& process) { return process.space ? process.space->mapped_bytes() : 0; }

uint64_t resident_bytes(const ProcessFacts& process) {
  return process.space ? process.space->resident_pages() << process.space->page().shift : 0;
}

const char* state_name(char state) {
  switch (state) {
    case 'R':
      return "R (running)";
    case 'T':
      return "T (stopped)";
    case 'Z':
      return "Z (zombie)";
    default:
      return "S (sleeping)";
  }
}

// Bytes of areas, as Linux's status counts them.
struct SizesOfAreas {
  uint64_t stack = 0;      // what grows down
  uint64_t code = 0;       // the program's own
  uint64_t libraries = 0;  // everything else that may be executed
};

SizesOfAreas sizes_of_areas(const ProcessFacts& p) {
  SizesOfAreas sizes;
  const PageSize page = p.space->page();
  if (p.program) sizes.code = page.round_up(p.program->code_end) - page.round_down(p.program->code_begin);
  uint64_t executable = 0;
  p.space->for_each_area([&](const VmArea& area) {
    if (area.grows_down || area.use == AreaUse::stack) sizes.stack += area.bytes();
    const bool runs = (area.protection & kProtExecute) != 0 && (area.protection & kProtWrite) == 0;
    if (runs) executable += area.bytes();
  });
  sizes.code = std::min(sizes.code, executable);
  sizes.libraries = executable - sizes.code;
  return sizes;
}

// The Vm lines, in kB.
std::string memory_lines(const ProcessFacts& p) {
  const AddressSpace& space = *p.space;
  const unsigned shift = space.page().shift;
  const SizesOfAreas sizes = sizes_of_areas(p);
  const ResidentPages pages = space.resident_by_kind();
  std::string text;
  auto line = [&text](const char* name, uint64_t bytes) { text += fmt::format("{}:\t{:8} kB\n", name, bytes >> 10); };
  line("VmPeak", space.peak_mapped_bytes());
  line("VmSize", mapped_bytes(p));
  line("VmLck", space.locked_bytes());
  line("VmPin", 0);
  line("VmHWM", space.peak_resident_pages() << shift);
  line("VmRSS", resident_bytes(p));
  line("RssAnon", pages.anonymous << shift);
  line("RssFile", pages.files << shift);
  line("RssShmem", pages.shared_memory << shift);
  line("VmData", space.data_bytes());
  line("VmStk", sizes.stack);
  line("VmExe", sizes.code);
  line("VmLib", sizes.libraries);
  line("VmPTE", space.table_frames() << shift);
  line("VmSwap", pages.swapped << shift);
  line("HugetlbPages", pages.hugetlb << shift);
  return text;
}

}  // namespace

std::string proc_status(const ProcessFacts& p) {
  std::string text = fmt::format("Name:\t{}\nUmask:\t0022\nState:\t{}\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\n",
                                 p.command, state_name(p.state), p.pid, p.task ? p.task : p.pid, p.parent);
  text += fmt::format("TracerPid:\t0\nUid:\t{0}\t{0}\t{0}\t{0}\nGid:\t{1}\t{1}\t{1}\t{1}\nFDSize:\t64\n", p.uid, p.gid);
  if (p.space) text += memory_lines(p);
  text += fmt::format("Threads:\t{}\nSigPnd:\t{:016x}\nShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\n",
                      p.threads, 0, p.pending_signals, p.blocked_signals, p.ignored_signals);
  return text + fmt::format("SigCgt:\t{:016x}\nCpus_allowed:\t1\nCpus_allowed_list:\t0\n", p.caught_signals);
}

std::string proc_stat(const ProcessFacts& p) {
  static const ProgramFacts kNone;
  const ProgramFacts& program = p.program ? *p.program : kNone;
  const uint64_t page = p.space ? p.space->page().bytes() : 1;
  std::string text =
      fmt::format("{} ({}) {} {} {} {} {} {} 4194304 {} 0 {} 0 {} {} 0 0 {} {} {} 0 {} {} {} {} ",
                  p.task ? p.task : p.pid, p.command, p.state, p.parent, p.group, p.session, p.terminal,
                  p.terminal_group, p.minor_faults, p.major_faults, p.user_ticks, p.system_ticks, 20 + p.nice, p.nice,
                  p.threads, p.start_ticks, mapped_bytes(p), resident_bytes(p) / page, p.limits[kLimitResident].soft);
  // Where the stack pointer and the program counter are is not told of a process that runs.
  text += fmt::format("{} {} {} 0 0 {} {} {} {} 0 0 0 17 0 0 0 0 0 0 ", program.code_begin, program.code_end,
                      program.stack_pointer, p.pending_signals & 0x7fffffff, p.blocked_signals & 0x7fffffff,
                      p.ignored_signals & 0x7fffffff, p.caught_signals & 0x7fffffff);
  return text + fmt::format("{} {} {} {} {} {} {} 0\n", program.data_begin, program.data_end,
                            p.space ? p.space->brk_start().value : 0, program.arguments_begin, program.arguments_end,
                            program.environment_begin, program.environment_end);
}

std::string proc_statm(const ProcessFacts& p) {
  if (!p.space) return "0 0 0 0 0 0 0\n";
  const unsigned shift = p.space->page().shift;
  const SizesOfAreas sizes = sizes_of_areas(p);
  const ResidentPages pages = p.space->resident_by_kind();
  return fmt::format("{} {} {} {} 0 {} 0\n", mapped_bytes(p) >> shift, p.space->resident_pages(),
                     pages.files + pages.shared_memory, sizes.code >> shift,
                     (p.space->data_bytes() + sizes.stack) >> shift);
}

// As prlimit(1) shows them: the number, the name, the unit (Linux, fs/proc/base.c).
std::string proc_limits(const ProcessFacts& p) {
  struct Name {
    const char* name;
    const char* unit;
  };
  static constexpr std::array<Name, 16> kNames{{{"Max cpu time", "seconds"},
                                                {"Max file size", "bytes"},
                                                {"Max data size", "bytes"},
                                                {"Max stack size", "bytes"},
                                                {"Max core file size", "bytes"},
                                                {"Max resident set", "bytes"},
                                                {"Max processes", "processes"},
                                                {"Max open files", "files"},
                                                {"Max locked memory", "bytes"},
                                                {"Max address space", "bytes"},
                                                {"Max file locks", "locks"},
                                                {"Max pending signals", "signals"},
                                                {"Max msgqueue size", "bytes"},
                                                {"Max nice priority", ""},
                                                {"Max realtime priority", ""},
                                                {"Max realtime timeout", "us"}}};
  std::string text = fmt::format("{:<25} {:<20} {:<20} {:<10}\n", "Limit", "Soft Limit", "Hard Limit", "Units");
  auto value = [](uint64_t limit) { return limit == ~uint64_t{0} ? std::string("unlimited") : std::to_string(limit); };
  for (size_t i = 0; i < kNames.size(); ++i) {
    text += fmt::format("{:<25} {:<20} {:<20} {:<10}\n", kNames[i].name, value(p.limits[i].soft),
                        value(p.limits[i].hard), kNames[i].unit);
  }
  return text;
}

std::string proc_environ(const ProcessFacts& p) { return p.program && p.space ? p.program->environment : ""; }

std::string proc_auxv(const ProcessFacts& p) { return p.program && p.space ? p.program->auxiliary : ""; }

std::string proc_cmdline(const ProcessFacts& process) {
  std::string text;
  for (const std::string& argument : process.arguments) {
    text += argument;
    text += '\0';
  }
  return text;
}

std::string proc_oom_score(const ProcessFacts& p, const SystemFacts& system) {
  if (p.oom_adjustment == -1000) return "0\n";
  const uint64_t total = std::max<uint64_t>(system.memory_bytes + system.swap_bytes, 1);
  const auto badness = static_cast<int64_t>(resident_bytes(p) * 1000 / total) + p.oom_adjustment;
  return fmt::format("{}\n", (1000 + std::max<int64_t>(badness, -1000)) * 2 / 3);
}

}  // namespace faultline::os
