// What sockets are told and asked: getsockopt(2), setsockopt(2), socket(7), unix(7).
#include <sys/time.h>

#include "local_sockets.h"

static void say_option(struct verdict* v, const char* what, int fd, int option) {
  int value = -1;
  socklen_t bytes = sizeof value;
  say(v, "%s %s", what, outcome(getsockopt(fd, SOL_SOCKET, option, &value, &bytes)));
  say(v, "%d", value);
}

static void case_options(struct verdict* v) {
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  say_option(v, "type", fd, SO_TYPE);
  say_option(v, "domain", fd, SO_DOMAIN);
  say_option(v, "protocol", fd, SO_PROTOCOL);
  say_option(v, "error", fd, SO_ERROR);
  say_option(v, "accepts", fd, SO_ACCEPTCONN);
  say_option(v, "reuse", fd, SO_REUSEADDR);
  static const int flags[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST, SO_OOBINLINE, SO_PASSCRED, SO_TIMESTAMP};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; ++i) {
    const int seven = 7;
    say(v, "%s", outcome(setsockopt(fd, SOL_SOCKET, flags[i], &seven, sizeof seven)));
    say_option(v, "now", fd, flags[i]);
  }
  const int size = 9000;
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  say_option(v, "buffer", fd, SO_SNDBUF);
  const int small = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  say_option(v, "least", fd, SO_RCVBUF);
  struct linger linger = {1, 5};
  say(v, "linger %s", outcome(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger)));
  linger.l_onoff = linger.l_linger = 9;
  socklen_t bytes = sizeof linger;
  getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &bytes);
  say(v, "%d %d %u", linger.l_onoff, linger.l_linger, bytes);
}

static void case_option_errors(struct verdict* v) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  int value = 1;
  socklen_t bytes = sizeof value;
  say(v, "closed %s", outcome(setsockopt(900, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value)));
  say(v, "no socket %s", outcome(setsockopt(0, SOL_SOCKET, SO_REUSEADDR, &value, sizeof value)));
  say(v, "address %s", outcome(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (void*)8, sizeof value)));
  say(v, "short %s", outcome(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, 2)));
  say(v, "negative %s", outcome(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, (socklen_t)-1)));
  say(v, "option %s", outcome(setsockopt(fd, SOL_SOCKET, 900, &value, sizeof value)));
  say(v, "level %s", outcome(setsockopt(fd, 500, SO_REUSEADDR, &value, sizeof value)));
  say(v, "tell option %s", outcome(getsockopt(fd, SOL_SOCKET, 900, &value, &bytes)));
  say(v, "tell level %s", outcome(getsockopt(fd, 500, SO_TYPE, &value, &bytes)));
  say(v, "tell address %s", outcome(getsockopt(fd, SOL_SOCKET, SO_TYPE, (void*)8, &bytes)));
  say(v, "tell length %s", outcome(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, (socklen_t*)8)));
  bytes = (socklen_t)-1;
  say(v, "negative %s", outcome(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &bytes)));
  bytes = 2;
  value = 0x7777;
  say(v, "cut %s", outcome(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &bytes)));
  say(v, "%u %x", bytes, value);
  const struct timeval wrong = {0, 1000000};
  say(v, "time %s", outcome(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wrong, sizeof wrong)));
}

static void case_timeouts(struct verdict* v) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) abort();
  const struct timeval soon = {0, 20000};
  say(v, "%s", outcome(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon)));
  say(v, "%s", outcome(setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon)));
  char bytes[4096] = {0};
  say(v, "read %s", outcome(read(ends[0], bytes, 1)));
  ssize_t moved;
  while ((moved = write(ends[0], bytes, sizeof bytes)) > 0) continue;
  say(v, "write %s", outcome(moved));
  struct timeval told;
  socklen_t size = sizeof told;
  getsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &told, &size);
  say(v, "%d %u", told.tv_usec >= 20000, size);
}

static void case_peer_credentials(struct verdict* v) {
  struct ucred who;
  socklen_t bytes = sizeof who;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) abort();
  say(v, "%s", outcome(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &who, &bytes)));
  say(v, "%u own %d %d", bytes, who.pid == getpid(), who.uid == geteuid());
  const int there = listener("@faultline-c", SOCK_STREAM, 4);
  const pid_t child = fork();
  if (child == 0) {
    const int here = socket(AF_UNIX, SOCK_STREAM, 0);
    connect_local(here, "@faultline-c");
    getsockopt(here, SOL_SOCKET, SO_PEERCRED, &who, &bytes);
    _exit(who.pid == getppid() ? 0 : 1);
  }
  const int end = accept(there, NULL, NULL);
  getsockopt(end, SOL_SOCKET, SO_PEERCRED, &who, &bytes);
  say(v, "child %d", who.pid == child);
  say(v, "%s", wait_text(child));
  getsockopt(socket(AF_UNIX, SOCK_STREAM, 0), SOL_SOCKET, SO_PEERCRED, &who, &bytes);
  say(v, "none %d %d", who.pid, (int)who.uid);
}

static const struct conformance_case cases[] = {
    {"options", case_options},
    {"option_errors", case_option_errors},
    {"timeouts", case_timeouts},
    {"peer_credentials", case_peer_credentials},
};

CONFORMANCE_MAIN(cases)
