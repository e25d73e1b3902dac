// One process before fork, two after it: called once, returns twice.
// Arguments: none. Binds: none.
#include "guest.h"

struct child_view {
  pid_t returned, own, parent;
  int* address_of_x;
};

int main(void) {
  int x = 1;
  int channel[2];
  pid_t before = getpid();
  printf("before fork: one process, x = %d\n", x);
  if (pipe(channel) < 0) die("pipe");

  pid_t returned = fork_flushed();
  if (returned == 0) {
    x += 1;
    struct child_view view = {returned, getpid(), getppid(), &x};
    printf("after fork, in the child: x = %d\n", x);
    fflush(stdout);
    if (write(channel[1], &view, sizeof view) != sizeof view) die("write");
    exit(0);
  }

  struct child_view view;
  if (read(channel[0], &view, sizeof view) != sizeof view) die("read");
  int status = wait_for(returned);
  x -= 1;
  printf("after fork, in the parent: x = %d\n", x);
  printf("the child exited with %d\n", status);
  printf("fork gave 0 in the child: %s\n", yes_no(view.returned == 0));
  printf("fork gave the child's pid in the parent: %s\n", yes_no(view.own == returned));
  printf("the parent's pid is as before: %s\n", yes_no(getpid() == before));
  printf("the child's pid is another: %s\n", yes_no(view.own != before));
  printf("the child's parent is the process that forked: %s\n", yes_no(view.parent == before));
  printf("x has the same address in both: %s\n", yes_no(view.address_of_x == &x));
  return 0;
}
