// Who a process is: ids, groups and sessions, limits, usage, prctl(2), sched(7),
// uname(2), getrandom(2), umask(2).
#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>

#include "support.h"

static void case_ids(struct verdict* v) {
  say(v, "pid %d thread %d", getpid() > 0, (int)syscall(SYS_gettid) == getpid());
  say(v, "users %d groups %d", getuid() == geteuid(), getgid() == getegid());
  uid_t a, b, c;
  say(v, "%s", outcome(getresuid(&a, &b, &c)));
  say(v, "%d", a == getuid() && b == a && c == a);
  say(v, "%s", outcome(syscall(SYS_getresuid, 8, &b, &c)));
}

static void case_changing_user(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    become_user();
    const int same = setuid(getuid()) == 0, other = setuid(0) < 0 && errno == EPERM;
    const int nothing = setresuid(-1, -1, -1) == 0, group = setgid(0) < 0 && errno == EPERM;
    _exit(same + 2 * other + 4 * nothing + 8 * group);
  }
  say(v, "%s", wait_text(child));
}

static void case_process_groups(struct verdict* v) {
  const pid_t own = getpid();
  say(v, "%d", getpgid(0) == getpgrp());
  say(v, "%d", getpgid(own) == getpgrp());
  say(v, "nobody %s", outcome(getpgid(4000000)));
  say(v, "session of nobody %s", outcome(getsid(4000000)));
  const pid_t child = child_that_waits();
  say(v, "inherits %d", getpgid(child) == getpgrp());
  say(v, "%s", outcome(setpgid(child, 0)));
  say(v, "%d", getpgid(child) == child);
  say(v, "no such group %s", outcome(setpgid(child, 4000000)));
  say(v, "negative %s", outcome(setpgid(child, -1)));
  say(v, "stranger %s", outcome(setpgid(getppid(), 0)));
  say(v, "back %s", outcome(setpgid(child, getpgrp())));
  end_child(child);
}

static void case_sessions(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    const pid_t session = setsid();
    const int made = session == getpid() && getsid(0) == session && getpgrp() == session;
    const int again = setsid() < 0 && errno == EPERM;
    const int leader = setpgid(0, 0) < 0 && errno == EPERM;
    _exit(made + 2 * again + 4 * leader);
  }
  say(v, "%s", wait_text(child));
  const pid_t far = fork();
  if (far == 0) {
    setsid();
    for (;;) pause();
  }
  while (getsid(far) != far) sleep_milliseconds(1);
  say(v, "in another %s", outcome(setpgid(far, 0)));
  end_child(far);
}

static void case_setpgid_after_exec(struct verdict* v) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) abort();
  const pid_t child = fork();
  if (child == 0) {
    execl("/proc/self/exe", "program", "--wait", NULL);
    _exit(1);
  }
  close(ends[1]);
  char byte;
  if (read(ends[0], &byte, 1) != 0) abort();
  say(v, "%s", outcome(setpgid(child, child)));
  end_child(child);
}

__attribute__((constructor)) static void wait_if_told(int count, char** arguments) {
  while (count == 2 && strcmp(arguments[1], "--wait") == 0) pause();
}

// --- limits ----------------------------------------------------------------------------

static void case_limits(struct verdict* v) {
  struct rlimit limit = {20, 10};
  say(v, "over %s", outcome(setrlimit(RLIMIT_NOFILE, &limit)));
  say(v, "kind %s", outcome(syscall(SYS_prlimit64, 0, 99, NULL, NULL)));
  say(v, "address %s", outcome(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 8, NULL)));
  say(v, "nobody %s", outcome(syscall(SYS_prlimit64, 4000000, RLIMIT_NOFILE, NULL, NULL)));
  limit = (struct rlimit){30, 40};
  struct rlimit old;
  say(v, "%s", outcome(prlimit(getpid(), RLIMIT_NOFILE, &limit, &old)));
  say(v, "old %d", old.rlim_cur > 40);
  getrlimit(RLIMIT_NOFILE, &limit);
  say(v, "now %d %d", (int)limit.rlim_cur, (int)limit.rlim_max);
  const pid_t child = fork();
  if (child == 0) {
    become_user();
    limit = (struct rlimit){30, 50};
    _exit(setrlimit(RLIMIT_NOFILE, &limit) < 0 && errno == EPERM);
  }
  say(v, "raised by user %s", wait_text(child));
}

static void case_limit_of_child(struct verdict* v) {
  const pid_t child = child_that_waits();
  const struct rlimit limit = {7, 8};
  struct rlimit now = {0, 0};
  say(v, "%s", outcome(prlimit(child, RLIMIT_CORE, &limit, NULL)));
  say(v, "%s", outcome(prlimit(child, RLIMIT_CORE, NULL, &now)));
  say(v, "%d %d", (int)now.rlim_cur, (int)now.rlim_max);
  end_child(child);
}

static void case_file_size_limit(struct verdict* v) {
  enter_directory();
  make_file("file", "", 0644);
  const int fd = open("file", O_RDWR);
  const struct rlimit limit = {100, 100};
  setrlimit(RLIMIT_FSIZE, &limit);
  catch_signal(SIGXFSZ, SIG_IGN, 0);
  static char text[200];
  say(v, "%zd", write(fd, text, 200));
  say(v, "%s", outcome(write(fd, text, 1)));
  say(v, "%s", outcome(ftruncate(fd, 101)));
  say(v, "%s", outcome(pwrite(fd, text, 10, 95)));
  const pid_t child = fork();
  if (child == 0) {
    catch_signal(SIGXFSZ, SIG_DFL, 0);
    if (pwrite(fd, text, 1, 100) < 0) _exit(1);
    _exit(0);
  }
  say(v, "%s", wait_text(child));
  unlink("file");
  leave_directory();
}

static void case_cpu_time_limit(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    const struct rlimit limit = {1, 2};
    struct rlimit core = {0, 0};
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_CPU, &limit);
    struct rlimit now;
    getrlimit(RLIMIT_CPU, &now);
    _exit((int)now.rlim_cur * 10 + (int)now.rlim_max);
  }
  say(v, "%s", wait_text(child));
}

static void case_usage(struct verdict* v) {
  struct rusage usage;
  say(v, "%s", outcome(getrusage(RUSAGE_SELF, &usage)));
  say(v, "faults %d resident %d", usage.ru_minflt > 0, usage.ru_maxrss > 0);
  say(v, "thread %s", outcome(getrusage(RUSAGE_THREAD, &usage)));
  say(v, "kind %s", outcome(getrusage((enum __rusage_who)9, &usage)));
  say(v, "address %s", outcome(syscall(SYS_getrusage, RUSAGE_SELF, 8)));
}

// --- prctl --------------------------------------------------------------------------------

static void case_prctl_name(struct verdict* v) {
  char name[17] = {0};
  say(v, "%s", outcome(prctl(PR_SET_NAME, "a name that is too long")));
  prctl(PR_GET_NAME, name);
  say(v, "[%s]", name);
  say(v, "%s", outcome(syscall(SYS_prctl, PR_SET_NAME, 8)));
  say(v, "%s", outcome(syscall(SYS_prctl, PR_GET_NAME, 8)));
  const pid_t child = fork();
  if (child == 0) {
    char inherited[17] = {0};
    prctl(PR_GET_NAME, inherited);
    _exit(strcmp(inherited, name) == 0);
  }
  say(v, "%s", wait_text(child));
}

static void case_prctl_death_signal(struct verdict* v) {
  int signal = -1;
  say(v, "%s", outcome(prctl(PR_SET_PDEATHSIG, SIGUSR1)));
  say(v, "%s", outcome(prctl(PR_GET_PDEATHSIG, &signal)));
  say(v, "%d", signal == SIGUSR1);
  say(v, "%s", outcome(prctl(PR_SET_PDEATHSIG, 65)));
  int ends[2];
  if (pipe(ends)) abort();
  const pid_t child = fork();
  if (child == 0) {
    int inherited = -1;
    prctl(PR_GET_PDEATHSIG, &inherited);
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      close(ends[0]);
      if (write(ends[1], "x", 1) != 1) _exit(1);
      for (;;) pause();
    }
    char byte;
    if (read(ends[0], &byte, 1) != 1) _exit(9);
    _exit(inherited == 0);
  }
  say(v, "%s", wait_text(child));
  close(ends[1]);
  char byte;
  say(v, "grandchild gone %zd", read(ends[0], &byte, 1));
}

static void case_prctl_subreaper(struct verdict* v) {
  int on = -1;
  say(v, "%s", outcome(prctl(PR_GET_CHILD_SUBREAPER, &on)));
  say(v, "%d", on);
  say(v, "%s", outcome(prctl(PR_SET_CHILD_SUBREAPER, 1)));
  prctl(PR_GET_CHILD_SUBREAPER, &on);
  say(v, "%d", on);
  const pid_t child = fork();
  if (child == 0) {
    const pid_t before = getpid();
    if (fork() == 0) {
      while (getppid() == before) sleep_milliseconds(1);
      _exit(33);
    }
    _exit(0);
  }
  say(v, "%s", wait_text(child));
  int status = 0;
  say(v, "%s", outcome(wait(&status)));
  say(v, "%s", status_text(status));
}

static void case_prctl_privileges(struct verdict* v) {
  say(v, "%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  say(v, "%s", outcome(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0)));
  say(v, "%s", outcome(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
  say(v, "%d", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  say(v, "%s", outcome(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0)));
  const pid_t child = fork();
  if (child == 0) _exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  say(v, "%s", wait_text(child));
}

static void case_prctl_dumpable(struct verdict* v) {
  say(v, "%d", prctl(PR_GET_DUMPABLE));
  say(v, "%s", outcome(prctl(PR_SET_DUMPABLE, 0)));
  say(v, "%d", prctl(PR_GET_DUMPABLE));
  say(v, "%s", outcome(prctl(PR_SET_DUMPABLE, 2)));
  say(v, "%s", outcome(prctl(PR_SET_DUMPABLE, 3)));
  say(v, "option %s", outcome(prctl(9999)));
}

static void case_prctl_timer_slack(struct verdict* v) {
  say(v, "%d", prctl(PR_GET_TIMERSLACK));
  say(v, "%s", outcome(prctl(PR_SET_TIMERSLACK, 1000)));
  say(v, "%d", prctl(PR_GET_TIMERSLACK));
  say(v, "%s", outcome(prctl(PR_SET_TIMERSLACK, 0)));
  say(v, "%d", prctl(PR_GET_TIMERSLACK));
}

// --- scheduling ------------------------------------------------------------------------------

static void case_scheduling_policy(struct verdict* v) {
  struct sched_param parameter = {.sched_priority = 0};
  say(v, "%d", sched_getscheduler(0));
  say(v, "%s", outcome(sched_setscheduler(0, SCHED_BATCH, &parameter)));
  say(v, "%d", sched_getscheduler(0) == SCHED_BATCH);
  say(v, "%s", outcome(sched_getparam(0, &parameter)));
  say(v, "%d", parameter.sched_priority);
  parameter.sched_priority = 5;
  say(v, "priority %s", outcome(sched_setscheduler(0, SCHED_OTHER, &parameter)));
  say(v, "policy %s", outcome(sched_setscheduler(0, 77, &parameter)));
  say(v, "nobody %s", outcome(sched_setscheduler(4000000, SCHED_OTHER, &(struct sched_param){0})));
  say(v, "negative %s", outcome(sched_getscheduler(-1)));
  say(v, "nothing %s", outcome(sched_setparam(0, NULL)));
}

static void case_scheduling_ranges(struct verdict* v) {
  static const int policies[] = {SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, 77};
  for (size_t i = 0; i < sizeof policies / sizeof *policies; ++i)
    say(v, "%d-%d", sched_get_priority_min(policies[i]), sched_get_priority_max(policies[i]));
  struct timespec slice = {-1, -1};
  say(v, "%s", outcome(sched_rr_get_interval(0, &slice)));
  say(v, "%d", slice.tv_sec >= 0);
  say(v, "%s", outcome(sched_rr_get_interval(-1, &slice)));
  say(v, "%s", outcome(sched_yield()));
}

static void case_affinity(struct verdict* v) {
  cpu_set_t set;
  say(v, "%s", outcome(sched_getaffinity(0, sizeof set, &set)));
  say(v, "%d", CPU_COUNT(&set) > 0);
  say(v, "%s", outcome(sched_setaffinity(0, sizeof set, &set)));
  CPU_ZERO(&set);
  say(v, "none %s", outcome(sched_setaffinity(0, sizeof set, &set)));
  say(v, "small %s", outcome(syscall(SYS_sched_getaffinity, 0, 1, &set)));
  say(v, "nobody %s", outcome(sched_getaffinity(4000000, sizeof set, &set)));
  say(v, "%d", sched_getcpu() >= 0);
}

static void case_nice(struct verdict* v) {
  say(v, "%d", getpriority(PRIO_PROCESS, 0));
  say(v, "%s", outcome(setpriority(PRIO_PROCESS, 0, 5)));
  say(v, "%d", getpriority(PRIO_PROCESS, 0));
  say(v, "%s", outcome(setpriority(PRIO_PROCESS, 0, 100)));
  say(v, "%d", getpriority(PRIO_PROCESS, 0));
  say(v, "kind %s", outcome(setpriority(77, 0, 5)));
  say(v, "nobody %s", outcome(setpriority(PRIO_PROCESS, 4000000, 5)));
  const pid_t child = fork();
  if (child == 0) {
    become_user();
    _exit(getpriority(PRIO_PROCESS, 0) + (setpriority(PRIO_PROCESS, 0, 3) < 0 && errno == EACCES));
  }
  say(v, "%s", wait_text(child));
}

// --- the system -------------------------------------------------------------------------------

static void case_uname(struct verdict* v) {
  struct utsname name;
  say(v, "%s", outcome(uname(&name)));
  say(v, "%s release %d", name.sysname, name.release[0] >= '3');
  say(v, "%s", outcome(syscall(SYS_uname, 8)));
}

static void case_getrandom(struct verdict* v) {
  unsigned char bytes[64] = {0}, more[64] = {0};
  say(v, "%zd", getrandom(bytes, 64, 0));
  say(v, "%zd", getrandom(more, 64, GRND_NONBLOCK));
  say(v, "%d", memcmp(bytes, more, 64) != 0);
  say(v, "%s", outcome(getrandom(bytes, 4, 0x100)));
  say(v, "%s", outcome(syscall(SYS_getrandom, 8, 4, 0)));
  say(v, "%zd", getrandom(bytes, 0, 0));
}

static void case_umask(struct verdict* v) {
  umask(027);
  say(v, "%o", umask(01777));
  say(v, "%o", umask(0));
  const pid_t child = fork();
  if (child == 0) {
    umask(011);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  say(v, "%o", umask(0));
}

static const struct conformance_case cases[] = {
    {"ids", case_ids},
    {"changing_user", case_changing_user},
    {"process_groups", case_process_groups},
    {"sessions", case_sessions},
    {"setpgid_after_exec", case_setpgid_after_exec},
    {"limits", case_limits},
    {"limit_of_child", case_limit_of_child},
    {"file_size_limit", case_file_size_limit},
    {"cpu_time_limit", case_cpu_time_limit},
    {"usage", case_usage},
    {"prctl_name", case_prctl_name},
    {"prctl_death_signal", case_prctl_death_signal},
    {"prctl_subreaper", case_prctl_subreaper},
    {"prctl_privileges", case_prctl_privileges},
    {"prctl_dumpable", case_prctl_dumpable},
    {"prctl_timer_slack", case_prctl_timer_slack},
    {"scheduling_policy", case_scheduling_policy},
    {"scheduling_ranges", case_scheduling_ranges},
    {"affinity", case_affinity},
    {"nice", case_nice},
    {"uname", case_uname},
    {"getrandom", case_getrandom},
    {"umask", case_umask},
};

CONFORMANCE_MAIN(cases)
