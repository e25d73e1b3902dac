// Calls for a superuser that no guest is: they answer what Linux answers an ordinary user.
#include <cerrno>

#include "os/process/process.h"
#include "os/process/task.h"
#include "os/syscall/groups.h"
#include "os/syscall/syscall.h"

namespace faultline::os {

namespace {

SyscallResult sys_not_permitted(SyscallContext&) { return Errno{EPERM}; }
SyscallResult sys_not_supported(SyscallContext&) { return Errno{EOPNOTSUPP}; }

// They answer the identity as it was, which is all that it can be.
SyscallResult sys_setfsuid(SyscallContext& call) { return uint64_t{call.task.process().uid}; }
SyscallResult sys_setfsgid(SyscallContext& call) { return uint64_t{call.task.process().gid}; }

// Permission is asked for before anything else.
constexpr unsigned kForSuperusers[] = {
    41,   // pivot_root
    58,   // vhangup
    60,   // quotactl
    89,   // acct
    104,  // kexec_load
    105,  // init_module
    106,  // delete_module
    116,  // syslog: reading the log too, where dmesg_restrict is set
    142,  // reboot
    159,  // setgroups
    161,  // sethostname
    162,  // setdomainname
    224,  // swapon
    225,  // swapoff
    262,  // fanotify_init
    263,  // fanotify_mark
    265,  // open_by_handle_at
    268,  // setns
    273,  // finit_module
    280,  // bpf
    294,  // kexec_file_load
    428,  // open_tree
    429,  // move_mount
    430,  // fsopen
    431,  // fsconfig
    432,  // fsmount
    433,  // fspick
    442,  // mount_setattr
    443,  // quotactl_fd
};

}  // namespace

void register_refused_calls(SyscallTable& table) {
  for (const unsigned number : kForSuperusers) table.add(number, sys_not_permitted);
  table.add(151, sys_setfsuid);
  table.add(152, sys_setfsgid);
  table.add(264, sys_not_supported);  // name_to_handle_at
}

}  // namespace faultline::os
