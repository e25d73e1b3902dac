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
  return 0;
}
