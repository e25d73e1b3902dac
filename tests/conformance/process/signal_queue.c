// Sending, queueing and waiting for signals: kill(2), sigqueue(3), sigwaitinfo(2),
// sigsuspend(2), signalfd(2), pause(2), restarting of calls (signal(7)).
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>

#include "support.h"

static volatile int heard[65], values[32], total;
static void keep_value(int signal, siginfo_t* info, void* context) {
  (void)context;
  ++heard[signal];
  if (total < 32) values[total++] = info->si_value.sival_int * 100 + signal - SIGRTMIN;
}

static void catch_values(int signal) {
  struct sigaction action = {.sa_sigaction = keep_value, .sa_flags = SA_SIGINFO};
  sigfillset(&action.sa_mask);
  sigaction(signal, &action, NULL);
}

static void queue_value(int signal, int value) { sigqueue(getpid(), signal, (union sigval){.sival_int = value}); }
static void count(int signal) { ++heard[signal]; }

static void case_kill_errors(struct verdict* v) {
  say(v, "nobody %s", outcome(kill(4000000, SIGTERM)));
  say(v, "no group %s", outcome(kill(-4000000, SIGTERM)));
  say(v, "signal %s", outcome(kill(getpid(), 65)));
  say(v, "negative %s", outcome(kill(getpid(), -1)));
  say(v, "probe %s", outcome(kill(getpid(), 0)));
  say(v, "smallest %s", outcome(kill(-2147483647 - 1, 0)));
  const pid_t child = child_that_exits(0);
  siginfo_t info;
  waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
  say(v, "zombie %s", outcome(kill(child, SIGTERM)));
  waitpid(child, NULL, 0);
}

static void case_kill_group(struct verdict* v) {
  const pid_t first = child_that_waits(), second = child_that_waits();
  setpgid(first, first);
  setpgid(second, first);
  say(v, "%s", outcome(kill(-first, SIGTERM)));
  say(v, "%s", wait_text(first));
  say(v, "%s", wait_text(second));
  say(v, "%s", outcome(kill(-first, SIGTERM)));
}

static void case_tgkill_errors(struct verdict* v) {
  const pid_t self = getpid();
  say(v, "%s", outcome(syscall(SYS_tgkill, self, self, 0)));
  say(v, "wrong group %s", outcome(syscall(SYS_tgkill, getppid(), self, 0)));
  say(v, "nobody %s", outcome(syscall(SYS_tgkill, self, 4000000, 0)));
  say(v, "zero %s", outcome(syscall(SYS_tgkill, self, 0, 0)));
  say(v, "negative %s", outcome(syscall(SYS_tgkill, -1, self, 0)));
  say(v, "signal %s", outcome(syscall(SYS_tgkill, self, self, 65)));
  say(v, "tkill %s", outcome(syscall(SYS_tkill, self, 0)));
  say(v, "tkill zero %s", outcome(syscall(SYS_tkill, 0, 0)));
}

static void case_real_time_order(struct verdict* v) {
  for (int i = 0; i < 3; ++i) catch_values(SIGRTMIN + i), block_signal(SIGRTMIN + i);
  queue_value(SIGRTMIN + 2, 1);
  queue_value(SIGRTMIN, 1);
  queue_value(SIGRTMIN + 1, 1);
  queue_value(SIGRTMIN, 2);
  queue_value(SIGRTMIN + 2, 2);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  for (int i = 0; i < total; ++i) say(v, "%d", values[i]);
}

static void case_real_time_signals_queue(struct verdict* v) {
  catch_values(SIGRTMIN);
  catch_values(SIGUSR1);
  block_signal(SIGRTMIN);
  block_signal(SIGUSR1);
  for (int i = 0; i < 5; ++i) queue_value(SIGRTMIN, i), queue_value(SIGUSR1, i);
  unblock_signal(SIGRTMIN);
  unblock_signal(SIGUSR1);
  say(v, "%d %d", heard[SIGRTMIN], heard[SIGUSR1]);
}

static void case_sigqueue_errors(struct verdict* v) {
  say(v, "%s", outcome(sigqueue(4000000, SIGUSR1, (union sigval){0})));
  say(v, "%s", outcome(sigqueue(getpid(), 65, (union sigval){0})));
  say(v, "%s", outcome(sigqueue(getpid(), 0, (union sigval){0})));
  siginfo_t info = {.si_code = SI_USER};
  const pid_t child = child_that_waits();
  say(v, "pretend %s", outcome(syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info)));
  end_child(child);
}

static void case_sigqueue_limit(struct verdict* v) {
  const struct rlimit few = {10, 10};
  block_signal(SIGRTMIN);
  say(v, "%s", outcome(setrlimit(RLIMIT_SIGPENDING, &few)));
  int sent = 0;
  while (sent < 2000 && sigqueue(getpid(), SIGRTMIN, (union sigval){0}) == 0) ++sent;
  say(v, "%d %s", sent < 100, outcome(-1));
  say(v, "kill %s", outcome(kill(getpid(), SIGRTMIN)));
}

static void case_sigwaitinfo(struct verdict* v) {
  block_signal(SIGUSR1);
  block_signal(SIGRTMIN);
  queue_value(SIGRTMIN, 9);
  kill(getpid(), SIGUSR1);
  sigset_t set = set_of(SIGUSR1);
  sigaddset(&set, SIGRTMIN);
  siginfo_t info;
  say(v, "%s", sigwaitinfo(&set, &info) == SIGUSR1 ? "user" : "other");
  say(v, "%s", signal_code_name(SIGUSR1, info.si_code));
  say(v, "%s", sigwaitinfo(&set, &info) == SIGRTMIN ? "real time" : "other");
  say(v, "%s %d", signal_code_name(SIGRTMIN, info.si_code), info.si_value.sival_int);
}

static void case_sigtimedwait(struct verdict* v) {
  block_signal(SIGUSR1);
  const sigset_t set = set_of(SIGUSR1);
  const struct timespec soon = {0, 5000000}, wrong = {0, 1000000000}, none = {0, 0};
  say(v, "%s", outcome(sigtimedwait(&set, NULL, &soon)));
  say(v, "%s", outcome(sigtimedwait(&set, NULL, &wrong)));
  say(v, "%s", outcome(sigtimedwait(&set, NULL, &none)));
  raise(SIGUSR1);
  say(v, "%s", outcome(sigtimedwait(&set, NULL, &none)));
  say(v, "size %s", outcome(syscall(SYS_rt_sigtimedwait, &set, NULL, &none, 16)));
  catch_signal(SIGALRM, count, SA_RESTART);
  const struct itimerval alarm_soon = {.it_value = {0, 5000}};
  setitimer(ITIMER_REAL, &alarm_soon, NULL);
  const struct timespec long_time = {10, 0};
  say(v, "%s", outcome(sigtimedwait(&set, NULL, &long_time)));
}

static void case_sigwait_child(struct verdict* v) {
  block_signal(SIGCHLD);
  const sigset_t set = set_of(SIGCHLD);
  const pid_t child = child_that_exits(7);
  int signal = 0;
  say(v, "%s", outcome_of(sigwait(&set, &signal)));
  say(v, "%s", signal_text(signal));
  say(v, "%s", wait_text(child));
}

static void case_sigsuspend(struct verdict* v) {
  catch_signal(SIGUSR1, count, 0);
  catch_signal(SIGUSR2, count, 0);
  block_signal(SIGUSR1);
  block_signal(SIGUSR2);
  raise(SIGUSR2);
  raise(SIGUSR1);
  const sigset_t mask = set_of(SIGUSR2);
  say(v, "%s", outcome(sigsuspend(&mask)));
  say(v, "one %d two %d", heard[SIGUSR1], heard[SIGUSR2]);
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  say(v, "mask %d %d", sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2));
  say(v, "size %s", outcome(syscall(SYS_rt_sigsuspend, &mask, 16)));
}

static void case_pause(struct verdict* v) {
  catch_signal(SIGALRM, count, SA_RESTART);
  const struct itimerval soon = {.it_value = {0, 5000}};
  setitimer(ITIMER_REAL, &soon, NULL);
  say(v, "%s", outcome(pause()));
  say(v, "%d", heard[SIGALRM]);
}

static pid_t signal_me_later(int signal, int then_write) {
  const pid_t child = fork();
  if (child == 0) {
    sleep_milliseconds(80);
    kill(getppid(), signal);
    sleep_milliseconds(80);
    if (then_write >= 0 && write(then_write, "x", 1) != 1) _exit(1);
    _exit(0);
  }
  return child;
}

static void case_read_restarts(struct verdict* v) {
  static const int flags[] = {0, SA_RESTART};
  for (int i = 0; i < 2; ++i) {
    int ends[2];
    if (pipe(ends)) abort();
    catch_signal(SIGUSR1, count, flags[i]);
    const pid_t child = signal_me_later(SIGUSR1, ends[1]);
    char byte;
    say(v, "%s", outcome(read(ends[0], &byte, 1)));
    waitpid(child, NULL, 0);
    say(v, "heard %d", heard[SIGUSR1]);
  }
}

static void case_waits_restart(struct verdict* v) {
  static const int flags[] = {0, SA_RESTART};
  for (int i = 0; i < 2; ++i) {
    catch_signal(SIGUSR1, count, flags[i]);
    const pid_t child = signal_me_later(SIGUSR1, -1);
    const long waited = waitpid(child, NULL, 0);
    say(v, "%s", outcome(waited));
    if (waited < 0) waitpid(child, NULL, 0);
  }
}

static void case_calls_that_never_restart(struct verdict* v) {
  catch_signal(SIGUSR1, count, SA_RESTART);
  pid_t child = signal_me_later(SIGUSR1, -1);
  struct timespec left = {0, 0};
  const struct timespec second = {20, 0};
  say(v, "nanosleep %s", outcome(nanosleep(&second, &left)));
  say(v, "left %d", left.tv_sec >= 10 && left.tv_sec < 20);
  waitpid(child, NULL, 0);
  child = signal_me_later(SIGUSR1, -1);
  say(v, "poll %s", outcome(poll(NULL, 0, 10000)));
  waitpid(child, NULL, 0);
  child = signal_me_later(SIGUSR1, -1);
  say(v, "select %s", outcome(select(0, NULL, NULL, NULL, &(struct timeval){10, 0})));
  waitpid(child, NULL, 0);
}

static void case_stop_does_not_interrupt(struct verdict* v) {
  int ends[2];
  if (pipe(ends)) abort();
  const pid_t child = fork();
  if (child == 0) {
    char byte;
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 1 ? 0 : errno);
  }
  sleep_milliseconds(10);
  kill(child, SIGSTOP);
  waitpid(child, NULL, WUNTRACED);
  kill(child, SIGCONT);
  sleep_milliseconds(10);
  if (write(ends[1], "x", 1) != 1) abort();
  say(v, "%s", wait_text(child));
}

static void case_continue_drops_stops(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    block_signal(SIGTSTP);
    raise(SIGTSTP);
    sigset_t pending;
    sigpending(&pending);
    const int before = sigismember(&pending, SIGTSTP);
    raise(SIGCONT);
    sigpending(&pending);
    _exit(before * 2 + sigismember(&pending, SIGTSTP));
  }
  say(v, "%s", wait_text(child));
}

// --- signalfd ----------------------------------------------------------------------------

static void case_signalfd_reads(struct verdict* v) {
  block_signal(SIGUSR1);
  block_signal(SIGRTMIN);
  sigset_t set = set_of(SIGUSR1);
  sigaddset(&set, SIGRTMIN);
  const int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  say(v, "%s", outcome(fd));
  struct signalfd_siginfo infos[3];
  say(v, "empty %s", outcome(read(fd, infos, sizeof infos)));
  queue_value(SIGRTMIN, 5);
  kill(getpid(), SIGUSR1);
  struct pollfd entry = {fd, POLLIN | POLLOUT, 0};
  poll(&entry, 1, 0);
  say(v, "poll %x", entry.revents);
  say(v, "%zd", read(fd, infos, sizeof infos) / (ssize_t)sizeof infos[0]);
  say(v, "first %d code %d pid %d", infos[0].ssi_signo == SIGUSR1, infos[0].ssi_code,
      infos[0].ssi_pid == (unsigned)getpid());
  say(v, "second %d value %d", infos[1].ssi_signo == (unsigned)SIGRTMIN, infos[1].ssi_int);
  say(v, "flags %d", fcntl(fd, F_GETFD));
}

static void case_signalfd_errors(struct verdict* v) {
  const sigset_t set = set_of(SIGUSR1);
  say(v, "flags %s", outcome(signalfd(-1, &set, 1)));
  say(v, "descriptor %s", outcome(signalfd(900, &set, 0)));
  say(v, "no signalfd %s", outcome(signalfd(open("/dev/null", O_RDONLY), &set, 0)));
  const int fd = signalfd(-1, &set, SFD_NONBLOCK);
  char small[64];
  say(v, "small %s", outcome(read(fd, small, sizeof small)));
  say(v, "write %s", outcome(write(fd, small, sizeof small)));
}

static void case_signalfd_change(struct verdict* v) {
  block_signal(SIGUSR1);
  block_signal(SIGUSR2);
  sigset_t set = set_of(SIGUSR1);
  const int fd = signalfd(-1, &set, SFD_NONBLOCK);
  raise(SIGUSR2);
  struct signalfd_siginfo info;
  say(v, "%s", outcome(read(fd, &info, sizeof info)));
  set = set_of(SIGUSR2);
  say(v, "same %d", signalfd(fd, &set, 0) == fd);
  say(v, "%zd %d", read(fd, &info, sizeof info) / (ssize_t)sizeof info, 0);
  say(v, "%d", info.ssi_signo == SIGUSR2);
}

static void case_signalfd_wakes(struct verdict* v) {
  block_signal(SIGUSR1);
  const sigset_t set = set_of(SIGUSR1);
  const int fd = signalfd(-1, &set, 0);
  pid_t child = signal_me_later(SIGUSR1, -1);
  struct signalfd_siginfo info;
  say(v, "%zd", read(fd, &info, sizeof info) / (ssize_t)sizeof info);
  say(v, "from child %d", info.ssi_pid == (unsigned)child);
  waitpid(child, NULL, 0);
  child = signal_me_later(SIGUSR1, -1);
  struct pollfd entry = {fd, POLLIN, 0};
  say(v, "poll %d", poll(&entry, 1, 10000));
  waitpid(child, NULL, 0);
}

static const struct conformance_case cases[] = {
    {"kill_errors", case_kill_errors},
    {"kill_group", case_kill_group},
    {"tgkill_errors", case_tgkill_errors},
    {"real_time_order", case_real_time_order},
    {"real_time_signals_queue", case_real_time_signals_queue},
    {"sigqueue_errors", case_sigqueue_errors},
    {"sigqueue_limit", case_sigqueue_limit},
    {"sigwaitinfo", case_sigwaitinfo},
    {"sigtimedwait", case_sigtimedwait},
    {"sigwait_child", case_sigwait_child},
    {"sigsuspend", case_sigsuspend},
    {"pause", case_pause},
    {"read_restarts", case_read_restarts},
    {"waits_restart", case_waits_restart},
    {"calls_that_never_restart", case_calls_that_never_restart},
    {"stop_does_not_interrupt", case_stop_does_not_interrupt},
    {"continue_drops_stops", case_continue_drops_stops},
    {"signalfd_reads", case_signalfd_reads},
    {"signalfd_errors", case_signalfd_errors},
    {"signalfd_change", case_signalfd_change},
    {"signalfd_wakes", case_signalfd_wakes},
};

CONFORMANCE_MAIN(cases)
