// One x in private memory and one in shared: the child sets both to 2, and the
// parent sees only the shared one change.
// Arguments: none. Binds: none.
#include <sys/mman.h>

#include "guest.h"

static int* map_x(int kind) {
  int* x = mmap(NULL, sizeof *x, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
  if (x == MAP_FAILED) die("mmap");
  *x = 1;
  return x;
}

int main(void) {
  int *private_x = map_x(MAP_PRIVATE), *shared_x = map_x(MAP_SHARED);
  pid_t child = fork_flushed();
  if (child == 0) {
    *private_x = 2;
    *shared_x = 2;
    printf("child: private x = %d, shared x = %d\n", *private_x, *shared_x);
    exit(0);
  }
  wait_for(child);
  printf("parent: private x = %d, shared x = %d\n", *private_x, *shared_x);
  return 0;
}
