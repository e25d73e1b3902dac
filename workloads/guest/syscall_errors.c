// What system calls answer to bad arguments: bad descriptors, bad pointers
// (EFAULT, never a crash), unknown numbers.
// Arguments: none. Binds: none.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "guest.h"

static void result(const char* what, long value) {
  printf("%-36s %s\n", what, value < 0 ? strerrorname_np(errno) : "ok");
}

int main(int argc, char** argv) {
  (void)argc;
  size_t page = sysconf(_SC_PAGESIZE);
  char* hole = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (hole == MAP_FAILED || munmap(hole + page, page) < 0) die("mmap");
  char* bad = hole + page;  // not mapped
  int channel[2];
  if (pipe(channel) < 0) die("pipe");

  result("an unknown system call", syscall(5000));
  result("read, bad descriptor", read(77, hole, 1));
  result("read, negative descriptor", read(-1, hole, 1));
  result("write, bad descriptor", write(77, hole, 1));
  result("write from a bad pointer", syscall(SYS_write, channel[1], bad, 4));
  result("write 4, 2 of them good", syscall(SYS_write, channel[1], bad - 2, 0));
  if (write(channel[1], "data", 4) != 4) die("write");
  result("read to a bad pointer", syscall(SYS_read, channel[0], bad, 4));
  result("read to a read-only page", syscall(SYS_read, channel[0], main, 4));
  result("read 0 bytes to a bad pointer", syscall(SYS_read, channel[0], bad, 0));
  result("readv, negative count", syscall(SYS_readv, channel[0], bad, -1));
  result("writev, bad vector", syscall(SYS_writev, channel[1], bad, 2));
  result("writev, 5000 parts", syscall(SYS_writev, channel[1], hole, 5000));
  result("open, bad path", syscall(SYS_openat, AT_FDCWD, bad, O_RDONLY, 0));
  result("open, empty path", syscall(SYS_openat, AT_FDCWD, "", O_RDONLY, 0));
  memset(hole, 'x', page);
  result("open, path without an end", syscall(SYS_openat, AT_FDCWD, hole, O_RDONLY, 0));
  result("open, path runs off the page", syscall(SYS_openat, AT_FDCWD, hole + page - 8, O_RDONLY, 0));
  result("openat, bad directory", syscall(SYS_openat, 77, "name", O_RDONLY, 0));
  result("openat, a pipe as directory", syscall(SYS_openat, channel[0], "name", O_RDONLY, 0));
  result("fstat, bad descriptor", syscall(SYS_fstat, 77, hole));
  result("fstat to a bad pointer", syscall(SYS_fstat, 1, bad));
  result("lseek on a pipe", lseek(channel[0], 0, SEEK_SET));
  result("pread on a pipe", pread(channel[0], hole, 1, 0));
  result("ftruncate a pipe", ftruncate(channel[0], 0));
  result("pipe to a bad pointer", syscall(SYS_pipe2, bad, 0));
  result("pipe with unknown flags", syscall(SYS_pipe2, hole, 0x12345));
  result("dup3 with unknown flags", syscall(SYS_dup3, 1, 30, 0x12345));
  result("dup3 to a huge number", syscall(SYS_dup3, 1, 1 << 30, 0));
  result("fcntl, unknown command", fcntl(1, 7777));
  result("ioctl on a pipe", syscall(SYS_ioctl, channel[0], 0x5401, hole));
  result("getcwd, buffer of 1", syscall(SYS_getcwd, hole, 1));
  result("uname to a bad pointer", syscall(SYS_uname, bad));
  result("clock_gettime, unknown clock", syscall(SYS_clock_gettime, 77, hole));
  result("clock_gettime, bad pointer", syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad));
  struct timespec wrong = {0, 2000000000};
  result("nanosleep, 2e9 nanoseconds", syscall(SYS_nanosleep, &wrong, NULL));
  result("nanosleep, bad pointer", syscall(SYS_nanosleep, bad, NULL));
  result("kill, unknown signal", kill(getpid(), 1000));
  result("kill, nobody", kill(999999, 0));
  result("kill, unknown signal to nobody", kill(999999, 1000));
  result("tgkill, unknown signal to nobody", syscall(SYS_tgkill, 999999, 999999, 1000));
  result("waitid, no file of a process", syscall(SYS_waitid, 3, 1, NULL, WEXITED, NULL));
  printf("%-36s %d %d %d\n", "owner, signal and lease of a pipe", fcntl(channel[0], F_GETOWN),
         fcntl(channel[0], F_GETSIG), fcntl(channel[0], F_GETLEASE));
  printf("%-36s %x\n", "flags of a pipe", fcntl(channel[1], F_GETFL));
  printf("%-36s %x\n", "flags of a device", fcntl(open("/dev/null", O_RDONLY), F_GETFL) & 0xffff);
  result("clock_settime, monotonic", syscall(SYS_clock_settime, CLOCK_MONOTONIC, &(struct timespec){0}));
  result("rt_sigaction, signal 0", syscall(SYS_rt_sigaction, 0, NULL, hole, 8));
  result("rt_sigaction, wrong set size", syscall(SYS_rt_sigaction, SIGUSR1, NULL, hole, 4));
  result("rt_sigprocmask, bad pointer", syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8));
  result("sigaltstack, too small", sigaltstack(&(stack_t){.ss_sp = hole, .ss_size = 16}, NULL));
  result("wait without children", wait(NULL));
  result("waitpid, unknown options", waitpid(-1, NULL, 0x7000000));
  result("execve, bad path", syscall(SYS_execve, bad, NULL, NULL));
  result("execve, bad argv", syscall(SYS_execve, argv[0], bad, NULL));
  result("execve of a device", syscall(SYS_execve, "/dev/null", NULL, NULL));
  result("getrandom, unknown flags", syscall(SYS_getrandom, hole, 4, 0x777));
  result("getrandom, bad pointer", syscall(SYS_getrandom, bad, 4, 0));
  result("prlimit, unknown resource", syscall(SYS_prlimit64, 0, 99, NULL, hole));
  result("readlink, length 0", syscall(SYS_readlinkat, AT_FDCWD, "/dev/null", hole, 0));
  result("getdents64 of a pipe", syscall(SYS_getdents64, channel[0], hole, 512));
  result("faccessat, unknown mode", syscall(SYS_faccessat, AT_FDCWD, ".", 0777));
  return 0;
}
