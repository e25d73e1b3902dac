// Pairs of local sockets and eventfd: bytes both ways, shutdown, the other end's
// end, waiting, errors.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "guest.h"

static volatile sig_atomic_t broken;
static void on_pipe(int signal) { broken += signal == SIGPIPE; }

static int fails(long result, int error) { return result == -1 && errno == error; }

static int events(int fd) {
  struct pollfd entry = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
  poll(&entry, 1, 0);
  return entry.revents;
}

static void both_ways(void) {
  int pair[2];
  char text[64] = "";
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) die("socketpair");
  struct stat status;
  fstat(pair[0], &status);
  printf("socket %d, empty %x", S_ISSOCK(status.st_mode), events(pair[0]));
  if (write(pair[0], "there", 5) != 5 || send(pair[1], "back", 4, 0) != 4) die("write");
  printf(", full %x", events(pair[0]));
  printf(", read %d", (int)read(pair[1], text, sizeof(text)));
  printf(" %s", text);
  memset(text, 0, sizeof(text));
  printf(", received %d", (int)recv(pair[0], text, 2, 0));
  printf(" %s", text);
  printf(", and %d", (int)recv(pair[0], text, sizeof(text), MSG_DONTWAIT));
  printf(", then %d", fails(recv(pair[0], text, sizeof(text), MSG_DONTWAIT), EAGAIN));
  struct iovec pieces[2] = {{"ab", 2}, {"cde", 3}};
  struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
  printf(", message %d", (int)sendmsg(pair[0], &message, 0));
  char first[4] = "", rest[8] = "";
  struct iovec into[2] = {{first, 3}, {rest, 7}};
  struct msghdr answer = {.msg_iov = into, .msg_iovlen = 2};
  printf(" %d", (int)recvmsg(pair[1], &answer, 0));
  printf(" %s %s\n", first, rest);
  close(pair[0]);
  close(pair[1]);
}

static void ends(void) {
  int pair[2];
  char text[64];
  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair);
  printf("flags %d %d", (fcntl(pair[0], F_GETFL) & O_NONBLOCK) != 0, fcntl(pair[1], F_GETFD));
  printf(", empty %d", fails(read(pair[0], text, 1), EAGAIN));
  if (write(pair[0], "rest", 4) != 4) die("write");
  shutdown(pair[0], SHUT_WR);
  printf(", shut: read %d", (int)read(pair[1], text, sizeof(text)));
  printf(" then %d", (int)read(pair[1], text, sizeof(text)));
  printf(", write %d", fails(send(pair[0], "x", 1, MSG_NOSIGNAL), EPIPE));
  printf(", events %x %x", events(pair[0]), events(pair[1]));
  printf(", back %d", (int)write(pair[1], "still", 5));
  printf(" %d", (int)read(pair[0], text, sizeof(text)));
  close(pair[1]);
  printf(", closed %x, read %d", events(pair[0]), (int)read(pair[0], text, sizeof(text)));
  const int error = fails(write(pair[0], "x", 1), EPIPE);
  printf(", write %d, signals %d\n", error, (int)broken);
  close(pair[0]);
}

static void* wakes(void* argument) {
  const int* pair = argument;
  usleep(2000);
  shutdown(pair[0], SHUT_RDWR);
  return NULL;
}

// A child answers line by line; a thread's shutdown ends another's wait.
static void talking(void) {
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  const pid_t child = fork_flushed();
  if (child == 0) {
    close(pair[0]);
    unsigned char byte;
    while (read(pair[1], &byte, 1) == 1) {
      byte = (unsigned char)(byte + 1);
      if (write(pair[1], &byte, 1) != 1) _exit(1);
    }
    _exit(0);
  }
  close(pair[1]);
  int sum = 0;
  for (int i = 0; i < 200; ++i) {
    unsigned char byte = (unsigned char)i;
    if (write(pair[0], &byte, 1) != 1 || read(pair[0], &byte, 1) != 1) die("talk");
    sum += byte;
  }
  close(pair[0]);
  printf("talked %d, child %d", sum, wait_for(child));
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  pthread_t thread;
  pthread_create(&thread, NULL, wakes, pair);
  char byte;
  printf(", woken %d", (int)read(pair[0], &byte, 1));
  pthread_join(thread, NULL);
  static char large[300000];
  memset(large, 7, sizeof(large));
  close(pair[0]);
  close(pair[1]);
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  const pid_t writer = fork_flushed();
  if (writer == 0) _exit(write(pair[1], large, sizeof(large)) == sizeof(large) ? 0 : 1);
  printf(", all %d", (int)recv(pair[0], large, sizeof(large), MSG_WAITALL));
  printf(" by %d\n", wait_for(writer));
}

static void refusals(void) {
  int pair[2];
  int* volatile nowhere = (int*)8;
  const int inet = fails(socketpair(AF_INET, SOCK_STREAM, 0, pair), EOPNOTSUPP);
  printf("refused %d", inet);
  printf("%d", fails(socketpair(AF_UNIX, SOCK_STREAM, 77, pair), EPROTONOSUPPORT));
  printf("%d", fails(socketpair(AF_UNIX, SOCK_STREAM | 0x100000, 0, pair), EINVAL));
  printf("%d", fails(socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere), EFAULT));
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  printf(" %d", fails(shutdown(pair[0], 9), EINVAL));
  printf("%d", fails(shutdown(0, SHUT_RD), ENOTSOCK));
  printf("%d", fails(lseek(pair[0], 0, SEEK_SET), ESPIPE));
  printf("%d\n", fails(recv(pair[0], nowhere, 4, MSG_DONTWAIT), EAGAIN));
}

static void* adds(void* argument) {
  usleep(1000);
  eventfd_write(*(int*)argument, 5);
  return NULL;
}

static void counters(void) {
  eventfd_t value = 0;
  int counter = eventfd(3, EFD_NONBLOCK);
  printf("counter %x", events(counter));
  eventfd_read(counter, &value);
  printf(", read %d, empty %d, events %x", (int)value, fails(eventfd_read(counter, &value), EAGAIN), events(counter));
  eventfd_write(counter, ~0ull - 1);
  printf(", full %x", events(counter));
  printf(" %d", fails(eventfd_write(counter, 1), EAGAIN));
  const uint64_t bad = ~0ull;
  printf(", bad %d %d", fails(write(counter, &bad, 8), EINVAL), fails(write(counter, &bad, 4), EINVAL));
  close(counter);
  counter = eventfd(2, EFD_SEMAPHORE | EFD_CLOEXEC);
  eventfd_read(counter, &value);
  printf(", semaphore %d %x", (int)value, events(counter));
  eventfd_read(counter, &value);
  pthread_t thread;
  pthread_create(&thread, NULL, adds, &counter);
  eventfd_read(counter, &value);
  pthread_join(thread, NULL);
  printf(", waited %d, flags %d, refused %d\n", (int)value, fcntl(counter, F_GETFD), fails(eventfd(0, 0x10), EINVAL));
}

int main(void) {
  signal(SIGPIPE, on_pipe);
  both_ways();
  ends();
  talking();
  refusals();
  counters();
  return 0;
}
