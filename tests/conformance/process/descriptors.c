// dup, fcntl, flock, close_range, ioctl: dup(2), fcntl(2), flock(2), open(2).
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#include "support.h"

static int file_of(const char* text, int flags) {
  make_file("file", text, 0644);
  return open("file", flags);
}

static void done_with_file(void) {
  unlink("file");
  leave_directory();
}

static void case_dup_shares_position(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDONLY), other = dup(fd), again = open("file", O_RDONLY);
  lseek(fd, 3, SEEK_SET);
  say(v, "dup %ld", (long)lseek(other, 0, SEEK_CUR));
  say(v, "open %ld", (long)lseek(again, 0, SEEK_CUR));
  close(fd);
  say(v, "after close %ld", (long)lseek(other, 0, SEEK_CUR));
  done_with_file();
}

static void case_dup_lowest(struct verdict* v) {
  const int first = dup(0), second = dup(0);
  close(first);
  const int third = dup(0);
  say(v, "%d %d", second > first, third == first);
}

static void case_dup_flags(struct verdict* v) {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC | O_NONBLOCK), other = dup(fd);
  say(v, "close on exec %d %d", fcntl(fd, F_GETFD), fcntl(other, F_GETFD));
  fcntl(other, F_SETFL, 0);
  say(v, "shared status %d", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
}

static void case_dup_errors(struct verdict* v) {
  say(v, "%s", outcome(dup(-1)));
  say(v, "%s", outcome(dup(900)));
  say(v, "%s", outcome(dup2(900, 5)));
  say(v, "%s", outcome(dup2(0, -1)));
  say(v, "same closed %s", outcome(dup2(900, 900)));
  say(v, "same open %d", dup2(0, 0));
  say(v, "%s", outcome(dup3(0, 0, 0)));
  say(v, "%s", outcome(dup3(0, 10, O_NONBLOCK)));
  say(v, "%s", outcome(dup3(900, 900, 0)));
}

static void case_dup2_closes_target(struct verdict* v) {
  int ends[2];
  if (pipe(ends)) abort();
  say(v, "%d", dup2(0, ends[1]) == ends[1]);
  char byte;
  say(v, "end %zd", read(ends[0], &byte, 1));
}

static void case_descriptor_limit(struct verdict* v) {
  const struct rlimit few = {20, 20};
  setrlimit(RLIMIT_NOFILE, &few);
  int fd, highest = -1;
  while ((fd = dup(0)) >= 0) highest = fd;
  say(v, "%d %s", highest, outcome(fd));
  say(v, "open %s", outcome(open("/dev/null", O_RDONLY)));
  int ends[2];
  say(v, "pipe %s", outcome(pipe(ends)));
  close(19);
  say(v, "pipe with one %s", outcome(pipe(ends)));
  say(v, "at %d", dup(0));
  say(v, "dup2 %s", outcome(dup2(0, 20)));
  say(v, "dup3 %s", outcome(dup3(0, 20, 0)));
  say(v, "F_DUPFD %s", outcome(fcntl(0, F_DUPFD, 20)));
  say(v, "F_DUPFD full %s", outcome(fcntl(0, F_DUPFD, 10)));
}

static void case_fcntl_duplicate(struct verdict* v) {
  say(v, "%d", fcntl(0, F_DUPFD, 100));
  say(v, "%d", fcntl(0, F_DUPFD, 100));
  say(v, "%d", fcntl(0, F_DUPFD_CLOEXEC, 50));
  say(v, "%d %d", fcntl(100, F_GETFD), fcntl(50, F_GETFD));
  say(v, "%s", outcome(fcntl(0, F_DUPFD, -1)));
  say(v, "%s", outcome(fcntl(900, F_DUPFD, 0)));
}

static void case_fcntl_errors(struct verdict* v) {
  const int path_only = open("/dev/null", O_PATH);
  say(v, "command %s", outcome(fcntl(0, 999)));
  say(v, "closed %s", outcome(fcntl(900, F_GETFD)));
  say(v, "path %s", outcome(fcntl(path_only, F_SETFL, 0)));
  say(v, "path flags %s", outcome(fcntl(path_only, F_GETFD)));
  say(v, "path dup %s", outcome(fcntl(path_only, F_DUPFD, 0)));
  struct flock lock = {.l_type = F_WRLCK};
  say(v, "path lock %s", outcome(fcntl(path_only, F_SETLK, &lock)));
}

static void case_fcntl_status_flags(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abc", O_RDWR);
  say(v, "%s", outcome(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY | O_CREAT | O_TRUNC)));
  const int flags = fcntl(fd, F_GETFL);
  say(v, "access %d append %d nonblock %d", flags & O_ACCMODE, (flags & O_APPEND) != 0, (flags & O_NONBLOCK) != 0);
  say(v, "creation %d", (flags & (O_CREAT | O_TRUNC)) != 0);
  if (write(fd, "def", 3) != 3) abort();
  say(v, "position %ld", (long)lseek(fd, 0, SEEK_CUR));
  done_with_file();
}

static void case_append_ignores_position(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abc", O_RDWR | O_APPEND);
  lseek(fd, 1, SEEK_SET);
  say(v, "%zd", write(fd, "d", 1));
  say(v, "at %ld", (long)lseek(fd, 0, SEEK_CUR));
  say(v, "pwrite %zd", pwrite(fd, "e", 1, 0));
  char got[8] = {0};
  say(v, "%zd", pread(fd, got, 7, 0));
  say(v, "%s", got);
  done_with_file();
}

// --- record locks -----------------------------------------------------------------------

static struct flock range(short type, off_t start, off_t length) {
  return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length};
}

static const char* lock_outcome(int fd, short type, off_t start, off_t length) {
  struct flock lock = range(type, start, length);
  return outcome(fcntl(fd, F_SETLK, &lock));
}

// What another process sees of a range.
static void say_range(struct verdict* v, int fd, short type, off_t start, off_t length) {
  int ends[2];
  if (pipe(ends)) abort();
  const pid_t child = fork();
  if (child == 0) {
    struct flock lock = range(type, start, length);
    fcntl(fd, F_GETLK, &lock);
    if (write(ends[1], &lock, sizeof lock) != sizeof lock) _exit(1);
    _exit(0);
  }
  struct flock lock;
  if (read(ends[0], &lock, sizeof lock) != sizeof lock) abort();
  waitpid(child, NULL, 0);
  close(ends[0]), close(ends[1]);
  if (lock.l_type == F_UNLCK) {
    say(v, "free");
  } else {
    say(v, "%s %ld+%ld%s", lock.l_type == F_WRLCK ? "write" : "read", (long)lock.l_start, (long)lock.l_len,
        lock.l_pid == getpid() ? "" : " other");
  }
}

static void case_lock_ranges(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDWR);
  say(v, "%s", lock_outcome(fd, F_WRLCK, 10, 20));
  say_range(v, fd, F_RDLCK, 0, 10);
  say_range(v, fd, F_RDLCK, 0, 11);
  say_range(v, fd, F_RDLCK, 29, 1);
  say_range(v, fd, F_RDLCK, 30, 0);
  done_with_file();
}

static void case_lock_split_and_merge(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDWR);
  lock_outcome(fd, F_WRLCK, 0, 30);
  say(v, "%s", lock_outcome(fd, F_UNLCK, 10, 10));
  say_range(v, fd, F_WRLCK, 0, 0);
  say_range(v, fd, F_WRLCK, 10, 10);
  say_range(v, fd, F_WRLCK, 10, 0);
  lock_outcome(fd, F_WRLCK, 10, 10);
  say_range(v, fd, F_WRLCK, 0, 0);
  lock_outcome(fd, F_RDLCK, 5, 5);
  say_range(v, fd, F_RDLCK, 5, 5);
  say_range(v, fd, F_WRLCK, 5, 5);
  done_with_file();
}

static void case_lock_readers_share(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDWR);
  lock_outcome(fd, F_RDLCK, 0, 0);
  say_range(v, fd, F_RDLCK, 0, 0);
  say_range(v, fd, F_WRLCK, 100, 1);
  done_with_file();
}

static void case_lock_conflict(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDWR);
  lock_outcome(fd, F_WRLCK, 0, 5);
  const pid_t child = fork();
  if (child == 0) {
    const int refused = strcmp(lock_outcome(fd, F_RDLCK, 4, 1), "EAGAIN") == 0;
    const int granted = strcmp(lock_outcome(fd, F_WRLCK, 5, 1), "ok") == 0;
    _exit(refused + 2 * granted);
  }
  say(v, "%s", wait_text(child));
  done_with_file();
}

static void case_lock_lost_by_any_close(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDWR), other = open("file", O_RDONLY);
  lock_outcome(fd, F_WRLCK, 0, 0);
  say_range(v, fd, F_WRLCK, 0, 0);
  close(other);
  say_range(v, fd, F_WRLCK, 0, 0);
  done_with_file();
}

static void case_lock_errors(struct verdict* v) {
  enter_directory();
  const int reading = file_of("abcdef", O_RDONLY), writing = open("file", O_WRONLY);
  say(v, "write lock for reader %s", lock_outcome(reading, F_WRLCK, 0, 0));
  say(v, "read lock for writer %s", lock_outcome(writing, F_RDLCK, 0, 0));
  say(v, "before start %s", lock_outcome(reading, F_RDLCK, -1, 0));
  say(v, "length back %s", lock_outcome(reading, F_RDLCK, 3, -3));
  say(v, "too far back %s", lock_outcome(reading, F_RDLCK, 3, -4));
  say(v, "type %s", lock_outcome(reading, 77, 0, 0));
  struct flock lock = range(F_RDLCK, 0, 0);
  lock.l_whence = 9;
  say(v, "whence %s", outcome(fcntl(reading, F_SETLK, &lock)));
  say(v, "address %s", outcome(syscall(SYS_fcntl, reading, F_SETLK, 8)));
  struct flock asked = range(F_UNLCK, 0, 0);
  say(v, "ask for none %s", outcome(fcntl(reading, F_GETLK, &asked)));
  done_with_file();
}

static void case_lock_deadlock(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDWR);
  lock_outcome(fd, F_WRLCK, 0, 1);
  const pid_t child = fork();
  if (child == 0) {
    lock_outcome(fd, F_WRLCK, 1, 1);
    struct flock wanted = range(F_WRLCK, 0, 1);
    _exit(fcntl(fd, F_SETLKW, &wanted) == 0 ? 1 : errno == EDEADLK ? 2 : 3);
  }
  sleep_milliseconds(30);
  struct flock wanted = range(F_WRLCK, 1, 1);
  const int mine = fcntl(fd, F_SETLKW, &wanted) == 0 ? 0 : errno == EDEADLK ? 2 : 3;
  lock_outcome(fd, F_UNLCK, 0, 0);
  int status = 0;
  waitpid(child, &status, 0);
  say(v, "refused %d", (mine == 2) + (WEXITSTATUS(status) == 2));
  done_with_file();
}

static void case_lock_wait(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDWR);
  lock_outcome(fd, F_WRLCK, 0, 0);
  const pid_t child = fork();
  if (child == 0) {
    struct flock wanted = range(F_WRLCK, 0, 0);
    _exit(fcntl(fd, F_SETLKW, &wanted) == 0 ? 5 : 1);
  }
  sleep_milliseconds(20);
  say(v, "waits %d", waitpid(child, NULL, WNOHANG));
  lock_outcome(fd, F_UNLCK, 0, 0);
  say(v, "%s", wait_text(child));
  done_with_file();
}

static void case_open_file_description_locks(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDWR), other = open("file", O_RDWR);
  struct flock lock = range(F_WRLCK, 0, 5);
  say(v, "%s", outcome(fcntl(fd, F_OFD_SETLK, &lock)));
  lock = range(F_WRLCK, 4, 1);
  say(v, "%s", outcome(fcntl(other, F_OFD_SETLK, &lock)));
  lock = range(F_RDLCK, 0, 0);
  say(v, "%s", outcome(fcntl(other, F_OFD_GETLK, &lock)));
  say(v, "type %d pid %d", lock.l_type, lock.l_pid);
  close(dup(fd));
  lock = range(F_WRLCK, 4, 1);
  say(v, "after closing a copy %s", outcome(fcntl(other, F_OFD_SETLK, &lock)));
  close(fd);
  say(v, "after closing %s", outcome(fcntl(other, F_OFD_SETLK, &lock)));
  lock.l_pid = 1;
  say(v, "pid given %s", outcome(fcntl(other, F_OFD_SETLK, &lock)));
  done_with_file();
}

static void case_flock(struct verdict* v) {
  enter_directory();
  const int fd = file_of("abcdef", O_RDONLY), other = open("file", O_RDONLY), copy = dup(fd);
  say(v, "%s", outcome(flock(fd, LOCK_SH)));
  say(v, "shared %s", outcome(flock(other, LOCK_SH | LOCK_NB)));
  say(v, "exclusive %s", outcome(flock(other, LOCK_EX | LOCK_NB)));
  say(v, "freed %s", outcome(flock(copy, LOCK_UN)));
  say(v, "exclusive %s", outcome(flock(other, LOCK_EX | LOCK_NB)));
  say(v, "refused %s", outcome(flock(fd, LOCK_EX | LOCK_NB)));
  close(other);
  say(v, "closed %s", outcome(flock(fd, LOCK_EX | LOCK_NB)));
  say(v, "%s", outcome(flock(900, LOCK_SH)));
  say(v, "%s", outcome(flock(fd, 77)));
  done_with_file();
}

static void case_close_errors(struct verdict* v) {
  const int fd = dup(0);
  say(v, "%s", outcome(close(fd)));
  say(v, "%s", outcome(close(fd)));
  say(v, "%s", outcome(close(-1)));
}

static void case_close_range(struct verdict* v) {
  for (int fd = 60; fd < 66; ++fd) dup2(0, fd);
  say(v, "%s", outcome(close_range(61, 62, 0)));
  say(v, "%s", outcome(close_range(64, 65, CLOSE_RANGE_CLOEXEC)));
  for (int fd = 60; fd < 66; ++fd) say(v, "%d", fcntl(fd, F_GETFD));
  say(v, "%s", outcome(close_range(5, 4, 0)));
  say(v, "%s", outcome(close_range(4, 5, 64)));
  say(v, "%s", outcome(close_range(60, ~0u, 0)));
  say(v, "%d", fcntl(60, F_GETFD));
}

static void case_ioctl_descriptor(struct verdict* v) {
  const int fd = open("/dev/null", O_RDONLY);
  int on = 1;
  say(v, "%s", outcome(ioctl(fd, FIOCLEX)));
  say(v, "%d", fcntl(fd, F_GETFD));
  say(v, "%s", outcome(ioctl(fd, FIONCLEX)));
  say(v, "%d", fcntl(fd, F_GETFD));
  say(v, "%s", outcome(ioctl(fd, FIONBIO, &on)));
  say(v, "%d", (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
  say(v, "%s", outcome(ioctl(fd, TCGETS, &on)));
  say(v, "%s", outcome(ioctl(900, FIOCLEX)));
}

static void case_owner_of_signals(struct verdict* v) {
  int ends[2];
  if (pipe(ends)) abort();
  say(v, "none %d", fcntl(ends[0], F_GETOWN));
  say(v, "%s", outcome(fcntl(ends[0], F_SETOWN, getpid())));
  say(v, "%s", fcntl(ends[0], F_GETOWN) == getpid() ? "same" : "other");
  say(v, "%s", outcome(fcntl(ends[0], F_SETSIG, SIGUSR1)));
  say(v, "%d", fcntl(ends[0], F_GETSIG) == SIGUSR1);
  say(v, "%s", outcome(fcntl(ends[0], F_SETSIG, 65)));
}

static const struct conformance_case cases[] = {
    {"dup_shares_position", case_dup_shares_position},
    {"dup_lowest", case_dup_lowest},
    {"dup_flags", case_dup_flags},
    {"dup_errors", case_dup_errors},
    {"dup2_closes_target", case_dup2_closes_target},
    {"descriptor_limit", case_descriptor_limit},
    {"fcntl_duplicate", case_fcntl_duplicate},
    {"fcntl_errors", case_fcntl_errors},
    {"fcntl_status_flags", case_fcntl_status_flags},
    {"append_ignores_position", case_append_ignores_position},
    {"lock_ranges", case_lock_ranges},
    {"lock_split_and_merge", case_lock_split_and_merge},
    {"lock_readers_share", case_lock_readers_share},
    {"lock_conflict", case_lock_conflict},
    {"lock_lost_by_any_close", case_lock_lost_by_any_close},
    {"lock_errors", case_lock_errors},
    {"lock_deadlock", case_lock_deadlock},
    {"lock_wait", case_lock_wait},
    {"open_file_description_locks", case_open_file_description_locks},
    {"flock", case_flock},
    {"close_errors", case_close_errors},
    {"close_range", case_close_range},
    {"ioctl_descriptor", case_ioctl_descriptor},
    {"owner_of_signals", case_owner_of_signals},
};

CONFORMANCE_MAIN(cases)
