// posix_memalign: blocks that start at a multiple of a power of two.
// Arguments: none. Binds: none.
#include "guest.h"

int main(void) {
  for (size_t alignment = sizeof(void*); alignment <= 1 << 20; alignment *= 2) {
    void* block = NULL;
    int error = posix_memalign(&block, alignment, 100);
    if (error) die("posix_memalign gave %d", error);
    memset(block, 0x5a, 100);
    printf("%7zu: aligned: %s\n", alignment, yes_no((uintptr_t)block % alignment == 0));
    free(block);
  }
  void* block = NULL;
  printf("3 is not a power of two: %s\n", yes_no(posix_memalign(&block, 3, 100) == EINVAL));
  printf("nor a multiple of a pointer's size: %s\n", yes_no(posix_memalign(&block, 2, 100) == EINVAL));
  return 0;
}
