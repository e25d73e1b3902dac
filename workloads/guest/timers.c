// Timers that send signals: of the time in user mode, of the processor's time,
// and those of timer_create, with values and overruns.
// Arguments: none. Binds: none.
#include <signal.h>
#include <sys/time.h>
#include <time.h>

#include "guest.h"

static volatile sig_atomic_t ticks;
static void on_tick(int signal) {
  (void)signal;
  ++ticks;
}

static void result(const char* what, long value) {
  printf("%-40s %s\n", what, value < 0 ? strerrorname_np(errno) : "ok");
}

static void nap(long milliseconds) {
  struct timespec rest = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
  while (nanosleep(&rest, &rest) < 0 && errno == EINTR) continue;
}

static void processor_time(const char* name, int which, int signal_number) {
  struct itimerval timer = {.it_interval = {.tv_usec = 2000}, .it_value = {.tv_usec = 5000}}, left;
  signal(signal_number, on_tick);
  ticks = 0;
  result(name, setitimer(which, &timer, NULL));
  nap(30);
  printf("ticks while asleep: %d\n", (int)ticks);
  while (ticks < 3) continue;
  printf("ticks while working: at least 3\n");
  result("getitimer", getitimer(which, &left));
  printf("the interval is kept: %s\n", yes_no(left.it_interval.tv_usec >= 2000));
  struct itimerval off = {0};
  result("off", setitimer(which, &off, NULL));
}

static void values(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGRTMIN);
  sigaddset(&set, SIGALRM);
  sigprocmask(SIG_BLOCK, &set, NULL);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 4711};
  timer_t timer, plain;
  result("timer_create", timer_create(CLOCK_MONOTONIC, &event, &timer));
  result("timer_create without an event", timer_create(CLOCK_REALTIME, NULL, &plain));
  struct itimerspec once = {.it_value = {.tv_nsec = 500000000}}, left;
  result("timer_settime", timer_settime(timer, 0, &once, NULL));
  result("timer_gettime", timer_gettime(timer, &left));
  printf("some of it is left: %s\n", yes_no(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 500000000));
  siginfo_t info;
  printf("the signal is the timer's: %s\n", yes_no(sigwaitinfo(&set, &info) == SIGRTMIN));
  printf("code SI_TIMER: %s, value %d, overruns %d\n", yes_no(info.si_code == SI_TIMER), info.si_value.sival_int,
         info.si_overrun);
  timer_gettime(timer, &left);
  printf("nothing is left: %s\n", yes_no(left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0));

  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  struct itimerspec moment = {.it_value = now};
  result("a moment that has passed", timer_settime(plain, TIMER_ABSTIME, &moment, NULL));
  printf("goes off at once: %s\n", yes_no(sigwaitinfo(&set, &info) == SIGALRM));

  struct itimerspec often = {.it_interval = {.tv_nsec = 1000000}, .it_value = {.tv_nsec = 1000000}};
  timer_settime(timer, 0, &often, NULL);
  nap(50);
  struct itimerspec off = {0};
  sigwaitinfo(&set, &info);
  printf("many in one signal: %s\n", yes_no(info.si_overrun >= 20));
  printf("timer_getoverrun agrees: %s\n", yes_no(timer_getoverrun(timer) == info.si_overrun));
  timer_settime(timer, 0, &off, NULL);
  struct timespec none = {0};
  printf("off, and nothing waits: %s\n", yes_no(sigtimedwait(&set, &info, &none) < 0));

  struct itimerspec bad = {.it_value = {.tv_nsec = 1000000000}};
  result("a bad time", timer_settime(timer, 0, &bad, NULL));
  result("timer_delete", timer_delete(timer));
  result("timer_delete again", timer_delete(timer));
  event.sigev_signo = 99;
  result("a signal that is none", timer_create(CLOCK_MONOTONIC, &event, &timer));
  event.sigev_signo = SIGRTMIN;
  result("a clock that is none", timer_create(99, &event, &timer));
}

static volatile sig_atomic_t overruns;
static void on_timer(int signal, siginfo_t* info, void* context) {
  (void)signal;
  (void)context;
  ++ticks;
  overruns = info->si_overrun;
}

static void off(timer_t timer) { timer_settime(timer, 0, &(struct itimerspec){0}, NULL); }

// Timers that go off often: the program gets on all the same.
static void often_due(void) {
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  timer_t timers[50];
  struct itimerspec often = {.it_interval = {.tv_nsec = 2000}, .it_value = {.tv_nsec = 2000}}, left;
  for (int i = 0; i < 50; ++i) {
    if (timer_create(CLOCK_MONOTONIC, &event, &timers[i]) < 0) die("timer_create");
    timer_settime(timers[i], 0, &often, NULL);
  }
  timer_gettime(timers[7], &left);
  printf("told to nobody, still on: %s\n", yes_no(left.it_value.tv_nsec <= 2000 && left.it_interval.tv_nsec == 2000));
  for (int i = 0; i < 50; ++i) timer_delete(timers[i]);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  signal(SIGALRM, on_tick);
  ticks = 0;
  struct itimerval fast = {.it_interval = {.tv_usec = 300}, .it_value = {.tv_usec = 300}}, slow;
  setitimer(ITIMER_REAL, &fast, NULL);
  volatile long sum = 0;
  for (long i = 0; i < 300000 || ticks < 10; ++i) sum += i;
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
  printf("through many alarms\n");

  // An alarm whose signal waits does not run.
  sigprocmask(SIG_BLOCK, &set, NULL);
  ticks = 0;
  fast.it_interval.tv_usec = fast.it_value.tv_usec = 5000;
  setitimer(ITIMER_REAL, &fast, NULL);
  nap(30);
  getitimer(ITIMER_REAL, &slow);
  printf("left while its signal waits: %ld, interval kept: %s\n", (long)slow.it_value.tv_usec,
         yes_no(slow.it_interval.tv_usec == 5000));
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  printf("ticks: %d\n", (int)ticks);
  setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
}

// Absolute moments, two timers with one signal, and ignored ones.
static void corners(void) {
  struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaction(SIGUSR1, &action, NULL);
  timer_t one, two;
  timer_create(CLOCK_MONOTONIC, &event, &one);
  timer_create(CLOCK_REALTIME, &event, &two);
  struct itimerspec past = {.it_interval = {.tv_sec = 86400}, .it_value = {.tv_sec = 1}};
  ticks = 0;
  timer_settime(two, TIMER_ABSTIME, &past, NULL);
  while (ticks < 1) continue;
  printf("days since 1970, as overruns: %s\n", yes_no(overruns > 19000 && timer_getoverrun(two) == overruns));
  off(two);
  sigprocmask(SIG_BLOCK, &set, NULL);
  struct itimerspec once = {.it_value = {.tv_nsec = 1000000}}, left;
  timer_settime(one, 0, &once, NULL);
  timer_settime(two, 0, &once, NULL);
  nap(30);
  ticks = 0;
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  printf("two timers of one signal: %d\n", (int)ticks);

  signal(SIGUSR1, SIG_IGN);
  struct itimerspec often = {.it_interval = {.tv_nsec = 5000000}, .it_value = {.tv_nsec = 5000000}};
  timer_settime(one, 0, &often, NULL);
  timer_settime(two, 0, &once, NULL);
  nap(52);
  timer_gettime(one, &left);
  printf("goes on while ignored: %s\n", yes_no(left.it_value.tv_nsec > 0 && left.it_value.tv_nsec <= 5000000));
  off(one);
  timer_gettime(two, &left);
  printf("once, and over: %s\n", yes_no(left.it_value.tv_nsec == 0));
  timer_delete(one);
  timer_delete(two);
}

// Timers and sleeps on the process's own time.
static void own_time(void) {
  struct sigaction action = {.sa_sigaction = on_timer, .sa_flags = SA_SIGINFO};
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
  sigaction(SIGUSR1, &action, NULL);
  timer_t timer;
  result("timer_create, the process's time", timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer));
  struct timespec begin, now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begin);
  struct itimerspec twice = {.it_interval = {.tv_nsec = 10000000}, .it_value = {.tv_nsec = 10000000}};
  ticks = 0;
  timer_settime(timer, 0, &twice, NULL);
  nap(50);
  printf("ticks while asleep: %d\n", (int)ticks);
  while (ticks < 2) continue;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  long spent = (now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000;
  printf("two ticks are at least 20 ms: %s\n", yes_no(spent >= 19));
  timer_delete(timer);
  result("timer_create, the thread's time", timer_create(CLOCK_THREAD_CPUTIME_ID, NULL, &timer));
  result("timer_create, the raw clock", timer_create(CLOCK_MONOTONIC_RAW, NULL, &timer));
  struct timespec none = {0}, rest = {.tv_nsec = 1};
  printf("a sleep of nothing: %d\n", clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &none, NULL));
  printf("to a moment that has passed: %d\n", clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, TIMER_ABSTIME, &rest, NULL));
  printf("on the thread's own: %s\n", strerrorname_np(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &rest, NULL)));
  printf("on the raw clock: %s\n", strerrorname_np(clock_nanosleep(CLOCK_MONOTONIC_RAW, 0, &rest, NULL)));

  pid_t child = fork_flushed();
  if (child == 0) {
    for (;;) continue;
  }
  clockid_t its;
  struct timespec work = {.tv_nsec = 20000000};
  printf("a child's clock: %d\n", clock_getcpuclockid(child, &its));
  printf("a sleep while it works: %d\n", clock_nanosleep(its, 0, &work, NULL));
  clock_gettime(its, &now);
  printf("it has: %s\n", yes_no(now.tv_sec > 0 || now.tv_nsec >= 20000000));
  kill(child, SIGKILL);
  printf("it ends by %d\n", wait_for(child) - 128);
  printf("nobody's clock: %s\n", yes_no(clock_gettime(its, &now) < 0 && errno == EINVAL));
}

// A child has none of its parent's timers.
static void inheritance(void) {
  struct itimerval soon = {.it_value = {.tv_sec = 3}}, left;
  signal(SIGPROF, SIG_DFL);
  setitimer(ITIMER_PROF, &soon, NULL);
  pid_t child = fork_flushed();
  if (child == 0) {
    getitimer(ITIMER_PROF, &left);
    _exit(left.it_value.tv_sec == 0 && left.it_value.tv_usec == 0 ? 0 : 1);
  }
  printf("a child inherits none: %s\n", yes_no(wait_for(child) == 0));
}

int main(void) {
  processor_time("ITIMER_VIRTUAL", ITIMER_VIRTUAL, SIGVTALRM);
  processor_time("ITIMER_PROF", ITIMER_PROF, SIGPROF);
  result("an unknown timer", setitimer(77, &(struct itimerval){0}, NULL));
  values();
  inheritance();
  often_due();
  corners();
  own_time();
  return 0;
}
