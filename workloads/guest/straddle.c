// Instructions that lie across a page border, and loads and stores that cross
// one, at every offset and width. Prints checksums.
// Arguments: [ROUNDS = 200]. Binds: none. RISC-V only.
#include <sys/mman.h>

#include "guest.h"

typedef uint64_t function(uint64_t);

// Four-byte instructions, two bytes before each border, five borders on:
//   addi a0, a0, 7 ... c.nop sleds between; then ret.
static uint64_t run_straddling(uint64_t rounds) {
  size_t page = sysconf(_SC_PAGESIZE);
  enum { kBorders = 5 };
  unsigned char* code =
      mmap(NULL, (kBorders + 1) * page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) die("mmap");
  static const uint32_t kAtBorder[kBorders] = {
      0x00750513,  // addi a0, a0, 7
      0x00351513,  // slli a0, a0, 3
      0x40355293,  // srai t0, a0, 3
      0x00554533,  // xor a0, a0, t0
      0x01350513,  // addi a0, a0, 19
  };
  for (int border = 1; border <= kBorders; ++border) {
    unsigned char* at = code + border * page - 2;
    memcpy(at, &kAtBorder[border - 1], 4);
    // On to the next border: j +(page - 4); the last one returns.
    uint32_t offset = (uint32_t)page - 4;
    uint32_t jump = 0x6f | (offset >> 20 & 1) << 31 | (offset >> 1 & 0x3ff) << 21 | (offset >> 11 & 1) << 20 |
                    (offset >> 12 & 0xff) << 12;
    uint32_t leave = 0x00008067;
    memcpy(at + 4, border < kBorders ? &jump : &leave, 4);
  }
  __builtin___clear_cache((char*)code, (char*)code + (kBorders + 1) * page);
  function* start = (function*)(uintptr_t)(code + page - 2);
  uint64_t value = 1;
  for (uint64_t i = 0; i < rounds; ++i) value = start(value + i);
  return value;
}

static uint64_t load(const unsigned char* address, int width, int is_signed) {
  uint64_t value = 0;
  switch (width * 2 + is_signed) {
    case 4:
      __asm__ volatile("lhu %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
      break;
    case 5:
      __asm__ volatile("lh %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
      break;
    case 8:
      __asm__ volatile("lwu %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
      break;
    case 9:
      __asm__ volatile("lw %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
      break;
    default:
      __asm__ volatile("ld %0, 0(%1)" : "=r"(value) : "r"(address) : "memory");
      break;
  }
  return value;
}

static void store(unsigned char* address, int width, uint64_t value) {
  switch (width) {
    case 2:
      __asm__ volatile("sh %1, 0(%0)" ::"r"(address), "r"(value) : "memory");
      break;
    case 4:
      __asm__ volatile("sw %1, 0(%0)" ::"r"(address), "r"(value) : "memory");
      break;
    default:
      __asm__ volatile("sd %1, 0(%0)" ::"r"(address), "r"(value) : "memory");
      break;
  }
}

static uint64_t cross_with_data(uint64_t rounds) {
  size_t page = sysconf(_SC_PAGESIZE);
  unsigned char* memory = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  uint64_t state = 99, hash = HASH_START;
  for (uint64_t round = 0; round < rounds; ++round) {
    size_t border = (1 + next_random(&state) % 7) * page;
    for (int width = 2; width <= 8; width *= 2)
      for (int before = 1; before < width; ++before) {
        unsigned char* at = memory + border - before;
        store(at, width, next_random(&state));
        hash = hash_word(hash, load(at, width, 0));
        hash = hash_word(hash, load(at, width, 1));
      }
  }
  for (size_t i = 0; i < 8 * page; i += 8) hash = hash_word(hash, load(memory + i, 8, 0));
  return hash;
}

static uint64_t cross_with_doubles(void) {
  size_t page = sysconf(_SC_PAGESIZE);
  unsigned char* memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  uint64_t hash = HASH_START;
  for (int before = 1; before < 8; ++before) {
    unsigned char* at = memory + page - before;
    double value = before * 1.25, back;
    float small = (float)before * 0.75f, small_back;
    __asm__ volatile("fsd %1, 0(%0)" ::"r"(at), "f"(value) : "memory");
    __asm__ volatile("fld %0, 0(%1)" : "=f"(back) : "r"(at) : "memory");
    hash = hash_word(hash, (uint64_t)(back * 1000));
    __asm__ volatile("fsw %1, 0(%0)" ::"r"(at), "f"(small) : "memory");
    __asm__ volatile("flw %0, 0(%1)" : "=f"(small_back) : "r"(at) : "memory");
    hash = hash_word(hash, (uint64_t)(small_back * 1000));
  }
  return hash;
}

int main(int argc, char** argv) {
  uint64_t rounds = number_argument(argc, argv, 1, 200);
  printf("code across borders: %016llx\n", (unsigned long long)run_straddling(rounds));
  printf("data across borders: %016llx\n", (unsigned long long)cross_with_data(rounds));
  printf("doubles and floats:  %016llx\n", (unsigned long long)cross_with_doubles());
  return 0;
}
