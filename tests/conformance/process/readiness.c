// Waiting for several descriptors: poll(2), select(2), epoll(7), eventfd(2), socketpair(2).
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "support.h"

static int reader, writer;
static void open_pipe(void) {
  int ends[2];
  if (pipe(ends)) abort();
  reader = ends[0], writer = ends[1];
}
static void count(int signal) { (void)signal; }

static void case_poll_results(struct verdict* v) {
  open_pipe();
  struct pollfd entries[] = {{reader, POLLIN, 0}, {writer, POLLOUT, 0}, {900, POLLIN, 0}, {-1, POLLIN, 7}};
  say(v, "%d", poll(entries, 4, 0));
  for (int i = 0; i < 4; ++i) say(v, "%x", entries[i].revents);
  make_file("plain", "x", 0644);
  struct pollfd file = {open("plain", O_RDONLY), POLLIN | POLLOUT | POLLPRI, 0};
  say(v, "file %d", poll(&file, 1, 0));
  say(v, "%x", file.revents);
  unlink("plain");
}

static void case_poll_waits(struct verdict* v) {
  open_pipe();
  const pid_t child = fork();
  if (child == 0) {
    sleep_milliseconds(15);
    _exit(write(writer, "x", 1) != 1);
  }
  struct pollfd entry = {reader, POLLIN, 0};
  say(v, "none %d", poll(&entry, 1, 0));
  say(v, "%d", poll(&entry, 1, -1));
  say(v, "%x", entry.revents);
  waitpid(child, NULL, 0);
  say(v, "time %d", poll(NULL, 0, 5));
}

static void case_poll_errors(struct verdict* v) {
  say(v, "address %s", outcome(syscall(SYS_ppoll, 8, 1, NULL, NULL, 8)));
  struct pollfd entry = {0, POLLIN, 0};
  say(v, "count %s", outcome(syscall(SYS_ppoll, &entry, 0xffffffffu, NULL, NULL, 8)));
  const struct timespec wrong = {0, 1000000000};
  say(v, "time %s", outcome(ppoll(NULL, 0, &wrong, NULL)));
  const sigset_t mask = set_of(SIGUSR1);
  say(v, "mask size %s", outcome(syscall(SYS_ppoll, NULL, 0, NULL, &mask, 4)));
}

static void case_ppoll_mask(struct verdict* v) {
  catch_signal(SIGUSR1, count, 0);
  block_signal(SIGUSR1);
  raise(SIGUSR1);
  const sigset_t none = set_of(0);
  const struct timespec second = {1, 0};
  say(v, "%s", outcome(ppoll(NULL, 0, &second, &none)));
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  say(v, "blocked again %d", sigismember(&now, SIGUSR1));
}

static void case_select_results(struct verdict* v) {
  open_pipe();
  fd_set in, out;
  FD_ZERO(&in);
  FD_ZERO(&out);
  FD_SET(reader, &in);
  FD_SET(writer, &out);
  struct timeval now = {0, 0};
  say(v, "%d", select(writer + 1, &in, &out, NULL, &now));
  say(v, "%d %d", FD_ISSET(reader, &in) != 0, FD_ISSET(writer, &out) != 0);
  close(writer);
  FD_ZERO(&in);
  FD_SET(reader, &in);
  say(v, "end %d", select(reader + 1, &in, NULL, NULL, NULL));
}

// Linux tells what is left of the time, whatever ended the wait.
static void case_rest_of_time(struct verdict* v) {
  open_pipe();
  fd_set in;
  FD_ZERO(&in);
  FD_SET(reader, &in);
  struct timeval over = {0, 20000};
  say(v, "%d", select(reader + 1, &in, NULL, NULL, &over));
  say(v, "over %d %d", (int)over.tv_sec, (int)over.tv_usec);
  struct timespec rest = {0, 20000000};
  struct pollfd entry = {.fd = reader, .events = POLLIN};
  say(v, "%s", outcome(syscall(SYS_ppoll, &entry, 1, &rest, NULL, 8)));
  say(v, "over %d %d", (int)rest.tv_sec, (int)rest.tv_nsec);
  const pid_t child = fork();
  if (child == 0) {
    usleep(20000);
    _exit(write(writer, "x", 1) != 1);
  }
  rest = (struct timespec){15, 0};
  say(v, "%s", outcome(syscall(SYS_ppoll, &entry, 1, &rest, NULL, 8)));
  say(v, "some left %d", rest.tv_sec < 15 && rest.tv_sec > 0);
  say(v, "%s", wait_text(child));
}

static void case_select_errors(struct verdict* v) {
  fd_set set;
  FD_ZERO(&set);
  FD_SET(50, &set);
  struct timeval now = {0, 0}, wrong = {-1, 0};
  say(v, "closed %s", outcome(select(51, &set, NULL, NULL, &now)));
  say(v, "count %s", outcome(select(-1, NULL, NULL, NULL, &now)));
  say(v, "time %s", outcome(select(0, NULL, NULL, NULL, &wrong)));
  say(v, "address %s", outcome(syscall(SYS_pselect6, 10, 8, NULL, NULL, NULL, NULL)));
}

// --- epoll -----------------------------------------------------------------------------------

static int watch(int epoll, int operation, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data.u64 = data};
  return epoll_ctl(epoll, operation, fd, &event);
}

static void say_events(struct verdict* v, int epoll) {
  struct epoll_event events[4];
  const int found = epoll_wait(epoll, events, 4, 0);
  say(v, "(%d", found);
  for (int i = 0; i < found; ++i) say(v, "%llu:%x", (unsigned long long)events[i].data.u64, events[i].events);
  say(v, ")");
}

static void case_epoll_levels(struct verdict* v) {
  open_pipe();
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  say(v, "%s flags %d", outcome(epoll), fcntl(epoll, F_GETFD));
  say(v, "%s", outcome(watch(epoll, EPOLL_CTL_ADD, reader, EPOLLIN, 7)));
  say_events(v, epoll);
  if (write(writer, "ab", 2) != 2) abort();
  say_events(v, epoll);
  say_events(v, epoll);
  char bytes[2];
  if (read(reader, bytes, 2) != 2) abort();
  say_events(v, epoll);
  close(writer);
  say_events(v, epoll);
}

static void case_epoll_edges(struct verdict* v) {
  open_pipe();
  const int epoll = epoll_create1(0);
  watch(epoll, EPOLL_CTL_ADD, reader, EPOLLIN | EPOLLET, 1);
  if (write(writer, "ab", 2) != 2) abort();
  say_events(v, epoll);
  say_events(v, epoll);
  if (write(writer, "c", 1) != 1) abort();
  say_events(v, epoll);
  watch(epoll, EPOLL_CTL_MOD, reader, EPOLLIN | EPOLLET, 2);
  say_events(v, epoll);
  say_events(v, epoll);
}

static void case_epoll_one_shot(struct verdict* v) {
  open_pipe();
  const int epoll = epoll_create1(0);
  watch(epoll, EPOLL_CTL_ADD, reader, EPOLLIN | EPOLLONESHOT, 1);
  if (write(writer, "ab", 2) != 2) abort();
  say_events(v, epoll);
  say_events(v, epoll);
  watch(epoll, EPOLL_CTL_MOD, reader, EPOLLIN | EPOLLONESHOT, 2);
  say_events(v, epoll);
  say_events(v, epoll);
}

static void case_epoll_errors(struct verdict* v) {
  open_pipe();
  const int epoll = epoll_create1(0);
  say(v, "create %s", outcome(epoll_create1(1)));
  say(v, "size %s", outcome(epoll_create(0)));
  watch(epoll, EPOLL_CTL_ADD, reader, EPOLLIN, 1);
  say(v, "twice %s", outcome(watch(epoll, EPOLL_CTL_ADD, reader, EPOLLIN, 1)));
  say(v, "change %s", outcome(watch(epoll, EPOLL_CTL_MOD, writer, EPOLLIN, 1)));
  say(v, "remove %s", outcome(watch(epoll, EPOLL_CTL_DEL, writer, EPOLLIN, 1)));
  say(v, "itself %s", outcome(watch(epoll, EPOLL_CTL_ADD, epoll, EPOLLIN, 1)));
  say(v, "closed %s", outcome(watch(epoll, EPOLL_CTL_ADD, 900, EPOLLIN, 1)));
  say(v, "no epoll %s", outcome(watch(reader, EPOLL_CTL_ADD, writer, EPOLLIN, 1)));
  say(v, "operation %s", outcome(watch(epoll, 9, writer, EPOLLIN, 1)));
  make_file("plain", "x", 0644);
  say(v, "file %s", outcome(watch(epoll, EPOLL_CTL_ADD, open("plain", O_RDONLY), EPOLLIN, 1)));
  unlink("plain");
  struct epoll_event event;
  say(v, "most %s", outcome(epoll_wait(epoll, &event, 0, 0)));
  say(v, "wait on pipe %s", outcome(epoll_wait(reader, &event, 1, 0)));
  say(v, "address %s", outcome(syscall(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, writer, 8)));
}

static void case_epoll_close_removes(struct verdict* v) {
  open_pipe();
  const int epoll = epoll_create1(0);
  watch(epoll, EPOLL_CTL_ADD, writer, EPOLLOUT, 1);
  say_events(v, epoll);
  const int copy = dup(writer);
  close(writer);
  say_events(v, epoll);
  close(copy);
  say_events(v, epoll);
}

static void case_epoll_waits(struct verdict* v) {
  open_pipe();
  const int epoll = epoll_create1(0);
  watch(epoll, EPOLL_CTL_ADD, reader, EPOLLIN, 1);
  struct epoll_event event;
  say(v, "time %d", epoll_wait(epoll, &event, 1, 5));
  const pid_t child = fork();
  if (child == 0) {
    sleep_milliseconds(15);
    _exit(write(writer, "x", 1) != 1);
  }
  say(v, "%d", epoll_wait(epoll, &event, 1, -1));
  waitpid(child, NULL, 0);
  struct pollfd entry = {epoll, POLLIN, 0};
  say(v, "poll %d", poll(&entry, 1, 0));
  const int outer = epoll_create1(0);
  say(v, "nested %s", outcome(watch(outer, EPOLL_CTL_ADD, epoll, EPOLLIN, 5)));
  say_events(v, outer);
  say(v, "loop %s", outcome(watch(epoll, EPOLL_CTL_ADD, outer, EPOLLIN, 5)));
}

static void case_epoll_several(struct verdict* v) {
  const int epoll = epoll_create1(0);
  int fds[3];
  for (int i = 0; i < 3; ++i) {
    fds[i] = eventfd(1, 0);
    watch(epoll, EPOLL_CTL_ADD, fds[i], EPOLLIN, (uint64_t)i);
  }
  struct epoll_event events[3];
  say(v, "%d", epoll_wait(epoll, events, 2, 0));
  say(v, "%d", epoll_wait(epoll, events, 3, 0));
  watch(epoll, EPOLL_CTL_DEL, fds[1], 0, 0);
  say(v, "%d", epoll_wait(epoll, events, 3, 0));
}

// --- eventfd, sockets ---------------------------------------------------------------------------

static void case_eventfd(struct verdict* v) {
  const int fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);
  uint64_t value = 0;
  say(v, "%zd", read(fd, &value, 8));
  say(v, "%d", (int)value);
  say(v, "%s", outcome(read(fd, &value, 8)));
  value = 5;
  say(v, "%zd", write(fd, &value, 8));
  value = ~0ull;
  say(v, "%s", outcome(write(fd, &value, 8)));
  value = ~0ull - 1;
  say(v, "%s", outcome(write(fd, &value, 8)));
  say(v, "%s", outcome(read(fd, &value, 4)));
  say(v, "%s", outcome(eventfd(0, 0x100)));
  const int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  say(v, "%zd", read(semaphore, &value, 8));
  say(v, "%d", (int)value);
  say(v, "%zd", read(semaphore, &value, 8));
  say(v, "%s", outcome(read(semaphore, &value, 8)));
}

static void case_socketpair(struct verdict* v) {
  int ends[2];
  say(v, "%s", outcome(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends)));
  char got[8] = {0};
  say(v, "%s", outcome(read(ends[0], got, 8)));
  say(v, "%zd", write(ends[0], "abc", 3));
  say(v, "%zd", write(ends[1], "de", 2));
  say(v, "%zd", read(ends[1], got, 8));
  say(v, "%s", got);
  say(v, "%s", outcome(shutdown(ends[0], SHUT_WR)));
  say(v, "end %zd", read(ends[1], got, 8));
  say(v, "%zd", read(ends[0], got, 8));
  close(ends[0]);
  catch_signal(SIGPIPE, SIG_IGN, 0);
  say(v, "%s", outcome(write(ends[1], "x", 1)));
  say(v, "%s", outcome(send(ends[1], "x", 1, MSG_NOSIGNAL)));
}

static void case_socketpair_errors(struct verdict* v) {
  int ends[2];
  say(v, "%s", outcome(socketpair(AF_UNIX, SOCK_STREAM, 77, ends)));
  say(v, "%s", outcome(socketpair(AF_UNIX, 99, 0, ends)));
  say(v, "%s", outcome(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8)));
  say(v, "%s", outcome(socketpair(AF_INET, SOCK_STREAM, 0, ends)));
  say(v, "%s", outcome(socketpair(77, SOCK_STREAM, 0, ends)));
  char byte;
  say(v, "%s", outcome(recv(dup(0), &byte, 1, 0)));
}

static void case_socket_datagrams(struct verdict* v) {
  int ends[2];
  say(v, "%s", outcome(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)));
  char got[8] = {0};
  say(v, "%zd", write(ends[0], "abc", 3));
  say(v, "%zd", write(ends[0], "de", 2));
  say(v, "%zd", recv(ends[1], got, 2, MSG_DONTWAIT));
  say(v, "%zd", recv(ends[1], got, 8, MSG_DONTWAIT));
  say(v, "%s", outcome(recv(ends[1], got, 8, MSG_DONTWAIT)));
}

static void case_socket_peek(struct verdict* v) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) abort();
  char got[8] = {0};
  if (write(ends[0], "abc", 3) != 3) abort();
  say(v, "%zd", recv(ends[1], got, 2, MSG_PEEK));
  say(v, "%zd", recv(ends[1], got, 8, 0));
  say(v, "%s", got);
}

static const struct conformance_case cases[] = {
    {"poll_results", case_poll_results},
    {"poll_waits", case_poll_waits},
    {"poll_errors", case_poll_errors},
    {"ppoll_mask", case_ppoll_mask},
    {"select_results", case_select_results},
    {"select_errors", case_select_errors},
    {"rest_of_time", case_rest_of_time},
    {"epoll_levels", case_epoll_levels},
    {"epoll_edges", case_epoll_edges},
    {"epoll_one_shot", case_epoll_one_shot},
    {"epoll_errors", case_epoll_errors},
    {"epoll_close_removes", case_epoll_close_removes},
    {"epoll_waits", case_epoll_waits},
    {"epoll_several", case_epoll_several},
    {"eventfd", case_eventfd},
    {"socketpair", case_socketpair},
    {"socketpair_errors", case_socketpair_errors},
    {"socket_datagrams", case_socket_datagrams},
    {"socket_peek", case_socket_peek},
};

CONFORMANCE_MAIN(cases)
