// Sets of files to wait for: level and edge, once, turns, errors, ends of
// descriptors, sets within sets, time limits and signals.
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "guest.h"

static int fails(long result, int error) { return result == -1 && errno == error; }

static int control(int set, int operation, int fd, uint32_t events) {
  struct epoll_event event = {.events = events, .data.u64 = 0x100000000ull + fd};
  return epoll_ctl(set, operation, fd, &event);
}

// What holds now, as "number:events" of each, relative to the first descriptor.
static void show(const char* what, int set, int base, int most) {
  struct epoll_event events[8];
  const int got = epoll_wait(set, events, most, 0);
  printf("%s %d", what, got);
  for (int i = 0; i < got; ++i)
    printf(" %d:%x", (int)(events[i].data.u64 - 0x100000000ull) - base, (unsigned)events[i].events);
  printf("\n");
}

static void put(int fd, const char* text) {
  if (write(fd, text, strlen(text)) != (ssize_t)strlen(text)) die("write");
}

static void levels_and_edges(void) {
  int ends[2];
  char text[16];
  if (pipe2(ends, O_NONBLOCK) < 0) die("pipe2");
  const int set = epoll_create1(EPOLL_CLOEXEC), edges = epoll_create1(0);
  if (control(set, EPOLL_CTL_ADD, ends[0], EPOLLIN) || control(edges, EPOLL_CTL_ADD, ends[0], EPOLLIN | EPOLLET))
    die("epoll_ctl");
  show("nothing yet", set, ends[0], 8);
  put(ends[1], "abc");
  show("level", set, ends[0], 8);
  show("level again", set, ends[0], 8);
  show("edge", edges, ends[0], 8);
  show("no edge", edges, ends[0], 8);
  put(ends[1], "def");
  show("next edge", edges, ends[0], 8);
  printf("read %zd", read(ends[0], text, sizeof text));
  printf(" %d\n", fails(read(ends[0], text, 1), EAGAIN));
  put(ends[1], "g");
  show("after emptying", edges, ends[0], 8);
  control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT);
  show("once", set, ends[0], 8);
  show("spent", set, ends[0], 8);
  control(set, EPOLL_CTL_MOD, ends[0], EPOLLIN | EPOLLONESHOT);
  show("armed", set, ends[0], 8);
  close(ends[1]);
  control(set, EPOLL_CTL_MOD, ends[0], EPOLLOUT);
  show("hung up", set, ends[0], 8);
  close(ends[0]);
  show("closed", set, 0, 8);
  close(set);
  close(edges);
}

static void turns(void) {
  const int set = epoll_create1(0);
  int counters[3];
  for (int i = 0; i < 3; ++i) {
    counters[i] = eventfd(1, EFD_NONBLOCK);
    control(set, EPOLL_CTL_ADD, counters[i], EPOLLIN);
  }
  for (int i = 0; i < 4; ++i) show("one of three", set, counters[0], 1);
  const int copy = dup(counters[1]);
  close(counters[1]);
  uint64_t count;
  if (read(copy, &count, sizeof count) != sizeof count) die("read");
  show("a copy keeps it", set, counters[0], 8);
  for (int i = 0; i < 3; ++i) close(counters[i]);
  close(copy);
  close(set);
}

static void errors(void) {
  const int set = epoll_create1(0), other = epoll_create1(0), third = epoll_create1(0), file = open(".", O_RDONLY);
  const int counter = eventfd(0, 0);
  struct epoll_event event = {.events = EPOLLIN};
  printf("create %d", fails(epoll_create1(1), EINVAL));
  printf(", wait %d %d %d", fails(epoll_wait(set, &event, 0, 0), EINVAL), fails(epoll_wait(file, &event, 1, 0), EINVAL),
         fails(epoll_wait(-1, &event, 1, 0), EBADF));
  printf(", add %d %d %d %d", fails(control(set, EPOLL_CTL_ADD, set, EPOLLIN), EINVAL),
         fails(control(set, EPOLL_CTL_ADD, file, EPOLLIN), EPERM),
         fails(control(set, EPOLL_CTL_ADD, 99, EPOLLIN), EBADF),
         fails(control(file, EPOLL_CTL_ADD, counter, EPOLLIN), EINVAL));
  printf(", change %d %d", fails(control(set, EPOLL_CTL_MOD, counter, EPOLLIN), ENOENT),
         fails(control(set, EPOLL_CTL_DEL, counter, 0), ENOENT));
  printf(", twice %d", control(set, EPOLL_CTL_ADD, counter, EPOLLIN));
  printf(" %d", fails(control(set, EPOLL_CTL_ADD, counter, EPOLLIN), EEXIST));
  printf(", operation %d", fails(control(set, 9, counter, EPOLLIN), EINVAL));
  printf(", nested %d\n", control(other, EPOLL_CTL_ADD, set, EPOLLIN));
  show("set within a set", other, set, 8);
  const uint64_t one = 1;
  if (write(counter, &one, sizeof one) != sizeof one) die("write");
  show("... where something holds", other, set, 8);
  close(counter);
  close(set);
  close(other);
  close(third);
  close(file);
}

static volatile sig_atomic_t alarms;
static void on_alarm(int signal) { alarms += signal == SIGALRM; }

static void* write_later(void* end) {
  usleep(20000);
  put(*(int*)end, "later");
  return NULL;
}

static void waiting(void) {
  int pair[2];
  struct epoll_event event;
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) die("socketpair");
  const int set = epoll_create1(0);
  control(set, EPOLL_CTL_ADD, pair[0], EPOLLIN | EPOLLRDHUP);
  printf("limit %d", epoll_wait(set, &event, 1, 10));
  pthread_t thread;
  pthread_create(&thread, NULL, write_later, &pair[1]);
  printf(", another thread %d", epoll_wait(set, &event, 1, -1));
  pthread_join(thread, NULL);
  printf(" %x", (unsigned)event.events);
  char text[8];
  printf(", read %zd\n", read(pair[0], text, sizeof text));
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
  sigaction(SIGALRM, &action, NULL);
  sigset_t none, alarm_only;
  sigemptyset(&none);
  sigemptyset(&alarm_only);
  sigaddset(&alarm_only, SIGALRM);
  sigprocmask(SIG_BLOCK, &alarm_only, NULL);
  kill(getpid(), SIGALRM);
  printf("masked %d", epoll_wait(set, &event, 1, 0));
  printf(", unmasked %d", fails(epoll_pwait(set, &event, 1, -1, &none), EINTR));
  printf(", alarms %d", (int)alarms);
  close(pair[1]);
  printf(", ended %d", epoll_wait(set, &event, 1, -1));
  printf(" %x\n", (unsigned)event.events);
  close(pair[0]);
  close(set);
}

int main(void) {
  levels_and_edges();
  turns();
  errors();
  waiting();
  return 0;
}
