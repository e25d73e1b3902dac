/* System calls with numbers and arguments at random, of which few make sense. The
 * program must come through, and so must whoever runs it.
 *
 *     hostile [CALLS [SEED]]      3000, 1
 *     hostile child               one that it began: ends at once
 */
#include "early.h"

enum { kBuffer = 8192, kExit = 93, kExitGroup = 94, kRead = 63, kWrite = 64, kWait4 = 260, kSpawn = 1024 };

static uint64_t seed = 1;
static uint64_t random_number(void) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return seed >> 33;
}

static char buffer[kBuffer];

static long call(long number, const long* a) {
  register long a0 __asm__("a0") = a[0];
  register long a1 __asm__("a1") = a[1];
  register long a2 __asm__("a2") = a[2];
  register long a3 __asm__("a3") = a[3];
  register long a4 __asm__("a4") = a[4];
  register long a5 __asm__("a5") = a[5];
  register long a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
  return a0;
}

/* Own memory, its edges, or what is surely none of it. */
static long argument(void) {
  static const long kWild[] = {-1, -8, 1l << 62, 1l << 40, 0x7ffffffffff8, (long)(1ul << 63), 1l << 31};
  switch (random_number() % 8) {
    case 0:
      return (long)random_number();
    case 1:
      return kWild[random_number() % (sizeof kWild / sizeof *kWild)];
    case 2:
      return (long)buffer;
    case 3:
      return (long)(buffer + random_number() % kBuffer);
    default:
      return (long)(random_number() % 40) - 4;
  }
}

int main(int argc, char** argv) {
  if (argc > 1 && same_text(argv[1], "child")) return 3;
  const long calls = argc > 1 ? number_of(argv[1]) : 3000;
  if (argc > 2) seed = (uint64_t)number_of(argv[2]);
  static const long kKnown[] = {56, 57, 62, 63, 64, 67, 124, 172, 173, 214, 220, 222, 260, 1024};
  char* const child[] = {argv[0], "child", 0};
  for (long i = 0; i < calls; ++i) {
    long a[6];
    for (int n = 0; n < 6; ++n) a[n] = argument();
    long number = kKnown[random_number() % (sizeof kKnown / sizeof *kKnown)];
    if (random_number() % 16 == 0) number = (long)random_number();
    if (number == kExit || number == kExitGroup) continue;
    /* Into its own buffer alone: what it writes over itself proves nothing. */
    if (number == kRead || number == 67) a[1] = random_number() % 2 ? (long)buffer : -(long)(random_number() % 4096);
    if (number == kRead || number == 67) a[2] = random_number() % 2 ? kBuffer : a[2] < 0 ? a[2] : a[2] % kBuffer;
    if (number == kWrite && (a[0] == 1 || a[0] == 2)) continue;
    if (number == kWait4) a[1] = random_number() % 2 ? (long)buffer : -16;
    if (number == 56 && random_number() % 2) {
      a[1] = (long)argv[0];
      a[2] = 0;
    }
    if (number == kSpawn && random_number() % 2) {
      a[0] = (long)argv[0];
      a[1] = (long)child;
    }
    call(number, a);
  }
  int status = 0;
  while (early_wait(&status) > 0) continue;
  print("came through\n");
  return 0;
}
