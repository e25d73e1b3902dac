// A process and its child hand a byte to and fro through two pipes, and each
// touches some pages of its own before it hands it on: every switch is one
// between address spaces, with a working set to find again.
// Arguments: [ROUNDS = 100] [PAGES = 8]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

static uint64_t touch(volatile unsigned char* pages, size_t count, size_t size) {
  uint64_t sum = 0;
  for (size_t i = 0; i < count; ++i) sum += (uint64_t)++pages[i * size];
  return sum;
}

// Takes the byte from one pipe, works, and hands it to the other.
static uint64_t play(int from, int to, uint64_t rounds, unsigned char* pages, size_t count, size_t size) {
  uint64_t sum = 0;
  char byte;
  for (uint64_t i = 0; i < rounds; ++i) {
    if (read(from, &byte, 1) != 1) die("read");
    sum += touch(pages, count, size);
    if (write(to, &byte, 1) != 1) die("write");
  }
  return sum;
}

int main(int argc, char** argv) {
  uint64_t rounds = number_argument(argc, argv, 1, 100);
  size_t count = number_argument(argc, argv, 2, 8), size = (size_t)sysconf(_SC_PAGESIZE);
  unsigned char* pages = mmap(NULL, count * size + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED) die("mmap");
  int there[2], back[2];
  if (pipe(there) < 0 || pipe(back) < 0) die("pipe");
  pid_t child = fork_flushed();
  if (child == 0) {
    play(there[0], back[1], rounds, pages, count, size);
    exit(0);
  }
  char byte = 'x';
  if (write(there[1], &byte, 1) != 1) die("write");
  uint64_t sum = rounds > 1 ? play(back[0], there[1], rounds - 1, pages, count, size) : 0;
  if (read(back[0], &byte, 1) != 1) die("read");
  printf("child %d, byte %c, sum %llu\n", wait_for(child), byte, (unsigned long long)sum);
  return 0;
}
