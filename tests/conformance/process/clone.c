// clone and clone3: clone(2).
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>

#include "support.h"

#define STACK_BYTES 65536

static char* new_stack(void) {
  char* const stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  return stack + STACK_BYTES;
}

static volatile int* shared_memory(void) {
  return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static int end_with(void* argument) { return *(int*)argument; }
static int write_word(void* argument) { return *(volatile int*)argument = 77; }
static int change_directory(void* argument) {
  (void)argument;
  umask(0123);
  return chdir("/dev");
}
static int close_descriptor(void* argument) { return close(*(int*)argument); }

static const char* cloned(int (*body)(void*), int flags, void* argument) {
  const pid_t child = clone(body, new_stack(), flags, argument);
  if (child < 0) return outcome(-1);
  int status = 0;
  if (waitpid(child, &status, __WALL) != child) return outcome(-1);
  return status_text(status);
}

static void case_clone_memory(struct verdict* v) {
  volatile int* const word = malloc(sizeof *word);
  *word = 1;
  say(v, "%s", cloned(write_word, SIGCHLD, (void*)word));
  say(v, "%d", *word);
  say(v, "%s", cloned(write_word, CLONE_VM | SIGCHLD, (void*)word));
  say(v, "%d", *word);
}

static const char* where(void) {
  static char text[64];
  return getcwd(text, sizeof text) && strcmp(text, "/dev") == 0 ? "moved" : "stayed";
}

static void case_clone_directory(struct verdict* v) {
  umask(022);
  say(v, "%s", cloned(change_directory, SIGCHLD, NULL));
  say(v, "%s", where());
  say(v, "%s", cloned(change_directory, CLONE_FS | SIGCHLD, NULL));
  say(v, "%s mask %o", where(), umask(0));
}

static void case_clone_descriptors(struct verdict* v) {
  int fd = open("/dev/null", O_RDONLY);
  say(v, "%s", cloned(close_descriptor, SIGCHLD, &fd));
  say(v, "%s", outcome(fcntl(fd, F_GETFD)));
  say(v, "%s", cloned(close_descriptor, CLONE_FILES | SIGCHLD, &fd));
  say(v, "%s", outcome(fcntl(fd, F_GETFD)));
}

static int ignore_signal(void* argument) {
  (void)argument;
  catch_signal(SIGUSR1, SIG_IGN, 0);
  return 0;
}

static void case_clone_handlers(struct verdict* v) {
  struct sigaction action;
  cloned(ignore_signal, CLONE_VM | SIGCHLD, NULL);
  sigaction(SIGUSR1, NULL, &action);
  say(v, "apart %s", action.sa_handler == SIG_IGN ? "ignored" : "default");
  cloned(ignore_signal, CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL);
  sigaction(SIGUSR1, NULL, &action);
  say(v, "shared %s", action.sa_handler == SIG_IGN ? "ignored" : "default");
}

static void case_clone_vfork(struct verdict* v) {
  volatile int* const word = malloc(sizeof *word);
  *word = 1;
  const pid_t child = clone(write_word, new_stack(), CLONE_VM | CLONE_VFORK | SIGCHLD, (void*)word);
  say(v, "already %d", *word);
  say(v, "%s", wait_text(child));
}

static void case_clone_exit_signal(struct verdict* v) {
  int code = 4;
  block_signal(SIGUSR2);
  block_signal(SIGCHLD);
  const pid_t child = clone(end_with, new_stack(), SIGUSR2, &code);
  say(v, "plain wait %s", outcome(waitpid(child, NULL, 0)));
  int status = 0;
  waitpid(child, &status, __WCLONE);
  sigset_t pending;
  sigpending(&pending);
  say(v, "%s user %d child %d", status_text(status), sigismember(&pending, SIGUSR2), sigismember(&pending, SIGCHLD));
}

static void case_clone_no_exit_signal(struct verdict* v) {
  int code = 4;
  const pid_t child = clone(end_with, new_stack(), 0, &code);
  say(v, "%s", outcome(waitpid(child, NULL, 0)));
  int status = 0;
  say(v, "%s", outcome(waitpid(child, &status, __WALL)));
  say(v, "%s", status_text(status));
}

static int tell_parent(void* argument) {
  *(volatile int*)argument = getppid();
  return 6;
}

static void case_clone_parent(struct verdict* v) {
  volatile int* const seen = shared_memory();
  const pid_t grandparent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    seen[1] = clone(tell_parent, new_stack(), CLONE_PARENT | SIGCHLD, (void*)seen);
    _exit(waitpid(-1, NULL, 0) < 0 && errno == ECHILD ? 1 : 0);
  }
  say(v, "%s", wait_text(child));
  say(v, "%s", wait_text(seen[1]));
  say(v, "parent %s", seen[0] == grandparent ? "grandparent" : "other");
}

static volatile int parent_tid, child_tid;

static int look_at_tids(void* argument) {
  (void)argument;
  return (parent_tid == getpid()) + 2 * (child_tid == getpid());
}

static void case_clone_stores_tids(struct verdict* v) {
  const pid_t child = clone(look_at_tids, new_stack(), CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL,
                            &parent_tid, NULL, &child_tid);
  say(v, "parent %s child %d", parent_tid == child ? "set" : "not set", child_tid);
  say(v, "%s", wait_text(child));
}

static void case_clone_clears_tid(struct verdict* v) {
  int code = 0;
  child_tid = 5;
  const pid_t child =
      clone(end_with, new_stack(), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, &code, NULL, NULL, &child_tid);
  say(v, "%s", wait_text(child));
  say(v, "word %d", child_tid);
}

static const char* raw_clone(unsigned long flags) {
  const long answer = syscall(SYS_clone, flags, 0, NULL, NULL, NULL);
  if (answer == 0) _exit(0);
  if (answer > 0) waitpid((pid_t)answer, NULL, __WALL);
  return outcome(answer);
}

static void case_clone_flag_errors(struct verdict* v) {
  say(v, "sighand alone %s", raw_clone(CLONE_SIGHAND | SIGCHLD));
  say(v, "thread alone %s", raw_clone(CLONE_THREAD | SIGCHLD));
  say(v, "thread without memory %s", raw_clone(CLONE_THREAD | CLONE_SIGHAND | SIGCHLD));
  say(v, "namespace and fs %s", raw_clone(CLONE_NEWNS | CLONE_FS | SIGCHLD));
  say(v, "signal 65 %s", raw_clone(65));
  say(v, "detached %s", raw_clone(CLONE_DETACHED | SIGCHLD));
}

static void case_clone_pidfd(struct verdict* v) {
  int fd = -1, code = 3;
  const pid_t child = clone(end_with, new_stack(), CLONE_PIDFD | SIGCHLD, &code, &fd);
  if (child < 0) {
    say(v, "%s", outcome(-1));
    return;
  }
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  say(v, "poll %d", poll(&entry, 1, 5000));
  say(v, "%x close on exec %d", entry.revents, fcntl(fd, F_GETFD));
  siginfo_t info = {0};
  say(v, "%s", outcome(waitid(P_PIDFD, (id_t)fd, &info, WEXITED)));
  say(v, "%s code %d", info.si_pid == child ? "child" : "other", info.si_status);
}

static void case_clone_pidfd_errors(struct verdict* v) {
  say(v, "with parent tid %s", raw_clone(CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD));
  say(v, "detached %s", raw_clone(CLONE_PIDFD | CLONE_DETACHED | SIGCHLD));
  say(v, "bad address %s", raw_clone(CLONE_PIDFD | SIGCHLD));
}

static const char* raw_clone3(struct clone_args* arguments, size_t size) {
  const long answer = syscall(SYS_clone3, arguments, size);
  if (answer == 0) _exit(8);
  if (answer > 0) return wait_text((pid_t)answer);
  return outcome(answer);
}

static void case_clone3(struct verdict* v) {
  struct clone_args arguments = {.exit_signal = SIGCHLD};
  say(v, "%s", raw_clone3(&arguments, sizeof arguments));
  say(v, "first version %s", raw_clone3(&arguments, 64));
}

static void case_clone3_errors(struct verdict* v) {
  static uint64_t large[600];
  struct clone_args arguments = {.exit_signal = SIGCHLD};
  say(v, "short %s", raw_clone3(&arguments, 56));
  say(v, "page %s", raw_clone3((struct clone_args*)large, 4097));
  large[4] = SIGCHLD;
  say(v, "longer zero %s", raw_clone3((struct clone_args*)large, 256));
  large[20] = 1;
  say(v, "longer not zero %s", raw_clone3((struct clone_args*)large, 256));
  say(v, "address %s", raw_clone3((struct clone_args*)8, 88));
  arguments.exit_signal = 65;
  say(v, "signal %s", raw_clone3(&arguments, 88));
  arguments.exit_signal = SIGCHLD, arguments.stack = 4096;
  say(v, "stack without size %s", raw_clone3(&arguments, 88));
  arguments.stack = 0, arguments.stack_size = 4096;
  say(v, "size without stack %s", raw_clone3(&arguments, 88));
  arguments.stack_size = 0, arguments.flags = CLONE_PARENT;
  say(v, "parent and signal %s", raw_clone3(&arguments, 88));
  arguments.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM;
  say(v, "clear and share %s", raw_clone3(&arguments, 88));
  arguments.flags = CLONE_DETACHED;
  say(v, "detached %s", raw_clone3(&arguments, 88));
  arguments.flags = SIGCHLD;
  say(v, "signal in flags %s", raw_clone3(&arguments, 88));
}

static void case_clone3_clear_handlers(struct verdict* v) {
  catch_signal(SIGUSR1, (void (*)(int))(intptr_t)&case_clone3, 0);
  catch_signal(SIGUSR2, SIG_IGN, 0);
  struct clone_args arguments = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
  const long child = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (child == 0) {
    struct sigaction caught, ignored;
    sigaction(SIGUSR1, NULL, &caught);
    sigaction(SIGUSR2, NULL, &ignored);
    _exit((caught.sa_handler == SIG_DFL) + 2 * (ignored.sa_handler == SIG_IGN));
  }
  say(v, "%s", child < 0 ? outcome(child) : wait_text((pid_t)child));
}

static const char* pidfd_outcome(pid_t pid, unsigned flags) { return outcome(syscall(SYS_pidfd_open, pid, flags)); }

static void case_pidfd_open(struct verdict* v) {
  const pid_t child = child_that_waits();
  const int fd = (int)syscall(SYS_pidfd_open, child, 0);
  say(v, "%s flags %d", outcome(fd), fcntl(fd, F_GETFD));
  struct pollfd entry = {fd, POLLIN, 0};
  say(v, "alive %d", poll(&entry, 1, 0));
  say(v, "probe %s", outcome(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0)));
  say(v, "kill %s", outcome(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0)));
  say(v, "ended %d", poll(&entry, 1, 5000));
  siginfo_t info = {0};
  say(v, "%s", outcome(waitid(P_PIDFD, (id_t)fd, &info, WEXITED)));
  say(v, "%d", info.si_status == SIGTERM);
  say(v, "gone %s", outcome(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0)));
  say(v, "wait %s", outcome(waitid(P_PIDFD, (id_t)fd, &info, WEXITED)));
}

static void case_pidfd_errors(struct verdict* v) {
  say(v, "nobody %s", pidfd_outcome(4000000, 0));
  say(v, "negative %s", pidfd_outcome(-1, 0));
  say(v, "flags %s", pidfd_outcome(getpid(), 1));
  const int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
  say(v, "signal %s", outcome(syscall(SYS_pidfd_send_signal, fd, 65, NULL, 0)));
  say(v, "flags %s", outcome(syscall(SYS_pidfd_send_signal, fd, 0, NULL, 1 << 20)));
  say(v, "no pidfd %s", outcome(syscall(SYS_pidfd_send_signal, dup(0), 0, NULL, 0)));
  say(v, "closed %s", outcome(syscall(SYS_pidfd_send_signal, 900, 0, NULL, 0)));
  const int copy = (int)syscall(SYS_pidfd_getfd, fd, 1, 0);
  say(v, "getfd %s flags %d", outcome(copy), fcntl(copy, F_GETFD));
  say(v, "getfd closed %s", outcome(syscall(SYS_pidfd_getfd, fd, 900, 0)));
  siginfo_t info;
  say(v, "not a child %s", outcome(waitid(P_PIDFD, (id_t)fd, &info, WEXITED)));
}

static const struct conformance_case cases[] = {
    {"clone_memory", case_clone_memory},
    {"clone_directory", case_clone_directory},
    {"clone_descriptors", case_clone_descriptors},
    {"clone_handlers", case_clone_handlers},
    {"clone_vfork", case_clone_vfork},
    {"clone_exit_signal", case_clone_exit_signal},
    {"clone_no_exit_signal", case_clone_no_exit_signal},
    {"clone_parent", case_clone_parent},
    {"clone_stores_tids", case_clone_stores_tids},
    {"clone_clears_tid", case_clone_clears_tid},
    {"clone_flag_errors", case_clone_flag_errors},
    {"clone_pidfd", case_clone_pidfd},
    {"clone_pidfd_errors", case_clone_pidfd_errors},
    {"clone3", case_clone3},
    {"clone3_errors", case_clone3_errors},
    {"clone3_clear_handlers", case_clone3_clear_handlers},
    {"pidfd_open", case_pidfd_open},
    {"pidfd_errors", case_pidfd_errors},
};

CONFORMANCE_MAIN(cases)
