// Many processes at once, or many areas in one: what grows with their number?
// Arguments: processes [COUNT = 50] | areas [COUNT = 1000]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

// All children live until the last has been made: they wait for the end of a pipe.
static void processes(uint64_t count) {
  int ends[2];
  if (pipe(ends) != 0) die("pipe");
  uint64_t made = 0, ended = 0;
  for (; made < count; ++made) {
    if (fork_flushed() != 0) continue;
    char byte;
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
  }
  close(ends[0]);
  close(ends[1]);
  for (int status; wait(&status) > 0;) ended += status == 0;
  printf("%llu processes, %llu ended well\n", (unsigned long long)made, (unsigned long long)ended);
}

// Every other page may be written only, so that each page is an area; one fault in each.
static void areas(uint64_t count) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  unsigned char* area =
      mmap(NULL, count * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (area == MAP_FAILED) die("mmap");
  for (uint64_t i = 0; i < count; i += 2) {
    if (mprotect(area + i * page, page, PROT_READ) != 0) die("mprotect of page %llu", (unsigned long long)i);
  }
  uint64_t sum = 0;
  for (uint64_t i = 0; i < count; ++i) {
    if (i % 2 != 0) area[i * page] = 1;
    sum += area[i * page];
  }
  printf("%llu areas, %llu written\n", (unsigned long long)count, (unsigned long long)sum);
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "areas") == 0) {
    areas(number_argument(argc, argv, 2, 1000));
  } else {
    processes(number_argument(argc, argv, 2, 50));
  }
  return 0;
}
