// Writes every word of a memory larger than the machine's, pages in random
// order, then reads it back twice in other random orders and checks every
// byte. What comes back wrong is counted.
// Arguments: [MIB = 8] [SEED = 1]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

static void shuffle(uint32_t* order, size_t count, uint64_t* state) {
  for (size_t i = count - 1; i > 0; --i) {
    size_t j = next_random(state) % (i + 1);
    uint32_t held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
}

// What word number i must hold: no two alike, and no byte constant.
static inline uint64_t content(uint64_t i, uint64_t seed) { return (i + seed) * 0x9E3779B97F4A7C15ull; }

int main(int argc, char** argv) {
  size_t bytes = number_argument(argc, argv, 1, 8) << 20;
  uint64_t seed = number_argument(argc, argv, 2, 1);
  size_t page = sysconf(_SC_PAGESIZE), pages = bytes / page, words = page / sizeof(uint64_t);
  uint64_t state = seed * 2 + 1, wrong = 0;
  uint64_t* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  uint32_t* order = malloc(pages * sizeof *order);
  if (!order) die("malloc");
  for (size_t i = 0; i < pages; ++i) order[i] = (uint32_t)i;

  shuffle(order, pages, &state);
  for (size_t i = 0; i < pages; ++i) {
    size_t first = order[i] * words;
    for (size_t w = first; w < first + words; ++w) memory[w] = content(w, seed);
  }
  for (int pass = 1; pass <= 2; ++pass) {
    shuffle(order, pages, &state);
    for (size_t i = 0; i < pages; ++i) {
      size_t first = order[i] * words;
      for (size_t w = first; w < first + words; ++w) wrong += memory[w] != content(w, seed);
    }
    printf("pass %d: %zu pages, %llu words wrong\n", pass, pages, (unsigned long long)wrong);
    fflush(stdout);
  }
  return wrong ? 1 : 0;
}
