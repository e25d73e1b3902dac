/* The system calls of early.h: bare ones on RISC-V, the C library's on the host. */
#include "early.h"

#if defined(__riscv)

enum {
  kOpenat = 56,
  kRead = 63,
  kWrite = 64,
  kPread = 67,
  kExit = 93,
  kYield = 124,
  kGetpid = 172,
  kGetppid = 173,
  kBrk = 214,
  kClone = 220,
  kExecve = 221,
  kWait4 = 260,
  kSpawn = 1024, /* faultline's, where there is no paging */
  kAtCurrent = -100,
  kSigchld = 17,
};

int main(int argc, char** argv);

static char** environment;
static int has_fork; /* Linux tells programs about itself in an auxiliary vector; a machine without paging has none */

static long call(long number, long a, long b, long c, long d) {
  register long a0 __asm__("a0") = a;
  register long a1 __asm__("a1") = b;
  register long a2 __asm__("a2") = c;
  register long a3 __asm__("a3") = d;
  register long a4 __asm__("a4") = 0;
  register long a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a7) : "memory");
  return a0;
}

__asm__(
    ".global _start\n"
    "_start:\n"
    "  .option push\n"
    "  .option norelax\n"
    "  lla gp, __global_pointer$\n"
    "  .option pop\n"
    "  mv a0, sp\n"
    "  j early_begin\n");

__attribute__((noreturn, used)) static void early_begin_c(long* stack) {
  const long argc = stack[0];
  char** argv = (char**)(stack + 1);
  environment = argv + argc + 1;
  char** end = environment;
  while (*end) ++end;
  has_fork = ((long*)end)[1] != 0;
  early_exit(main((int)argc, argv));
}
__asm__(".set early_begin, early_begin_c\n");

long early_write(int fd, const void* from, size_t bytes) { return call(kWrite, fd, (long)from, (long)bytes, 0); }
long early_read(int fd, void* to, size_t bytes) { return call(kRead, fd, (long)to, (long)bytes, 0); }
long early_pread(int fd, void* to, size_t bytes, long offset) {
  return call(kPread, fd, (long)to, (long)bytes, offset);
}
long early_open(const char* path) { return call(kOpenat, kAtCurrent, (long)path, 0, 0); }
void early_exit(int status) {
  for (;;) call(kExit, status, 0, 0, 0);
}
int early_getpid(void) { return (int)call(kGetpid, 0, 0, 0, 0); }
int early_getppid(void) { return (int)call(kGetppid, 0, 0, 0, 0); }
void early_yield(void) { call(kYield, 0, 0, 0, 0); }

void* early_sbrk(long bytes) {
  const long old = call(kBrk, 0, 0, 0, 0);
  return call(kBrk, old + bytes, 0, 0, 0) == old + bytes ? (void*)old : (void*)-1;
}

int early_spawn(const char* path, char* const argv[]) {
  if (!has_fork) return (int)call(kSpawn, (long)path, (long)argv, 0, 0);
  const int pid = (int)call(kClone, kSigchld, 0, 0, 0);
  if (pid != 0) return pid;
  call(kExecve, (long)path, (long)argv, (long)environment, 0);
  early_exit(127);
}

int early_wait(int* status) { return (int)call(kWait4, -1, (long)status, 0, 0); }

/* The compiler may call these for loops and copies. */
void* memset(void* to, int value, size_t bytes) {
  for (unsigned char* at = to; bytes--;) *at++ = (unsigned char)value;
  return to;
}
void* memcpy(void* to, const void* from, size_t bytes) {
  const unsigned char* source = from;
  for (unsigned char* at = to; bytes--;) *at++ = *source++;
  return to;
}

#else

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

long early_write(int fd, const void* from, size_t bytes) { return write(fd, from, bytes); }
long early_read(int fd, void* to, size_t bytes) { return read(fd, to, bytes); }
long early_pread(int fd, void* to, size_t bytes, long offset) { return pread(fd, to, bytes, offset); }
long early_open(const char* path) { return open(path, O_RDONLY); }
void early_exit(int status) { _exit(status); }
int early_getpid(void) { return getpid(); }
int early_getppid(void) { return getppid(); }
void early_yield(void) { sched_yield(); }
void* early_sbrk(long bytes) { return sbrk(bytes); }

int early_spawn(const char* path, char* const argv[]) {
  const int pid = fork();
  if (pid != 0) return pid;
  execve(path, argv, environ);
  _exit(127);
}

int early_wait(int* status) { return wait(status); }

#endif
