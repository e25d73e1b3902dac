// A large process forks, and the child becomes a small program at once: the
// pages need not be copied.
// Arguments: [MIB = 48] (it gives itself "child"). Binds: none.
#include <sys/mman.h>

#include "guest.h"

static uint64_t fill(uint64_t* memory, size_t words) {
  uint64_t sum = 0;
  for (size_t i = 0; i < words; i += 64) sum += memory[i] = i * 2654435761u + 1;
  return sum;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "child") == 0) {
    puts("child: running");
    return 7;
  }
  size_t bytes = number_argument(argc, argv, 1, 48) << 20, words = bytes / sizeof(uint64_t);
  uint64_t* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  uint64_t before = fill(memory, words), after = 0;
  pid_t child = fork_flushed();
  if (child == 0) {
    char* arguments[] = {argv[0], "child", NULL};
    execv(argv[0], arguments);
    _exit(127);
  }
  printf("parent: the child left with %d\n", wait_for(child));
  for (size_t i = 0; i < words; i += 64) after += memory[i];
  printf("parent: the memory is as it was: %s\n", yes_no(before == after));
  return 0;
}
