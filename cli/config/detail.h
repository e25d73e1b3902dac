// `timing`: how much of the machine is modelled.
#pragma once

#include "cli/config/configuration.h"

namespace faultline::cli {

// The machine with what `timing` leaves out taken out of it. tlb: no caches, no
// bus, and memory makes nobody wait but the walker and the disk; TLBs, walks and
// faults are those of the full machine as far as their order does not hang on
// time. none: moreover walks take no time, and translations stay in a large
// direct-mapped TLB that is no part of the machine, so that what it counts is not
// reported.
Configuration with_detail(Configuration given);

// What the harts of `given`, which is as with_detail() makes it, run on while a run is fast-forwarded: what timing =
// "none" leaves of it.
hw::MachineConfig functional_machine(hw::MachineConfig given);

// A machine without paging (memory.model) has neither TLBs nor page-walk caches.
Configuration without_paging(Configuration given);

}  // namespace faultline::cli
