// What setrlimit(2) and a file that shrinks take from memory: RLIMIT_AS and
// RLIMIT_DATA refuse mmap, brk, mremap and mprotect, RLIMIT_STACK ends a stack
// that grows too far and lets it grow as far as it says, copies of pages beyond the new end of a file go with
// them, and a hint for mmap is rounded down to its page.
// Arguments: none. Binds: the current directory, rw (it makes shrink.dat).
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "guest.h"

#define MEGABYTE (1ul << 20)

static sigjmp_buf back;
static volatile sig_atomic_t last_signal;

static void on_fault(int number) {
  last_signal = number;
  siglongjmp(back, 1);
}

static int touch(char* address) {
  last_signal = 0;
  if (sigsetjmp(back, 1) == 0) return *(volatile char*)address;
  return -last_signal;
}

static void limit(int resource, unsigned long bytes) {
  struct rlimit both;
  if (getrlimit(resource, &both) < 0) die("getrlimit");
  both.rlim_cur = bytes;
  if (setrlimit(resource, &both) < 0) die("setrlimit");
}

static const char* outcome(const void* got) {
  if (got != MAP_FAILED) return "done";
  return errno == ENOMEM ? "ENOMEM" : "another error";
}

static void* map(size_t bytes, int protection, int flags) {
  return mmap(NULL, bytes, protection, flags | MAP_ANONYMOUS, -1, 0);
}

static int address_space(void) {
  char* old = map(4 * MEGABYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  if (old == MAP_FAILED) die("mmap");
  limit(RLIMIT_AS, 16 * MEGABYTE);
  printf("AS: a mapping of 64 MB: %s\n", outcome(map(64 * MEGABYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE)));
  printf("AS: one that nobody may touch: %s\n", outcome(map(64 * MEGABYTE, PROT_NONE, MAP_PRIVATE)));
  printf("AS: a shared one: %s\n", outcome(map(64 * MEGABYTE, PROT_READ | PROT_WRITE, MAP_SHARED)));
  printf("AS: mremap to 64 MB: %s\n", outcome(mremap(old, 4 * MEGABYTE, 64 * MEGABYTE, MREMAP_MAYMOVE)));
  printf("AS: sbrk of 64 MB: %s\n", outcome(sbrk(64 * MEGABYTE)));
  printf("AS: a page: %s\n", outcome(map(1, PROT_READ | PROT_WRITE, MAP_PRIVATE)));
  return 0;
}

static int data(void) {
  char* read_only = map(64 * MEGABYTE, PROT_READ, MAP_PRIVATE);
  limit(RLIMIT_DATA, 16 * MEGABYTE);
  printf("DATA: a private mapping of 64 MB: %s\n", outcome(map(64 * MEGABYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE)));
  printf("DATA: a shared one: %s\n", outcome(map(64 * MEGABYTE, PROT_READ | PROT_WRITE, MAP_SHARED)));
  printf("DATA: one to be read: %s\n", outcome(map(64 * MEGABYTE, PROT_READ, MAP_PRIVATE)));
  int changed = mprotect(read_only, 64 * MEGABYTE, PROT_READ | PROT_WRITE);
  printf("DATA: to be written from now on: %s\n", outcome(changed < 0 ? MAP_FAILED : read_only));
  printf("DATA: sbrk of 64 MB: %s\n", outcome(sbrk(64 * MEGABYTE)));
  printf("DATA: a page: %s\n", outcome(map(1, PROT_READ | PROT_WRITE, MAP_PRIVATE)));
  return 0;
}

static __attribute__((noinline)) int deeper(int kilobytes) {
  volatile char here[1024];
  here[0] = here[1023] = (char)kilobytes;
  // In this order, or the compiler makes a loop of it.
  const int below = kilobytes == 0 ? 0 : deeper(kilobytes - 1);
  return below + here[1023] - (char)kilobytes;
}

static int stack_enough(void) {
  limit(RLIMIT_STACK, MEGABYTE);
  return deeper(400);
}

static int stack_too_far(void) {
  limit(RLIMIT_STACK, MEGABYTE);
  return deeper(4000);
}

static const char* program;

// What the program does when it runs with the argument "deep".
static int deep(void) {
  char* neighbour = map(MEGABYTE, PROT_READ | PROT_WRITE, MAP_PRIVATE);
  if (neighbour == MAP_FAILED) die("mmap");
  memset(neighbour, 'n', MEGABYTE);
  deeper(24 << 10);
  for (size_t i = 0; i < MEGABYTE; ++i) {
    if (neighbour[i] != 'n') return 1;
  }
  return 0;
}

static int stack_raised(void) {
  limit(RLIMIT_STACK, 64 * MEGABYTE);
  return deep();
}

static int stack_raised_for_exec(void) {
  limit(RLIMIT_STACK, 64 * MEGABYTE);
  execl(program, program, "deep", (char*)NULL);
  return 2;
}

static int no_data_for_brk(void) {
  limit(RLIMIT_DATA, 0);
  printf("DATA 0: sbrk: %s\n", outcome(sbrk(4096)));
  printf("DATA 0: mmap: %s\n", outcome(map(4096, PROT_READ | PROT_WRITE, MAP_PRIVATE)));
  return 0;
}

static int in_child(int (*body)(void)) {
  pid_t child = fork_flushed();
  if (child == 0) {
    int status = body();
    fflush(NULL);
    _exit(status);
  }
  return wait_for(child);
}

static void shrinking_file(size_t page) {
  int fd = open("shrink.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || ftruncate(fd, 4 * page) < 0) die("shrink.dat");
  char* copy = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  char* shared = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (copy == MAP_FAILED || shared == MAP_FAILED) die("mmap");
  memset(shared, 's', 4 * page);
  for (int i = 0; i < 4; ++i) copy[i * page] = 'c';
  struct sigaction action = {.sa_handler = on_fault};
  sigaction(SIGBUS, &action, NULL);
  if (ftruncate(fd, page + 10) < 0) die("ftruncate");
  printf("shrunk: copies %d %d, beyond the end SIGBUS: %s %s\n", touch(copy), touch(copy + page),
         yes_no(touch(copy + 2 * page) == -SIGBUS), yes_no(touch(copy + 3 * page) == -SIGBUS));
  if (ftruncate(fd, 4 * page) < 0) die("ftruncate");
  printf("grown again: copies %d %d %d %d; shared %d %d %d %d\n", touch(copy), touch(copy + page),
         touch(copy + 2 * page), touch(copy + 3 * page), touch(shared), touch(shared + page + 9),
         touch(shared + page + 10), touch(shared + 2 * page));
  if (unlink("shrink.dat") < 0) die("unlink");
}

static void hints(size_t page) {
  char* place = map(8 * page, PROT_READ, MAP_PRIVATE);
  if (place == MAP_FAILED || munmap(place, 8 * page) < 0) die("mmap");
  char* got = mmap(place + 3 * page + 17, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("a hint inside a page: the page itself: %s\n", yes_no(got == place + 3 * page));
  char* taken = mmap(place + 3 * page + 17, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  printf("the same again: elsewhere: %s\n", yes_no(taken != MAP_FAILED && taken != got));
}

int main(int argc, char** argv) {
  program = argv[0];
  if (argc > 1 && strcmp(argv[1], "deep") == 0) return deep();
  size_t page = sysconf(_SC_PAGESIZE);
  in_child(address_space);
  in_child(data);
  printf("STACK: within 1 MB: %d\n", in_child(stack_enough));
  printf("STACK: beyond 1 MB: %s\n", in_child(stack_too_far) == 128 + SIGSEGV ? "SIGSEGV" : "something else");
  printf("STACK: 24 MB, the limit raised: %d\n", in_child(stack_raised));
  printf("STACK: 24 MB, raised before exec: %d\n", in_child(stack_raised_for_exec));
  in_child(no_data_for_brk);
  shrinking_file(page);
  hints(page);
  return 0;
}
