// Clocks, sleeps and timers: clock_gettime(2), nanosleep(2), setitimer(2),
// timer_create(2), timerfd_create(2).
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>

#include "support.h"

static volatile int heard[65];
static siginfo_t info_seen;
static void keep_info(int signal, siginfo_t* info, void* context) {
  (void)context;
  info_seen = *info;
  ++heard[signal];
}

static void catch_info(int signal) {
  struct sigaction action = {.sa_sigaction = keep_info, .sa_flags = SA_SIGINFO};
  sigaction(signal, &action, NULL);
}

static long long nanoseconds(clockid_t clock) {
  struct timespec now;
  if (clock_gettime(clock, &now) != 0) return -1;
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void burn(long long time) {
  const long long begin = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  while (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - begin < time) continue;
}

static void case_clocks(struct verdict* v) {
  static const clockid_t clocks[] = {CLOCK_REALTIME,          CLOCK_MONOTONIC,     CLOCK_PROCESS_CPUTIME_ID,
                                     CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
                                     CLOCK_MONOTONIC_COARSE,  CLOCK_BOOTTIME,      CLOCK_TAI};
  for (size_t i = 0; i < sizeof clocks / sizeof *clocks; ++i) {
    const long long before = nanoseconds(clocks[i]);
    say(v, "%d", before >= 0 && nanoseconds(clocks[i]) >= before);
  }
}

static void case_clock_errors(struct verdict* v) {
  struct timespec time = {1, 0};
  say(v, "get %s", outcome(syscall(SYS_clock_gettime, 77, &time)));
  say(v, "resolution %s", outcome(syscall(SYS_clock_getres, 77, &time)));
  say(v, "no address %s", outcome(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL)));
  say(v, "address %s", outcome(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, 8)));
  say(v, "set %s", outcome(clock_settime(CLOCK_MONOTONIC, &time)));
  time.tv_nsec = -1;
  say(v, "set %s", outcome(clock_settime(CLOCK_REALTIME, &time)));
  clockid_t clock;
  say(v, "nobody %s", outcome_of(clock_getcpuclockid(4000000, &clock)));
}

static void case_cpu_clocks(struct verdict* v) {
  clockid_t own, thread;
  say(v, "%s", outcome_of(clock_getcpuclockid(0, &own)));
  say(v, "%s", outcome_of(pthread_getcpuclockid(pthread_self(), &thread)));
  const long long before = nanoseconds(own), thread_before = nanoseconds(thread);
  burn(2000000);
  say(v, "%d %d", nanoseconds(own) > before, nanoseconds(thread) > thread_before);
  const long long idle = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  sleep_milliseconds(50);
  say(v, "asleep %d", nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - idle < 20000000);
}

static void* burn_in_thread(void* argument) {
  burn(5000000);
  *(long long*)argument = nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  return NULL;
}

static void case_thread_clock_is_apart(struct verdict* v) {
  long long other = 0;
  const long long before = nanoseconds(CLOCK_THREAD_CPUTIME_ID), process = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  pthread_t thread;
  pthread_create(&thread, NULL, burn_in_thread, &other);
  pthread_join(thread, NULL);
  say(v, "here %d", nanoseconds(CLOCK_THREAD_CPUTIME_ID) - before < 3000000);
  say(v, "there %d", other >= 3000000);
  say(v, "process %d", nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - process >= 5000000);
}

static void case_times(struct verdict* v) {
  struct tms time;
  const clock_t begin = times(&time);
  burn(40000000);
  struct tms later;
  const clock_t end = times(&later);
  say(v, "%d %d", end > begin, later.tms_utime + later.tms_stime > time.tms_utime + time.tms_stime);
  say(v, "ticks %ld", sysconf(_SC_CLK_TCK));
  say(v, "address %s", outcome(syscall(SYS_times, 8)));
}

static void case_nanosleep(struct verdict* v) {
  struct timespec time = {0, 3000000};
  const long long before = nanoseconds(CLOCK_MONOTONIC);
  say(v, "%s", outcome(nanosleep(&time, NULL)));
  say(v, "%d", nanoseconds(CLOCK_MONOTONIC) - before >= 3000000);
  time = (struct timespec){0, 1000000000};
  say(v, "%s", outcome(nanosleep(&time, NULL)));
  time = (struct timespec){-1, 0};
  say(v, "%s", outcome(nanosleep(&time, NULL)));
  say(v, "%s", outcome(syscall(SYS_nanosleep, 8, NULL)));
  time = (struct timespec){0, 0};
  say(v, "%s", outcome(nanosleep(&time, NULL)));
}

static void case_clock_nanosleep(struct verdict* v) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  say(v, "past %s", outcome_of(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL)));
  const long long then = nanoseconds(CLOCK_REALTIME) + 4000000;
  time = (struct timespec){then / 1000000000, then % 1000000000};
  say(v, "%s", outcome_of(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &time, NULL)));
  say(v, "%d", nanoseconds(CLOCK_REALTIME) >= then);
  time = (struct timespec){0, 1000};
  say(v, "thread %s", outcome_of(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL)));
  say(v, "clock %s", outcome_of(clock_nanosleep(77, 0, &time, NULL)));
  say(v, "raw %s", outcome_of(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &time, NULL)));
  time.tv_nsec = -1;
  say(v, "time %s", outcome_of(clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL)));
}

static void case_alarm(struct verdict* v) {
  catch_info(SIGALRM);
  alarm(0);  // that of the frame
  say(v, "%u", alarm(100));
  const unsigned left = alarm(50);
  say(v, "%d", left >= 99 && left <= 100);
  alarm(0);
  say(v, "%u", alarm(1));
  pause();
  say(v, "heard %d then %u", heard[SIGALRM], alarm(0));
}

static void case_interval_timers(struct verdict* v) {
  static const int signals[] = {SIGALRM, SIGVTALRM, SIGPROF};
  for (int which = 0; which < 3; ++which) {
    catch_info(signals[which]);
    const struct itimerval timer = {{0, 5000}, {0, 5000}};
    setitimer(which, &timer, NULL);
    const long long begin = nanoseconds(CLOCK_MONOTONIC);
    while (heard[signals[which]] < 3 && nanoseconds(CLOCK_MONOTONIC) - begin < 5000000000LL) continue;
    const struct itimerval off = {{0, 0}, {0, 0}};
    struct itimerval old;
    setitimer(which, &off, &old);
    say(v, "%s %d interval %ld", signal_text(signals[which]), heard[signals[which]] >= 3,
        (long)old.it_interval.tv_usec / 1000);
  }
}

static void case_interval_timer_errors(struct verdict* v) {
  struct itimerval timer = {{0, 0}, {0, 1000000}};
  say(v, "%s", outcome(setitimer(ITIMER_REAL, &timer, NULL)));
  timer.it_value.tv_usec = -1;
  say(v, "%s", outcome(setitimer(ITIMER_REAL, &timer, NULL)));
  say(v, "%s", outcome(syscall(SYS_setitimer, 7, NULL, NULL)));
  say(v, "%s", outcome(syscall(SYS_getitimer, 7, &timer)));
  say(v, "%s", outcome(syscall(SYS_getitimer, ITIMER_REAL, 8)));
  say(v, "%s", outcome(syscall(SYS_setitimer, ITIMER_REAL, 8, NULL)));
}

static void case_timer_info(struct verdict* v) {
  catch_info(SIGRTMIN);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 31};
  timer_t timer;
  say(v, "%s", outcome(timer_create(CLOCK_MONOTONIC, &event, &timer)));
  const struct itimerspec once = {{0, 0}, {0, 2000000}};
  say(v, "%s", outcome(timer_settime(timer, 0, &once, NULL)));
  pause();
  say(v, "%s value %d heard %d", signal_code_name(SIGRTMIN, info_seen.si_code), info_seen.si_value.sival_int,
      heard[SIGRTMIN]);
  struct itimerspec now;
  timer_gettime(timer, &now);
  say(v, "off %d overrun %d", now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0, timer_getoverrun(timer));
  say(v, "%s", outcome(timer_delete(timer)));
}

static void case_timer_errors(struct verdict* v) {
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 65};
  say(v, "signal %s", outcome(timer_create(CLOCK_MONOTONIC, &event, &timer)));
  event = (struct sigevent){.sigev_notify = 77, .sigev_signo = SIGUSR1};
  say(v, "notify %s", outcome(timer_create(CLOCK_MONOTONIC, &event, &timer)));
  say(v, "clock %s", outcome(timer_create(77, NULL, &timer)));
  say(v, "raw %s", outcome(timer_create(CLOCK_MONOTONIC_RAW, NULL, &timer)));
  say(v, "id %s", outcome(syscall(SYS_timer_delete, 9999)));
  timer_create(CLOCK_MONOTONIC, NULL, &timer);
  struct itimerspec bad = {{0, 0}, {0, 1000000000}};
  say(v, "time %s", outcome(timer_settime(timer, 0, &bad, NULL)));
  bad.it_value.tv_nsec = 1, bad.it_interval.tv_nsec = -1;
  say(v, "interval %s", outcome(timer_settime(timer, 0, &bad, NULL)));
  say(v, "nothing %s", outcome(syscall(SYS_timer_settime, 0, 0, NULL, NULL)));
}

static void case_timer_overruns(struct verdict* v) {
  catch_info(SIGRTMIN);
  block_signal(SIGRTMIN);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  const struct itimerspec often = {{0, 1000000}, {0, 1000000}};
  timer_settime(timer, 0, &often, NULL);
  sleep_milliseconds(30);
  unblock_signal(SIGRTMIN);
  const int overruns = timer_getoverrun(timer);
  timer_delete(timer);
  say(v, "once %d many %d", heard[SIGRTMIN] >= 1, overruns >= 10 || heard[SIGRTMIN] > 1);
}

static void case_timer_absolute_in_the_past(struct verdict* v) {
  catch_info(SIGALRM);
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, NULL, &timer);
  block_signal(SIGALRM);
  const struct itimerspec past = {{0, 0}, {0, 1}};
  timer_settime(timer, TIMER_ABSTIME, &past, NULL);
  const sigset_t set = set_of(SIGALRM);
  siginfo_t info;
  const struct timespec limit = {5, 0};
  say(v, "%s", outcome(sigtimedwait(&set, &info, &limit)));
  say(v, "%s", signal_code_name(SIGALRM, info.si_code));
}

static void* burn_own(void* argument) {
  while (nanoseconds(CLOCK_THREAD_CPUTIME_ID) < 40000000) continue;
  return argument;
}

// A timer on a thread's own time stands still while another thread runs.
static void case_timer_of_a_thread(struct verdict* v) {
  timer_t own, process;
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &own);
  timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &process);
  const struct itimerspec setting = {{0, 0}, {100, 0}};
  timer_settime(own, 0, &setting, NULL);
  timer_settime(process, 0, &setting, NULL);
  pthread_t thread;
  pthread_create(&thread, NULL, burn_own, NULL);
  pthread_join(thread, NULL);
  struct itimerspec left;
  timer_gettime(own, &left);
  say(v, "own %d", left.it_value.tv_sec == 99 && left.it_value.tv_nsec > 980000000);
  timer_gettime(process, &left);
  say(v, "process %d", left.it_value.tv_sec == 99 && left.it_value.tv_nsec < 980000000);
}

static void* burn_clock(void* argument) {
  (void)argument;
  burn(60000000);
  return NULL;
}

static void case_timer_of_a_thread_goes_off(struct verdict* v) {
  catch_info(SIGUSR1);
  timer_t own;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &own);
  const struct itimerspec setting = {{0, 0}, {0, 30000000}};
  timer_settime(own, 0, &setting, NULL);
  pthread_t thread;
  pthread_create(&thread, NULL, burn_clock, NULL);
  pthread_join(thread, NULL);
  say(v, "by another %d", heard[SIGUSR1]);
  burn(100000000);
  say(v, "by itself %d", heard[SIGUSR1]);
}

// --- timerfd ----------------------------------------------------------------------------------

static void case_timerfd(struct verdict* v) {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  say(v, "%s", outcome(fd));
  uint64_t count = 0;
  say(v, "off %s", outcome(read(fd, &count, 8)));
  const struct itimerspec timer = {{0, 2000000}, {0, 2000000}};
  say(v, "%s", outcome(timerfd_settime(fd, 0, &timer, NULL)));
  struct pollfd entry = {fd, POLLIN | POLLOUT, 0};
  say(v, "poll %d", poll(&entry, 1, 5000));
  say(v, "%x", entry.revents);
  sleep_milliseconds(20);
  say(v, "%zd", read(fd, &count, 8));
  say(v, "several %d", count >= 5);
  struct itimerspec now;
  say(v, "%s", outcome(timerfd_gettime(fd, &now)));
  say(v, "interval %ld", now.it_interval.tv_nsec);
  say(v, "flags %d", fcntl(fd, F_GETFD));
}

static void case_timerfd_blocks(struct verdict* v) {
  const int fd = timerfd_create(CLOCK_REALTIME, 0);
  const struct itimerspec once = {{0, 0}, {0, 5000000}};
  timerfd_settime(fd, 0, &once, NULL);
  uint64_t count = 0;
  say(v, "%zd", read(fd, &count, 8));
  say(v, "%d", (int)count);
  struct itimerspec now;
  timerfd_gettime(fd, &now);
  say(v, "off %d", now.it_value.tv_sec == 0 && now.it_value.tv_nsec == 0);
  const struct itimerspec past = {{0, 0}, {1, 0}};
  timerfd_settime(fd, TFD_TIMER_ABSTIME, &past, NULL);
  say(v, "past %zd", read(fd, &count, 8));
}

static void case_timerfd_errors(struct verdict* v) {
  const int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  say(v, "clock %s", outcome(timerfd_create(77, 0)));
  say(v, "cpu clock %s", outcome(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0)));
  say(v, "flags %s", outcome(timerfd_create(CLOCK_MONOTONIC, 1)));
  struct itimerspec timer = {{0, 0}, {0, 1000000000}};
  say(v, "time %s", outcome(timerfd_settime(fd, 0, &timer, NULL)));
  timer.it_value.tv_nsec = 0;
  say(v, "flags %s", outcome(timerfd_settime(fd, 64, &timer, NULL)));
  say(v, "no timer %s", outcome(timerfd_settime(open("/dev/null", O_RDONLY), 0, &timer, NULL)));
  say(v, "closed %s", outcome(timerfd_gettime(900, &timer)));
  char small[4];
  say(v, "small %s", outcome(read(fd, small, sizeof small)));
  uint64_t word = 1;
  say(v, "write %s", outcome(write(fd, &word, 8)));
}

// RLIMIT_CPU of setrlimit(2): a signal at the soft limit and each second after it, the end
// at the hard one.
static void case_cpu_limit(struct verdict* v) {
  const pid_t stopped = fork();
  if (stopped == 0) {
    setrlimit(RLIMIT_CPU, &(struct rlimit){0, 5});
    for (;;) continue;
  }
  say(v, "soft %s", wait_text(stopped));
  const pid_t killed = fork();
  if (killed == 0) {
    signal(SIGXCPU, SIG_IGN);
    setrlimit(RLIMIT_CPU, &(struct rlimit){0, 0});
    for (;;) continue;
  }
  say(v, "hard %s", wait_text(killed));
  const pid_t told = fork();
  if (told == 0) {
    catch_info(SIGXCPU);
    setrlimit(RLIMIT_CPU, &(struct rlimit){0, 30});
    while (heard[SIGXCPU] == 0) continue;
    struct rlimit now;
    getrlimit(RLIMIT_CPU, &now);
    _exit(info_seen.si_code == SI_KERNEL && now.rlim_max == 30 ? (int)now.rlim_cur : 99);
  }
  say(v, "moves on %s", wait_text(told));
}

static const struct conformance_case cases[] = {
    {"clocks", case_clocks},
    {"clock_errors", case_clock_errors},
    {"cpu_clocks", case_cpu_clocks},
    {"thread_clock_is_apart", case_thread_clock_is_apart},
    {"times", case_times},
    {"nanosleep", case_nanosleep},
    {"clock_nanosleep", case_clock_nanosleep},
    {"alarm", case_alarm},
    {"interval_timers", case_interval_timers},
    {"interval_timer_errors", case_interval_timer_errors},
    {"cpu_limit", case_cpu_limit},
    {"timer_info", case_timer_info},
    {"timer_errors", case_timer_errors},
    {"timer_overruns", case_timer_overruns},
    {"timer_absolute_in_the_past", case_timer_absolute_in_the_past},
    {"timer_of_a_thread", case_timer_of_a_thread},
    {"timer_of_a_thread_goes_off", case_timer_of_a_thread_goes_off},
    {"timerfd", case_timerfd},
    {"timerfd_blocks", case_timerfd_blocks},
    {"timerfd_errors", case_timerfd_errors},
};

CONFORMANCE_MAIN(cases)
