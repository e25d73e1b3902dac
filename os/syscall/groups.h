// The groups of system calls; each registers its own.
#pragma once

namespace faultline::os {

class SyscallTable;

void register_process_calls(SyscallTable& table);       // clone, execve, exit, wait4, ids, ...
void register_session_calls(SyscallTable& table);       // process groups and sessions
void register_scheduling_calls(SyscallTable& table);    // sched_*, nice values
void register_signal_calls(SyscallTable& table);        // rt_sig*, kill, sigaltstack, ...
void register_time_calls(SyscallTable& table);          // clocks, sleeping
void register_timer_calls(SyscallTable& table);         // setitimer, timer_create
void register_memory_calls(SyscallTable& table);        // mmap, brk, mprotect, ...
void register_memory_lock_calls(SyscallTable& table);   // mlock, mlockall, ...
void register_memory_reach_calls(SyscallTable& table);  // process_vm_readv, membarrier, ...
void register_futex_calls(SyscallTable& table);         // futex, robust lists
void register_system_calls(SyscallTable& table);        // uname, sysinfo, limits, random numbers, ...
void register_file_calls(SyscallTable& table);          // os/syscall/file_*.cc: all that takes files and paths
void register_prctl_calls(SyscallTable& table);         // prctl
void register_ipc_calls(SyscallTable& table);           // System V IPC
void register_socket_calls(SyscallTable& table);        // sockets, their messages and options
void register_capability_calls(SyscallTable& table);    // capget, unshare, personality, ...
void register_node_calls(SyscallTable& table);          // mbind, get_mempolicy, ...
void register_refused_calls(SyscallTable& table);       // what an ordinary user, or kernel, has not

// All of them.
void register_all(SyscallTable& table);

}  // namespace faultline::os
