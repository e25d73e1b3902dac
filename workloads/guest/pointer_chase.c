// Follows a random cycle of pointers, one a page or one a line: every load
// waits for the one before, so that its time is the time of one access.
// Arguments: [KIB = 1024] [STEPS = 1000000] [STRIDE = 64 bytes]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

int main(int argc, char** argv) {
  size_t bytes = number_argument(argc, argv, 1, 1024) * 1024;
  uint64_t steps = number_argument(argc, argv, 2, 1000000);
  size_t stride = number_argument(argc, argv, 3, 64);
  if (stride < sizeof(uint64_t) || bytes < 2 * stride) die("usage: pointer_chase [KIB] [STEPS] [STRIDE]");
  size_t count = bytes / stride;
  char* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");

  // Sattolo's shuffle: a permutation that is one cycle. Each slot holds the
  // offset of the next.
  uint64_t state = 42;
  for (size_t i = 0; i < count; ++i) *(uint64_t*)(memory + i * stride) = i * stride;
  for (size_t i = count - 1; i > 0; --i) {
    size_t j = next_random(&state) % i;
    uint64_t *a = (uint64_t*)(memory + i * stride), *b = (uint64_t*)(memory + j * stride);
    uint64_t held = *a;
    *a = *b;
    *b = held;
  }
  uint64_t at = 0;
  size_t round = 0;
  for (uint64_t step = 0; step < steps; ++step) {
    at = *(volatile uint64_t*)(memory + at);
    round += at == 0;
  }
  printf("%zu pointers, %llu steps, %zu times through the start, rest at %llu\n", count, (unsigned long long)steps,
         round, (unsigned long long)(at / stride));
  return 0;
}
