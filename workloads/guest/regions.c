// Regions of interest: walks pages of memory, first to warm up, then within the
// marks of faultline.h.
// Arguments: [MODE = loop] [PAGES = 8] [ROUNDS = 1000]. Binds: none. Modes:
//   loop      one region: ROUNDS over PAGES pages that were all walked before
//   warmup    the same by faultline_warmup_end, to the end of the run
//   twice     two regions, with a walk over other pages between them
//   none      the work without a mark
//   unpaired  ends before the first begin, begins within the region
//   storm     ROUNDS x a region with nothing in it
//   fork      a child marks, too
#include <sys/mman.h>

#include "../include/faultline.h"
#include "guest.h"

static size_t pages, page_bytes;

// Reads and writes one word of each page.
__attribute__((noinline)) static uint64_t walk(volatile uint64_t* memory, uint64_t rounds) {
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round)
    for (size_t page = 0; page < pages; ++page) sum += ++memory[page * page_bytes / sizeof(uint64_t)];
  return sum;
}

static void* new_pages(void) {
  void* memory = mmap(NULL, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  return memory;
}

// `marked`: the second time round, when code, stack and pages are where they will be.
__attribute__((noinline)) static uint64_t work(volatile uint64_t* memory, uint64_t rounds, int marked) {
  if (marked) faultline_region_begin();
  uint64_t sum = walk(memory, rounds);
  if (marked) faultline_region_end();
  return sum;
}

static void storm(uint64_t rounds) {
  for (uint64_t round = 0; round < rounds; ++round) {
    faultline_region_begin();
    faultline_region_end();
  }
}

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "loop";
  pages = number_argument(argc, argv, 2, 8);
  uint64_t rounds = number_argument(argc, argv, 3, 1000);
  page_bytes = (size_t)sysconf(_SC_PAGESIZE);
  volatile uint64_t* memory = new_pages();
  uint64_t sum = 0;
  if (strcmp(mode, "loop") == 0) {
    sum = work(memory, 2, 0) + work(memory, rounds, 1);
  } else if (strcmp(mode, "none") == 0) {
    sum = work(memory, 2, 0) + work(memory, rounds, 0);
  } else if (strcmp(mode, "warmup") == 0) {
    sum = work(memory, 2, 1);
    faultline_warmup_end();
    sum += walk(memory, rounds);
  } else if (strcmp(mode, "twice") == 0) {
    sum = work(memory, rounds, 1);
    sum += work(new_pages(), rounds, 0);
    sum += work(memory, rounds, 1);
  } else if (strcmp(mode, "unpaired") == 0) {
    faultline_region_end();
    faultline_region_end();
    sum = work(memory, 2, 0);
    faultline_region_begin();
    sum += work(memory, rounds, 1);  // its begin is the second, its end the first
    faultline_region_end();
  } else if (strcmp(mode, "storm") == 0) {
    storm(rounds);
    sum = work(memory, 2, 0);
  } else if (strcmp(mode, "fork") == 0) {
    faultline_region_begin();
    pid_t child = fork_flushed();
    if (child == 0) {
      storm(rounds);
      _exit(work(memory, rounds, 1) & 7);
    }
    sum = work(memory, rounds, 1);
    wait_for(child);
  } else {
    die("usage: regions [loop|none|warmup|twice|unpaired|storm|fork] [PAGES] [ROUNDS]");
  }
  printf("%s %llu\n", mode, (unsigned long long)sum);
  return 0;
}
