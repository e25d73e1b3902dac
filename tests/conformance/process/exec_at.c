// execveat(2), fexecve(3), posix_spawn(3).
#include <spawn.h>

#include "support.h"

extern char** environ;

static char self[256];
static const char* own_path(void) {
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length < 0 ? 0 : length] = 0;
  return self;
}

// Under exec this program ends here with the code that it is told.
__attribute__((constructor)) static void play_role(void) {
  const char* const code = getenv("EXIT_CODE");
  if (!code) return;
  if (strcmp(code, "group") == 0) _exit(getpgrp() == getpid() ? 11 : 12);
  if (strcmp(code, "session") == 0) _exit(getsid(0) == getpid() ? 13 : 14);
  if (strcmp(code, "mask") == 0) {
    sigset_t mask;
    struct sigaction action;
    sigprocmask(SIG_BLOCK, NULL, &mask);
    sigaction(SIGUSR2, NULL, &action);
    _exit(sigismember(&mask, SIGUSR1) * 2 + (action.sa_handler == SIG_DFL));
  }
  if (strcmp(code, "descriptors") == 0) {
    _exit((fcntl(30, F_GETFD) >= 0) + 2 * (fcntl(31, F_GETFD) >= 0) + 4 * (fcntl(32, F_GETFD) >= 0));
  }
  _exit(atoi(code));
}

static char* const arguments[] = {"first", NULL};
static char* const told[] = {"EXIT_CODE=42", NULL};

static int exec_at(int directory, const char* path, int flags) {
  return (int)syscall(SYS_execveat, directory, path, arguments, told, flags);
}

static const char* exec_at_text(int directory, const char* path, int flags) {
  const pid_t child = fork();
  if (child == 0) _exit(exec_at(directory, path, flags) < 0 ? 100 + errno % 100 : 0);
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) >= 100) return strerrorname_np(WEXITSTATUS(status) - 100);
  return status_text(status);
}

static void case_execveat_absolute(struct verdict* v) { say(v, "%s", exec_at_text(-1, own_path(), 0)); }

static void case_execveat_relative(struct verdict* v) {
  char folder[256];
  strcpy(folder, own_path());
  char* const slash = strrchr(folder, '/');
  *slash = 0;
  const int directory = open(folder, O_RDONLY | O_DIRECTORY);
  say(v, "%s", exec_at_text(directory, slash + 1, 0));
  say(v, "%s", exec_at_text(directory, "missing", 0));
}

static void case_execveat_empty_path(struct verdict* v) {
  const int fd = open(own_path(), O_RDONLY);
  say(v, "%s", exec_at_text(fd, "", AT_EMPTY_PATH));
  say(v, "%s", exec_at_text(fd, "", 0));
  const int path_only = open(own_path(), O_PATH);
  say(v, "%s", exec_at_text(path_only, "", AT_EMPTY_PATH));
  const int closing = open(own_path(), O_RDONLY | O_CLOEXEC);
  say(v, "%s", exec_at_text(closing, "", AT_EMPTY_PATH));
}

static void case_execveat_errors(struct verdict* v) {
  const int fd = open(own_path(), O_RDONLY);
  say(v, "descriptor %s", exec_at_text(-1, "name", 0));
  say(v, "no directory %s", exec_at_text(fd, "name", 0));
  say(v, "flags %s", exec_at_text(AT_FDCWD, own_path(), 0x4000));
  say(v, "closed %s", exec_at_text(-1, "", AT_EMPTY_PATH));
}

static void case_execveat_nofollow(struct verdict* v) {
  enter_directory();
  if (symlink(own_path(), "link")) abort();
  say(v, "%s %s", exec_at_text(AT_FDCWD, "link", 0), exec_at_text(AT_FDCWD, "link", AT_SYMLINK_NOFOLLOW));
  unlink("link");
  leave_directory();
}

static void case_execveat_script_by_closing_descriptor(struct verdict* v) {
  enter_directory();
  char line[300];
  snprintf(line, sizeof line, "#!%s\n", own_path());
  make_file("script", line, 0755);
  const int open_on = open("script", O_RDONLY);
  const int closing = open("script", O_RDONLY | O_CLOEXEC);
  say(v, "%s %s", exec_at_text(open_on, "", AT_EMPTY_PATH), exec_at_text(closing, "", AT_EMPTY_PATH));
  unlink("script");
  leave_directory();
}

static void case_fexecve(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    fexecve(open(own_path(), O_RDONLY), arguments, told);
    _exit(1);
  }
  say(v, "%s", wait_text(child));
  const int directory = open("/", O_RDONLY);
  say(v, "%s %s", outcome(fexecve(directory, arguments, told)), outcome(fexecve(-1, arguments, told)));
}

// --- posix_spawn ----------------------------------------------------------------------

static void spawn(struct verdict* v, const char* role, const posix_spawn_file_actions_t* actions,
                  const posix_spawnattr_t* attributes) {
  char word[40];
  snprintf(word, sizeof word, "EXIT_CODE=%s", role);
  char* const environment[] = {word, NULL};
  pid_t child = 0;
  const int error = posix_spawn(&child, own_path(), actions, attributes, arguments, environment);
  say(v, "%s", error ? outcome_of(error) : wait_text(child));
}

static void case_spawn(struct verdict* v) { spawn(v, "42", NULL, NULL); }

static void case_spawn_missing(struct verdict* v) {
  pid_t child = 0;
  say(v, "%s", outcome_of(posix_spawn(&child, "/nowhere", NULL, NULL, arguments, environ)));
  say(v, "children %s", outcome(waitpid(-1, NULL, 0)));
}

static void case_spawn_group(struct verdict* v) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  spawn(v, "group", NULL, &attributes);
  spawn(v, "group", NULL, NULL);
}

static void case_spawn_session(struct verdict* v) {
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  spawn(v, "session", NULL, &attributes);
  spawn(v, "session", NULL, NULL);
}

static void case_spawn_signals(struct verdict* v) {
  catch_signal(SIGUSR2, SIG_IGN, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const sigset_t mask = set_of(SIGUSR1), defaults = set_of(SIGUSR2);
  posix_spawnattr_setsigmask(&attributes, &mask);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  spawn(v, "mask", NULL, NULL);
  spawn(v, "mask", NULL, &attributes);
}

static void case_spawn_file_actions(struct verdict* v) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 30, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, 30, 31);
  posix_spawn_file_actions_adddup2(&actions, 30, 32);
  posix_spawn_file_actions_addclose(&actions, 30);
  spawn(v, "descriptors", &actions, NULL);
  posix_spawn_file_actions_addopen(&actions, 33, "/nowhere", O_RDONLY, 0);
  spawn(v, "descriptors", &actions, NULL);
}

static void case_spawn_directory(struct verdict* v) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addchdir_np(&actions, "/nowhere");
  spawn(v, "1", &actions, NULL);
}

static void case_spawn_path_search(struct verdict* v) {
  enter_directory();
  if (symlink(own_path(), "program")) abort();
  setenv("PATH", own_directory, 1);
  pid_t child = 0;
  const int error = posix_spawnp(&child, "program", NULL, NULL, arguments, told);
  say(v, "%s", error ? outcome_of(error) : wait_text(child));
  say(v, "%s", outcome_of(posix_spawnp(&child, "absent", NULL, NULL, arguments, told)));
  unlink("program");
  leave_directory();
}

static const struct conformance_case cases[] = {
    {"execveat_absolute", case_execveat_absolute},
    {"execveat_relative", case_execveat_relative},
    {"execveat_empty_path", case_execveat_empty_path},
    {"execveat_errors", case_execveat_errors},
    {"execveat_nofollow", case_execveat_nofollow},
    {"execveat_script_by_closing_descriptor", case_execveat_script_by_closing_descriptor},
    {"fexecve", case_fexecve},
    {"spawn", case_spawn},
    {"spawn_missing", case_spawn_missing},
    {"spawn_group", case_spawn_group},
    {"spawn_session", case_spawn_session},
    {"spawn_signals", case_spawn_signals},
    {"spawn_file_actions", case_spawn_file_actions},
    {"spawn_directory", case_spawn_directory},
    {"spawn_path_search", case_spawn_path_search},
};

CONFORMANCE_MAIN(cases)
