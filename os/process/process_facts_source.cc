#include "os/process/process_facts_source.h"

#include <algorithm>

#include "os/files/fs_context.h"
#include "os/files/vfs.h"
#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/memory/page_facts.h"

namespace faultline::os {

namespace {

constexpr uint32_t kTerminalDevice = 5 << 8;  // the standard streams with --tty: 5, 0

constexpr uint64_t kTicksPerSecond = 100;  // USER_HZ, sysconf(_SC_CLK_TCK)

char task_letter(const Task& task) {
  if (task.over) return 'Z';
  if (!task.sleeping_on) return 'R';
  return task.interruptible ? 'S' : 'D';
}

// The letters of proc(5).
char state_letter(const Process& process) {
  switch (process.life) {
    case Process::Life::zombie:
      return 'Z';
    case Process::Life::stopped:
      return 'T';
    case Process::Life::running:
      break;
  }
  return task_letter(process.live_task());
}

struct SignalSets {
  uint64_t ignored = 0;
  uint64_t caught = 0;
};

SignalSets sets_of(const SignalActions& actions) {
  SignalSets sets;
  for (int signal = 1; signal <= kSignals; ++signal) {
    const uint64_t bit = SignalSet::of(signal).bits();
    if (actions[signal].handler == kHandlerIgnore) sets.ignored |= bit;
    if (actions[signal].catches()) sets.caught |= bit;
  }
  return sets;
}

}  // namespace

uint64_t ProcessFactsSource::ticks(uint64_t cycles) const {
  return kernel_.clock().nanoseconds(Cycles(cycles)) / (kNanosecondsPerSecond / kTicksPerSecond);
}

int32_t ProcessFactsSource::current_pid() const {
  Strand& strand = kernel_.scheduler().current();
  return strand.daemon ? 1 : static_cast<Task&>(strand).process().pid();
}

int32_t ProcessFactsSource::current_task() const {
  Strand& strand = kernel_.scheduler().current();
  return strand.daemon ? 1 : static_cast<Task&>(strand).tid();
}

bool ProcessFactsSource::set_oom_adjustment(int32_t pid, int32_t value) const {
  Process* const process = kernel_.processes().find(pid);
  if (process) process->settings.oom_adjustment = value;
  return process != nullptr;
}

std::vector<int32_t> ProcessFactsSource::pids() const {
  std::vector<int32_t> pids;
  for (const auto& [pid, process] : kernel_.processes()) pids.push_back(pid);
  return pids;
}

std::optional<ProcessFacts> ProcessFactsSource::process(int32_t pid) const {
  Process* const process = kernel_.processes().find(pid);
  if (!process) return std::nullopt;
  const Task& task = process->main_task();
  const SignalSets sets = sets_of(*process->actions);
  const uint64_t cpu = process->cpu_time(kernel_.scheduler()).value;
  ProcessFacts facts;
  facts.pid = pid;
  facts.parent = process->parent_pid();
  facts.group = process->group;
  facts.threads = process->live_tasks();
  for (const auto& each : process->tasks) {
    if (!each->over || each.get() == &process->main_task()) facts.tasks.push_back(each->tid());
  }
  facts.session = process->session;
  if (kernel_.vfs().has_terminal() && process->session == ProcessTable::kInitPid) {
    facts.terminal = kTerminalDevice;
    facts.terminal_group = kernel_.foreground_group();
  }
  facts.nice = process->nice;
  facts.oom_adjustment = process->settings.oom_adjustment;
  facts.personality = process->settings.personality;
  facts.timer_slack = task.timer_slack;
  facts.state = state_letter(*process);
  facts.command = process->command;
  facts.executable = process->executable;
  facts.arguments = process->arguments;
  facts.program = process->program;
  for (size_t i = 0; i < facts.limits.size(); ++i) {
    facts.limits[i] = {process->limits[i].current, process->limits[i].maximum};
  }
  std::sort(facts.tasks.begin(), facts.tasks.end());
  facts.space = process->space;
  facts.files = process->files;
  if (process->fs) facts.current = process->fs->current;
  facts.uid = process->uid;
  facts.gid = process->gid;
  facts.minor_faults = process->usage.minor_faults;
  facts.major_faults = process->usage.major_faults;
  facts.user_ticks = ticks(process->usage.user_cycles);
  facts.system_ticks = ticks(cpu - process->usage.user_cycles);
  facts.start_ticks = ticks(process->started.value);
  facts.pending_signals = (task.pending.set() | process->pending.set()).bits();
  facts.blocked_signals = task.blocked.bits();
  facts.ignored_signals = sets.ignored;
  facts.caught_signals = sets.caught;
  return facts;
}

// Names of Linux (mm/vmstat.c), for what the model counts too.
void ProcessFactsSource::count_memory(SystemFacts& facts) const {
  MemoryManager& memory = kernel_.memory();
  const FrameStatistics frames = memory.frames();
  const FaultStatistics& faults = memory.faults();
  const SwapStatistics swap = memory.swap();
  const PageoutStatistics pageout = memory.pageout();
  const PageCacheStatistics cache = memory.page_cache_statistics();
  const HugeStatistics huge = memory.huge();
  const MemoryPages pages = count_memory_pages(memory);
  const uint64_t page = memory.page().bytes();
  const PageTables& tables = memory.page_tables();
  const unsigned order = tables.large_level() == 0 ? 0 : tables.order(tables.large_level());
  facts.mapped_bytes = pages.mapped_files * page;
  facts.shared_memory_bytes = (pages.shared_anonymous + pages.files_in_memory) * page;
  facts.anonymous_bytes = (frames.anonymous - pages.shared_anonymous - pages.hugetlb) * page;
  facts.page_cache_bytes = (frames.file + pages.shared_anonymous) * page;
  facts.writeback_bytes = pages.writing * page;
  facts.swap_cached_bytes = pages.swap_cached * page;
  facts.large_bytes = pages.large_anonymous * page;
  facts.hugetlb_bytes = pages.hugetlb * page;
  facts.memory_counters = {{"nr_free_pages", frames.free},
                           {"nr_anon_pages", facts.anonymous_bytes / page},
                           {"nr_mapped", pages.mapped_files},
                           {"nr_file_pages", facts.page_cache_bytes / page},
                           {"nr_dirty", cache.dirty},
                           {"nr_writeback", pages.writing},
                           {"nr_shmem", facts.shared_memory_bytes / page},
                           {"nr_anon_transparent_hugepages", pages.large_anonymous >> order},
                           {"nr_written", cache.written_back},
                           {"nr_page_table_pages", frames.page_tables},
                           {"nr_swapcached", pages.swap_cached},
                           {"pgpgin", (cache.misses + cache.readahead + swap.ins) * page >> 10},
                           {"pgpgout", (cache.written_back + swap.outs) * page >> 10},
                           {"pswpin", swap.ins},
                           {"pswpout", swap.outs},
                           {"pgalloc_normal", memory.frame_allocator().granted()},
                           {"pgfault", faults.minor + faults.major},
                           {"pgmajfault", faults.major},
                           {"pgreuse", faults.cow_reuse},
                           {"pgsteal_kswapd", pageout.freed},
                           {"pgscan_kswapd", pageout.front_hand + pageout.back_hand},
                           {"pageoutrun", pageout.wakeups},
                           {"oom_kill", pageout.out_of_memory},
                           {"thp_fault_alloc", huge.faults},
                           {"thp_fault_fallback", huge.fallback},
                           {"thp_collapse_alloc", huge.collapsed},
                           {"thp_collapse_alloc_failed", huge.failed},
                           {"thp_split_pmd", huge.leaves.split}};
}

void ProcessFactsSource::count_tasks(SystemFacts& facts) const {
  for (const auto& [pid, process] : kernel_.processes()) {
    facts.newest_pid = std::max(facts.newest_pid, pid);
    if (process->life == Process::Life::zombie) continue;
    for (const auto& task : process->tasks) {
      ++facts.tasks;
      if (process->life == Process::Life::running && !task->sleeping_on) ++facts.running;
      if (task->sleeping_on && !task->interruptible) ++facts.blocked;
    }
  }
}

std::optional<ProcessFacts> ProcessFactsSource::task(int32_t pid, int32_t tid) const {
  std::optional<ProcessFacts> facts = process(pid);
  Task* const task = kernel_.processes().find_task(tid);
  if (!facts || !task || task->process().pid() != pid) return std::nullopt;
  const uint64_t cpu = kernel_.scheduler().cpu_time(*task).value;
  facts->task = tid;
  if (!task->name.empty()) facts->command = task->name;
  if (facts->state == 'R' || facts->state == 'S' || facts->state == 'D') facts->state = task_letter(*task);
  facts->minor_faults = task->usage.minor_faults;
  facts->major_faults = task->usage.major_faults;
  facts->user_ticks = ticks(task->usage.user_cycles);
  facts->system_ticks = ticks(cpu - task->usage.user_cycles);
  facts->pending_signals = task->pending.set().bits();
  facts->blocked_signals = task->blocked.bits();
  return facts;
}

SystemFacts ProcessFactsSource::system() const {
  MemoryManager& memory = kernel_.memory();
  const uint64_t page = memory.page().bytes();
  const FrameStatistics frames = memory.frames();
  const SwapStatistics swap = memory.swap();
  SystemFacts facts;
  facts.memory_bytes = frames.total * page;
  facts.free_bytes = frames.free * page;
  count_memory(facts);
  count_tasks(facts);
  facts.dirty_bytes = memory.page_cache_statistics().dirty * page;
  facts.page_table_bytes = frames.page_tables * page;
  facts.kernel_bytes = frames.kernel * page;
  facts.swap_bytes = swap.slots_total * page;
  facts.swap_free_bytes = (swap.slots_total - swap.slots_used) * page;
  facts.commit_limit_bytes = memory.commit_statistics().limit * page;
  facts.committed_bytes = memory.commit_statistics().committed * page;
  facts.overcommit = static_cast<unsigned>(kernel_.config().vm.overcommit);
  facts.overcommit_ratio = kernel_.config().vm.overcommit_ratio;
  facts.uptime_ticks = ticks(kernel_.cpu().now().value);
  for (const auto& [pid, process] : kernel_.processes()) {
    const uint64_t cpu = process->cpu_time(kernel_.scheduler()).value;
    facts.user_ticks += ticks(process->usage.user_cycles);
    facts.system_ticks += ticks(cpu - process->usage.user_cycles);
  }
  facts.harts = kernel_.scheduler().harts();
  facts.context_switches = kernel_.scheduler().statistics().context_switches;
  facts.interrupts = kernel_.scheduler().statistics().timer_interrupts;
  facts.processes_made = kernel_.processes_made();
  return facts;
}

}  // namespace faultline::os
