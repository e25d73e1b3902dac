// The child leaves without writing; the parent, now the last owner of its
// pages, writes every one of them: nothing needs to be copied.
// Arguments: [PAGES = 200]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

int main(int argc, char** argv) {
  size_t pages = number_argument(argc, argv, 1, 200), size = sysconf(_SC_PAGESIZE);
  unsigned char* memory = mmap(NULL, pages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  for (size_t page = 0; page < pages; ++page) memory[page * size] = (unsigned char)page;
  pid_t child = fork_flushed();
  if (child == 0) _exit(0);
  int status = wait_for(child);
  unsigned long wrong = 0;
  for (size_t page = 0; page < pages; ++page) {
    wrong += memory[page * size] != (unsigned char)page;
    memory[page * size] = 1;
  }
  printf("child %d, %zu pages written by their last owner, %lu wrong\n", status, pages, wrong);
  return 0;
}
