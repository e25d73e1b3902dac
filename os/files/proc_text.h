// The texts of /proc (proc(5)), from the facts that the kernel gives.
#pragma once

#include <string>

#include "hw/base/types.h"
#include "os/files/process_facts.h"

namespace faultline::os {

std::string proc_maps(const ProcessFacts& process);
std::string proc_status(const ProcessFacts& process);
std::string proc_stat(const ProcessFacts& process);
std::string proc_statm(const ProcessFacts& process);
std::string proc_cmdline(const ProcessFacts& process);

std::string proc_meminfo(const SystemFacts& system);
std::string proc_cpuinfo(const SystemFacts& system);
std::string proc_uptime(const SystemFacts& system);
std::string proc_system_stat(const SystemFacts& system);

}  // namespace faultline::os
