// A program that writes code, runs it, changes it and runs it again.
// Arguments: none. Binds: none. RISC-V only.
#include <sys/mman.h>

#include "guest.h"

typedef long function(long);

// addi a0, a0, immediate; ret
static void write_add(uint32_t* code, int immediate) {
  code[0] = 0x00050513u | (uint32_t)immediate << 20;
  code[1] = 0x00008067u;
  __builtin___clear_cache((char*)code, (char*)(code + 2));
}

// A loop that stores over an instruction of its own body, with fence.i after it:
//   0: li t0, 0    4: li t1, 8    8: addi t0, t0, 1 <- changes
//  12: lw t2, 0(a0)  16: sw t2, 8(a1)  20: fence.i  24: addi t1, t1, -1
//  28: bnez t1, 8   32: mv a0, t0   36: ret
static const uint32_t kLoop[] = {0x00000293, 0x00800313, 0x00128293, 0x00052383, 0x0075a423,
                                 0x0000100f, 0xfff30313, 0xfe0316e3, 0x00028513, 0x00008067};

int main(void) {
  size_t page = sysconf(_SC_PAGESIZE);
  uint32_t* code = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) die("mmap");
  function* run = (function*)(uintptr_t)code;
  long sum = 0;
  for (int i = 0; i < 2000; ++i) {
    write_add(code, i % 1000);
    sum = sum * 3 % 1000003 + run(i);
  }
  printf("2000 changed functions: %ld\n", sum);

  memcpy(code, kLoop, sizeof kLoop);
  __builtin___clear_cache((char*)code, (char*)code + sizeof kLoop);
  uint32_t replacement = 0x06428293;  // addi t0, t0, 100
  long total = ((long (*)(uint32_t*, uint32_t*))(uintptr_t)code)(&replacement, code);
  printf("a loop that changes itself: %ld\n", total);

  // Code whose two halves lie in two pages; the second is replaced.
  uint32_t* edge = (uint32_t*)((char*)code + page - 2);
  uint32_t first = 0x00150513, second = 0x00250513, leave = 0x00008067;
  memcpy(edge, &first, 4);
  memcpy((char*)edge + 4, &leave, 4);
  __builtin___clear_cache((char*)edge, (char*)edge + 8);
  long before = ((function*)(uintptr_t)edge)(40);
  memcpy(edge, &second, 4);
  __builtin___clear_cache((char*)edge, (char*)edge + 8);
  printf("across a page border: %ld, then %ld\n", before, ((function*)(uintptr_t)edge)(40));

  // A child changes its copy; the parent's code is not changed.
  write_add(code, 1);
  pid_t child = fork_flushed();
  if (child == 0) {
    write_add(code, 2);
    exit((int)run(10));
  }
  int status = wait_for(child);
  printf("child %d, parent %ld\n", status, run(10));

  if (mprotect(code, page, PROT_READ | PROT_EXEC) < 0) die("mprotect");
  printf("still runs when read-only: %ld\n", run(5));
  return 0;
}
