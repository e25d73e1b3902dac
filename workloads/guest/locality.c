// Memory used as programs use it, in three ways:
//   phases  a quarter of the memory at a time, in random order, then the next quarter
//   hot     7 of 8 references to the first eighth of the memory, the others anywhere
//   loop    one page after another, from the first to the last, again and again
// A reference reads 32 words of 4 KB; one in four of them counts in the first. At
// the end the counts must be as many as were made.
// Arguments: [phases|hot|loop = phases] [KIB = 1024] [REFERENCES = 8192] [SEED = 1]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

enum { kCell = 4096, kWords = kCell / sizeof(uint64_t), kReads = 32, kPhases = 8 };

struct pattern {
  const char* name;
  size_t (*next)(size_t i, size_t references, size_t cells, uint64_t* state);
};

static size_t in_phases(size_t i, size_t references, size_t cells, uint64_t* state) {
  size_t quarter = cells / 4, phase = i * kPhases / references;
  return phase % 4 * quarter + next_random(state) % quarter;
}

static size_t hot_and_cold(size_t i, size_t references, size_t cells, uint64_t* state) {
  (void)i, (void)references;
  uint64_t which = next_random(state) % 8;
  return next_random(state) % (which == 0 ? cells : cells / 8);
}

static size_t in_a_loop(size_t i, size_t references, size_t cells, uint64_t* state) {
  (void)references, (void)state;
  return i % cells;
}

static const struct pattern kPatterns[] = {{"phases", in_phases}, {"hot", hot_and_cold}, {"loop", in_a_loop}};

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "phases";
  size_t cells = number_argument(argc, argv, 2, 1024) * 1024 / kCell;
  size_t references = number_argument(argc, argv, 3, 8192);
  uint64_t state = number_argument(argc, argv, 4, 1) * 2 + 1;
  const struct pattern* pattern = NULL;
  for (size_t i = 0; i < sizeof kPatterns / sizeof *kPatterns; ++i)
    if (strcmp(name, kPatterns[i].name) == 0) pattern = &kPatterns[i];
  if (!pattern || cells < 8 || references == 0) die("usage: locality phases|hot|loop KIB REFERENCES SEED");
  uint64_t* memory = mmap(NULL, cells * kCell, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");

  uint64_t writes = 0, sum = 0, counted = 0;
  for (size_t i = 0; i < references; ++i) {
    uint64_t* cell = memory + pattern->next(i, references, cells, &state) * kWords;
    for (size_t word = 1; word <= kReads; ++word) sum += cell[word];
    if (next_random(&state) % 4 == 0) {
      ++cell[0];
      cell[kReads] = i;
      ++writes;
    }
  }
  for (size_t i = 0; i < cells; ++i) counted += memory[i * kWords];
  printf("%s: %zu pages of 4 KB, %zu references, %llu writes, all counted: %s, sum %llx\n", name, cells, references,
         (unsigned long long)writes, yes_no(counted == writes), (unsigned long long)sum);
  return counted != writes;
}
