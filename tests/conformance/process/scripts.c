// Scripts with #!: execve(2).
#include "exec_report.h"

__attribute__((constructor)) static void play_role(int count, char** arguments) {
  const char* const role = getenv("EXEC_ROLE");
  if (!role) return;
  if (strcmp(role, "arguments") == 0) report_arguments(count, arguments);
  _exit(7);
}

static const char* exec_outcome(const char* path) {
  char* const two[] = {"first", "second", NULL};
  return outcome(execve(path, two, NULL));
}

static char* const two[] = {"first", "second", NULL};

static void make_script(const char* name, const char* argument) {
  char line[400];
  snprintf(line, sizeof line, "#!%s%s\nrest\n", own_path(), argument);
  make_file(name, line, 0755);
}

static void case_exec_script(struct verdict* v) {
  enter_directory();
  make_script("script", "");
  run_role(v, "./script", two, "arguments");
  char* const none[] = {NULL};
  run_role(v, "./script", none, "arguments");
  unlink("script");
  leave_directory();
}

static void case_exec_script_argument(struct verdict* v) {
  enter_directory();
  make_script("script", "  -one and two  ");
  run_role(v, "./script", two, "arguments");
  unlink("script");
  leave_directory();
}

static void case_exec_script_of_script(struct verdict* v) {
  enter_directory();
  char line[300];
  make_script("s0", " x");
  for (int i = 1; i < 7; ++i) {
    char name[8];
    snprintf(line, sizeof line, "#!%s/s%d\n", own_directory, i - 1);
    snprintf(name, sizeof name, "s%d", i);
    make_file(name, line, 0755);
  }
  for (int i = 1; i < 7; ++i) {
    char name[8];
    snprintf(name, sizeof name, "./s%d", i);
    run_role(v, name, two, "arguments");
  }
  for (int i = 0; i < 7; ++i) {
    char name[8];
    snprintf(name, sizeof name, "s%d", i);
    unlink(name);
  }
  leave_directory();
}

static void case_exec_script_interpreter_missing(struct verdict* v) {
  enter_directory();
  make_file("gone", "#!/nowhere/interpreter\n", 0755);
  make_file("plain", "text", 0644);
  make_file("refused", "#!plain\n", 0755);
  make_file("directory", "#!/tmp\n", 0755);
  make_file("unreadable", "#! /dev/null\n", 0755);
  say(v, "%s %s %s %s", exec_outcome("./gone"), exec_outcome("./refused"), exec_outcome("./directory"),
      exec_outcome("./unreadable"));
  unlink("gone"), unlink("plain"), unlink("refused"), unlink("directory"), unlink("unreadable");
  leave_directory();
}

static void case_exec_script_long_line(struct verdict* v) {
  enter_directory();
  char line[700];
  const int used = snprintf(line, sizeof line, "#!%s ", own_path());
  memset(line + used, 'a', 400);
  strcpy(line + used + 400, "\n");
  make_file("argument", line, 0755);
  memset(line + 2, 'p', 400);
  line[402] = '\n', line[403] = 0;
  make_file("name", line, 0755);
  const pid_t child = begin_report();
  if (child == 0) {
    char* const environment[] = {"EXEC_ROLE=silent", NULL};
    execve("./argument", two, environment);
    _exit(1);
  }
  end_report(v, child);
  say(v, "%s", exec_outcome("./name"));
  unlink("argument"), unlink("name");
  leave_directory();
}

static void case_exec_script_without_newline(struct verdict* v) {
  enter_directory();
  char line[300];
  snprintf(line, sizeof line, "#!%s x", own_path());
  make_file("script", line, 0755);
  run_role(v, "./script", two, "arguments");
  unlink("script");
  leave_directory();
}

static const struct conformance_case cases[] = {
    {"exec_script", case_exec_script},
    {"exec_script_argument", case_exec_script_argument},
    {"exec_script_of_script", case_exec_script_of_script},
    {"exec_script_interpreter_missing", case_exec_script_interpreter_missing},
    {"exec_script_long_line", case_exec_script_long_line},
    {"exec_script_without_newline", case_exec_script_without_newline},
};

CONFORMANCE_MAIN(cases)
