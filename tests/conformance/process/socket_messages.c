// Messages between sockets: send(2), recv(2), sendmsg(2), cmsg(3), and what travels beside
// the bytes (unix(7)): descriptors and credentials.
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "support.h"

static int ends[2];
static void open_pair(int type) {
  if (socketpair(AF_UNIX, type, 0, ends)) abort();
}

static void case_datagrams(struct verdict* v) {
  open_pair(SOCK_DGRAM);
  char got[16] = {0};
  say(v, "%zd", send(ends[0], "abc", 3, 0));
  say(v, "%zd", send(ends[0], "", 0, 0));
  say(v, "%zd", send(ends[0], "defgh", 5, 0));
  say(v, "%zd", recv(ends[1], got, 16, 0));
  say(v, "empty %zd", recv(ends[1], got, 16, MSG_DONTWAIT));
  say(v, "peek %zd", recv(ends[1], got, 2, MSG_PEEK));
  say(v, "whole %zd", recv(ends[1], got, 2, MSG_PEEK | MSG_TRUNC));
  say(v, "cut %zd", recv(ends[1], got, 2, 0));
  say(v, "rest %s", outcome(recv(ends[1], got, 16, MSG_DONTWAIT)));
  static char large[1 << 20];
  say(v, "large %s", outcome(send(ends[0], large, sizeof large, MSG_DONTWAIT)));
  close(ends[1]);
  say(v, "%s", outcome(send(ends[0], "x", 1, 0)));
  say(v, "%s", outcome(send(ends[0], "x", 1, 0)));
}

static void case_packets(struct verdict* v) {
  open_pair(SOCK_SEQPACKET);
  char got[16] = {0};
  send(ends[0], "abc", 3, 0);
  send(ends[0], "defgh", 5, MSG_EOR);
  struct iovec piece = {got, 16};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
  say(v, "%zd", recvmsg(ends[1], &message, 0));
  say(v, "%x", message.msg_flags & ~MSG_CMSG_CLOEXEC);
  piece.iov_len = 2;
  say(v, "%zd", recvmsg(ends[1], &message, 0));
  say(v, "%d", (message.msg_flags & MSG_TRUNC) != 0);
  send(ends[0], "z", 1, 0);
  close(ends[0]);
  piece.iov_len = 16;
  say(v, "%zd", recvmsg(ends[1], &message, 0));
  say(v, "end %zd", recvmsg(ends[1], &message, 0));
  say(v, "%s", outcome(send(ends[1], "x", 1, MSG_NOSIGNAL)));
}

static socklen_t local_name(struct sockaddr_un* name, const char* text) {
  memset(name, 0, sizeof *name);
  name->sun_family = AF_UNIX;
  strcpy(name->sun_path + 1, text);
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text));
}

static void case_addressed(struct verdict* v) {
  struct sockaddr_un name, from;
  const int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
  const socklen_t bytes = local_name(&name, "faultline-m");
  say(v, "%s", outcome(bind(a, (struct sockaddr*)&name, bytes)));
  say(v, "nobody %s", outcome(send(b, "x", 1, 0)));
  say(v, "%zd", sendto(b, "abc", 3, 0, (struct sockaddr*)&name, bytes));
  char got[16] = {0};
  socklen_t size = sizeof from;
  say(v, "%zd", recvfrom(a, got, 16, 0, (struct sockaddr*)&from, &size));
  say(v, "from %u", size);
  struct sockaddr_un other;
  const socklen_t others = local_name(&other, "faultline-n");
  bind(b, (struct sockaddr*)&other, others);
  say(v, "%s", outcome(connect(b, (struct sockaddr*)&name, bytes)));
  say(v, "%zd", send(b, "de", 2, 0));
  size = sizeof from;
  say(v, "%zd", recvfrom(a, got, 16, 0, (struct sockaddr*)&from, &size));
  say(v, "from %u %s", size, from.sun_path + 1);
  // One that is connected hears its peer alone.
  say(v, "back %s", outcome(connect(a, (struct sockaddr*)&other, others)));
  say(v, "third %s", outcome(sendto(c, "x", 1, 0, (struct sockaddr*)&name, bytes)));
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  say(v, "apart %s", outcome(connect(a, &none, sizeof none)));
  say(v, "third %s", outcome(sendto(c, "x", 1, 0, (struct sockaddr*)&name, bytes)));
  say(v, "stream %s", outcome(sendto(socket(AF_UNIX, SOCK_STREAM, 0), "x", 1, 0, (struct sockaddr*)&name, bytes)));
  close(a);
  say(v, "gone %s", outcome(sendto(c, "x", 1, 0, (struct sockaddr*)&name, bytes)));
}

static void case_full_queue(struct verdict* v) {
  struct sockaddr_un name;
  const int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
  const socklen_t bytes = local_name(&name, "faultline-q");
  bind(a, (struct sockaddr*)&name, bytes);
  int sent = 0;
  while (sent < 1000 && sendto(b, "x", 1, MSG_DONTWAIT, (struct sockaddr*)&name, bytes) == 1) ++sent;
  say(v, "%d %s", sent, outcome(-1));
  const pid_t child = fork();
  if (child == 0) _exit(sendto(b, "y", 1, 0, (struct sockaddr*)&name, bytes) == 1 ? 0 : 1);
  sleep_milliseconds(10);
  char byte;
  say(v, "%zd", recv(a, &byte, 1, 0));
  say(v, "%s", wait_text(child));
}

static void case_pieces(struct verdict* v) {
  open_pair(SOCK_STREAM);
  struct iovec out[] = {{"ab", 2}, {NULL, 0}, {"cde", 3}};
  struct msghdr message = {.msg_iov = out, .msg_iovlen = 3};
  say(v, "%zd", sendmsg(ends[0], &message, 0));
  char first[2] = {0}, second[8] = {0};
  struct iovec in[] = {{first, 1}, {second, 7}};
  message.msg_iov = in;
  message.msg_iovlen = 2;
  say(v, "%zd", recvmsg(ends[1], &message, 0));
  say(v, "%s %s", first, second);
  say(v, "none %s", outcome(recvmsg(ends[1], &message, MSG_DONTWAIT)));
  message.msg_iovlen = 2000;
  say(v, "many %s", outcome(sendmsg(ends[0], &message, 0)));
  say(v, "address %s", outcome(sendmsg(ends[0], (struct msghdr*)8, 0)));
  say(v, "no socket %s", outcome(sendmsg(0, &message, 0)));
  say(v, "closed %s", outcome(recvmsg(900, &message, 0)));
  say(v, "bad bytes %s", outcome(send(ends[0], (void*)8, 4, 0)));
}

// Vectors are one message, and room is an edge for who sends.
static void case_vectors(struct verdict* v) {
  open_pair(SOCK_DGRAM);
  struct iovec out[] = {{"ab", 2}, {"cde", 3}};
  say(v, "%zd", writev(ends[0], out, 2));
  char first[2] = {0}, second[8] = {0};
  struct iovec in[] = {{first, 1}, {second, 7}};
  say(v, "%zd", readv(ends[1], in, 2));
  say(v, "%s %s", first, second);
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  say(v, "one %s", outcome(read(ends[1], second, 8)));
}

static void case_edges(struct verdict* v) {
  open_pair(SOCK_STREAM);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  static char bytes[65536];
  while (write(ends[0], bytes, sizeof bytes) > 0) continue;
  const int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLOUT | EPOLLIN | EPOLLET};
  epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event);
  say(v, "full %d", epoll_wait(epoll, &event, 1, 0));
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  while (read(ends[1], bytes, sizeof bytes) > 0) continue;
  say(v, "room %d", epoll_wait(epoll, &event, 1, 0));
  say(v, "%x", event.events);
  say(v, "once %d", epoll_wait(epoll, &event, 1, 0));
  if (write(ends[1], "x", 1) != 1) abort();
  say(v, "bytes %d", epoll_wait(epoll, &event, 1, 0));
  say(v, "%x", event.events);
  close(ends[1]);
  say(v, "end %d", epoll_wait(epoll, &event, 1, 0));
  say(v, "%x", event.events);
}

// --- descriptors ---------------------------------------------------------------------------

union control {
  struct cmsghdr header;
  char bytes[CMSG_SPACE(8 * sizeof(int))];
};

static ssize_t send_files(int to, const int* files, size_t count, int flags) {
  union control control;
  memset(&control, 0, sizeof control);
  struct iovec piece = {"f", 1};
  struct msghdr message = {
      .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  control.header.cmsg_level = SOL_SOCKET;
  control.header.cmsg_type = SCM_RIGHTS;
  control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(&control.header), files, count * sizeof(int));
  return sendmsg(to, &message, flags);
}

// How many came, and where.
static int receive_files(struct verdict* v, int from, int* files, size_t room, int flags) {
  union control control;
  char byte;
  struct iovec piece = {&byte, 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = room};
  const ssize_t got = recvmsg(from, &message, flags);
  say(v, "%zd", got);
  if (got < 0) return 0;
  say(v, "flags %x", message.msg_flags & ~MSG_CMSG_CLOEXEC);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (!header) return 0;
  const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  memcpy(files, CMSG_DATA(header), count * sizeof(int));
  say(v, "type %d count %zu", header->cmsg_type, count);
  return (int)count;
}

static void case_pass_files(struct verdict* v) {
  open_pair(SOCK_STREAM);
  int pipe_ends[2], got[8];
  if (pipe(pipe_ends)) abort();
  say(v, "%zd", send_files(ends[0], pipe_ends, 2, 0));
  close(pipe_ends[0]), close(pipe_ends[1]);
  const int count = receive_files(v, ends[1], got, sizeof(union control), MSG_CMSG_CLOEXEC);
  if (count != 2) return;
  say(v, "%zd", write(got[1], "xyz", 3));
  char bytes[4] = {0};
  say(v, "%zd", read(got[0], bytes, 4));
  say(v, "%s close %d", bytes, fcntl(got[0], F_GETFD));
  close(got[1]);
  say(v, "end %zd", read(got[0], bytes, 4));
}

static void case_pass_to_child(struct verdict* v) {
  open_pair(SOCK_DGRAM);
  const pid_t child = fork();
  if (child == 0) {
    struct verdict unused = {""};
    int got[8];
    char byte = 0;
    if (receive_files(&unused, ends[1], got, sizeof(union control), 0) != 1) _exit(1);
    _exit(read(got[0], &byte, 1) == 1 && byte == 'q' ? 0 : 2);
  }
  int pipe_ends[2];
  if (pipe(pipe_ends)) abort();
  if (write(pipe_ends[1], "q", 1) != 1) abort();
  send_files(ends[0], pipe_ends, 1, 0);
  say(v, "%s", wait_text(child));
}

static void case_files_cut(struct verdict* v) {
  open_pair(SOCK_STREAM);
  const int files[] = {0, 1, 2};
  int got[8];
  send_files(ends[0], files, 3, 0);
  receive_files(v, ends[1], got, CMSG_LEN(sizeof(int)), 0);
  send_files(ends[0], files, 3, 0);
  receive_files(v, ends[1], got, 0, 0);
  // A socket that nobody receives closes what it was sent.
  int pipe_ends[2];
  if (pipe(pipe_ends)) abort();
  send_files(ends[0], pipe_ends + 1, 1, 0);
  close(pipe_ends[1]);
  close(ends[0]), close(ends[1]);
  char byte;
  say(v, "end %zd", read(pipe_ends[0], &byte, 1));
}

static void case_files_errors(struct verdict* v) {
  open_pair(SOCK_STREAM);
  const int bad[] = {900};
  say(v, "closed %s", outcome(send_files(ends[0], bad, 1, 0)));
  static char space[CMSG_SPACE(300 * sizeof(int))];
  struct iovec piece = {"f", 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  *header =
      (struct cmsghdr){.cmsg_len = CMSG_LEN(300 * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  say(v, "many %s", outcome(sendmsg(ends[0], &message, 0)));
  header->cmsg_len = 4;
  say(v, "length %s", outcome(sendmsg(ends[0], &message, 0)));
  header->cmsg_len = CMSG_LEN(sizeof(int));
  header->cmsg_type = 77;
  say(v, "type %s", outcome(sendmsg(ends[0], &message, 0)));
  message.msg_control = (void*)8;
  say(v, "address %s", outcome(sendmsg(ends[0], &message, 0)));
}

// Bytes before and behind descriptors do not come with them.
static void case_files_between_bytes(struct verdict* v) {
  open_pair(SOCK_STREAM);
  const int files[] = {0};
  int got[8];
  if (write(ends[0], "a", 1) != 1) abort();
  send_files(ends[0], files, 1, 0);
  if (write(ends[0], "b", 1) != 1) abort();
  say(v, "%d", receive_files(v, ends[1], got, sizeof(union control), 0));
  say(v, "%d", receive_files(v, ends[1], got, sizeof(union control), 0));
  say(v, "%d", receive_files(v, ends[1], got, sizeof(union control), 0));
}

static void case_credentials(struct verdict* v) {
  open_pair(SOCK_STREAM);
  const int one = 1;
  say(v, "%s", outcome(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one)));
  const pid_t child = fork();
  if (child == 0) _exit(write(ends[0], "x", 1) == 1 ? 0 : 1);
  say(v, "%s", wait_text(child));
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct ucred))];
  } control;
  char byte;
  struct iovec piece = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  say(v, "%zd", recvmsg(ends[1], &message, 0));
  struct ucred who;
  memcpy(&who, CMSG_DATA(&control.header), sizeof who);
  say(v, "type %d length %zu", control.header.cmsg_type, (size_t)control.header.cmsg_len);
  say(v, "child %d user %d", who.pid == child, who.uid == geteuid());
}

static void case_many_messages(struct verdict* v) {
  open_pair(SOCK_DGRAM);
  struct iovec pieces[3] = {{"a", 1}, {"bcd", 3}, {"ef", 2}};
  struct mmsghdr messages[3];
  memset(messages, 0, sizeof messages);
  for (int i = 0; i < 3; ++i) messages[i].msg_hdr.msg_iov = &pieces[i], messages[i].msg_hdr.msg_iovlen = 1;
  say(v, "%d", sendmmsg(ends[0], messages, 3, 0));
  say(v, "%u %u %u", messages[0].msg_len, messages[1].msg_len, messages[2].msg_len);
  static char bytes[3][8];
  for (int i = 0; i < 3; ++i) pieces[i] = (struct iovec){bytes[i], 8}, messages[i].msg_len = 0;
  say(v, "%d", recvmmsg(ends[1], messages, 2, 0, NULL));
  say(v, "%u %u %s %s", messages[0].msg_len, messages[1].msg_len, bytes[0], bytes[1]);
  say(v, "%d", recvmmsg(ends[1], messages, 3, MSG_WAITFORONE, NULL));
  say(v, "none %s", outcome(recvmmsg(ends[1], messages, 3, MSG_DONTWAIT, NULL)));
  struct timespec wrong = {0, 1000000000};
  say(v, "time %s", outcome(recvmmsg(ends[1], messages, 1, MSG_DONTWAIT, &wrong)));
  say(v, "closed %s", outcome(sendmmsg(900, messages, 1, 0)));
}

static void case_large_stream(struct verdict* v) {
  open_pair(SOCK_STREAM);
  static unsigned char bytes[1 << 20], got[1 << 20];
  for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = (unsigned char)(i * 7 + i / 251);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[1]);
    _exit(send(ends[0], bytes, sizeof bytes, 0) == sizeof bytes ? 0 : 1);
  }
  close(ends[0]);
  say(v, "%d", recv(ends[1], got, sizeof got, MSG_WAITALL) == sizeof got);
  say(v, "same %d", memcmp(bytes, got, sizeof got) == 0);
  say(v, "%s", wait_text(child));
  say(v, "end %zd", recv(ends[1], got, 1, 0));
}

static const struct conformance_case cases[] = {
    {"datagrams", case_datagrams},
    {"packets", case_packets},
    {"addressed", case_addressed},
    {"full_queue", case_full_queue},
    {"pieces", case_pieces},
    {"vectors", case_vectors},
    {"edges", case_edges},
    {"pass_files", case_pass_files},
    {"pass_to_child", case_pass_to_child},
    {"files_cut", case_files_cut},
    {"files_errors", case_files_errors},
    {"files_between_bytes", case_files_between_bytes},
    {"credentials", case_credentials},
    {"many_messages", case_many_messages},
    {"large_stream", case_large_stream},
};

CONFORMANCE_MAIN(cases)
