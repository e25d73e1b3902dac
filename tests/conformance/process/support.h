// What the cases of this folder share: errors and exit statuses by name, files
// of their own, children that end as told.
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../case.h"

// "ok", or the name of errno.
static inline const char* outcome(long answer) { return answer >= 0 ? "ok" : strerrorname_np(errno); }

// The same for calls that answer the error itself.
static inline const char* outcome_of(int error) { return error == 0 ? "ok" : strerrorname_np(error); }

static inline const char* signal_text(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name ? name : "?";
}

// A wait status in words.
static inline const char* status_text(int status) {
  static char text[64];
  if (WIFEXITED(status)) snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
  if (WIFSIGNALED(status)) snprintf(text, sizeof text, "killed %s", signal_text(WTERMSIG(status)));
  if (WIFSTOPPED(status)) snprintf(text, sizeof text, "stopped %s", signal_text(WSTOPSIG(status)));
  if (WIFCONTINUED(status)) snprintf(text, sizeof text, "continued");
  return text;
}

static inline const char* wait_text(pid_t child) {
  int status = 0;
  return waitpid(child, &status, 0) == child ? status_text(status) : outcome(-1);
}

// A child that ends at once with the code.
static inline pid_t child_that_exits(int code) {
  const pid_t child = fork();
  if (child == 0) _exit(code);
  return child;
}

// A child that lives until it is killed.
static inline pid_t child_that_waits(void) {
  const pid_t child = fork();
  while (child == 0) pause();
  return child;
}

static inline void end_child(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

// Into a directory of this case's own, which `leave_directory` removes.
static char own_directory[64];
static inline void enter_directory(void) {
  strcpy(own_directory, "/tmp/processXXXXXX");
  if (!mkdtemp(own_directory) || chdir(own_directory) != 0) abort();
}
static inline void leave_directory(void) {
  if (chdir("/") == 0) rmdir(own_directory);
}

static inline void make_file(const char* name, const char* text, mode_t mode) {
  const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
  if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) != 0) abort();
  close(fd);
}

// Somebody without privileges, so that permissions count.
static inline void become_user(void) {
  if (geteuid() != 0) return;
  if (setresgid(1000, 1000, 1000) != 0 || setresuid(1000, 1000, 1000) != 0) abort();
}

static inline void sleep_milliseconds(long count) {
  const struct timespec time = {count / 1000, count % 1000 * 1000000};
  nanosleep(&time, NULL);
}

static inline void catch_signal(int signal, void (*handler)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  sigaction(signal, &action, NULL);
}

static inline sigset_t set_of(int signal) {
  sigset_t set;
  sigemptyset(&set);
  if (signal != 0) sigaddset(&set, signal);
  return set;
}

static inline void block_signal(int signal) {
  const sigset_t set = set_of(signal);
  sigprocmask(SIG_BLOCK, &set, NULL);
}

static inline void unblock_signal(int signal) {
  const sigset_t set = set_of(signal);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
}
