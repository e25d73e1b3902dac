// What the parts of a machine and of the OS layer counted, put into a run's statistics.
#pragma once

#include <vector>

#include "cli/report/statistics.h"

namespace faultline::hw {
class Machine;
class RelocationUnit;
}  // namespace faultline::hw

namespace faultline::os {
class DiskContent;
class Kernel;
class MachineCpu;
class MemoryManager;
class Scheduler;
struct ProcessRecord;
struct RunOutcome;
namespace early {
class Monitor;
}
}  // namespace faultline::os

namespace faultline::cli {

// All of these add to statistics in which nothing of the kind stands yet. Clocks, harts and all below them:
void gather_hardware(RunStatistics& statistics, hw::Machine& machine, const os::MachineCpu& cpu,
                     const os::DiskContent& disk_content);
void gather_memory(RunStatistics& statistics, const os::MemoryManager& memory);
// Processes apart:
void gather_kernel(RunStatistics& statistics, const os::Kernel& kernel, const os::Scheduler& scheduler);
void gather_processes(RunStatistics& statistics, const std::vector<os::ProcessRecord>& records);
void gather_outcome(RunStatistics& statistics, const os::RunOutcome& outcome);
// Of a machine without paging, what takes the place of the memory manager and the kernel:
void gather_early(RunStatistics& statistics, const os::early::Monitor& monitor, const hw::RelocationUnit& registers);

}  // namespace faultline::cli
