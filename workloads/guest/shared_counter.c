// A counter shared between parent and child in shared anonymous memory: they
// take turns over two pipes, and both see every step.
// Arguments: [STEPS = 20]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

static void pass_turn(int fd) {
  if (write(fd, "t", 1) != 1) die("write");
}

static void take_turn(int fd) {
  char token;
  if (read(fd, &token, 1) != 1) die("read");
}

int main(int argc, char** argv) {
  int steps = (int)number_argument(argc, argv, 1, 20);
  int to_child[2], to_parent[2];
  volatile int* counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (counter == MAP_FAILED) die("mmap");
  if (pipe(to_child) < 0 || pipe(to_parent) < 0) die("pipe");

  pid_t child = fork_flushed();
  if (child == 0) {
    int expected = 1, right = 1;
    for (int i = 0; i < steps; ++i) {
      take_turn(to_child[0]);
      right &= *counter == expected;
      *counter += 1;
      expected += 2;
      pass_turn(to_parent[1]);
    }
    exit(right ? 0 : 1);
  }
  int right = 1;
  for (int i = 0; i < steps; ++i) {
    right &= *counter == 2 * i;
    *counter += 1;
    pass_turn(to_child[1]);
    take_turn(to_parent[0]);
  }
  printf("the child saw every step of the parent: %s\n", yes_no(wait_for(child) == 0));
  printf("the parent saw every step of the child: %s\n", yes_no(right));
  printf("the counter ends at %d\n", *counter);
  return 0;
}
