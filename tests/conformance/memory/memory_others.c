// Calls at the edge of memory management, and the library's allocator, which
// rests on the others.
#include <sys/syscall.h>
#include <sys/uio.h>

#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };

static void case_remap_file_pages(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_file(make_file(4 * page, O_RDWR), 4, kReadWrite, MAP_SHARED);
  if (remap_file_pages(at, page, 0, 3, 0) < 0 && errno == ENOSYS) return unsupported(v, "no remap_file_pages");
  say(v, "%c%c%c%c", at[0], at[page], at[2 * page], at[3 * page]);
  say_errno(v, remap_file_pages(at + page, 2 * page, 0, 0, 0));
  say(v, "%c%c%c%c", at[0], at[page], at[2 * page], at[3 * page]);
  say(v, "%lu", area_of(at).offset / page);
}

static void case_remap_file_pages_errors(struct verdict* v) {
  const size_t page = page_bytes();
  const int fd = make_file(2 * page, O_RDWR);
  char *own = map_file(fd, 2, kReadWrite, MAP_PRIVATE), *at = map_file(fd, 2, kReadWrite, MAP_SHARED);
  if (remap_file_pages(at, page, 0, 0, 0) < 0 && errno == ENOSYS) return unsupported(v, "no remap_file_pages");
  say_errno(v, remap_file_pages(own, page, 0, 1, 0));
  say_errno(v, remap_file_pages(at, page, PROT_READ, 1, 0));
  say_errno(v, remap_file_pages(at, 0, 0, 1, 0));
  say_errno(v, remap_file_pages(map_island(1, PROT_READ) - page, page, 0, 1, 0));
  say_errno(v, remap_file_pages(at, 3 * page, 0, 0, 0));
}

static ssize_t copy_from(pid_t pid, void* to, const void* from, size_t bytes, unsigned long flags) {
  struct iovec local = {to, bytes}, remote = {(void*)(uintptr_t)from, bytes};
  return process_vm_readv(pid, &local, 1, &remote, 1, flags);
}

static void case_process_vm_readv(struct verdict* v) {
  char from[] = "from here", to[16] = "";
  const ssize_t got = copy_from(getpid(), to, from, sizeof from, 0);
  if (got < 0 && (errno == ENOSYS || errno == EPERM)) return unsupported(v, "no process_vm_readv here");
  say(v, "%d %s", (int)got, to);
  say_errno(v, copy_from(getpid(), to, from, 4, 1));
  say_errno(v, copy_from(999999, to, from, 4, 0));
  say_errno(v, copy_from(getpid(), to, (void*)8, 4, 0));
  say_errno(v, copy_from(getpid(), (void*)8, from, 4, 0));
  struct iovec one = {to, 4};
  say_errno(v, process_vm_readv(getpid(), &one, 5000, &one, 1, 0));
  say(v, "%d", (int)process_vm_readv(getpid(), &one, 0, &one, 1, 0));
}

static void case_process_vm_readv_of_a_part(struct verdict* v) {
  char *at = map_island(2, kReadWrite), to[64];
  memset(at, 'x', 2 * page_bytes());
  struct iovec local = {to, sizeof to};
  struct iovec remote[2] = {{at, 10}, {at - page_bytes(), 10}};
  const ssize_t got = process_vm_readv(getpid(), &local, 1, remote, 2, 0);
  if (got < 0 && (errno == ENOSYS || errno == EPERM)) return unsupported(v, "no process_vm_readv here");
  say(v, "%d", (int)got);
  say(v, "%d", (int)copy_from(getpid(), to, at + 2 * page_bytes() - 20, 64, 0));
}

static void case_process_vm_of_a_child(struct verdict* v) {
  char *at = map_pages(1, kReadWrite), to[8] = "";
  int ends[2], ready[2];
  say_errno(v, pipe(ends) | pipe(ready));
  strcpy(at, "parent");
  pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    strcpy(at, "child");
    if (write(ready[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) _exit(1);
    _exit(at[0] == 'C' ? 0 : 2);
  }
  char byte = 0;
  say_errno(v, read(ready[0], &byte, 1));
  const ssize_t got = copy_from(child, to, at, 6, 0);
  const int none = got < 0 && (errno == ENOSYS || errno == EPERM);
  if (!none) say(v, "%d %s", (int)got, to);
  struct iovec local = {"C", 1}, remote = {at, 1};
  if (!none) say(v, "%d", (int)process_vm_writev(child, &local, 1, &remote, 1, 0));
  say_errno(v, write(ends[1], &byte, 1));
  int status;
  waitpid(child, &status, 0);
  if (none) return unsupported(v, "no process_vm_readv here");
  say_status(v, status);
  say(v, "%s", at);
}

static void case_membarrier(struct verdict* v) {
  const long commands = syscall(SYS_membarrier, 0, 0, 0);
  if (commands < 0) return unsupported(v, "no membarrier");
  say_bool(v, "global", commands & 1);
  say_errno(v, syscall(SYS_membarrier, 1, 0, 0));
  say_errno(v, syscall(SYS_membarrier, 1, 4, 0));
  say_errno(v, syscall(SYS_membarrier, 1 << 30, 0, 0));
  say_errno(v, syscall(SYS_membarrier, 8, 0, 0));
  say_errno(v, syscall(SYS_membarrier, 16, 0, 0));
  say_errno(v, syscall(SYS_membarrier, 8, 0, 0));
}

static void case_posix_memalign(struct verdict* v) {
  void* at = NULL;
  say(v, "%s", errno_name(posix_memalign(&at, 3, 100)));
  say(v, "%s", errno_name(posix_memalign(&at, sizeof(void*) / 2, 100)));
  for (size_t alignment = sizeof(void*); alignment <= 1 << 16; alignment *= 8) {
    const int failed = posix_memalign(&at, alignment, 1000);
    say(v, "%d%d", failed, (int)((uintptr_t)at % alignment));
  }
}

static void case_allocator_under_load(struct verdict* v) {
  enum { kBlocks = 256, kRounds = 6000 };
  static unsigned char* blocks[kBlocks];
  static size_t sizes[kBlocks];
  uint32_t random = 12345;
  int wrong = 0;
  for (int round = 0; round < kRounds; ++round) {
    random = random * 1664525 + 1013904223;
    const size_t i = random >> 24;
    if (blocks[i]) {
      for (size_t b = 0; b < sizes[i]; b += 97) wrong += blocks[i][b] != (unsigned char)i;
      free(blocks[i]);
    }
    sizes[i] = (random >> 8 & 0xfff) + ((random & 0x3f) == 0 ? 200000 : 0);
    blocks[i] = malloc(sizes[i] + 1);
    if (!blocks[i]) return say(v, "no memory");
    memset(blocks[i], (int)i, sizes[i]);
  }
  say(v, "%d wrong", wrong);
}

static void case_realloc_of_much(struct verdict* v) {
  size_t bytes = 1000;
  char* at = malloc(bytes);
  memset(at, 'r', bytes);
  for (; bytes < 4 << 20; bytes *= 3) at = realloc(at, bytes * 3);
  int wrong = 0;
  for (size_t i = 0; i < 1000; ++i) wrong += at[i] != 'r';
  at = realloc(at, 500);
  say(v, "%d wrong %c", wrong, at[499]);
}

static void case_calloc_is_zero(struct verdict* v) {
  int nonzero = 0;
  for (size_t bytes = 100; bytes < 2 << 20; bytes *= 7) {
    char* at = malloc(bytes);
    memset(at, 0xff, bytes);
    free(at);
    at = calloc(1, bytes);
    for (size_t i = 0; i < bytes; ++i) nonzero |= at[i];
    free(at);
  }
  say_bool(v, "zero", nonzero == 0);
  volatile size_t much = SIZE_MAX / 2;
  void* volatile none = calloc(much, 3);
  say(v, "%s", none ? "memory" : errno_name(errno));
}

static void case_malloc_of_too_much(struct verdict* v) {
  volatile size_t bytes = SIZE_MAX / 4;
  void* volatile none = malloc(bytes);
  say(v, "%s", none ? "memory" : errno_name(errno));
}

static const struct conformance_case cases[] = {
    {"remap_file_pages", case_remap_file_pages},
    {"remap_file_pages_errors", case_remap_file_pages_errors},
    {"process_vm_readv", case_process_vm_readv},
    {"process_vm_readv_of_a_part", case_process_vm_readv_of_a_part},
    {"process_vm_of_a_child", case_process_vm_of_a_child},
    {"membarrier", case_membarrier},
    {"posix_memalign", case_posix_memalign},
    {"allocator_under_load", case_allocator_under_load},
    {"realloc_of_much", case_realloc_of_much},
    {"calloc_is_zero", case_calloc_is_zero},
    {"malloc_of_too_much", case_malloc_of_too_much},
};

CONFORMANCE_MAIN(cases)
