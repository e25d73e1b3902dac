// The page size, asked for in three ways and measured in a fourth.
// Arguments: none. Binds: none.
#include <sys/auxv.h>
#include <sys/mman.h>

#include "guest.h"

int main(void) {
  size_t size = sysconf(_SC_PAGESIZE);
  printf("a power of two: %s\n", yes_no(size && (size & (size - 1)) == 0));
  printf("getpagesize agrees: %s\n", yes_no((size_t)getpagesize() == size));
  printf("AT_PAGESZ agrees: %s\n", yes_no(getauxval(AT_PAGESZ) == size));
  char* page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) die("mmap");
  printf("a mapping starts at a multiple of it: %s\n", yes_no((uintptr_t)page % size == 0));
  page[size - 1] = 1;
  printf("a mapping of one byte is a whole page: %s\n", yes_no(page[size - 1] == 1));
  printf("mprotect inside a page is refused: %s\n",
         yes_no(mprotect(page + size / 2, 1, PROT_READ) == -1 && errno == EINVAL));
  return 0;
}
