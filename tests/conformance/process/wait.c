// wait4, waitid, waitpid: wait(2), wait4(2).
#include <linux/sched.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "support.h"

static void case_wait_exit_code(struct verdict* v) {
  say(v, "%s", wait_text(child_that_exits(0)));
  say(v, "%s", wait_text(child_that_exits(255)));
  say(v, "%s", wait_text(child_that_exits(256 + 3)));
  say(v, "%s", wait_text(child_that_exits(-1)));
}

static void case_wait_killed(struct verdict* v) {
  static const int signals[] = {SIGKILL, SIGTERM, SIGHUP, SIGUSR1, SIGALRM, SIGPIPE};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; ++i) {
    const pid_t child = child_that_waits();
    kill(child, signals[i]);
    say(v, "%s", wait_text(child));
  }
}

static void case_wait_core_signals(struct verdict* v) {
  const struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  static const int signals[] = {SIGQUIT, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGXCPU, SIGSYS};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; ++i) {
    const pid_t child = child_that_waits();
    kill(child, signals[i]);
    int status = 0;
    waitpid(child, &status, 0);
    say(v, "%s%s", status_text(status), WCOREDUMP(status) ? " core" : "");
  }
}

static void case_wait_real_time_signal_kills(struct verdict* v) {
  const pid_t child = child_that_waits();
  kill(child, SIGRTMIN + 3);
  int status = 0;
  waitpid(child, &status, 0);
  say(v, "killed %d", WIFSIGNALED(status) ? WTERMSIG(status) - SIGRTMIN : -100);
}

static void case_wait_without_children(struct verdict* v) {
  siginfo_t info;
  say(v, "%s", outcome(wait(NULL)));
  say(v, "%s", outcome(waitpid(-1, NULL, WNOHANG)));
  say(v, "%s", outcome(waitid(P_ALL, 0, &info, WEXITED)));
}

static void case_wait_not_a_child(struct verdict* v) {
  const pid_t child = child_that_waits();
  say(v, "self %s", outcome(waitpid(getpid(), NULL, 0)));
  say(v, "parent %s", outcome(waitpid(getppid(), NULL, 0)));
  say(v, "nobody %s", outcome(waitpid(4000000, NULL, 0)));
  end_child(child);
}

static void case_wait_errors(struct verdict* v) {
  siginfo_t info;
  say(v, "options %s", outcome(waitpid(-1, NULL, 0x100)));
  say(v, "smallest %s", outcome(wait4(-2147483647 - 1, NULL, 0, NULL)));
  say(v, "waitid no event %s", outcome(waitid(P_ALL, 0, &info, WNOHANG)));
  say(v, "waitid option %s", outcome(waitid(P_ALL, 0, &info, WEXITED | 0x100)));
  say(v, "waitid kind %s", outcome(waitid((idtype_t)17, 0, &info, WEXITED)));
  say(v, "waitid pid 0 %s", outcome(waitid(P_PID, 0, &info, WEXITED)));
  say(v, "waitid group %s", outcome(waitid(P_PGID, (id_t)-4, &info, WEXITED)));
  say(v, "waitid descriptor %s", outcome(waitid(P_PIDFD, (id_t)-1, &info, WEXITED)));
  say(v, "waitid file %s", outcome(waitid(P_PIDFD, (id_t)open("/dev/null", O_RDONLY), &info, WEXITED)));
}

static void case_wait_bad_address(struct verdict* v) {
  const pid_t child = child_that_exits(1);
  say(v, "%s", outcome(syscall(SYS_wait4, child, 8, 0, NULL)));
  say(v, "again %s", outcome(waitpid(child, NULL, 0)));
}

static void case_wait_no_hang(struct verdict* v) {
  const pid_t child = child_that_waits();
  say(v, "alive %d", waitpid(child, NULL, WNOHANG));
  siginfo_t info = {.si_signo = 99, .si_pid = 99};
  say(v, "waitid %s", outcome(waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG)));
  say(v, "signal %d pid %d", info.si_signo, info.si_pid);
  end_child(child);
}

static void case_wait_no_wait(struct verdict* v) {
  const pid_t child = child_that_exits(6);
  siginfo_t info = {0};
  for (int i = 0; i < 2; ++i) {
    say(v, "%s", outcome(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT)));
    say(v, "%s %d", info.si_pid == child ? "child" : "other", info.si_status);
  }
  say(v, "%s", wait_text(child));
  say(v, "%s", outcome(waitpid(child, NULL, 0)));
}

static const char* code_text(int code) {
  switch (code) {
    case CLD_EXITED:
      return "exited";
    case CLD_KILLED:
      return "killed";
    case CLD_DUMPED:
      return "dumped";
    case CLD_STOPPED:
      return "stopped";
    case CLD_CONTINUED:
      return "continued";
    default:
      return "?";
  }
}

static void say_child(struct verdict* v, const siginfo_t* info, pid_t child) {
  say(v, "signal %s code %s %s status %d user %s", signal_text(info->si_signo), code_text(info->si_code),
      info->si_pid == child ? "child" : "other", info->si_status, info->si_uid == getuid() ? "same" : "other");
}

static void case_waitid_info(struct verdict* v) {
  siginfo_t info = {0};
  pid_t child = child_that_exits(33);
  waitid(P_PID, (id_t)child, &info, WEXITED);
  say_child(v, &info, child);
  child = child_that_waits();
  kill(child, SIGTERM);
  waitid(P_ALL, 0, &info, WEXITED);
  say_child(v, &info, child);
}

static void case_waitid_without_info(struct verdict* v) {
  const pid_t child = child_that_exits(2);
  say(v, "%s", outcome(waitid(P_PID, (id_t)child, NULL, WEXITED)));
  say(v, "%s", outcome(waitpid(child, NULL, 0)));
}

static void case_wait_stop_and_continue(struct verdict* v) {
  const pid_t child = child_that_waits();
  int status = 0;
  kill(child, SIGSTOP);
  waitpid(child, &status, WUNTRACED);
  say(v, "%s", status_text(status));
  say(v, "again %d", waitpid(child, &status, WUNTRACED | WNOHANG));
  kill(child, SIGCONT);
  waitpid(child, &status, WCONTINUED);
  say(v, "%s", status_text(status));
  say(v, "again %d", waitpid(child, &status, WCONTINUED | WNOHANG));
  kill(child, SIGKILL);
  say(v, "%s", wait_text(child));
}

static void case_waitid_stop_and_continue(struct verdict* v) {
  const pid_t child = child_that_waits();
  siginfo_t info = {0};
  kill(child, SIGSTOP);
  waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOWAIT);
  say_child(v, &info, child);
  waitid(P_PID, (id_t)child, &info, WSTOPPED);
  say_child(v, &info, child);
  kill(child, SIGCONT);
  waitid(P_PID, (id_t)child, &info, WCONTINUED);
  say_child(v, &info, child);
  end_child(child);
}

static void case_wait_stopped_child_unasked(struct verdict* v) {
  const pid_t child = child_that_waits();
  kill(child, SIGSTOP);
  siginfo_t info;
  waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOWAIT);
  say(v, "%d", waitpid(child, NULL, WNOHANG));
  kill(child, SIGKILL);
  say(v, "%s", wait_text(child));
}

static void case_wait_exited_child_for_stop(struct verdict* v) {
  const pid_t child = child_that_exits(0);
  siginfo_t info;
  waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
  say(v, "%s", outcome(waitid(P_PID, (id_t)child, &info, WSTOPPED)));
  say(v, "%s", outcome(waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOHANG)));
  end_child(child);
}

static void case_wait_by_group(struct verdict* v) {
  const pid_t first = child_that_waits(), second = child_that_waits(), third = child_that_waits();
  setpgid(first, first);
  setpgid(second, first);
  kill(third, SIGKILL);
  siginfo_t info;
  waitid(P_PID, (id_t)third, &info, WEXITED | WNOWAIT);
  say(v, "their group %d", waitpid(-first, NULL, WNOHANG));
  say(v, "own group %s", waitpid(0, NULL, WNOHANG) == third ? "third" : "other");
  kill(second, SIGTERM);
  say(v, "their group %s", waitpid(-first, NULL, 0) == second ? "second" : "other");
  kill(first, SIGTERM);
  say(v, "by id %s", outcome(waitid(P_PGID, (id_t)first, &info, WEXITED)));
  say(v, "%s", info.si_pid == first ? "first" : "other");
  say(v, "%s", outcome(waitpid(-first, NULL, 0)));
}

static void case_wait_ignored_children(struct verdict* v) {
  catch_signal(SIGCHLD, SIG_IGN, 0);
  const pid_t child = child_that_exits(0);
  say(v, "%s", outcome(waitpid(child, NULL, 0)));
  child_that_exits(0), child_that_exits(1);
  say(v, "all %s", outcome(wait(NULL)));
}

static volatile int children_heard;
static void count_child(int signal) { children_heard += signal == SIGCHLD; }

static void case_wait_no_child_wait(struct verdict* v) {
  catch_signal(SIGCHLD, count_child, SA_NOCLDWAIT | SA_RESTART);
  const pid_t child = child_that_exits(0);
  say(v, "%s", outcome(waitpid(child, NULL, 0)));
  say(v, "heard %d", children_heard);
}

static void case_wait_default_action_keeps_zombie(struct verdict* v) {
  catch_signal(SIGCHLD, SIG_DFL, 0);
  const pid_t child = child_that_exits(3);
  sleep_milliseconds(20);
  say(v, "still there %s", outcome(kill(child, 0)));
  say(v, "%s", wait_text(child));
  say(v, "gone %s", outcome(kill(child, 0)));
}

static void case_wait_no_child_stop(struct verdict* v) {
  catch_signal(SIGCHLD, count_child, SA_NOCLDSTOP | SA_RESTART);
  const pid_t child = child_that_waits();
  int status = 0;
  kill(child, SIGSTOP);
  waitpid(child, &status, WUNTRACED);
  say(v, "%s heard %d", status_text(status), children_heard);
  kill(child, SIGCONT);
  waitpid(child, &status, WCONTINUED);
  say(v, "%s heard %d", status_text(status), children_heard);
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  say(v, "%s heard %d", status_text(status), children_heard);
}

static siginfo_t heard;
static volatile int infos_heard;
static void keep_info(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  heard = *info;
  ++infos_heard;
}

// A wait may end before its signal has come.
static void hear(int count) {
  for (int i = 0; i < 1000 && infos_heard < count; ++i) sleep_milliseconds(1);
}

static void case_wait_sigchld_info(struct verdict* v) {
  struct sigaction action = {.sa_sigaction = keep_info, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGCHLD, &action, NULL);
  pid_t child = child_that_exits(21);
  waitpid(child, NULL, 0);
  hear(1);
  say_child(v, &heard, child);
  child = child_that_waits();
  kill(child, SIGSTOP);
  waitpid(child, NULL, WUNTRACED);
  hear(2);
  say_child(v, &heard, child);
  kill(child, SIGCONT);
  waitpid(child, NULL, WCONTINUED);
  hear(3);
  say_child(v, &heard, child);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  hear(4);
  say_child(v, &heard, child);
}

static void case_wait_interrupted(struct verdict* v) {
  const pid_t child = child_that_waits();
  const struct itimerval soon = {.it_value = {0, 20000}};
  catch_signal(SIGALRM, count_child, 0);
  setitimer(ITIMER_REAL, &soon, NULL);
  say(v, "%s", outcome(waitpid(child, NULL, 0)));
  end_child(child);
}

static void case_wait_clone_children(struct verdict* v) {
  catch_signal(SIGUSR1, SIG_IGN, 0);
  const long child = syscall(SYS_clone, SIGUSR1, 0, NULL, NULL, NULL);
  if (child == 0) _exit(4);
  int status = 0;
  say(v, "plain %s", outcome(waitpid(-1, &status, 0)));
  say(v, "clone %s", outcome(waitpid(-1, &status, __WCLONE)));
  say(v, "%s", status_text(status));
  const pid_t usual = child_that_exits(5);
  say(v, "usual by clone %s", outcome(waitpid(usual, &status, __WCLONE)));
  say(v, "usual by all %s", outcome(waitpid(usual, &status, __WALL)));
}

static void case_wait_usage(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    volatile long sum = 0;
    for (long i = 0; i < 3000000; ++i) sum += i;
    _exit(0);
  }
  struct rusage usage, children;
  memset(&usage, 0, sizeof usage);
  say(v, "%s", outcome(wait4(child, NULL, 0, &usage)));
  getrusage(RUSAGE_CHILDREN, &children);
  say(v, "time %d faults %d resident %d", usage.ru_utime.tv_usec + usage.ru_utime.tv_sec > 0, usage.ru_minflt > 0,
      usage.ru_maxrss > 0);
  say(v, "added %d", children.ru_minflt >= usage.ru_minflt);
}

static void case_wait_order_of_children(struct verdict* v) {
  pid_t children[3];
  siginfo_t info;
  for (int i = 0; i < 3; ++i) children[i] = child_that_waits();
  for (int i = 2; i >= 0; --i) {
    kill(children[i], SIGKILL);
    waitid(P_PID, (id_t)children[i], &info, WEXITED | WNOWAIT);
  }
  for (int i = 0; i < 3; ++i) {
    const pid_t next = wait(NULL);
    for (int j = 0; j < 3; ++j) {
      if (children[j] == next) say(v, "%d", j);
    }
  }
}

static void case_wait_orphans_leave(struct verdict* v) {
  int ends[2];
  if (pipe(ends)) abort();
  const pid_t child = fork();
  if (child == 0) {
    const pid_t before = getpid();
    if (fork() == 0) {
      for (int i = 0; i < 500 && getppid() == before; ++i) sleep_milliseconds(2);
      const char told = getppid() != before;
      if (write(ends[1], &told, 1) != 1) _exit(1);
      _exit(0);
    }
    _exit(0);
  }
  say(v, "%s", wait_text(child));
  char told = 0;
  say(v, "%zd", read(ends[0], &told, 1));
  say(v, "%d", told);
  say(v, "%s", outcome(wait(NULL)));
}

static const struct conformance_case cases[] = {
    {"wait_exit_code", case_wait_exit_code},
    {"wait_killed", case_wait_killed},
    {"wait_core_signals", case_wait_core_signals},
    {"wait_real_time_signal_kills", case_wait_real_time_signal_kills},
    {"wait_without_children", case_wait_without_children},
    {"wait_not_a_child", case_wait_not_a_child},
    {"wait_errors", case_wait_errors},
    {"wait_bad_address", case_wait_bad_address},
    {"wait_no_hang", case_wait_no_hang},
    {"wait_no_wait", case_wait_no_wait},
    {"waitid_info", case_waitid_info},
    {"waitid_without_info", case_waitid_without_info},
    {"wait_stop_and_continue", case_wait_stop_and_continue},
    {"waitid_stop_and_continue", case_waitid_stop_and_continue},
    {"wait_stopped_child_unasked", case_wait_stopped_child_unasked},
    {"wait_exited_child_for_stop", case_wait_exited_child_for_stop},
    {"wait_by_group", case_wait_by_group},
    {"wait_ignored_children", case_wait_ignored_children},
    {"wait_no_child_wait", case_wait_no_child_wait},
    {"wait_default_action_keeps_zombie", case_wait_default_action_keeps_zombie},
    {"wait_no_child_stop", case_wait_no_child_stop},
    {"wait_sigchld_info", case_wait_sigchld_info},
    {"wait_interrupted", case_wait_interrupted},
    {"wait_clone_children", case_wait_clone_children},
    {"wait_usage", case_wait_usage},
    {"wait_order_of_children", case_wait_order_of_children},
    {"wait_orphans_leave", case_wait_orphans_leave},
};

CONFORMANCE_MAIN(cases)
