// execve, execveat, fexecve: execve(2), execveat(2), posix_spawn(3).
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "exec_report.h"

static void report_signals(void) {
  struct sigaction caught, ignored;
  sigset_t mask, pending;
  sigaction(SIGUSR1, NULL, &caught);
  sigaction(SIGUSR2, NULL, &ignored);
  sigprocmask(SIG_BLOCK, NULL, &mask);
  sigpending(&pending);
  stack_t stack;
  sigaltstack(NULL, &stack);
  dprintf(REPORT, "caught %s ignored %s mask %d pending %d stack %s", caught.sa_handler == SIG_DFL ? "default" : "kept",
          ignored.sa_handler == SIG_IGN ? "ignored" : "lost", sigismember(&mask, SIGTERM),
          sigismember(&pending, SIGTERM), stack.ss_flags & SS_DISABLE ? "none" : "kept");
}

static void report_descriptors(void) {
  for (int fd = 20; fd < 26; ++fd) dprintf(REPORT, "%d", fcntl(fd, F_GETFD) >= 0);
}

static void report_identity(void) {
  char name[17] = {0};
  prctl(PR_GET_NAME, name);
  const char* const pid = getenv("PID");
  timer_t none = 0;
  dprintf(
      REPORT, "name %s pid %s secure %lu executable %s timer %s", is_self(name) ? "self" : name,
      pid && atoi(pid) == getpid() ? "same" : "other", getauxval(AT_SECURE),
      strcmp((const char*)getauxval(AT_EXECFN), getenv("EXPECTED") ? getenv("EXPECTED") : "") ? "other" : "as given",
      timer_delete(none) == 0 ? "kept" : "gone");
}

__attribute__((constructor)) static void play_role(int count, char** arguments) {
  const char* const role = getenv("EXEC_ROLE");
  if (!role) return;
  if (strcmp(role, "arguments") == 0) report_arguments(count, arguments);
  if (strcmp(role, "signals") == 0) report_signals();
  if (strcmp(role, "descriptors") == 0) report_descriptors();
  if (strcmp(role, "identity") == 0) report_identity();
  if (strcmp(role, "environment") == 0) dprintf(REPORT, "%s", getenv("WORD") ? getenv("WORD") : "none");
  _exit(7);
}

static char* const two[] = {"first", "second", NULL};

static void case_exec_arguments(struct verdict* v) { run_role(v, own_path(), two, "arguments"); }
static void case_exec_environment(struct verdict* v) { run_role(v, own_path(), two, "environment"); }

static void case_exec_empty_argv(struct verdict* v) {
  char* const none[] = {NULL};
  run_role(v, own_path(), none, "arguments");
  run_role(v, own_path(), NULL, "arguments");
}

static void case_exec_no_environment(struct verdict* v) {
  const pid_t child = begin_report();
  if (child == 0) {
    char* const arguments[] = {"x", "--list-nothing", NULL};
    dprintf(REPORT, "%s", outcome(execve("/nowhere", arguments, NULL)));
    _exit(3);
  }
  end_report(v, child);
}

static void case_exec_signals(struct verdict* v) {
  char* const environment[] = {"EXEC_ROLE=signals", NULL};
  const pid_t child = begin_report();
  if (child == 0) {
    static char room[16384];
    const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
    sigaltstack(&stack, NULL);
    catch_signal(SIGUSR1, (void (*)(int))(intptr_t)&case_exec_signals, 0);
    catch_signal(SIGUSR2, SIG_IGN, 0);
    block_signal(SIGTERM);
    raise(SIGTERM);
    execve(own_path(), two, environment);
    _exit(1);
  }
  end_report(v, child);
}

static void case_exec_closes_marked(struct verdict* v) {
  char* const environment[] = {"EXEC_ROLE=descriptors", NULL};
  const pid_t child = begin_report();
  if (child == 0) {
    dup2(1, 20);
    dup3(1, 21, O_CLOEXEC);
    dup2(1, 22);
    fcntl(22, F_SETFD, FD_CLOEXEC);
    fcntl(1, F_DUPFD_CLOEXEC, 23);
    fcntl(1, F_DUPFD, 24);
    dup2(21, 25);
    execve(own_path(), two, environment);
    _exit(1);
  }
  end_report(v, child);
}

static void case_exec_keeps_identity(struct verdict* v) {
  const pid_t child = begin_report();
  if (child == 0) {
    char pid[32], expected[300];
    timer_t timer;
    timer_create(CLOCK_MONOTONIC, NULL, &timer);
    snprintf(pid, sizeof pid, "PID=%d", getpid());
    snprintf(expected, sizeof expected, "EXPECTED=%s", own_path());
    char* const environment[] = {"EXEC_ROLE=identity", pid, expected, NULL};
    execve(own_path(), two, environment);
    _exit(1);
  }
  end_report(v, child);
}

static void case_exec_failure_changes_nothing(struct verdict* v) {
  catch_signal(SIGUSR1, SIG_IGN, 0);
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  say(v, "%s", outcome(execve("/dev/null", two, NULL)));
  struct sigaction action;
  sigaction(SIGUSR1, NULL, &action);
  say(v, "descriptor %s action %s", outcome(fcntl(fd, F_GETFD)), action.sa_handler == SIG_IGN ? "kept" : "lost");
}

// --- errors -----------------------------------------------------------------------

static const char* exec_outcome(const char* path) { return outcome(execve(path, two, NULL)); }

static void case_exec_missing(struct verdict* v) {
  enter_directory();
  say(v, "%s %s %s", exec_outcome("missing"), exec_outcome(""), exec_outcome("missing/below"));
  leave_directory();
}

static void case_exec_not_executable(struct verdict* v) {
  enter_directory();
  make_file("plain", "text\n", 0644);
  say(v, "%s %s %s", exec_outcome("plain"), exec_outcome("."), exec_outcome("/dev/null"));
  unlink("plain");
  leave_directory();
}

static void case_exec_bad_format(struct verdict* v) {
  enter_directory();
  make_file("text", "neither a program nor a script\n", 0755);
  make_file("empty", "", 0755);
  make_file("short", "\177ELF", 0755);
  make_file("blank", "#!\n", 0755);
  make_file("spaces", "#!   \n", 0755);
  say(v, "%s %s %s %s %s", exec_outcome("./text"), exec_outcome("./empty"), exec_outcome("./short"),
      exec_outcome("./blank"), exec_outcome("./spaces"));
  unlink("text"), unlink("empty"), unlink("short"), unlink("blank"), unlink("spaces");
  leave_directory();
}

static void case_exec_path_errors(struct verdict* v) {
  enter_directory();
  make_file("file", "x", 0755);
  if (symlink("b", "a") || symlink("a", "b")) abort();
  static char component[300], path[5000];
  memset(component, 'n', 256);
  memset(path, '/', 4500);
  say(v, "below file %s loop %s name %s path %s", exec_outcome("file/x"), exec_outcome("a"), exec_outcome(component),
      exec_outcome(path));
  unlink("file"), unlink("a"), unlink("b");
  leave_directory();
}

static void case_exec_bad_addresses(struct verdict* v) {
  char* const bad[] = {(char*)1, NULL};
  say(v, "path %s", outcome(syscall(SYS_execve, 1, two, NULL)));
  say(v, "string %s", outcome(syscall(SYS_execve, own_path(), bad, NULL)));
  say(v, "array %s", outcome(syscall(SYS_execve, own_path(), 1, NULL)));
  say(v, "environment %s", outcome(syscall(SYS_execve, own_path(), two, 1)));
}

static void case_exec_string_too_long(struct verdict* v) {
  const size_t most = 32 * (size_t)sysconf(_SC_PAGESIZE);
  char* const text = malloc(most + 1);
  memset(text, 'x', most);
  text[most] = 0;
  char* const arguments[] = {"first", text, NULL};
  say(v, "%s", outcome(execve(own_path(), arguments, NULL)));
}

static void case_exec_list_too_long(struct verdict* v) {
  const size_t count = 100;
  char* const text = malloc(100001);
  memset(text, 'x', 100000);
  text[100000] = 0;
  char** const arguments = calloc(count + 1, sizeof *arguments);
  for (size_t i = 0; i < count; ++i) arguments[i] = text;
  say(v, "%s", outcome(execve(own_path(), arguments, NULL)));
}

static void case_exec_search_permission(struct verdict* v) {
  enter_directory();
  if (mkdir("closed", 0700)) abort();
  make_file("closed/program", "x", 0755);
  chmod("closed", 0600);
  const pid_t child = begin_report();
  if (child == 0) {
    chmod(".", 0755);
    become_user();
    if (geteuid() == getuid()) chmod("closed", 0600);
    dprintf(REPORT, "%s", exec_outcome("closed/program"));
    _exit(0);
  }
  end_report(v, child);
  chmod("closed", 0700);
  unlink("closed/program"), rmdir("closed");
  leave_directory();
}

static void case_exec_busy_text(struct verdict* v) {
  enter_directory();
  make_file("program", "x", 0755);
  const int fd = open("program", O_WRONLY);
  say(v, "%s", exec_outcome("./program"));
  close(fd);
  say(v, "writing to this program %s", outcome(open(own_path(), O_WRONLY)));
  say(v, "cutting it %s", outcome(truncate(own_path(), 0)));
  unlink("program");
  leave_directory();
}

static const struct conformance_case cases[] = {
    {"exec_arguments", case_exec_arguments},
    {"exec_environment", case_exec_environment},
    {"exec_empty_argv", case_exec_empty_argv},
    {"exec_no_environment", case_exec_no_environment},
    {"exec_signals", case_exec_signals},
    {"exec_closes_marked", case_exec_closes_marked},
    {"exec_keeps_identity", case_exec_keeps_identity},
    {"exec_failure_changes_nothing", case_exec_failure_changes_nothing},
    {"exec_missing", case_exec_missing},
    {"exec_not_executable", case_exec_not_executable},
    {"exec_bad_format", case_exec_bad_format},
    {"exec_path_errors", case_exec_path_errors},
    {"exec_bad_addresses", case_exec_bad_addresses},
    {"exec_string_too_long", case_exec_string_too_long},
    {"exec_list_too_long", case_exec_list_too_long},
    {"exec_search_permission", case_exec_search_permission},
    {"exec_busy_text", case_exec_busy_text},
};

CONFORMANCE_MAIN(cases)
