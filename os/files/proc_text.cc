#include "os/files/proc_text.h"

#include <fmt/format.h>

#include "os/files/inode.h"
#include "os/memory/address_space.h"

namespace faultline::os {

namespace {

constexpr int kProtRead = 1, kProtWrite = 2, kProtExecute = 4;

uint64_t mapped_bytes(const ProcessFacts& process) { return process.space ? process.space->mapped_bytes() : 0; }

uint64_t resident_bytes(const ProcessFacts& process) {
  return process.space ? process.space->resident_pages() << process.space->page().shift : 0;
}

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
    }
  } else if (area.use == AreaUse::heap) {
    name = "[heap]";
  } else if (area.use == AreaUse::stack) {
    name = "[stack]";
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

}  // namespace

std::string proc_maps(const ProcessFacts& process) {
  std::string text;
  if (process.space) process.space->for_each_area([&](const VmArea& area) { text += area_line(area); });
  return text;
}

std::string proc_status(const ProcessFacts& p) {
  const uint64_t peak = p.space ? p.space->peak_resident_pages() << p.space->page().shift : 0;
  std::string text =
      fmt::format("Name:\t{}\nUmask:\t0022\nState:\t{}\nTgid:\t{}\nNgid:\t0\nPid:\t{}\nPPid:\t{}\n", p.command,
                  state_name(p.state), p.tasks.empty() ? p.pid : p.tasks.front(), p.pid, p.parent);
  text += fmt::format("TracerPid:\t0\nUid:\t{0}\t{0}\t{0}\t{0}\nGid:\t{1}\t{1}\t{1}\t{1}\nFDSize:\t64\n", p.uid, p.gid);
  if (p.space) {
    text += fmt::format(
        "VmPeak:\t{0:8} kB\nVmSize:\t{0:8} kB\nVmLck:\t{1:8} kB\nVmPin:\t       0 kB\nVmHWM:\t{2:8} kB\n"
        "VmRSS:\t{3:8} kB\n",
        mapped_bytes(p) >> 10, p.space->locked_bytes() >> 10, peak >> 10, resident_bytes(p) >> 10);
  }
  text += fmt::format("Threads:\t{}\nSigPnd:\t{:016x}\nShdPnd:\t{:016x}\nSigBlk:\t{:016x}\nSigIgn:\t{:016x}\n",
                      p.threads, 0, p.pending_signals, p.blocked_signals, p.ignored_signals);
  return text + fmt::format("SigCgt:\t{:016x}\nCpus_allowed:\t1\nCpus_allowed_list:\t0\n", p.caught_signals);
}

std::string proc_stat(const ProcessFacts& p) {
  const uint64_t page = p.space ? p.space->page().bytes() : 1;
  return fmt::format(
      "{} ({}) {} {} {} {} {} {} 4194304 {} 0 {} 0 {} {} 0 0 {} {} {} 0 {} {} {} 18446744073709551615 "
      "0 0 0 0 0 {} {} {} {} 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
      p.pid, p.command, p.state, p.parent, p.group, p.session, p.terminal, p.terminal_group, p.minor_faults,
      p.major_faults, p.user_ticks, p.system_ticks, 20 + p.nice, p.nice, p.threads, p.start_ticks, mapped_bytes(p),
      resident_bytes(p) / page, p.pending_signals & 0x7fffffff, p.blocked_signals & 0x7fffffff,
      p.ignored_signals & 0x7fffffff, p.caught_signals & 0x7fffffff);
}

std::string proc_statm(const ProcessFacts& p) {
  if (!p.space) return "0 0 0 0 0 0 0\n";
  const unsigned shift = p.space->page().shift;
  uint64_t text = 0, data = 0;
  p.space->for_each_area([&](const VmArea& area) {
    if (area.file && (area.protection & kProtExecute)) text += area.bytes() >> shift;
    if (!area.shared && (area.protection & kProtWrite)) data += area.bytes() >> shift;
  });
  return fmt::format("{} {} 0 {} 0 {} 0\n", mapped_bytes(p) >> shift, p.space->resident_pages(), text, data);
}

std::string proc_cmdline(const ProcessFacts& process) {
  std::string text;
  for (const std::string& argument : process.arguments) {
    text += argument;
    text += '\0';
  }
  return text;
}

std::string proc_meminfo(const SystemFacts& s) {
  std::string text;
  auto line = [&text](const char* name, uint64_t bytes) {
    text += fmt::format("{:<16}{:8} kB\n", fmt::format("{}:", name), bytes >> 10);
  };
  line("MemTotal", s.memory_bytes);
  line("MemFree", s.free_bytes);
  line("MemAvailable", s.free_bytes + s.page_cache_bytes - s.dirty_bytes);
  line("Buffers", 0);
  line("Cached", s.page_cache_bytes);
  line("SwapCached", 0);
  line("SwapTotal", s.swap_bytes);
  line("SwapFree", s.swap_free_bytes);
  line("Dirty", s.dirty_bytes);
  line("Writeback", 0);
  line("AnonPages", s.anonymous_bytes);
  line("KernelStack", 0);
  line("PageTables", s.page_table_bytes);
  line("CommitLimit", s.commit_limit_bytes);
  line("Committed_AS", s.committed_bytes);
  return text;
}

std::string proc_cpuinfo(const SystemFacts& system) {
  std::string text;
  for (unsigned hart = 0; hart < system.harts; ++hart) {
    text += fmt::format("processor\t: {0}\nhart\t\t: {0}\nisa\t\t: rv64imafdc_zicsr_zifencei\nuarch\t\t: faultline\n\n",
                        hart);
  }
  return text;
}

std::string proc_uptime(const SystemFacts& s) {
  return fmt::format("{}.{:02} {}.{:02}\n", s.uptime_ticks / 100, s.uptime_ticks % 100, s.idle_ticks / 100,
                     s.idle_ticks % 100);
}

std::string proc_system_stat(const SystemFacts& s) {
  std::string text = fmt::format("cpu  {} 0 {} {} 0 0 0 0 0 0\n", s.user_ticks, s.system_ticks, s.idle_ticks);
  for (unsigned hart = 0; hart < s.harts; ++hart) {
    text += fmt::format("cpu{} {} 0 {} {} 0 0 0 0 0 0\n", hart, s.user_ticks / s.harts, s.system_ticks / s.harts,
                        s.idle_ticks / s.harts);
  }
  return text + fmt::format("ctxt {}\nbtime 1704067200\nprocesses {}\n", s.context_switches, s.processes_made);
}

}  // namespace faultline::os
