// The heap's end: brk and sbrk. New memory is zero, also where old memory was
// given back before.
// Arguments: [PAGES = 40]. Binds: none.
#include "guest.h"

static int all_zero(const unsigned char* bytes, size_t length) {
  for (size_t i = 0; i < length; ++i)
    if (bytes[i]) return 0;
  return 1;
}

int main(int argc, char** argv) {
  size_t page = sysconf(_SC_PAGESIZE), length = number_argument(argc, argv, 1, 40) * page + 123;
  setvbuf(stdout, NULL, _IONBF, 0);  // no buffer on the heap while it moves
  unsigned char* start = sbrk(0);
  unsigned char* block = sbrk((intptr_t)length);
  printf("sbrk gives the old end: %s\n", yes_no(block == start));
  printf("the end has moved: %s\n", yes_no((unsigned char*)sbrk(0) == start + length));
  printf("new memory is zero: %s\n", yes_no(all_zero(block, length)));
  memset(block, 0xaa, length);
  printf("it can be written: %s\n", yes_no(block[0] == 0xaa && block[length - 1] == 0xaa));
  printf("half is given back: %s\n",
         yes_no(brk(start + length / 2) == 0 && (unsigned char*)sbrk(0) == start + length / 2));
  printf("the lower half stays: %s\n", yes_no(block[0] == 0xaa && block[length / 2 - 1] == 0xaa));
  printf("and taken again: %s\n", yes_no(brk(start + length) == 0));
  size_t whole = ((uintptr_t)(block + length / 2) + page - 1) / page * page - (uintptr_t)block;
  printf("its whole pages are zero again: %s\n", yes_no(all_zero(block + whole, length - whole)));
  errno = 0;
  printf("a huge step is refused: %s\n", yes_no(sbrk((intptr_t)1 << 60) == (void*)-1 && errno == ENOMEM));
  printf("and changes nothing: %s\n", yes_no((unsigned char*)sbrk(0) == start + length));
  pid_t child = fork_flushed();
  if (child == 0) {
    if (sbrk((intptr_t)(3 * page)) == (void*)-1) _exit(1);
    block[0] = 1;
    _exit(0);
  }
  printf("a child moves its own end: %s\n", yes_no(wait_for(child) == 0));
  printf("and not this one: %s\n", yes_no((unsigned char*)sbrk(0) == start + length && block[0] == 0xaa));
  return 0;
}
