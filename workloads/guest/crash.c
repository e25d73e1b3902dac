// Dies of its own fault, in the way that it is told to.
// Arguments: null | read-only | no-execute | illegal | kernel | stack. Binds: none.
#include "guest.h"

static volatile int limit = 1 << 30;
static volatile uintptr_t null_page = 16;

__attribute__((noinline)) static int deeper(volatile char* above) {
  volatile char here[4096];
  if (--limit == 0) return 0;
  here[0] = above ? above[0] : 1;
  return deeper(here) + here[0];
}

int main(int argc, char** argv) {
  if (argc != 2) die("usage: crash HOW");
  puts("going");
  fflush(stdout);
  const char* how = argv[1];
  if (strcmp(how, "null") == 0) *(volatile int*)null_page = 1;
  if (strcmp(how, "read-only") == 0) *(volatile char*)(uintptr_t)main = 1;
  if (strcmp(how, "no-execute") == 0) {
    static uint32_t data[4] = {0x00000013, 0x00000013, 0x00000013, 0x00008067};
    ((void (*)(void))(uintptr_t)data)();
  }
  if (strcmp(how, "illegal") == 0) __asm__ volatile(".4byte 0xffffffff");
  if (strcmp(how, "kernel") == 0) printf("%d\n", *(volatile char*)(uintptr_t)0xffffffff80000000ull);
  if (strcmp(how, "stack") == 0) return deeper(NULL);
  puts("still here");
  return 0;
}
