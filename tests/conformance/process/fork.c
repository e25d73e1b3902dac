// fork and vfork: fork(2), vfork(2).
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>

#include "support.h"

static volatile int shared_word;

static volatile int* shared_memory(void) {
  return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void case_fork_identity(struct verdict* v) {
  volatile int* const seen = shared_memory();
  const pid_t parent = getpid(), child = fork();
  if (child == 0) {
    seen[0] = getpid(), seen[1] = getppid() == parent, seen[2] = (int)syscall(SYS_gettid) == getpid();
    _exit(5);
  }
  say(v, "%s", wait_text(child));
  say(v, "pid %s parent %s thread %s", seen[0] == child ? "same" : "other", seen[1] ? "same" : "other",
      seen[2] ? "first" : "other");
}

static void case_fork_memory_is_copied(struct verdict* v) {
  shared_word = 1;
  int local = 1;
  const pid_t child = fork();
  if (child == 0) {
    shared_word = local = 2;
    _exit(shared_word + local);
  }
  say(v, "%s", wait_text(child));
  say(v, "here %d %d", shared_word, local);
}

static void case_fork_shares_file_position(struct verdict* v) {
  enter_directory();
  make_file("file", "abcdef", 0644);
  const int fd = open("file", O_RDONLY);
  const pid_t child = fork();
  if (child == 0) {
    char two[2];
    _exit(read(fd, two, 2) == 2 ? two[1] : 0);
  }
  say(v, "%s", wait_text(child));
  say(v, "position %ld", (long)lseek(fd, 0, SEEK_CUR));
  unlink("file");
  leave_directory();
}

static void case_fork_descriptors_are_copied(struct verdict* v) {
  const int fd = open("/dev/null", O_RDONLY);
  const pid_t child = fork();
  if (child == 0) _exit(close(fd));
  say(v, "%s", wait_text(child));
  say(v, "still open %s", outcome(fcntl(fd, F_GETFD)));
}

static void case_fork_pending_signals(struct verdict* v) {
  block_signal(SIGUSR1);
  raise(SIGUSR1);
  const pid_t child = fork();
  if (child == 0) {
    sigset_t pending, mask;
    sigpending(&pending);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    _exit(sigismember(&pending, SIGUSR1) * 2 + sigismember(&mask, SIGUSR1));
  }
  say(v, "%s", wait_text(child));
}

static void case_fork_timers(struct verdict* v) {
  const struct itimerval hour = {.it_value = {3600, 0}};
  setitimer(ITIMER_VIRTUAL, &hour, NULL);
  alarm(3000);
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, NULL, &timer);
  const pid_t child = fork();
  if (child == 0) {
    struct itimerval now;
    struct itimerspec setting;
    getitimer(ITIMER_VIRTUAL, &now);
    const int posix = timer_gettime(timer, &setting);
    _exit((now.it_value.tv_sec != 0) + 2 * (alarm(0) != 0) + 4 * (posix == 0));
  }
  say(v, "%s", wait_text(child));
}

static void case_fork_locks(struct verdict* v) {
  enter_directory();
  make_file("file", "x", 0644);
  const int fd = open("file", O_RDWR);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  fcntl(fd, F_SETLK, &lock);
  const pid_t child = fork();
  if (child == 0) {
    struct flock asked = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    fcntl(fd, F_GETLK, &asked);
    _exit((asked.l_type == F_WRLCK) + 2 * (asked.l_pid == getppid()));
  }
  say(v, "%s", wait_text(child));
  unlink("file");
  leave_directory();
}

static void case_fork_usage_begins_anew(struct verdict* v) {
  waitpid(child_that_exits(0), NULL, 0);
  const pid_t child = fork();
  if (child == 0) {
    struct tms time;
    struct rusage usage;
    times(&time);
    getrusage(RUSAGE_CHILDREN, &usage);
    _exit((time.tms_cutime != 0) + 2 * (usage.ru_minflt != 0));
  }
  say(v, "%s", wait_text(child));
}

static void case_fork_limit(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    become_user();
    const struct rlimit one = {1, 1};
    setrlimit(RLIMIT_NPROC, &one);
    const pid_t next = fork();
    if (next == 0) _exit(0);
    _exit(next < 0 && errno == EAGAIN ? 1 : 0);
  }
  say(v, "%s", wait_text(child));
}

static void case_vfork_shares_memory(struct verdict* v) {
  volatile int word = 1;
  shared_word = 1;
  const pid_t child = vfork();
  if (child == 0) {
    shared_word = 2;
    word = 3;
    _exit(9);
  }
  say(v, "already %d %d", shared_word, word);
  say(v, "%s", wait_text(child));
}

static void case_vfork_waits_for_exec(struct verdict* v) {
  const pid_t child = vfork();
  if (child == 0) {
    execl("/nowhere", "x", NULL);
    shared_word = errno;
    _exit(1);
  }
  say(v, "%s", strerrorname_np(shared_word));
  say(v, "%s", wait_text(child));
}

static void case_vfork_killed_child(struct verdict* v) {
  const pid_t child = vfork();
  if (child == 0) {
    kill(getpid(), SIGKILL);
    _exit(0);
  }
  say(v, "%s", wait_text(child));
}

static const struct conformance_case cases[] = {
    {"fork_identity", case_fork_identity},
    {"fork_memory_is_copied", case_fork_memory_is_copied},
    {"fork_shares_file_position", case_fork_shares_file_position},
    {"fork_descriptors_are_copied", case_fork_descriptors_are_copied},
    {"fork_pending_signals", case_fork_pending_signals},
    {"fork_timers", case_fork_timers},
    {"fork_locks", case_fork_locks},
    {"fork_usage_begins_anew", case_fork_usage_begins_anew},
    {"fork_limit", case_fork_limit},
    {"vfork_shares_memory", case_vfork_shares_memory},
    {"vfork_waits_for_exec", case_vfork_waits_for_exec},
    {"vfork_killed_child", case_vfork_killed_child},
};

CONFORMANCE_MAIN(cases)
