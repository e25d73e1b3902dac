#include "os/syscall/groups.h"

namespace faultline::os {

void register_all(SyscallTable& table) {
  register_process_calls(table);
  register_session_calls(table);
  register_scheduling_calls(table);
  register_signal_calls(table);
  register_time_calls(table);
  register_timer_calls(table);
  register_memory_calls(table);
  register_memory_lock_calls(table);
  register_memory_reach_calls(table);
  register_futex_calls(table);
  register_system_calls(table);
  register_prctl_calls(table);
  register_ipc_calls(table);
  register_file_calls(table);
  register_socket_calls(table);
  register_capability_calls(table);
  register_node_calls(table);
  register_refused_calls(table);
}

}  // namespace faultline::os
