// Round and round over pages side by side, in order: one load of each page.
// The region of interest begins after a first round and has no other access
// to data, so that each set of a TLB sees exactly its share of the pages.
// Arguments: [PAGES = 64] [ROUNDS = 10]. Binds: none.
#include <sys/mman.h>

#include "../include/faultline.h"
#include "guest.h"

static uint64_t go_round(const unsigned char* area, size_t bytes, size_t page) {
  uint64_t sum = 0;
  for (const unsigned char* at = area; at < area + bytes; at += page) sum += *(const volatile uint64_t*)at;
  return sum;
}

int main(int argc, char** argv) {
  const uint64_t pages = number_argument(argc, argv, 1, 64), rounds = number_argument(argc, argv, 2, 10);
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = pages * page;
  unsigned char* area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) die("mmap of %zu bytes", bytes);
  for (uint64_t i = 0; i < pages; ++i) *(uint64_t*)(area + i * page) = i + 1;
  uint64_t sum = go_round(area, bytes, page);
  faultline_region_begin();
  for (uint64_t i = 0; i < rounds; ++i) sum += go_round(area, bytes, page);
  faultline_region_end();
  printf("%s\n", sum == (rounds + 1) * pages * (pages + 1) / 2 ? "every page once a round" : "wrong");
  return 0;
}
