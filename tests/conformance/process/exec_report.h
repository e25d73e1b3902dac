// What the cases about execve share: the program runs itself again in a role,
// and hears what the new one has to say.
#pragma once

#include "support.h"

// This program under exec does what the environment names, before main, and
// tells of it through descriptor 9.
#define REPORT 9

static char self[256];
static const char* own_path(void) {
  const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length < 0 ? 0 : length] = 0;
  return self;
}

static const char* last_part(const char* path) {
  const char* const slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int is_self(const char* name) { return strncmp(name, last_part(own_path()), 15) == 0; }

static void report_arguments(int count, char** arguments) {
  dprintf(REPORT, "%d", count);
  for (int i = 0; i < count; ++i) {
    const char* const name = last_part(arguments[i]);
    dprintf(REPORT, " [%s]", is_self(name) ? "self" : name);
  }
}

// What a child says that `run` turns into another program.
static int report_pipe[2];
static pid_t begin_report(void) {
  if (pipe(report_pipe) != 0) abort();
  const pid_t child = fork();
  if (child == 0) {
    dup2(report_pipe[1], REPORT);
    if (report_pipe[0] != REPORT) close(report_pipe[0]);
    if (report_pipe[1] != REPORT) close(report_pipe[1]);
  } else {
    close(report_pipe[1]);
  }
  return child;
}

static void end_report(struct verdict* v, pid_t child) {
  char text[512];
  size_t used = 0;
  ssize_t got;
  while ((got = read(report_pipe[0], text + used, sizeof text - 1 - used)) > 0) used += (size_t)got;
  text[used] = 0;
  close(report_pipe[0]);
  say(v, "%s", text);
  say(v, "%s", wait_text(child));
}

static void run_role(struct verdict* v, const char* path, char* const arguments[], const char* role) {
  char word[64];
  snprintf(word, sizeof word, "EXEC_ROLE=%s", role);
  char* const environment[] = {word, "WORD=value", NULL};
  const pid_t child = begin_report();
  if (child == 0) {
    execve(path, arguments, environment);
    dprintf(REPORT, "%s", outcome(-1));
    _exit(1);
  }
  end_report(v, child);
}
