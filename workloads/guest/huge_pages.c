// An area that asks for huge pages (MADV_HUGEPAGE) and is then taken apart in
// every way: parts protected, unmapped, forgotten, moved, and written by both
// sides after a fork. Prints checksums, which say nothing of page sizes.
// Arguments: [HUGE_PAGES = 2] [ROUNDS = 20]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

enum { kHuge = 4 << 20 };  // on a border of huge pages of any 2-level or larger format

static void expect(int holds, const char* what) {
  if (!holds) die("%s", what);
}

static uint64_t hash_of(const unsigned char* bytes, size_t size) {
  uint64_t hash = HASH_START;
  for (size_t i = 0; i < size; i += 256) hash = hash_word(hash, *(const uint64_t*)(bytes + i));
  return hash;
}

// An aligned area of zeros that asked for huge pages.
static unsigned char* huge_area(size_t size) {
  unsigned char* at = mmap(NULL, size + kHuge, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) die("mmap");
  unsigned char* start = (unsigned char*)(((uintptr_t)at + kHuge - 1) / kHuge * kHuge);
  if (start != at) expect(munmap(at, (size_t)(start - at)) == 0, "munmap before");
  expect(munmap(start + size, (size_t)(at + kHuge - start)) == 0, "munmap behind");
  madvise(start, size, MADV_HUGEPAGE);  // EINVAL where the kernel has none
  return start;
}

static void fill(unsigned char* at, size_t size, uint64_t seed) {
  for (size_t i = 0; i < size; i += 256) *(uint64_t*)(at + i) = next_random(&seed);
}

int main(int argc, char** argv) {
  const size_t size = number_argument(argc, argv, 1, 2) * kHuge;
  const uint64_t rounds = number_argument(argc, argv, 2, 20);
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t pages = size / page;
  unsigned char* area = huge_area(size);
  fill(area, size, 1);
  printf("filled: %016llx\n", (unsigned long long)hash_of(area, size));

  pid_t child = fork_flushed();
  if (child == 0) {
    for (size_t i = 0; i < pages; i += 100) area[i * page] ^= 0xff;
    printf("child: %016llx\n", (unsigned long long)hash_of(area, size));
    exit(0);
  }
  expect(wait_for(child) == 0, "the child failed");
  printf("parent: %016llx\n", (unsigned long long)hash_of(area, size));

  uint64_t state = 42;
  for (uint64_t round = 0; round < rounds; ++round) {
    unsigned char* at = area + next_random(&state) % (pages - 8) * page;
    const size_t length = (1 + next_random(&state) % 8) * page;
    switch (next_random(&state) % 4) {
      case 0:
        expect(mprotect(at, length, PROT_READ) == 0, "mprotect");
        expect(mprotect(at, length, PROT_READ | PROT_WRITE) == 0, "mprotect back");
        break;
      case 1:
        expect(madvise(at, length, MADV_DONTNEED) == 0, "madvise");
        break;
      case 2:
        expect(munmap(at, length) == 0, "munmap");
        expect(mmap(at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at, "mmap");
        break;
      default: {
        unsigned char* other = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        expect(other != MAP_FAILED, "mmap elsewhere");
        expect(mremap(at, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, other) == other, "mremap away");
        expect(mremap(other, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at, "mremap back");
      }
    }
    at[round % page] = (unsigned char)round;
  }
  printf("after %llu rounds: %016llx\n", (unsigned long long)rounds, (unsigned long long)hash_of(area, size));
  expect(munmap(area, size) == 0, "munmap");
  return 0;
}
