// Who dies when memory is full: a large process of which nearly all lies on
// swap, or a small one that uses its pages all the time.
// Arguments: pages of the small one (250).
#include <signal.h>
#include <sys/mman.h>

#include "guest.h"

static char* map(size_t bytes) {
  char* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) die("mmap");
  return at;
}

int main(int argc, char** argv) {
  const size_t page = sysconf(_SC_PAGESIZE);
  const size_t pages = number_argument(argc, argv, 1, 250);
  const pid_t small = fork_flushed();
  if (small == 0) {
    char* at = map(pages * page);
    for (;;) {
      for (size_t i = 0; i < pages; ++i) at[i * page]++;
    }
  }
  const pid_t large = fork_flushed();
  if (large == 0) {
    for (;;) {
      char* at = map(64 * page);
      for (size_t i = 0; i < 64; ++i) at[i * page] = 1;
    }
  }
  int status = 0;
  const pid_t first = wait(&status);
  printf("the first to end: the %s one, by signal %d\n", first == small ? "small" : "large", WTERMSIG(status));
  kill(first == small ? large : small, SIGKILL);
  wait(NULL);
  return 0;
}
