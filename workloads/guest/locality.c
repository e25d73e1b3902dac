// Memory used as programs use it, in four ways:
//   phases  an eighth of the memory at a time, in random order, then the next
//   hot     7 of 8 references to every eighth page, the others to any
//   scan    7 of 8 references to every eighth page, the others to one page after another
//   loop    one page after another, from the first to the last, again and again
// All of it is written once before. A reference reads 32 words of 4 KB, of which the
// first must hold how often it was counted there; one in four counts.
// Arguments: [phases|hot|scan|loop = phases] [KIB = 1024] [REFERENCES = 8192] [SEED = 1]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

enum { kCell = 4096, kWords = kCell / sizeof(uint64_t), kReads = 32, kShare = 8, kPhases = 12 };

struct pattern {
  const char* name;
  size_t (*next)(size_t i, size_t references, size_t cells, uint64_t* state);
};

static size_t in_phases(size_t i, size_t references, size_t cells, uint64_t* state) {
  size_t share = cells / kShare, phase = i * kPhases / references;
  return phase % kShare * share + next_random(state) % share;
}

static size_t hot_cell(size_t cells, uint64_t* state) { return next_random(state) % (cells / kShare) * kShare; }

static size_t hot_and_cold(size_t i, size_t references, size_t cells, uint64_t* state) {
  (void)i, (void)references;
  return next_random(state) % 8 == 0 ? next_random(state) % cells : hot_cell(cells, state);
}

static size_t hot_and_scan(size_t i, size_t references, size_t cells, uint64_t* state) {
  (void)references;
  return i % 8 == 0 ? i / 8 % cells : hot_cell(cells, state);
}

static size_t in_a_loop(size_t i, size_t references, size_t cells, uint64_t* state) {
  (void)references, (void)state;
  return i % cells;
}

static const struct pattern kPatterns[] = {
    {"phases", in_phases}, {"hot", hot_and_cold}, {"scan", hot_and_scan}, {"loop", in_a_loop}};

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "phases";
  size_t cells = number_argument(argc, argv, 2, 1024) * 1024 / kCell;
  size_t references = number_argument(argc, argv, 3, 8192);
  uint64_t state = number_argument(argc, argv, 4, 1) * 2 + 1;
  const struct pattern* pattern = NULL;
  for (size_t i = 0; i < sizeof kPatterns / sizeof *kPatterns; ++i)
    if (strcmp(name, kPatterns[i].name) == 0) pattern = &kPatterns[i];
  if (!pattern || cells < kShare || references == 0) die("usage: locality phases|hot|scan|loop KIB REFERENCES SEED");
  uint64_t* memory = mmap(NULL, cells * kCell, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");

  uint32_t* counts = calloc(cells, sizeof *counts);
  if (!counts) die("calloc");

  uint64_t writes = 0, sum = 0, wrong = 0;
  for (size_t i = 0; i < cells; ++i) memory[i * kWords + 1] = i;
  for (size_t i = 0; i < references; ++i) {
    size_t number = pattern->next(i, references, cells, &state);
    uint64_t* cell = memory + number * kWords;
    wrong += cell[0] != counts[number];
    for (size_t word = 1; word <= kReads; ++word) sum += cell[word];
    if (next_random(&state) % 4 == 0) {
      cell[0] = ++counts[number];
      cell[kReads] = i;
      ++writes;
    }
  }
  printf("%s: %zu pages of 4 KB, %zu references, %llu writes, %llu wrong, sum %llx\n", name, cells, references,
         (unsigned long long)writes, (unsigned long long)wrong, (unsigned long long)sum);
  return wrong != 0;
}
