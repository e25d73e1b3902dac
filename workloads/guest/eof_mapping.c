// A shared mapping around the end of its file: the rest of the last page reads
// as zero and can be written, but the file does not see it; whole pages beyond
// give SIGBUS, and beyond the mapping SIGSEGV. A file that grows makes them
// good, one that shrinks takes them away.
// Arguments: none. Binds: the current directory, rw (it makes eof.dat).
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest.h"

static sigjmp_buf back;
static volatile sig_atomic_t last_signal, last_code;
static char* volatile last_address;

static void on_fault(int number, siginfo_t* info, void* context) {
  (void)context;
  last_signal = number;
  last_code = info->si_code;
  last_address = info->si_addr;
  siglongjmp(back, 1);
}

// What happens at an access: the byte, or the signal's name.
static void touch(const char* what, char* address, int write) {
  if (sigsetjmp(back, 1) == 0) {
    if (write) *(volatile char*)address = 'w';
    printf("%-36s %d\n", what, *(volatile char*)address);
  } else {
    printf("%-36s %s code %d, si_addr is the address: %s\n", what, last_signal == SIGBUS ? "SIGBUS" : "SIGSEGV",
           (int)last_code, yes_no(last_address == address));
  }
}

int main(void) {
  size_t page = sysconf(_SC_PAGESIZE);
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGBUS, &action, NULL);
  sigaction(SIGSEGV, &action, NULL);
  int fd = open("eof.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) die("open eof.dat");
  if (write(fd, "0123456789", 10) != 10) die("write");

  // Reserve four pages, put three of the file over them: the fourth is a hole.
  char* memory = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  if (mmap(memory, 3 * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != memory) die("mmap");
  if (munmap(memory + 3 * page, page) < 0) die("munmap");

  touch("the last byte of the file", memory + 9, 0);
  touch("the byte after the end", memory + 10, 0);
  touch("the last byte of the page", memory + page - 1, 0);
  touch("a write after the end", memory + 10, 1);
  touch("the first page beyond", memory + page, 0);
  touch("a write to the second page beyond", memory + 2 * page + 5, 1);
  touch("beyond the mapping", memory + 3 * page, 0);

  char buffer[32];
  struct stat status;
  if (fstat(fd, &status) < 0) die("fstat");
  printf("the file's size is still %ld\n", (long)status.st_size);
  printf("read gives %zd bytes\n", pread(fd, buffer, sizeof buffer, 0));

  if (ftruncate(fd, page + 20) < 0) die("ftruncate");
  touch("the second page, after growing", memory + page, 0);
  touch("a write to it", memory + page + 3, 1);
  ssize_t got = pread(fd, buffer, 1, page + 3);
  printf("read sees it: %zd, %c\n", got, buffer[0]);
  if (ftruncate(fd, 4) < 0) die("ftruncate");
  touch("the second page, after shrinking", memory + page, 0);
  touch("the rest of the first page is zero", memory + 5, 0);
  touch("the first bytes stay", memory + 3, 0);
  if (ftruncate(fd, 10) < 0) die("ftruncate");
  touch("what was cut off comes back as zero", memory + 5, 0);

  if (munmap(memory, 3 * page) < 0) die("munmap");
  touch("after munmap", memory, 0);
  close(fd);
  if (unlink("eof.dat") < 0) die("unlink");
  return 0;
}
