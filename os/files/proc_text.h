// The texts of /proc (proc(5)), from the facts that the kernel gives.
#pragma once

#include <string>

#include "hw/base/types.h"
#include "os/files/process_facts.h"

namespace faultline::os {

std::string proc_status(const ProcessFacts& process);
std::string proc_stat(const ProcessFacts& process);
std::string proc_statm(const ProcessFacts& process);
std::string proc_cmdline(const ProcessFacts& process);
std::string proc_environ(const ProcessFacts& process);
std::string proc_auxv(const ProcessFacts& process);
std::string proc_limits(const ProcessFacts& process);

// How likely it is that memory is taken from it (Linux, proc_oom_score).
std::string proc_oom_score(const ProcessFacts& process, const SystemFacts& system);

// --- proc_memory_text.cc
std::string proc_maps(const ProcessFacts& process);
std::string proc_smaps(const ProcessFacts& process);
std::string proc_smaps_rollup(const ProcessFacts& process);

// --- proc_system_text.cc
std::string proc_meminfo(const SystemFacts& system);
std::string proc_vmstat(const SystemFacts& system);
std::string proc_cpuinfo(const SystemFacts& system);
std::string proc_uptime(const SystemFacts& system);
std::string proc_loadavg(const SystemFacts& system);
std::string proc_system_stat(const SystemFacts& system);
std::string proc_swaps(const SystemFacts& system);

}  // namespace faultline::os
