// The files of /proc that tell of the whole machine (proc(5)).
#include <fmt/format.h>

#include "os/files/proc_text.h"

namespace faultline::os {

std::string proc_meminfo(const SystemFacts& s) {
  std::string text;
  auto line = [&text](const char* name, uint64_t bytes) {
    text += fmt::format("{:<16}{:8} kB\n", fmt::format("{}:", name), bytes >> 10);
  };
  line("MemTotal", s.memory_bytes);
  line("MemFree", s.free_bytes);
  const uint64_t kept = s.dirty_bytes + s.shared_memory_bytes;
  line("MemAvailable", s.free_bytes + (s.page_cache_bytes > kept ? s.page_cache_bytes - kept : 0));
  line("Buffers", 0);
  line("Cached", s.page_cache_bytes);
  line("SwapCached", s.swap_cached_bytes);
  line("SwapTotal", s.swap_bytes);
  line("SwapFree", s.swap_free_bytes);
  line("Dirty", s.dirty_bytes);
  line("Writeback", s.writeback_bytes);
  line("AnonPages", s.anonymous_bytes);
  line("Mapped", s.mapped_bytes);
  line("Shmem", s.shared_memory_bytes);
  line("KernelStack", 0);
  line("PageTables", s.page_table_bytes);
  line("CommitLimit", s.commit_limit_bytes);
  line("Committed_AS", s.committed_bytes);
  line("AnonHugePages", s.large_bytes);
  line("Hugetlb", s.hugetlb_bytes);
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
  return text + fmt::format("intr {}\nctxt {}\nbtime 1704067200\nprocesses {}\nprocs_running {}\nprocs_blocked {}\n",
                            s.interrupts, s.context_switches, s.processes_made, s.running, s.blocked);
}

// No averages are kept.
std::string proc_loadavg(const SystemFacts& s) {
  return fmt::format("0.00 0.00 0.00 {}/{} {}\n", s.running, s.tasks, s.newest_pid);
}

std::string proc_swaps(const SystemFacts& s) {
  std::string text = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
  if (s.swap_bytes == 0) return text;
  return text + fmt::format("/swap                                   partition\t{}\t\t{}\t\t-2\n", s.swap_bytes >> 10,
                            (s.swap_bytes - s.swap_free_bytes) >> 10);
}

std::string proc_vmstat(const SystemFacts& s) {
  std::string text;
  for (const auto& [name, count] : s.memory_counters) text += fmt::format("{} {}\n", name, count);
  return text;
}

}  // namespace faultline::os
