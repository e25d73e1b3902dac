// Loads spread over pages of MAP_HUGETLB; the region of interest has no other
// access to data, so that each level which the pages save can be counted.
// Arguments: [LOG2_BYTES = 21] [PAGES = 4] [LOADS = 10000]. Binds: none.
#include <sys/mman.h>

#include "../include/faultline.h"
#include "guest.h"

int main(int argc, char** argv) {
  const uint64_t log2_bytes = number_argument(argc, argv, 1, 21);
  const uint64_t pages = number_argument(argc, argv, 2, 4);
  const uint64_t loads = number_argument(argc, argv, 3, 10000);
  const size_t page = (size_t)1 << log2_bytes;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (int)(log2_bytes << 26);
  unsigned char* area = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (area == MAP_FAILED)
    die("mmap of %llu pages of 2^%llu bytes", (unsigned long long)pages, (unsigned long long)log2_bytes);
  for (uint64_t i = 0; i < pages; ++i) *(uint64_t*)(area + i * page + i * 4096) = i + 1;
  const uint64_t mask = pages * page - 8;
  uint64_t sum = 0;
  uint64_t at = 0;
  faultline_region_begin();
  for (uint64_t i = 0; i < loads; ++i) {
    sum += *(volatile uint64_t*)(area + (at & mask));
    at += 0x9e3779b97f4a7c15;
  }
  faultline_region_end();
  for (uint64_t i = 0; i < pages; ++i) sum += *(uint64_t*)(area + i * page + i * 4096);
  printf("%llu pages, sum %llu\n", (unsigned long long)pages, (unsigned long long)(sum != 0));
  return 0;
}
