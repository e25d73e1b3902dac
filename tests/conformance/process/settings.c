// What a process may be told of itself and change: prctl(2), capget(2), sched_setattr(2),
// personality(2), ioprio_set(2), unshare(2), kcmp(2), get_mempolicy(2), and calls for a
// superuser. Asked by somebody without privileges.
#include <linux/capability.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/swap.h>
#include <sys/timex.h>
#include <sys/uio.h>

#include "support.h"

static void case_prctl_values(struct verdict* v) {
  become_user();
  say(v, "keep %d", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
  say(v, "%s", outcome(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)));
  say(v, "%d", prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
  say(v, "%s", outcome(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0)));
  say(v, "drop %s", outcome(prctl(PR_CAPBSET_DROP, 1, 0, 0, 0)));
  say(v, "read %s", outcome(prctl(PR_CAPBSET_READ, 1000, 0, 0, 0)));
  say(v, "bits %s", outcome(prctl(PR_SET_SECUREBITS, 1, 0, 0, 0)));
  say(v, "timing %d", prctl(PR_GET_TIMING, 0, 0, 0, 0));
  say(v, "%s", outcome(prctl(PR_SET_TIMING, PR_TIMING_TIMESTAMP, 0, 0, 0)));
  say(v, "huge %d", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  say(v, "%s", outcome(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0)));
  say(v, "%d", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  say(v, "%s", outcome(prctl(PR_SET_THP_DISABLE, 1, 7, 0, 0)));
  say(v, "%s", outcome(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0)));
  prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
  say(v, "ambient %d", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 3, 0, 0));
  say(v, "%s", outcome(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 3, 0, 0)));
  say(v, "%s", outcome(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)));
  say(v, "%s", outcome(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0)));
  say(v, "%s", outcome(prctl(PR_CAP_AMBIENT, 99, 0, 0, 0)));
  say(v, "seccomp %d", prctl(PR_GET_SECCOMP, 0, 0, 0, 0));
  say(v, "option %s", outcome(prctl(9999, 0, 0, 0, 0)));
  say(v, "memory map %s", outcome(prctl(PR_SET_MM, PR_SET_MM_BRK, 0, 0, 0)));
}

static void case_capabilities(struct verdict* v) {
  become_user();
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  memset(data, 7, sizeof data);
  say(v, "%s", outcome(syscall(SYS_capget, &header, data)));
  say(v, "%u %u %u", data[0].effective, data[1].permitted, data[0].inheritable);
  say(v, "%s", outcome(syscall(SYS_capset, &header, data)));
  data[0].effective = 1;
  say(v, "more %s", outcome(syscall(SYS_capset, &header, data)));
  data[0].effective = 0;
  data[0].permitted = 1;
  say(v, "more %s", outcome(syscall(SYS_capset, &header, data)));
  data[0].permitted = 0;
  header.pid = 1;
  say(v, "other %s", outcome(syscall(SYS_capset, &header, data)));
  header.pid = 99999999;
  say(v, "nobody %s", outcome(syscall(SYS_capget, &header, data)));
  header.pid = -1;
  say(v, "negative %s", outcome(syscall(SYS_capget, &header, data)));
  header = (struct __user_cap_header_struct){0, 0};
  say(v, "version %s", outcome(syscall(SYS_capget, &header, data)));
  say(v, "%d", header.version == _LINUX_CAPABILITY_VERSION_3);
  header.version = 1;
  say(v, "asked %s", outcome(syscall(SYS_capget, &header, NULL)));
  say(v, "address %s", outcome(syscall(SYS_capget, 8, data)));
  say(v, "address %s", outcome(syscall(SYS_capget, &header, 8)));
}

struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period, more[8];
};

static void case_scheduling_attributes(struct verdict* v) {
  become_user();
  struct attributes now;
  memset(&now, 0, sizeof now);
  say(v, "%s", outcome(syscall(SYS_sched_getattr, 0, &now, 48, 0)));
  say(v, "%u %u %d %u", now.size, now.policy, now.nice, now.priority);
  struct attributes wanted = {.size = 48, .policy = SCHED_BATCH, .nice = 5};
  say(v, "%s", outcome(syscall(SYS_sched_setattr, 0, &wanted, 0)));
  syscall(SYS_sched_getattr, 0, &now, 48, 0);
  say(v, "%u %d", now.policy, now.nice);
  wanted = (struct attributes){.size = 48, .policy = SCHED_FIFO, .priority = 3};
  say(v, "real time %s", outcome(syscall(SYS_sched_setattr, 0, &wanted, 0)));
  wanted = (struct attributes){.size = 48, .policy = 77};
  say(v, "policy %s", outcome(syscall(SYS_sched_setattr, 0, &wanted, 0)));
  wanted = (struct attributes){.size = 48, .nice = 100};
  say(v, "nice %s", outcome(syscall(SYS_sched_setattr, 0, &wanted, 0)));
  wanted = (struct attributes){.size = 20};
  say(v, "small %s", outcome(syscall(SYS_sched_setattr, 0, &wanted, 0)));
  wanted = (struct attributes){.size = sizeof wanted, .more[7] = 1};
  say(v, "large %s", outcome(syscall(SYS_sched_setattr, 0, &wanted, 0)));
  say(v, "flags %s", outcome(syscall(SYS_sched_setattr, 0, &wanted, 1)));
  say(v, "none %s", outcome(syscall(SYS_sched_setattr, 0, NULL, 0)));
  say(v, "pid %s", outcome(syscall(SYS_sched_setattr, -1, &wanted, 0)));
  wanted = (struct attributes){.size = 48};
  say(v, "nobody %s", outcome(syscall(SYS_sched_setattr, 99999999, &wanted, 0)));
  say(v, "get %s", outcome(syscall(SYS_sched_getattr, 0, &now, 10, 0)));
  say(v, "get %s", outcome(syscall(SYS_sched_getattr, 0, NULL, 48, 0)));
  say(v, "get %s", outcome(syscall(SYS_sched_getattr, 99999999, &now, 48, 0)));
  say(v, "get %s", outcome(syscall(SYS_sched_getattr, 0, 8, 48, 0)));
}

static void case_personality(struct verdict* v) {
  say(v, "%x", personality(0xffffffff) & 0xff);
  say(v, "%s", outcome(personality(ADDR_NO_RANDOMIZE)));
  say(v, "%d", (personality(0xffffffff) & ADDR_NO_RANDOMIZE) != 0);
  const pid_t child = fork();
  if (child == 0) _exit((personality(0xffffffff) & ADDR_NO_RANDOMIZE) != 0);
  say(v, "child %s", wait_text(child));
}

static void case_priorities_of_io(struct verdict* v) {
  become_user();
  enum { best = 2, idle = 3, shift = 13 };
  say(v, "%s", outcome(syscall(SYS_ioprio_set, 1, 0, best << shift | 3)));
  say(v, "%d", syscall(SYS_ioprio_get, 1, 0) == (best << shift | 3));
  say(v, "%s", outcome(syscall(SYS_ioprio_set, 1, 0, idle << shift)));
  say(v, "real time %s", outcome(syscall(SYS_ioprio_set, 1, 0, 1 << shift | 3)));
  say(v, "class %s", outcome(syscall(SYS_ioprio_set, 1, 0, 7 << shift)));
  say(v, "which %s", outcome(syscall(SYS_ioprio_set, 7, 0, best << shift)));
  say(v, "nobody %s", outcome(syscall(SYS_ioprio_set, 1, 99999999, best << shift)));
  say(v, "get %s", outcome(syscall(SYS_ioprio_get, 7, 0)));
  say(v, "get %s", outcome(syscall(SYS_ioprio_get, 1, 99999999)));
}

static void case_unshare(struct verdict* v) {
  become_user();
  say(v, "%s", outcome(unshare(0)));
  say(v, "%s", outcome(unshare(CLONE_FILES | CLONE_FS)));
  say(v, "%s", outcome(unshare(CLONE_SYSVSEM)));
  say(v, "alone %s", outcome(unshare(CLONE_VM | CLONE_SIGHAND)));
  say(v, "flag %s", outcome(unshare(0x40000000)));
  say(v, "names %s", outcome(unshare(CLONE_NEWNS)));
}

static void case_compare(struct verdict* v) {
  const int pid = getpid(), copy = dup(0), other = open("/", O_RDONLY);
  if (syscall(SYS_kcmp, pid, pid, 1, 0, 0) < 0 && errno == ENOSYS) {
    unsupported(v, "no kcmp");
    return;
  }
  say(v, "same %ld", syscall(SYS_kcmp, pid, pid, 0, 0, copy));
  say(v, "other %d", syscall(SYS_kcmp, pid, pid, 0, 0, other) > 0);
  say(v, "closed %s", outcome(syscall(SYS_kcmp, pid, pid, 0, 0, 900)));
  const pid_t child = child_that_waits();
  say(v, "memory %d", syscall(SYS_kcmp, pid, child, 1, 0, 0) > 0);
  say(v, "files %d", syscall(SYS_kcmp, pid, child, 2, 0, 0) > 0);
  say(v, "file %ld", syscall(SYS_kcmp, pid, child, 0, 0, 0));
  end_child(child);
  say(v, "kind %s", outcome(syscall(SYS_kcmp, pid, pid, 99, 0, 0)));
  say(v, "nobody %s", outcome(syscall(SYS_kcmp, pid, 99999999, 1, 0, 0)));
}

static void case_memory_policy(struct verdict* v) {
  int mode = 99;
  unsigned long nodes = 0, wide[16] = {0};
  if (syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) < 0) {
    unsupported(v, "no policies of memory");
    return;
  }
  say(v, "%d", mode);
  say(v, "allowed %s", outcome(syscall(SYS_get_mempolicy, NULL, wide, 1024, NULL, MPOL_F_MEMS_ALLOWED)));
  say(v, "%lx", wide[0]);
  nodes = 1;
  say(v, "%s", outcome(syscall(SYS_set_mempolicy, MPOL_BIND, &nodes, 64)));
  say(v, "%s", outcome(syscall(SYS_get_mempolicy, &mode, wide, 1024, NULL, 0)));
  say(v, "%d %lx", mode, wide[0]);
  say(v, "empty %s", outcome(syscall(SYS_set_mempolicy, MPOL_BIND, NULL, 0)));
  say(v, "mode %s", outcome(syscall(SYS_set_mempolicy, 99, &nodes, 64)));
  say(v, "address %s", outcome(syscall(SYS_set_mempolicy, MPOL_BIND, 8, 64)));
  say(v, "default %s", outcome(syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0)));
  say(v, "default nodes %s", outcome(syscall(SYS_set_mempolicy, MPOL_DEFAULT, &nodes, 64)));
  say(v, "flags %s", outcome(syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 99)));
  say(v, "stray %s", outcome(syscall(SYS_get_mempolicy, &mode, NULL, 0, &mode, 0)));
  say(v, "hole %s", outcome(syscall(SYS_get_mempolicy, &mode, NULL, 0, 8, MPOL_F_ADDR)));
  say(v, "there %s", outcome(syscall(SYS_get_mempolicy, &mode, NULL, 0, &mode, MPOL_F_ADDR)));
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char* at = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  say(v, "bind %s", outcome(syscall(SYS_mbind, at, 4 * page, MPOL_BIND, &nodes, 64, 0)));
  say(v, "aligned %s", outcome(syscall(SYS_mbind, at + 1, page, MPOL_BIND, &nodes, 64, 0)));
  say(v, "flags %s", outcome(syscall(SYS_mbind, at, page, MPOL_BIND, &nodes, 64, 99)));
  munmap(at + page, page);
  say(v, "hole %s", outcome(syscall(SYS_mbind, at, 4 * page, MPOL_BIND, &nodes, 64, 0)));
  say(v, "empty %s", outcome(syscall(SYS_mbind, at, 0, MPOL_BIND, &nodes, 64, 0)));
}

static void case_for_superusers(struct verdict* v) {
  become_user();
  say(v, "%s", outcome(sethostname("a", 1)));
  say(v, "%s", outcome(setdomainname("a", 1)));
  say(v, "%s", outcome(reboot(RB_AUTOBOOT)));
  say(v, "%s", outcome(swapon("/tmp", 0)));
  say(v, "%s", outcome(swapoff("/tmp")));
  say(v, "%s", outcome(mount("a", "/tmp", "tmpfs", 0, NULL)));
  say(v, "%s", outcome(umount("/tmp")));
  say(v, "%s", outcome(chroot("/")));
  say(v, "%s", outcome(vhangup()));
  say(v, "%s", outcome(acct(NULL)));
  say(v, "%s", outcome(syscall(SYS_setgroups, 0, NULL)));
  struct timex clock = {.modes = ADJ_FREQUENCY};
  say(v, "clock %s", outcome(adjtimex(&clock)));
  clock.modes = 0;
  say(v, "%d", adjtimex(&clock) >= 0);
  say(v, "user %d", (int)syscall(SYS_setfsuid, 7) == 1000);
}

// --- flags of preadv2(2) and pwritev2(2) ------------------------------------------------------

static void case_vector_flags(struct verdict* v) {
  enter_directory();
  make_file("f", "hello", 0644);
  const int fd = open("f", O_RDWR);
  struct iovec piece = {"ab", 2};
  say(v, "sync %zd", pwritev2(fd, &piece, 1, 0, RWF_DSYNC));
  say(v, "append %zd", pwritev2(fd, &piece, 1, 0, RWF_APPEND));
  say(v, "own %zd", pwritev2(fd, &piece, 1, -1, 0));
  say(v, "position %ld", (long)lseek(fd, 0, SEEK_CUR));
  say(v, "size %ld", (long)lseek(fd, 0, SEEK_END));
  char got[16] = {0};
  struct iovec into = {got, 16};
  say(v, "%zd", preadv2(fd, &into, 1, 0, RWF_HIPRI & 0));
  say(v, "%s", got);
  say(v, "flag %s", outcome(preadv2(fd, &into, 1, 0, 0x1000)));
  say(v, "negative %s", outcome(preadv2(fd, &into, 1, -2, 0)));
  say(v, "closed %s", outcome(preadv2(900, &into, 1, 0, 0)));
  int ends[2];
  if (pipe(ends)) abort();
  say(v, "pipe %s", outcome(preadv2(ends[0], &into, 1, 0, 0)));
  say(v, "pipe end %s", outcome(preadv2(ends[0], &into, 1, -1, RWF_NOWAIT)));
  unlink("f");
  leave_directory();
}

static const struct conformance_case cases[] = {
    {"prctl_values", case_prctl_values},
    {"capabilities", case_capabilities},
    {"scheduling_attributes", case_scheduling_attributes},
    {"personality", case_personality},
    {"priorities_of_io", case_priorities_of_io},
    {"unshare", case_unshare},
    {"compare", case_compare},
    {"memory_policy", case_memory_policy},
    {"for_superusers", case_for_superusers},
    {"vector_flags", case_vector_flags},
};

CONFORMANCE_MAIN(cases)
