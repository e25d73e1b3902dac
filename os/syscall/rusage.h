// struct rusage of getrusage(2) and wait4(2).
#pragma once

#include <array>
#include <cstdint>

#include "os/process/process.h"
#include "os/syscall/time_types.h"

namespace faultline::os {

class Kernel;

struct Rusage {
  TimeVal user, system;
  int64_t peak_resident_kilobytes = 0;
  std::array<int64_t, 3> unused_sizes{};  // ixrss, idrss, isrss
  int64_t minor_faults = 0;
  int64_t major_faults = 0;
  std::array<int64_t, 6> unused_counts{};  // nswap, inblock, oublock, msgsnd, msgrcv, nsignals
  int64_t voluntary_switches = 0;
  int64_t involuntary_switches = 0;
};
static_assert(sizeof(Rusage) == 144);

Rusage make_rusage(Kernel& kernel, const Usage& usage);

// The usage of a process or task that still runs, up to now.
Usage usage_now(Kernel& kernel, Process& process);
Usage usage_now(Kernel& kernel, Task& task);

}  // namespace faultline::os
