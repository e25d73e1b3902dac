// The frame of the conformance programs: many named cases in one program, each
// run in a child process of its own, one line of verdict for each:
//
//   munmap_of_nothing: ok
//   store_to_read_only: SIGSEGV SEGV_ACCERR at address
//
// The same source is compiled for the host and for the guest; the host's lines
// are the judge. So a verdict must be the same on every Linux, on every run: the
// names of errors, relations between values, never an address, a pid or a time.
//
//   static void case_munmap_of_nothing(struct verdict *v) { say_errno(v, munmap(...)); }
//   static const struct conformance_case cases[] = {{"munmap_of_nothing", case_munmap_of_nothing}, ...};
//   CONFORMANCE_MAIN(cases)
//
// A case that needs what this kernel (or this container) does not have probes for
// it and says so with `unsupported`: then the test leaves it out.
//
// `PROGRAM --list` prints the names; `PROGRAM NAME...` runs those cases alone.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

// Not every program uses every helper.
#define HELPER static __attribute__((unused))

enum { kVerdictBytes = 1024, kCaseSeconds = 20 };

// Its text is one line. At most PIPE_BUF bytes, so that it passes in one write.
struct verdict {
  char text[kVerdictBytes];
};

struct conformance_case {
  const char* name;
  void (*run)(struct verdict* v);
};

// Adds to the verdict, after a space.
HELPER __attribute__((format(printf, 2, 3))) void say(struct verdict* v, const char* format, ...) {
  size_t length = strlen(v->text);
  if (length > 0 && length + 1 < sizeof v->text) v->text[length++] = ' ';
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(v->text + length, sizeof v->text - length, format, arguments);
  va_end(arguments);
}

// The case cannot be judged here. Return from the case after it.
HELPER void unsupported(struct verdict* v, const char* why) {
  snprintf(v->text, sizeof v->text, "unsupported: %s", why);
}

HELPER const char* errno_name(int number) {
  static const struct {
    int number;
    const char* name;
  } names[] = {{EPERM, "EPERM"},
               {ENOENT, "ENOENT"},
               {ESRCH, "ESRCH"},
               {EINTR, "EINTR"},
               {EIO, "EIO"},
               {ENXIO, "ENXIO"},
               {E2BIG, "E2BIG"},
               {ENOEXEC, "ENOEXEC"},
               {EBADF, "EBADF"},
               {ECHILD, "ECHILD"},
               {EAGAIN, "EAGAIN"},
               {ENOMEM, "ENOMEM"},
               {EACCES, "EACCES"},
               {EFAULT, "EFAULT"},
               {EBUSY, "EBUSY"},
               {EEXIST, "EEXIST"},
               {EXDEV, "EXDEV"},
               {ENODEV, "ENODEV"},
               {ENOTDIR, "ENOTDIR"},
               {EISDIR, "EISDIR"},
               {EINVAL, "EINVAL"},
               {ENFILE, "ENFILE"},
               {EMFILE, "EMFILE"},
               {ENOTTY, "ENOTTY"},
               {ETXTBSY, "ETXTBSY"},
               {EFBIG, "EFBIG"},
               {ENOSPC, "ENOSPC"},
               {ESPIPE, "ESPIPE"},
               {EROFS, "EROFS"},
               {EMLINK, "EMLINK"},
               {EPIPE, "EPIPE"},
               {EDOM, "EDOM"},
               {ERANGE, "ERANGE"},
               {EDEADLK, "EDEADLK"},
               {ENAMETOOLONG, "ENAMETOOLONG"},
               {ENOSYS, "ENOSYS"},
               {ENOTEMPTY, "ENOTEMPTY"},
               {ELOOP, "ELOOP"},
               {EOVERFLOW, "EOVERFLOW"},
               {EOPNOTSUPP, "EOPNOTSUPP"},
               {ETIMEDOUT, "ETIMEDOUT"},
               {ELIBBAD, "ELIBBAD"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (names[i].number == number) return names[i].name;
  return "an unknown error";
}

// "ok", or the name of the error after a call that answered -1.
HELPER void say_errno(struct verdict* v, long answer) { say(v, "%s", answer == -1 ? errno_name(errno) : "ok"); }

// The same for mmap and mremap.
HELPER void say_map(struct verdict* v, const void* at) { say_errno(v, at == MAP_FAILED ? -1 : 0); }

HELPER void say_bool(struct verdict* v, const char* what, int holds) { say(v, "%s=%s", what, holds ? "yes" : "no"); }

HELPER const char* signal_name(int number) {
  static const struct {
    int number;
    const char* name;
  } names[] = {{SIGHUP, "SIGHUP"},       {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},   {SIGILL, "SIGILL"},
               {SIGTRAP, "SIGTRAP"},     {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},     {SIGFPE, "SIGFPE"},
               {SIGKILL, "SIGKILL"},     {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"},   {SIGUSR2, "SIGUSR2"},
               {SIGPIPE, "SIGPIPE"},     {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},   {SIGCHLD, "SIGCHLD"},
               {SIGCONT, "SIGCONT"},     {SIGSTOP, "SIGSTOP"}, {SIGTSTP, "SIGTSTP"},   {SIGTTIN, "SIGTTIN"},
               {SIGTTOU, "SIGTTOU"},     {SIGURG, "SIGURG"},   {SIGXCPU, "SIGXCPU"},   {SIGXFSZ, "SIGXFSZ"},
               {SIGVTALRM, "SIGVTALRM"}, {SIGPROF, "SIGPROF"}, {SIGWINCH, "SIGWINCH"}, {SIGIO, "SIGIO"},
               {SIGPWR, "SIGPWR"},       {SIGSYS, "SIGSYS"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (names[i].number == number) return names[i].name;
  return "a signal without a name";
}

HELPER const char* signal_code_name(int number, int code) {
  if (number == SIGSEGV && code == SEGV_MAPERR) return "SEGV_MAPERR";
  if (number == SIGSEGV && code == SEGV_ACCERR) return "SEGV_ACCERR";
  if (number == SIGBUS && code == BUS_ADRALN) return "BUS_ADRALN";
  if (number == SIGBUS && code == BUS_ADRERR) return "BUS_ADRERR";
  if (number == SIGILL && code == ILL_ILLOPC) return "ILL_ILLOPC";
  if (number == SIGTRAP && code == TRAP_BRKPT) return "TRAP_BRKPT";
  if (code == SI_USER) return "SI_USER";
  if (code == SI_TKILL) return "SI_TKILL";
  if (code == SI_QUEUE) return "SI_QUEUE";
  if (code == SI_TIMER) return "SI_TIMER";
  if (code == SI_KERNEL) return "SI_KERNEL";
  return "another code";
}

// How a child ended: "exit 3", "killed by SIGSEGV", "stopped by SIGTSTP".
HELPER void say_status(struct verdict* v, int status) {
  if (WIFEXITED(status)) say(v, "exit %d", WEXITSTATUS(status));
  if (WIFSIGNALED(status)) say(v, "killed by %s", signal_name(WTERMSIG(status)));
  if (WIFSTOPPED(status)) say(v, "stopped by %s", signal_name(WSTOPSIG(status)));
  if (WIFCONTINUED(status)) say(v, "continued");
}

struct seen_signal {
  int number, code;
  uintptr_t address;
};

static int seen_signal_pipe;

HELPER void tell_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  struct seen_signal seen = {number, info->si_code, (uintptr_t)info->si_addr};
  ssize_t told = write(seen_signal_pipe, &seen, sizeof seen);
  _exit(told == sizeof seen ? 0 : 1);
}

HELPER void catch_faults(void) {
  // A handler of its own stack hears of faults of the stack too.
  static char stack[65536];
  stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&other, NULL);
  struct sigaction action = {.sa_sigaction = tell_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  static const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE};
  for (size_t i = 0; i < sizeof faults / sizeof *faults; ++i) sigaction(faults[i], &action, NULL);
}

// Which fault `run(argument)` ends with, in a child: the signal, its code, and
// whether si_addr is `expected`. "no signal" if it returns.
HELPER void say_signal_at(struct verdict* v, void (*run)(void*), void* argument, const void* expected) {
  int ends[2];
  if (pipe(ends) < 0) {
    say(v, "no pipe");
    return;
  }
  pid_t child = fork();
  if (child == 0) {
    seen_signal_pipe = ends[1];
    catch_faults();
    run(argument);
    _exit(0);
  }
  close(ends[1]);
  int status = 0;
  waitpid(child, &status, 0);
  struct seen_signal seen;
  ssize_t got = read(ends[0], &seen, sizeof seen);
  close(ends[0]);
  if (got != sizeof seen) {
    if (WIFEXITED(status)) say(v, "no signal");
    if (WIFSIGNALED(status)) say(v, "killed by %s", signal_name(WTERMSIG(status)));
    return;
  }
  uintptr_t page = ~((uintptr_t)sysconf(_SC_PAGESIZE) - 1), at = (uintptr_t)expected;
  const char* where = seen.address == at                     ? "at address"
                      : (seen.address & page) == (at & page) ? "in page"
                                                             : "elsewhere";
  say(v, "%s %s %s", signal_name(seen.number), signal_code_name(seen.number, seen.code), where);
}

// The same where the argument is the address that faults.
HELPER void say_signal(struct verdict* v, void (*run)(void*), void* argument) {
  say_signal_at(v, run, argument, argument);
}

HELPER void load_byte(void* at) { (void)*(volatile char*)at; }
HELPER void store_byte(void* at) { *(volatile char*)at = 1; }
HELPER void call_code(void* at) { ((void (*)(void))(uintptr_t)at)(); }
HELPER void say_load(struct verdict* v, const void* at) { say_signal(v, load_byte, (void*)(uintptr_t)at); }
HELPER void say_store(struct verdict* v, void* at) { say_signal(v, store_byte, at); }
HELPER void say_call(struct verdict* v, void* at) { say_signal(v, call_code, at); }

// A function that returns at once, to be called as code.
HELPER void write_return(void* at) {
#if defined(__x86_64__)
  static const unsigned char code[] = {0xc3};
#elif defined(__riscv)
  static const unsigned char code[] = {0x82, 0x80};
#else
#error "which bytes are a return instruction?"
#endif
  memcpy(at, code, sizeof code);
  __builtin___clear_cache((char*)at, (char*)at + sizeof code);
}

// One case in a child: what it says comes in one write; what it leaves running is
// in its process group, and is ended with it.
HELPER void run_conformance_case(const struct conformance_case* one) {
  static struct verdict v;
  memset(&v, 0, sizeof v);
  int ends[2];
  if (pipe(ends) < 0) abort();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    setpgid(0, 0);
    close(ends[0]);
    alarm(kCaseSeconds);
    one->run(&v);
    _exit(write(ends[1], &v, sizeof v) == sizeof v ? 0 : 1);
  }
  close(ends[1]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  kill(-child, SIGKILL);
  // Somebody who was left may still hold the other end: no waiting for its end.
  struct pollfd ready = {ends[0], POLLIN, 0};
  struct verdict told = {""};
  const int whole = poll(&ready, 1, 0) == 1 && read(ends[0], &told, sizeof told) == sizeof told && WIFEXITED(status);
  close(ends[0]);
  memset(&v, 0, sizeof v);
  if (whole) {
    v = told;
  } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    say(&v, "hangs");
  } else {
    say_status(&v, status);
    say(&v, "without a verdict");
  }
  for (char* at = v.text; *at; ++at)
    if (*at == '\n') *at = ' ';
  printf("%s: %s\n", one->name, v.text);
}

HELPER int conformance_main(int argc, char** argv, const struct conformance_case* cases, size_t count) {
  const int list = argc > 1 && strcmp(argv[1], "--list") == 0;
  for (size_t i = 0; i < count; ++i) {
    int wanted = argc < 2;
    for (int a = 1; a < argc; ++a) wanted |= strcmp(argv[a], cases[i].name) == 0;
    if (list) printf("%s\n", cases[i].name);
    if (!list && wanted) run_conformance_case(&cases[i]);
  }
  return fflush(stdout) == 0 ? 0 : 1;
}

#define CONFORMANCE_MAIN(table) \
  int main(int argc, char** argv) { return conformance_main(argc, argv, table, sizeof(table) / sizeof *(table)); }
