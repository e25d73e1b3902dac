// Process groups that lost whoever could start them again: setpgid(2), _exit(2).
#pragma once

#include "os/process/process.h"

namespace faultline::os {

class ProcessTable;

// The process's parent is of the same session and of another group: it can stop
// the group and start it again. pid 1 is such a parent only to the run's first
// process, whose shell it stands for.
bool has_keeper(const Process& process);

// No living member has a keeper.
bool is_orphaned_group(const ProcessTable& processes, int32_t group);

// A member of the group has lost its keeper, or ended and is a zombie. When the
// group is an orphan now and one of it is stopped, all get SIGHUP, then SIGCONT.
void hang_up_if_orphaned(ProcessTable& processes, int32_t group);

}  // namespace faultline::os
