// Pipes and FIFOs: pipe(2), pipe(7), fifo(7), splice(2), tee(2), vmsplice(2).
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "support.h"

static int reader, writer;
static void open_pipe(int flags) {
  int ends[2];
  if (pipe2(ends, flags) != 0) abort();
  reader = ends[0], writer = ends[1];
}

static char bytes[200000];

static void case_pipe_passes_bytes(struct verdict* v) {
  open_pipe(0);
  char got[8] = {0};
  say(v, "%zd", write(writer, "abcdef", 6));
  say(v, "%zd", read(reader, got, 4));
  say(v, "%s", got);
  say(v, "%zd", read(reader, got, 8));
  close(writer);
  say(v, "end %zd", read(reader, got, 8));
}

static void case_pipe_errors(struct verdict* v) {
  int ends[2];
  say(v, "flags %s", outcome(pipe2(ends, O_CREAT)));
  say(v, "address %s", outcome(syscall(SYS_pipe2, 8, 0)));
  open_pipe(0);
  char byte;
  say(v, "read writer %s", outcome(read(writer, &byte, 1)));
  say(v, "write reader %s", outcome(write(reader, &byte, 1)));
  say(v, "seek %s", outcome(lseek(reader, 0, SEEK_CUR)));
  say(v, "pread %s", outcome(pread(reader, &byte, 1, 0)));
  say(v, "pwrite %s", outcome(pwrite(writer, &byte, 1, 0)));
  say(v, "truncate %s", outcome(ftruncate(writer, 0)));
  say(v, "sync %s", outcome(fsync(writer)));
}

static void case_pipe_flags(struct verdict* v) {
  open_pipe(O_CLOEXEC | O_NONBLOCK);
  say(v, "%d %d", fcntl(reader, F_GETFD), fcntl(writer, F_GETFD));
  say(v, "%d %d", (fcntl(reader, F_GETFL) & O_NONBLOCK) != 0, (fcntl(writer, F_GETFL) & O_NONBLOCK) != 0);
  say(v, "%d %d", fcntl(reader, F_GETFL) & O_ACCMODE, fcntl(writer, F_GETFL) & O_ACCMODE);
  struct stat status;
  fstat(reader, &status);
  say(v, "fifo %d mode %o size %ld", S_ISFIFO(status.st_mode), status.st_mode & 0777, (long)status.st_size);
}

static void case_pipe_lowest_descriptors(struct verdict* v) {
  close(40), close(41), close(42);
  const int base = fcntl(0, F_DUPFD, 3);
  close(base);
  open_pipe(0);
  say(v, "%d %d", reader - base, writer > reader);
}

static void case_pipe_bad_result_address(struct verdict* v) {
  const int before = dup(0);
  close(before);
  say(v, "%s", outcome(syscall(SYS_pipe2, -4096L, 0)));
  const int after = dup(0);
  say(v, "leaked %d", after - before);
}

static void case_pipe_empty_non_blocking(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  char byte;
  say(v, "%s", outcome(read(reader, &byte, 1)));
  close(writer);
  say(v, "%zd", read(reader, &byte, 1));
}

static void case_pipe_capacity(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  say(v, "size %d", fcntl(writer, F_GETPIPE_SZ));
  ssize_t total = 0, put;
  while ((put = write(writer, bytes, 4096)) > 0) total += put;
  say(v, "%zd %s", total, outcome(put));
  int waiting = 0;
  ioctl(reader, FIONREAD, &waiting);
  say(v, "waiting %d", waiting);
}

static void case_pipe_set_size(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  say(v, "%d", fcntl(writer, F_SETPIPE_SZ, 4096));
  say(v, "%d", fcntl(writer, F_SETPIPE_SZ, 5000));
  say(v, "%d", fcntl(reader, F_SETPIPE_SZ, 1));
  say(v, "%zd", write(writer, bytes, 4096));
  say(v, "full %s", outcome(write(writer, bytes, 1)));
  say(v, "%d", fcntl(writer, F_SETPIPE_SZ, 16384));
  say(v, "%zd", write(writer, bytes, 12288));
  say(v, "too small %s", outcome(fcntl(writer, F_SETPIPE_SZ, 8192)));
  say(v, "%s", outcome(fcntl(writer, F_SETPIPE_SZ, -1)));
  say(v, "no pipe %s %s", outcome(fcntl(0, F_GETPIPE_SZ)),
      outcome(fcntl(open("/dev/null", O_RDONLY), F_SETPIPE_SZ, 4096)));
}

static void case_pipe_atomic_or_nothing(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  fcntl(writer, F_SETPIPE_SZ, 8192);
  say(v, "%zd", write(writer, bytes, 8000));
  say(v, "%s", outcome(write(writer, bytes, 4096)));
  char got[8192];
  say(v, "%zd", read(reader, got, 8000));
  say(v, "%zd", write(writer, bytes, 4096));
}

static void case_pipe_large_write_is_partial(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  say(v, "%zd", write(writer, bytes, sizeof bytes));
}

static void case_pipe_blocking_write_is_whole(struct verdict* v) {
  open_pipe(0);
  const pid_t child = fork();
  if (child == 0) {
    close(reader);
    _exit(write(writer, bytes, sizeof bytes) == (ssize_t)sizeof bytes ? 0 : 1);
  }
  close(writer);
  size_t total = 0;
  ssize_t got;
  while ((got = read(reader, bytes, 7000)) > 0) total += (size_t)got;
  say(v, "%zu %s", total, wait_text(child));
}

static volatile int pipe_signals;
static void count_signal(int signal) { pipe_signals += signal == SIGPIPE; }

static void case_pipe_broken(struct verdict* v) {
  open_pipe(0);
  close(reader);
  const pid_t child = fork();
  if (child == 0) _exit(write(writer, "x", 1) < 0);
  say(v, "%s", wait_text(child));
  catch_signal(SIGPIPE, count_signal, 0);
  say(v, "%s", outcome(write(writer, "x", 1)));
  say(v, "heard %d", pipe_signals);
  catch_signal(SIGPIPE, SIG_IGN, 0);
  say(v, "ignored %s", outcome(write(writer, "x", 1)));
  say(v, "nothing %zd", write(writer, "x", 0));
}

static void case_pipe_broken_while_writing(struct verdict* v) {
  open_pipe(0);
  catch_signal(SIGPIPE, count_signal, 0);
  const pid_t child = fork();
  if (child == 0) {
    close(writer);
    sleep_milliseconds(20);
    if (read(reader, bytes, 4096) < 0) _exit(1);
    _exit(0);
  }
  close(reader);
  const ssize_t written = write(writer, bytes, sizeof bytes);
  say(v, "%s heard %d", written == 65536 + 4096 || written == 65536 ? "part" : outcome(written), pipe_signals);
  waitpid(child, NULL, 0);
}

static void case_pipe_zero_bytes(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  say(v, "write %zd", write(writer, NULL, 0));
  say(v, "read %zd", read(reader, NULL, 0));
  char byte;
  say(v, "still empty %s", outcome(read(reader, &byte, 1)));
}

static void case_pipe_bad_buffer(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  say(v, "%s", outcome(syscall(SYS_write, writer, 8, 4)));
  say(v, "%zd", write(writer, "abcd", 4));
  say(v, "%s", outcome(syscall(SYS_read, reader, 8, 4)));
  char got[8] = {0};
  say(v, "%zd", read(reader, got, 4));
  say(v, "%s", got);
}

static void case_pipe_vectors(struct verdict* v) {
  open_pipe(0);
  char a[4] = "abc", b[4] = "def", c[8] = {0}, d[8] = {0};
  const struct iovec out[] = {{a, 3}, {NULL, 0}, {b, 3}}, in[] = {{c, 4}, {d, 8}};
  say(v, "%zd", writev(writer, out, 3));
  const ssize_t got = readv(reader, in, 2);
  say(v, "%zd %s %s", got, c, d);
  say(v, "%s %s", outcome(syscall(SYS_writev, writer, out, -1)), outcome(syscall(SYS_writev, writer, out, 1025)));
}

static void case_pipe_packets(struct verdict* v) {
  open_pipe(O_DIRECT | O_NONBLOCK);
  char got[16] = {0};
  say(v, "%zd", write(writer, "first", 5));
  say(v, "%zd", write(writer, "second", 6));
  say(v, "%zd", read(reader, got, 3));
  say(v, "%zd", read(reader, got, 16));
  say(v, "%s", outcome(read(reader, got, 16)));
  say(v, "%zd", write(writer, bytes, 5000));
  say(v, "%zd", read(reader, bytes, 10000));
  say(v, "%zd", read(reader, bytes, 10000));
}

static void case_pipe_poll(struct verdict* v) {
  open_pipe(0);
  struct pollfd entries[2] = {{reader, POLLIN | POLLOUT, 0}, {writer, POLLIN | POLLOUT, 0}};
  poll(entries, 2, 0);
  say(v, "empty %x %x", entries[0].revents, entries[1].revents);
  if (write(writer, "x", 1) != 1) abort();
  poll(entries, 2, 0);
  say(v, "one %x %x", entries[0].revents, entries[1].revents);
  const int other = dup(reader);
  close(writer);
  poll(entries, 1, 0);
  say(v, "no writer %x", entries[0].revents);
  open_pipe(0);
  close(reader), close(other);
  entries[1].fd = writer;
  poll(entries + 1, 1, 0);
  say(v, "no reader %x", entries[1].revents);
}

static void case_fifo_open(struct verdict* v) {
  enter_directory();
  say(v, "%s", outcome(mkfifo("fifo", 0600)));
  say(v, "again %s", outcome(mkfifo("fifo", 0600)));
  say(v, "writer alone %s", outcome(open("fifo", O_WRONLY | O_NONBLOCK)));
  const int in = open("fifo", O_RDONLY | O_NONBLOCK);
  say(v, "reader alone %s", outcome(in));
  const int out = open("fifo", O_WRONLY | O_NONBLOCK);
  char byte;
  say(v, "%s", outcome(out));
  say(v, "%zd", write(out, "x", 1));
  say(v, "%zd", read(in, &byte, 1));
  say(v, "%s", outcome(read(in, &byte, 1)));
  close(out);
  say(v, "%zd", read(in, &byte, 1));
  unlink("fifo");
  leave_directory();
}

static void case_fifo_rendezvous(struct verdict* v) {
  enter_directory();
  if (mkfifo("fifo", 0600)) abort();
  const pid_t child = fork();
  if (child == 0) {
    const int out = open("fifo", O_WRONLY);
    _exit(write(out, "word", 4) == 4 ? 0 : 1);
  }
  const int in = open("fifo", O_RDONLY);
  char got[8] = {0};
  say(v, "%zd", read(in, got, 8));
  say(v, "%s", wait_text(child));
  say(v, "end %zd", read(in, got, 8));
  unlink("fifo");
  leave_directory();
}

// --- moving without copying ----------------------------------------------------------

static void case_splice(struct verdict* v) {
  enter_directory();
  make_file("file", "0123456789", 0644);
  const int file = open("file", O_RDWR);
  open_pipe(O_NONBLOCK);
  off64_t from = 4;
  char got[16] = {0};
  say(v, "%zd", splice(file, NULL, writer, NULL, 3, 0));
  say(v, "%zd", splice(file, &from, writer, NULL, 100, 0));
  say(v, "offset %ld position %ld", (long)from, (long)lseek(file, 0, SEEK_CUR));
  say(v, "%zd", read(reader, got, 16));
  say(v, "%s", got);
  if (write(writer, "xyz", 3) != 3) abort();
  off64_t to = 20;
  say(v, "%zd", splice(reader, NULL, file, &to, 3, 0));
  say(v, "offset %ld size %ld", (long)to, (long)lseek(file, 0, SEEK_END));
  say(v, "at end %zd", splice(file, NULL, writer, NULL, 3, 0));
  unlink("file");
  leave_directory();
}

static void case_splice_errors(struct verdict* v) {
  enter_directory();
  make_file("file", "0123456789", 0644);
  const int file = open("file", O_RDWR), appended = open("file", O_WRONLY | O_APPEND);
  open_pipe(O_NONBLOCK);
  off64_t offset = 0;
  say(v, "no pipe %s", outcome(splice(file, NULL, file, NULL, 1, 0)));
  say(v, "same pipe %s", outcome(splice(reader, NULL, writer, NULL, 1, 0)));
  say(v, "pipe offset %s", outcome(splice(file, NULL, writer, &offset, 1, 0)));
  say(v, "empty %s", outcome(splice(reader, NULL, file, NULL, 1, SPLICE_F_NONBLOCK)));
  if (write(writer, "x", 1) != 1) abort();
  say(v, "append %s", outcome(splice(reader, NULL, appended, NULL, 1, 0)));
  say(v, "closed %s", outcome(splice(-1, NULL, writer, NULL, 1, 0)));
  say(v, "wrong way %s", outcome(splice(file, NULL, reader, NULL, 1, 0)));
  say(v, "flags %s", outcome(splice(file, NULL, writer, NULL, 1, 0x100)));
  say(v, "nothing %zd", splice(file, NULL, writer, NULL, 0, 0));
  unlink("file");
  leave_directory();
}

static void case_splice_between_pipes(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  const int in = reader;
  if (write(writer, "abcdef", 6) != 6) abort();
  open_pipe(O_NONBLOCK);
  char got[8] = {0};
  say(v, "%zd", splice(in, NULL, writer, NULL, 4, 0));
  say(v, "%zd", read(reader, got, 8));
  say(v, "%s", got);
}

static void case_tee(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  const int in = reader, in_writer = writer;
  if (write(writer, "abcdef", 6) != 6) abort();
  open_pipe(O_NONBLOCK);
  char got[8] = {0}, kept[8] = {0};
  say(v, "%zd", tee(in, writer, 4, 0));
  say(v, "%zd", read(reader, got, 8));
  say(v, "%zd", read(in, kept, 8));
  say(v, "%s %s", got, kept);
  say(v, "same %s", outcome(tee(in, in_writer, 1, 0)));
  say(v, "no pipe %s", outcome(tee(open("/dev/null", O_RDONLY), writer, 1, 0)));
  say(v, "empty %s", outcome(tee(in, writer, 1, SPLICE_F_NONBLOCK)));
}

static void case_vmsplice(struct verdict* v) {
  open_pipe(O_NONBLOCK);
  char text[] = "abcdef", got[8] = {0};
  struct iovec pieces[] = {{text, 2}, {text + 3, 3}};
  say(v, "%zd", vmsplice(writer, pieces, 2, 0));
  say(v, "%zd", read(reader, got, 8));
  say(v, "%s", got);
  say(v, "no pipe %s", outcome(vmsplice(open("/dev/null", O_RDWR), pieces, 1, 0)));
}

static const struct conformance_case cases[] = {
    {"pipe_passes_bytes", case_pipe_passes_bytes},
    {"pipe_errors", case_pipe_errors},
    {"pipe_flags", case_pipe_flags},
    {"pipe_lowest_descriptors", case_pipe_lowest_descriptors},
    {"pipe_bad_result_address", case_pipe_bad_result_address},
    {"pipe_empty_non_blocking", case_pipe_empty_non_blocking},
    {"pipe_capacity", case_pipe_capacity},
    {"pipe_set_size", case_pipe_set_size},
    {"pipe_atomic_or_nothing", case_pipe_atomic_or_nothing},
    {"pipe_large_write_is_partial", case_pipe_large_write_is_partial},
    {"pipe_blocking_write_is_whole", case_pipe_blocking_write_is_whole},
    {"pipe_broken", case_pipe_broken},
    {"pipe_broken_while_writing", case_pipe_broken_while_writing},
    {"pipe_zero_bytes", case_pipe_zero_bytes},
    {"pipe_bad_buffer", case_pipe_bad_buffer},
    {"pipe_vectors", case_pipe_vectors},
    {"pipe_packets", case_pipe_packets},
    {"pipe_poll", case_pipe_poll},
    {"fifo_open", case_fifo_open},
    {"fifo_rendezvous", case_fifo_rendezvous},
    {"splice", case_splice},
    {"splice_errors", case_splice_errors},
    {"splice_between_pipes", case_splice_between_pipes},
    {"tee", case_tee},
    {"vmsplice", case_vmsplice},
};

CONFORMANCE_MAIN(cases)
