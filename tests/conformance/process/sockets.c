// Sockets, their names and connections: unix(7), bind(2), listen(2), accept(2), connect(2),
// and the loopback: ip(7), tcp(7), udp(7).
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "local_sockets.h"

static void case_socket_kinds(struct verdict* v) {
  static const struct {
    int family, type, protocol;
  } all[] = {
      {AF_UNIX, SOCK_STREAM, 0},  {AF_UNIX, SOCK_DGRAM, 0},  {AF_UNIX, SOCK_SEQPACKET, 0},   {AF_UNIX, SOCK_RAW, 0},
      {AF_UNIX, SOCK_RDM, 0},     {AF_UNIX, SOCK_STREAM, 1}, {AF_UNIX, SOCK_STREAM, 17},     {AF_UNIX, 0, 0},
      {AF_UNIX, 75, 0},           {0, SOCK_STREAM, 0},       {AF_INET, SOCK_STREAM, 0},      {AF_INET, SOCK_DGRAM, 0},
      {AF_INET, SOCK_STREAM, 17}, {AF_INET, SOCK_DGRAM, 6},  {AF_INET, SOCK_STREAM, 1},      {AF_INET, SOCK_RAW, 0},
      {AF_INET, SOCK_STREAM, 6},  {AF_INET, SOCK_DGRAM, 17}, {AF_UNIX, SOCK_STREAM | 64, 0}, {999, SOCK_STREAM, 0},
      {-1, SOCK_STREAM, 0}};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i)
    say(v, "%s", outcome(socket(all[i].family, all[i].type, all[i].protocol)));
}

static void case_bind_errors(struct verdict* v) {
  enter_directory();
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  say(v, "closed %s", outcome(bind(900, local_name("a"), local_bytes)));
  say(v, "no socket %s", outcome(bind(0, local_name("a"), local_bytes)));
  say(v, "address %s", outcome(bind(fd, (struct sockaddr*)8, 10)));
  local_name("a");
  say(v, "short %s", outcome(bind(fd, (struct sockaddr*)&local, 1)));
  say(v, "long %s", outcome(bind(fd, (struct sockaddr*)&local, 120)));
  say(v, "negative %s", outcome(bind(fd, (struct sockaddr*)&local, (socklen_t)-1)));
  local.sun_family = AF_INET;
  say(v, "family %s", outcome(bind(fd, (struct sockaddr*)&local, local_bytes)));
  say(v, "missing %s", outcome(bind_local(fd, "none/a")));
  make_file("plain", "x", 0644);
  say(v, "taken %s", outcome(bind_local(fd, "plain")));
  say(v, "below a file %s", outcome(bind_local(fd, "plain/a")));
  say(v, "%s", outcome(bind_local(fd, "a")));
  say(v, "twice %s", outcome(bind_local(fd, "b")));
  say(v, "again %s", outcome(bind_local(fd, "a")));
  const int other = socket(AF_UNIX, SOCK_STREAM, 0);
  say(v, "in use %s", outcome(bind_local(other, "a")));
  struct stat seen;
  say(v, "%s", outcome(stat("a", &seen)));
  say(v, "socket %d", S_ISSOCK(seen.st_mode) != 0);
  say(v, "open %s", outcome(open("a", O_RDONLY)));
  unlink("plain"), unlink("a");
  leave_directory();
}

static void case_listen_errors(struct verdict* v) {
  enter_directory();
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0), datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
  say(v, "unbound %s", outcome(listen(fd, 1)));
  say(v, "closed %s", outcome(listen(900, 1)));
  say(v, "no socket %s", outcome(listen(0, 1)));
  say(v, "datagrams %s", outcome(listen(datagrams, 1)));
  say(v, "accept %s", outcome(accept(fd, NULL, NULL)));
  say(v, "accept datagrams %s", outcome(accept(datagrams, NULL, NULL)));
  say(v, "accept flags %s", outcome(accept4(fd, NULL, NULL, 1)));
  say(v, "accept closed %s", outcome(accept(900, NULL, NULL)));
  bind_local(fd, "a");
  say(v, "%s", outcome(listen(fd, 1)));
  say(v, "again %s", outcome(listen(fd, 5)));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  say(v, "none %s", outcome(accept(fd, NULL, NULL)));
  say(v, "connect %s", outcome(connect_local(fd, "a")));
  unlink("a");
  leave_directory();
}

static void case_connect_errors(struct verdict* v) {
  enter_directory();
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  say(v, "missing %s", outcome(connect_local(fd, "none")));
  make_file("plain", "x", 0644);
  say(v, "plain %s", outcome(connect_local(fd, "plain")));
  const int bound = socket(AF_UNIX, SOCK_STREAM, 0);
  bind_local(bound, "a");
  say(v, "unheard %s", outcome(connect_local(fd, "a")));
  listen(bound, 4);
  const int datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
  say(v, "type %s", outcome(connect_local(datagrams, "a")));
  say(v, "abstract %s", outcome(connect_local(fd, "@none")));
  local_name("a");
  local.sun_family = AF_INET;
  say(v, "family %s", outcome(connect(fd, (struct sockaddr*)&local, local_bytes)));
  say(v, "short %s", outcome(connect(fd, local_name("a"), 2)));
  say(v, "address %s", outcome(connect(fd, (struct sockaddr*)8, 20)));
  say(v, "no socket %s", outcome(connect(0, local_name("a"), local_bytes)));
  say(v, "%s", outcome(connect_local(fd, "a")));
  say(v, "twice %s", outcome(connect_local(fd, "a")));
  close(bound);
  const int late = socket(AF_UNIX, SOCK_STREAM, 0);
  say(v, "gone %s", outcome(connect_local(late, "a")));
  unlink("a"), unlink("plain");
  leave_directory();
}

static void say_name(struct verdict* v, const char* what, int (*ask)(int, struct sockaddr*, socklen_t*), int fd) {
  struct sockaddr_un name;
  memset(&name, 'z', sizeof name);
  socklen_t bytes = sizeof name;
  if (ask(fd, (struct sockaddr*)&name, &bytes)) {
    say(v, "%s %s", what, outcome(-1));
    return;
  }
  say(v, "%s %u", what, bytes);
  if (bytes <= sizeof name.sun_family) return;
  ((char*)&name)[bytes < sizeof name ? bytes : sizeof name - 1] = 0;
  say(v, "%s", name.sun_path[0] ? name.sun_path : name.sun_path + 1);
}

static void case_names(struct verdict* v) {
  enter_directory();
  const int there = listener("server", SOCK_STREAM, 4), here = socket(AF_UNIX, SOCK_STREAM, 0);
  say_name(v, "new", getsockname, here);
  say_name(v, "nobody", getpeername, here);
  say(v, "%s", outcome(connect_local(here, "server")));
  struct sockaddr_un from;
  socklen_t bytes = sizeof from;
  const int end = accept(there, (struct sockaddr*)&from, &bytes);
  say(v, "%s from %u", outcome(end), bytes);
  say_name(v, "own", getsockname, end);
  say_name(v, "peer", getpeername, end);
  say_name(v, "server's", getpeername, here);
  const int named = socket(AF_UNIX, SOCK_STREAM, 0);
  bind_local(named, "client");
  connect_local(named, "server");
  bytes = sizeof from;
  const int second = accept4(there, (struct sockaddr*)&from, &bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
  say(v, "%s flags %d %d", from.sun_path, fcntl(second, F_GETFD), (fcntl(second, F_GETFL) & O_NONBLOCK) != 0);
  bytes = 4;
  struct sockaddr_un shortly = {0, "xxxxxx"};
  say(v, "cut %s", outcome(getsockname(named, (struct sockaddr*)&shortly, &bytes)));
  say(v, "%u %.4s", bytes, shortly.sun_path);
  bytes = (socklen_t)-1;
  say(v, "room %s", outcome(getsockname(named, (struct sockaddr*)&shortly, &bytes)));
  say(v, "address %s", outcome(getsockname(named, (struct sockaddr*)&shortly, (socklen_t*)8)));
  unlink("server"), unlink("client");
  leave_directory();
}

static void case_abstract_names(struct verdict* v) {
  const int there = listener("@faultline-a", SOCK_STREAM, 4), here = socket(AF_UNIX, SOCK_STREAM, 0);
  say(v, "in use %s", outcome(bind_local(socket(AF_UNIX, SOCK_STREAM, 0), "@faultline-a")));
  say(v, "other kind %s", outcome(bind_local(socket(AF_UNIX, SOCK_DGRAM, 0), "@faultline-a")));
  say(v, "%s", outcome(connect_local(here, "@faultline-a")));
  const int end = accept(there, NULL, NULL);
  say_name(v, "own", getsockname, end);
  close(there);
  close(end);
  say(v, "free %s", outcome(bind_local(socket(AF_UNIX, SOCK_STREAM, 0), "@faultline-a")));
  const int any = socket(AF_UNIX, SOCK_STREAM, 0);
  local.sun_family = AF_UNIX;
  say(v, "any %s", outcome(bind(any, (struct sockaddr*)&local, sizeof local.sun_family)));
  struct sockaddr_un name;
  socklen_t bytes = sizeof name;
  getsockname(any, (struct sockaddr*)&name, &bytes);
  say(v, "%u %d", bytes, name.sun_path[0]);
}

static void case_stream_life(struct verdict* v) {
  enter_directory();
  const int there = listener("server", SOCK_STREAM, 4);
  const pid_t child = fork();
  if (child == 0) {
    const int here = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect_local(here, "server")) _exit(1);
    char got[8];
    if (write(here, "hello", 5) != 5 || read(here, got, 8) != 3) _exit(2);
    _exit(read(here, got, 8) == 0 ? 0 : 3);
  }
  const int end = accept(there, NULL, NULL);
  char got[8] = {0};
  say(v, "%zd", recv(end, got, 5, MSG_WAITALL));
  say(v, "%s", got);
  say(v, "%zd", send(end, "abc", 3, 0));
  shutdown(end, SHUT_WR);
  say(v, "%s", wait_text(child));
  say(v, "end %zd", read(end, got, 8));
  catch_signal(SIGPIPE, SIG_IGN, 0);
  say(v, "%s", outcome(send(end, "x", 1, 0)));
  unlink("server");
  leave_directory();
}

static void case_backlog(struct verdict* v) {
  const int there = listener("@faultline-b", SOCK_STREAM, 1);
  for (int i = 0; i < 4; ++i) {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    say(v, "%s", outcome(connect_local(fd, "@faultline-b")));
  }
  struct pollfd entry = {there, POLLIN | POLLOUT, 0};
  say(v, "poll %d", poll(&entry, 1, 0));
  say(v, "%x", entry.revents);
  say(v, "%s", outcome(accept(there, NULL, NULL)));
  const int late = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
  say(v, "%s", outcome(connect_local(late, "@faultline-b")));
  // Those that were never accepted hear of the end.
  char byte;
  say(v, "write %zd", write(late, "x", 1));
  close(there);
  say(v, "read %s", outcome(read(late, &byte, 1)));
  say(v, "read %s", outcome(read(late, &byte, 1)));
}

static void say_poll(struct verdict* v, const char* what, int fd) {
  struct pollfd entry = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
  say(v, "%s %d", what, poll(&entry, 1, 0));
  say(v, "%x", entry.revents);
}

static void case_poll_states(struct verdict* v) {
  say_poll(v, "new", socket(AF_UNIX, SOCK_STREAM, 0));
  say_poll(v, "datagrams", socket(AF_UNIX, SOCK_DGRAM, 0));
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) abort();
  say_poll(v, "pair", ends[0]);
  if (write(ends[1], "x", 1) != 1) abort();
  say_poll(v, "bytes", ends[0]);
  shutdown(ends[1], SHUT_WR);
  say_poll(v, "half", ends[0]);
  say_poll(v, "its half", ends[1]);
  close(ends[1]);
  say_poll(v, "closed", ends[0]);
  if (socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)) abort();
  say_poll(v, "pair", ends[0]);
  close(ends[1]);
  say_poll(v, "closed", ends[0]);
}

static void case_shutdown(struct verdict* v) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) abort();
  say(v, "how %s", outcome(shutdown(ends[0], 3)));
  say(v, "closed %s", outcome(shutdown(900, SHUT_RD)));
  say(v, "no socket %s", outcome(shutdown(0, SHUT_RD)));
  say(v, "unconnected %s", outcome(shutdown(socket(AF_UNIX, SOCK_STREAM, 0), SHUT_RDWR)));
  if (write(ends[1], "abc", 3) != 3) abort();
  say(v, "%s", outcome(shutdown(ends[0], SHUT_RD)));
  char got[8];
  say(v, "left %zd", read(ends[0], got, 8));
  say(v, "then %zd", read(ends[0], got, 8));
  say(v, "%s", outcome(send(ends[1], "x", 1, MSG_NOSIGNAL)));
  say(v, "back %s", outcome(send(ends[0], "x", 1, MSG_NOSIGNAL)));
}

static void case_reset(struct verdict* v) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) abort();
  if (write(ends[0], "abc", 3) != 3) abort();
  close(ends[1]);
  int error = 0;
  socklen_t bytes = sizeof error;
  struct pollfd entry = {ends[0], POLLIN, 0};
  say(v, "poll %d", poll(&entry, 1, 0));
  say(v, "%x", entry.revents);
  say(v, "%s", outcome(getsockopt(ends[0], SOL_SOCKET, SO_ERROR, &error, &bytes)));
  say(v, "%s", outcome_of(error));
  char got[8];
  say(v, "%s", outcome(read(ends[0], got, 8)));
}

// --- the loopback --------------------------------------------------------------------------

static struct sockaddr_in internet(uint32_t address, int port) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  name.sin_addr.s_addr = htonl(address);
  return name;
}

static void case_tcp(struct verdict* v) {
  const int there = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in name = internet(INADDR_LOOPBACK, 0);
  if (there < 0 || bind(there, (struct sockaddr*)&name, sizeof name)) {
    unsupported(v, "no loopback");
    return;
  }
  say(v, "listen %s", outcome(listen(there, 4)));
  socklen_t bytes = sizeof name;
  say(v, "%s", outcome(getsockname(there, (struct sockaddr*)&name, &bytes)));
  say(v, "%u port %d", bytes, name.sin_port != 0);
  const int here = socket(AF_INET, SOCK_STREAM, 0);
  say(v, "early %s", outcome(send(here, "x", 1, MSG_NOSIGNAL)));
  char got[8] = {0};
  say(v, "%s", outcome(recv(here, got, 8, 0)));
  say(v, "%s", outcome(connect(here, (struct sockaddr*)&name, sizeof name)));
  say(v, "twice %s", outcome(connect(here, (struct sockaddr*)&name, sizeof name)));
  struct sockaddr_in from;
  bytes = sizeof from;
  const int end = accept(there, (struct sockaddr*)&from, &bytes);
  say(v, "%s from %d", outcome(end), from.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  struct sockaddr_in own;
  getsockname(here, (struct sockaddr*)&own, &bytes);
  say(v, "same port %d", own.sin_port == from.sin_port);
  say(v, "%zd", write(here, "abcd", 4));
  say(v, "%zd", recv(end, got, 4, MSG_WAITALL));
  say(v, "%s", got);
  say(v, "urgent %s", outcome(recv(end, got, 1, MSG_OOB)));
  const int one = 1;
  say(v, "%s", outcome(setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one)));
  close(here);
  say(v, "end %zd", read(end, got, 8));
}

static void case_tcp_errors(struct verdict* v) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in name = internet(INADDR_LOOPBACK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr*)&name, sizeof name)) {
    unsupported(v, "no loopback");
    return;
  }
  say(v, "twice %s", outcome(bind(fd, (struct sockaddr*)&name, sizeof name)));
  const int other = socket(AF_INET, SOCK_STREAM, 0);
  say(v, "short %s", outcome(bind(other, (struct sockaddr*)&name, 3)));
  name = internet(0x08080808, 0);
  say(v, "foreign %s", outcome(bind(other, (struct sockaddr*)&name, sizeof name)));
  name = internet(INADDR_LOOPBACK, 0);
  name.sin_family = AF_UNIX;
  say(v, "family %s", outcome(bind(other, (struct sockaddr*)&name, sizeof name)));
  say(v, "connect family %s", outcome(connect(other, (struct sockaddr*)&name, sizeof name)));
  say(v, "accept %s", outcome(accept(other, NULL, NULL)));
  say(v, "peer %s", outcome(getpeername(other, (struct sockaddr*)&name, &(socklen_t){sizeof name})));
  say(v, "shutdown %s", outcome(shutdown(other, SHUT_RD)));
  socklen_t bytes = sizeof name;
  getsockname(fd, (struct sockaddr*)&name, &bytes);
  say(v, "unheard %s", outcome(connect(other, (struct sockaddr*)&name, sizeof name)));
  const int third = socket(AF_INET, SOCK_STREAM, 0);
  say(v, "in use %s", outcome(bind(third, (struct sockaddr*)&name, sizeof name)));
  say(v, "datagrams %s", outcome(bind(socket(AF_INET, SOCK_DGRAM, 0), (struct sockaddr*)&name, sizeof name)));
  say(v, "accept datagrams %s", outcome(accept(socket(AF_INET, SOCK_DGRAM, 0), NULL, NULL)));
}

static void case_udp(struct verdict* v) {
  const int a = socket(AF_INET, SOCK_DGRAM, 0), b = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in name = internet(INADDR_LOOPBACK, 0), from;
  if (a < 0 || bind(a, (struct sockaddr*)&name, sizeof name)) {
    unsupported(v, "no loopback");
    return;
  }
  socklen_t bytes = sizeof name;
  getsockname(a, (struct sockaddr*)&name, &bytes);
  say(v, "nowhere %s", outcome(send(b, "x", 1, 0)));
  say(v, "%zd", sendto(b, "abc", 3, 0, (struct sockaddr*)&name, sizeof name));
  char got[8] = {0};
  say(v, "%zd", recvfrom(a, got, 8, 0, (struct sockaddr*)&from, &bytes));
  say(v, "%s %u", got, bytes);
  say(v, "back %zd", sendto(a, "defg", 4, 0, (struct sockaddr*)&from, bytes));
  say(v, "%zd", recv(b, got, 2, MSG_TRUNC));
  say(v, "%s", outcome(recv(b, got, 2, MSG_DONTWAIT)));
  say(v, "%s", outcome(connect(b, (struct sockaddr*)&name, sizeof name)));
  say(v, "%zd", send(b, "h", 1, 0));
  say(v, "%zd", recv(a, got, 8, 0));
  say(v, "urgent %s", outcome(send(b, "h", 1, MSG_OOB)));
}

static const struct conformance_case cases[] = {
    {"socket_kinds", case_socket_kinds},
    {"bind_errors", case_bind_errors},
    {"listen_errors", case_listen_errors},
    {"connect_errors", case_connect_errors},
    {"names", case_names},
    {"abstract_names", case_abstract_names},
    {"stream_life", case_stream_life},
    {"backlog", case_backlog},
    {"poll_states", case_poll_states},
    {"shutdown", case_shutdown},
    {"reset", case_reset},
    {"tcp", case_tcp},
    {"tcp_errors", case_tcp_errors},
    {"udp", case_udp},
};

CONFORMANCE_MAIN(cases)
