// Process groups and sessions as a program sees them that a shell started: it
// leads a group, and no session. Jobs are stopped and go on; one whose starter
// ends while it is stopped is hung up.
// Arguments: none ("pause" is for itself). Binds: none.
#include <fcntl.h>
#include <signal.h>

#include "guest.h"

static int notes;  // where handlers and orphans write single letters

static void result(const char* what, long value) {
  printf("%-44s %s\n", what, value < 0 ? strerrorname_np(errno) : "ok");
}

static void note(char letter) {
  if (write(notes, &letter, 1) != 1) _exit(99);
}

static void on_signal(int signal) { note(signal == SIGHUP ? 'H' : 'C'); }

// A pipe whose reading end comes back; children write to `notes`.
static int open_notes(void) {
  int ends[2];
  if (pipe(ends) < 0) die("pipe");
  notes = ends[1];
  return ends[0];
}

// All that was noted until the last writer has gone.
static void print_notes(const char* what, int from) {
  char text[64];
  size_t used = 0;
  close(notes);
  for (ssize_t got; used < sizeof text - 1 && (got = read(from, text + used, 1)) > 0;) used += got;
  close(from);
  text[used] = 0;
  printf("%-44s \"%s\"\n", what, text);
}

static void own_names(void) {
  printf("leads its group: %s, its session: %s\n", yes_no(getpgrp() == getpid()), yes_no(getsid(0) == getpid()));
  result("setsid by a group's leader", setsid());
  result("setpgid to the group it leads", setpgid(0, 0));
  result("setpgid, negative group", setpgid(0, -5));
  result("setpgid of a stranger", setpgid(getppid(), 0));
  result("getsid of the parent", getsid(getppid()));
  result("getpgid of nobody", getpgid(999999));
}

static void a_new_session(void) {
  pid_t child = fork_flushed();
  if (child == 0) {
    printf("a child is in the group: %s\n", yes_no(getpgrp() == getppid()));
    result("setsid by a child", setsid());
    printf("leads its group: %s, its session: %s\n", yes_no(getpgrp() == getpid()), yes_no(getsid(0) == getpid()));
    result("setsid again", setsid());
    result("setpgid by a session's leader", setpgid(0, 0));
    result("setpgid to a group of another session", setpgid(0, getppid()));
    fflush(stdout);
    _exit(0);
  }
  wait_for(child);
}

static pid_t sleeper(void) {
  pid_t child = fork_flushed();
  if (child == 0) {
    for (;;) pause();
  }
  return child;
}

static void end(pid_t child) {
  kill(child, SIGKILL);
  wait_for(child);
}

static void groups_of_children(char* program) {
  pid_t one = sleeper(), two = sleeper();
  result("a child gets a group of its own", setpgid(one, 0));
  result("a second one joins it", setpgid(two, one));
  printf("both are in it: %s\n", yes_no(getpgid(one) == one && getpgid(two) == one));
  result("a group that is not there", setpgid(two, 999999));
  result("signal 0 to the group", kill(-one, 0));
  end(one);
  end(two);
  result("signal 0 to the group afterwards", kill(-one, 0));

  int ready[2];
  if (pipe2(ready, O_CLOEXEC) < 0) die("pipe2");
  pid_t other = fork_flushed();
  if (other == 0) {
    char* const arguments[] = {program, "pause", NULL};
    execv(program, arguments);
    _exit(127);
  }
  close(ready[1]);
  char byte;
  if (read(ready[0], &byte, 1) != 0) die("read");  // closed by its exec
  close(ready[0]);
  result("a child that runs another program", setpgid(other, 0));
  end(other);
}

static void stop_and_go(void) {
  int status;
  pid_t child = fork_flushed();
  if (child == 0) {
    setpgid(0, 0);
    raise(SIGTSTP);
    _exit(7);
  }
  if (waitpid(child, &status, WUNTRACED) != child) die("waitpid");
  printf("a job stops by SIGTSTP: %s\n", yes_no(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTSTP));
  kill(child, SIGCONT);
  printf("and ends with %d\n", wait_for(child));
}

// A middle process starts a job in a group of its own, sees it stop, and ends.
static void orphan(int with_handlers) {
  int from = open_notes();
  pid_t middle = fork_flushed();
  if (middle == 0) {
    close(from);
    pid_t job = fork();
    if (job == 0) {
      setpgid(0, 0);
      if (with_handlers) {
        signal(SIGHUP, on_signal);
        signal(SIGCONT, on_signal);
      }
      note('s');
      raise(SIGSTOP);
      note('g');
      raise(SIGTSTP);  // nobody could start it again: without effect
      note('e');
      _exit(0);
    }
    int status;
    if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status)) _exit(1);
    _exit(0);
  }
  printf("the middle process ends with %d\n", wait_for(middle));
  print_notes(with_handlers ? "an orphan with handlers" : "an orphan without", from);
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "pause") == 0) {
    for (;;) pause();
  }
  own_names();
  a_new_session();
  groups_of_children(argv[0]);
  stop_and_go();
  orphan(1);
  orphan(0);
  return 0;
}
