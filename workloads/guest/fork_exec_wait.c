// fork, exec and wait: the child becomes another program (this one with
// arguments), the parent collects its status.
// Arguments: none (it gives itself "child N PARENT"). Binds: none.
#include "guest.h"

static int in_child(char** argv) {
  int n = atoi(argv[2]);
  printf("child %d: after exec; its parent is the one that forked: %s\n", n, yes_no(getppid() == atoi(argv[3])));
  return 10 + n;
}

int main(int argc, char** argv) {
  if (argc == 4 && strcmp(argv[1], "child") == 0) return in_child(argv);
  char parent[32];
  snprintf(parent, sizeof parent, "%d", (int)getpid());
  for (int n = 1; n <= 3; ++n) {
    pid_t child = fork_flushed();
    if (child == 0) {
      char number[16];
      snprintf(number, sizeof number, "%d", n);
      char* arguments[] = {argv[0], "child", number, parent, NULL};
      char* environment[] = {NULL};
      execve(argv[0], arguments, environment);
      die("execve %s", argv[0]);
    }
    printf("parent: child %d left with %d\n", n, wait_for(child));
  }
  pid_t child = fork_flushed();
  if (child == 0) {
    char* arguments[] = {"nothing", NULL};
    execve("./there-is-no-such-program", arguments, NULL);
    _exit(errno == ENOENT ? 127 : 1);
  }
  printf("parent: exec of a missing file ends in %d\n", wait_for(child));
  return 0;
}
