// Maps, touches and unmaps single pages far apart, so that page tables are made
// for them and given back, and fills other memory with words that look like
// table entries, so that the frames of old tables hold them. Checks that every
// new page is zero and keeps what is written to it, and prints a checksum.
// Arguments: [ROUNDS = 30]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

enum { kPlaces = 6, kFiller = 24 };

// Each place has a table of its own at every level below the root.
static unsigned char* place(uint64_t n, uint64_t round) {
  return (unsigned char*)(uintptr_t)((UINT64_C(24) << 30) + (n << 30) + (round % 3 << 21));
}

static void expect(int holds, const char* what) {
  if (!holds) die("%s", what);
}

int main(int argc, char** argv) {
  const uint64_t rounds = number_argument(argc, argv, 1, 30);
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint64_t sum = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (uint64_t n = 0; n < kPlaces; ++n) {
      unsigned char* at =
          mmap(place(n, round), page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
      expect(at == place(n, round), "mmap");
      uint64_t* words = (uint64_t*)at;
      for (size_t i = 0; i < page / 8; i += 64) expect(words[i] == 0, "a new page is not zero");
      for (size_t i = 0; i < page / 8; i += 64) words[i] = round * 1000003 + n * 257 + i;
    }
    for (uint64_t n = 0; n < kPlaces; ++n) {
      uint64_t* words = (uint64_t*)place(n, round);
      for (size_t i = 0; i < page / 8; i += 64) {
        expect(words[i] == round * 1000003 + n * 257 + i, "a page lost what was written");
        sum = sum * 31 + words[i];
      }
    }
    for (uint64_t n = 0; n < kPlaces; ++n) expect(munmap(place(n, round), page) == 0, "munmap");
    // Takes the frames: present, writable, user's, frame 3 and on, as x86 reads
    // it; valid and everything permitted, as RISC-V does.
    uint64_t* filler = mmap(NULL, kFiller * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(filler != MAP_FAILED, "mmap");
    for (size_t i = 0; i < kFiller * page / 8; ++i) filler[i] = (3 + i % 13) << 12 | 0xdf;
    // Before they go, the next round's first places are mapped beside them.
    for (uint64_t n = 0; n < 2; ++n) {
      unsigned char* at =
          mmap(place(n, round), page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
      expect(at == place(n, round) && *(uint64_t*)at == 0, "a page mapped again is not zero");
      *(uint64_t*)at = sum;
      expect(munmap(at, page) == 0, "munmap");
    }
    for (size_t i = 0; i < kFiller * page / 8; i += 101)
      expect(filler[i] == ((3 + i % 13) << 12 | 0xdf), "memory was overwritten");
    expect(munmap(filler, kFiller * page) == 0, "munmap");
  }
  printf("%llu rounds, checksum %016llx\n", (unsigned long long)rounds, (unsigned long long)sum);
  return 0;
}
