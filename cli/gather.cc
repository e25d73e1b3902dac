#include "cli/gather.h"

#include <algorithm>
#include <string>

#include "cli/report/counters.h"
#include "hw/machine/machine.h"
#include "hw/riscv/disassemble.h"
#include "os/early/monitor.h"
#include "os/files/disk_content.h"
#include "os/kernel.h"
#include "os/memory/memory_manager.h"
#include "os/platform/machine_cpu.h"
#include "os/process/scheduler.h"

namespace faultline::cli {
namespace {

// Of one hart, as if there were no other.
RunStatistics hart_statistics(hw::Machine& machine, size_t n) {
  RunStatistics statistics;
  const hw::HartStatistics counts = machine.hart(n).statistics();
  statistics.instructions = counts.instructions;
  statistics.references = {counts.fetch_references, counts.load_references, counts.store_references};
  statistics.cycle_stack = machine.hart(n).ledger();
  const hw::Mmu& mmu = machine.mmu(n);
  statistics.translation = mmu.statistics();
  for (unsigned level = 1; level < machine.format().levels(); ++level)
    if (machine.walker(n).caches().has(level)) statistics.walk_caches.push_back({level, mmu.walk_cache(level)});
  statistics.nested = mmu.nested();
  statistics.l1i = mmu.l1i(counts.fetch_references);
  statistics.l1d = mmu.l1d(counts.load_references + counts.store_references);
  statistics.l2 = mmu.l2();
  statistics.kernel.translation = mmu.kernel();
  for (const auto& [name, cache] : machine.caches(n))
    statistics.caches.push_back({std::string(name), cache->statistics()});
  return statistics;
}

// The run is as long as the longest clock; the others have nothing to do from
// where they are to there.
void gather_harts(RunStatistics& statistics, hw::Machine& machine) {
  for (size_t n = 0; n < machine.harts(); ++n)
    statistics.cycles = std::max(statistics.cycles, machine.hart(n).now().value);
  for (size_t n = 0; n < machine.harts(); ++n) {
    RunStatistics one = hart_statistics(machine, n);
    const uint64_t behind = statistics.cycles - machine.hart(n).now().value;
    one.cycle_stack.book(CycleAccount::idle, Cycles(behind));
    add_counters(statistics, one);
    if (machine.harts() == 1) return;
    statistics.harts.push_back({.instructions = one.instructions,
                                .idle = one.cycle_stack[CycleAccount::idle],
                                .references = one.references,
                                .translation = one.translation,
                                .l1i = one.l1i,
                                .l1d = one.l1d,
                                .l2 = one.l2});
  }
}

const char* reason_name(os::RunOutcome::Reason reason) {
  switch (reason) {
    case os::RunOutcome::Reason::exited:
    case os::RunOutcome::Reason::not_started:
      return "exited";
    case os::RunOutcome::Reason::killed:
      return "killed";
    case os::RunOutcome::Reason::interrupted:
      return "interrupted";
    case os::RunOutcome::Reason::time_over:
      return "time over";
    case os::RunOutcome::Reason::deadlock:
      return "deadlock";
  }
  return "exited";
}

}  // namespace

void gather_hardware(RunStatistics& statistics, hw::Machine& machine, const os::MachineCpu& cpu,
                     const os::DiskContent& disk_content) {
  gather_harts(statistics, machine);
  statistics.seconds = machine.clock().seconds(Cycles(statistics.cycles));
  statistics.levels = machine.format().levels();
  if (const hw::HostTables* host = machine.host_tables()) {
    statistics.host_levels = machine.walker().host_format()->levels();
    statistics.host_table_bytes = host->bytes();
  }
  statistics.kernel.reads = cpu.accesses().reads;
  statistics.kernel.writes = cpu.accesses().writes;
  const os::ShootdownStatistics& shot = cpu.shootdowns();
  statistics.shootdowns = {shot.sent, shot.received, shot.pages, shot.spaces, shot.deferred};

  if (machine.dram()) statistics.dram = machine.dram()->statistics();
  const hw::DiskStatistics& disk = machine.disk().statistics();
  statistics.disk = {.reads = disk.reads,
                     .writes = disk.writes,
                     .bytes_read = disk.bytes_read,
                     .bytes_written = disk.bytes_written,
                     .merged = disk.merged,
                     .errors = disk.errors,
                     .failed_pages = disk.failed_pages,
                     .injected = disk_content.injected_faults(),
                     .queued_peak = disk.queued_peak,
                     .busy_seconds = static_cast<double>(disk.busy_fs) * 1e-15,
                     .seek_seconds = static_cast<double>(disk.seek_fs) * 1e-15,
                     .rotation_seconds = static_cast<double>(disk.rotation_fs) * 1e-15,
                     .transfer_seconds = static_cast<double>(disk.transfer_fs) * 1e-15};
  for (const os::DiskContent::FailedPage& page : disk_content.failed_pages())
    statistics.disk_failures.push_back({page.sector, page.write, page.path, page.offset});
}

void gather_memory(RunStatistics& statistics, const os::MemoryManager& memory) {
  statistics.faults = memory.faults();
  statistics.page_tables = memory.page_table_statistics();
  statistics.huge = memory.huge();
  statistics.copies = memory.copies();
  statistics.zeroed = memory.zeroed();
  statistics.swap = memory.swap();
  statistics.pageout = memory.pageout();
  statistics.page_cache = memory.page_cache_statistics();
  statistics.commit = memory.commit_statistics();
  const os::FrameStatistics after = memory.frames();
  statistics.after_exit = {after.anonymous, after.page_tables, statistics.swap.slots_used};
}

void gather_kernel(RunStatistics& statistics, const os::Kernel& kernel, const os::Scheduler& scheduler) {
  statistics.frames = kernel.frames_at_exit();
  statistics.fragmentation = kernel.fragmentation_at_exit();
  statistics.page_tables_at_exit = kernel.page_tables_at_exit();
  statistics.areas = kernel.areas_at_exit();
  statistics.layout = kernel.layout_at_exit();
  for (const os::Kernel::SyscallCount& call : kernel.syscall_counts())
    statistics.syscalls.emplace_back(call.name, call.count);
  const os::SchedulerStatistics scheduling = scheduler.statistics();
  statistics.context_switches = scheduling.context_switches;
  statistics.hart_interrupts = scheduling.hart_interrupts;
  statistics.migrations = scheduling.migrations;
}

void gather_processes(RunStatistics& statistics, const std::vector<os::ProcessRecord>& records) {
  for (const os::ProcessRecord& process : records) {
    statistics.processes.push_back({.pid = process.pid,
                                    .command = process.command,
                                    .exit = process.exit.signal ? 128 + process.exit.signal : process.exit.code,
                                    .instructions = process.usage.instructions,
                                    .minor_faults = process.usage.minor_faults,
                                    .major_faults = process.usage.major_faults,
                                    .max_rss_pages = process.usage.peak_resident_pages});
  }
}

void gather_early(RunStatistics& statistics, const os::early::Monitor& monitor, const hw::RelocationUnit& registers) {
  statistics.early = EarlyRun{registers.statistics(), monitor.statistics(), monitor.layout_at_exit()};
  statistics.frames = monitor.frames_at_exit();
  statistics.zeroed.pages = monitor.statistics().zeroed_pages;
  statistics.context_switches = monitor.context_switches();
  statistics.syscalls = monitor.syscall_counts();
  statistics.after_exit = {.anonymous_frames = monitor.pages_left(), .swap_slots = monitor.slots_left()};
}

void gather_outcome(RunStatistics& statistics, const os::RunOutcome& outcome) {
  statistics.exit.status = outcome.status;
  statistics.exit.signal = outcome.signal;
  statistics.exit.reason = reason_name(outcome.reason);
  if (!outcome.crash) return;
  const os::CrashReport& crash = *outcome.crash;
  statistics.exit.crash =
      CrashRecord{.pid = crash.pid,
                  .command = crash.command,
                  .signal = crash.signal,
                  .pc = crash.pc,
                  .address = crash.address,
                  .instruction = crash.instruction,
                  .disassembly = crash.instruction ? hw::disassemble(crash.instruction, crash.pc) : ""};
}

}  // namespace faultline::cli
