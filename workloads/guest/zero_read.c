// Reads a large private anonymous memory that nobody ever wrote: every byte
// must be zero, and the machine needs no more than one page for it.
// Arguments: [MIB = 1024] [STRIDE = a quarter of a page]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

int main(int argc, char** argv) {
  size_t bytes = number_argument(argc, argv, 1, 1024) << 20;
  size_t stride = number_argument(argc, argv, 2, sysconf(_SC_PAGESIZE) / 4);
  if (stride == 0) die("usage: zero_read [MIB] [STRIDE]");
  const unsigned char* memory =
      mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  uint64_t reads = 0;
  unsigned char seen = 0;
  for (size_t at = 0; at < bytes; at += stride, ++reads) seen |= *(const volatile unsigned char*)(memory + at);
  printf("%llu reads, all zero: %s\n", (unsigned long long)reads, yes_no(seen == 0));
  return seen ? 1 : 0;
}
