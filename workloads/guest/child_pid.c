// The variable child_pid in two processes: one name, one address, two values.
// Arguments: none. Binds: none.
#include "guest.h"

static pid_t child_pid;

int main(void) {
  for (int round = 1; round <= 3; ++round) {
    child_pid = -1;
    child_pid = fork_flushed();
    if (child_pid == 0) {
      printf("round %d, child: child_pid is %d\n", round, (int)child_pid);
      exit(round);
    }
    int status = wait_for(child_pid);
    printf("round %d, parent: child_pid is positive: %s; the child left with %d\n", round, yes_no(child_pid > 0),
           status);
  }
  errno = 0;
  pid_t none = wait(NULL);
  printf("nobody is left to wait for: %s\n", yes_no(none == -1 && errno == ECHILD));
  return 0;
}
