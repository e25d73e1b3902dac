// mlock and its relatives: what is locked is in memory and counts against
// RLIMIT_MEMLOCK, what MCL_FUTURE brings, that a child inherits nothing, and
// every error.
// Arguments: none.
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "guest.h"

static size_t page;

static void result(const char* what, long value) {
  printf("%-44s %s\n", what, value == -1 ? strerrorname_np(errno) : "ok");
}

static char* map(size_t pages, int flags) {
  return mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

// Pages locked, by /proc/self/status.
static long locked(void) {
  FILE* status = fopen("/proc/self/status", "r");
  char line[200];
  long kilobytes = -1;
  while (status && fgets(line, sizeof line, status)) {
    if (sscanf(line, "VmLck: %ld", &kilobytes) == 1) break;
  }
  if (status) fclose(status);
  return kilobytes * 1024 / (long)page;
}

static int in_memory(char* at, size_t pages) {
  unsigned char present[64] = {0};
  if (mincore(at, pages * page, present) < 0) return -1;
  int count = 0;
  for (size_t i = 0; i < pages; ++i) count += present[i] & 1;
  return count;
}

static void limit(unsigned long bytes) {
  struct rlimit both = {bytes, 64 * page};
  if (setrlimit(RLIMIT_MEMLOCK, &both) < 0) die("setrlimit");
}

static void ways_to_lock(void) {
  char* area = map(16, 0);
  result("mlock", mlock(area, 16 * page));
  printf("in memory: %d, locked: %ld\n", in_memory(area, 16), locked());
  result("munlock the middle", munlock(area + 4 * page, 8 * page));
  printf("locked: %ld\n", locked());
  result("mlock of part of a page", mlock(area + 5 * page + 100, 1));
  result("mlock across a border of pages", mlock(area + 7 * page - 1, 2));
  printf("locked: %ld\n", locked());
  result("munmap", munmap(area, 16 * page));
  printf("locked: %ld\n", locked());

  area = map(8, 0);
  area[0] = 1;
  result("mlock2 as pages are touched", mlock2(area, 8 * page, MLOCK_ONFAULT));
  printf("in memory: %d, locked: %ld\n", in_memory(area, 8), locked());
  area[5 * page] = 1;
  printf("in memory: %d\n", in_memory(area, 8));
  result("mlock2 without flags", mlock2(area, 8 * page, 0));
  printf("in memory: %d\n", in_memory(area, 8));
  munmap(area, 8 * page);

  area = map(8, MAP_LOCKED);
  printf("MAP_LOCKED: in memory: %d, locked: %ld\n", in_memory(area, 8), locked());
  area = mremap(area, 8 * page, 12 * page, MREMAP_MAYMOVE);
  printf("mremap: in memory: %d, locked: %ld\n", in_memory(area, 12), locked());
  result("MADV_DONTNEED", madvise(area, page, MADV_DONTNEED));
  result("MADV_FREE", madvise(area, page, MADV_FREE));
  result("mprotect, nobody may touch it", mprotect(area, 12 * page, PROT_NONE));
  result("mprotect, everybody may", mprotect(area, 12 * page, PROT_READ | PROT_WRITE));
  fflush(NULL);
  pid_t child = fork_flushed();
  if (child == 0) {
    printf("child: locked: %ld\n", locked());
    fflush(NULL);
    _exit(0);
  }
  wait_for(child);
  result("munlockall", munlockall());
  printf("locked: %ld\n", locked());
  munmap(area, 12 * page);

  area = map(8, MAP_POPULATE);
  printf("MAP_POPULATE: in memory: %d, locked: %ld\n", in_memory(area, 8), locked());
  munmap(area, 8 * page);
}

static void future(void) {
  result("mlockall of what comes", mlockall(MCL_FUTURE));
  printf("locked: %ld\n", locked());
  char* area = map(8, 0);
  printf("in memory: %d, locked: %ld\n", in_memory(area, 8), locked());
  result("mlockall of what comes, as it is touched", mlockall(MCL_FUTURE | MCL_ONFAULT));
  char* lazy = map(8, 0);
  printf("in memory: %d, locked: %ld\n", in_memory(lazy, 8), locked());
  char* more = sbrk(4 * page);
  printf("sbrk: %s, locked more: %s\n", yes_no(more != (char*)-1), yes_no(locked() >= 20));
  fflush(NULL);
  pid_t child = fork_flushed();
  if (child == 0) {
    map(8, 0);
    printf("child: locked: %ld\n", locked());
    fflush(NULL);
    _exit(0);
  }
  wait_for(child);
  result("munlockall", munlockall());
  map(8, 0);
  printf("locked: %ld\n", locked());
}

static void errors(void) {
  char* area = map(8, 0);
  char* closed = mmap(NULL, 4 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(area + 4 * page, page);
  result("mlock over a hole", mlock(area, 8 * page));
  printf("locked: %ld\n", locked());
  result("munlock over a hole", munlock(area, 8 * page));
  printf("locked: %ld\n", locked());
  result("mlock of what nobody may touch", mlock(closed, 4 * page));
  printf("locked: %ld\n", locked());
  result("munlock", munlock(closed, 4 * page));
  result("mlock of nothing", mlock(area, 0));
  result("mlock of nothing where nothing is", mlock(area + 4 * page, 0));
  result("mlock beyond the end of addresses", mlock(area, (size_t)-1 - 8 * page));
  result("munlock beyond the end of addresses", munlock(area, (size_t)-1 - 8 * page));
  result("mlock2, a flag that is none", mlock2(area, page, 2));
  result("mlockall(0)", mlockall(0));
  result("mlockall(8)", mlockall(8));
  result("mlockall, only how", mlockall(MCL_ONFAULT));
  limit(6 * page);
  char* big = map(8, 0);
  result("mlock of more than the limit", mlock(big, 8 * page));
  result("mlock of as much", mlock(big, 6 * page));
  result("the same again", mlock(big, 6 * page));
  result("one page more", mlock(big + 6 * page, page));
  result("mlockall of all there is", mlockall(MCL_CURRENT));
  result("MAP_LOCKED", map(1, MAP_LOCKED) == MAP_FAILED ? -1 : 0);
  result("mremap to more", mremap(big, 6 * page, 7 * page, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0);
  result("munlock", munlock(big, 8 * page));
  limit(0);
  result("no limit at all: mlock", mlock(big, page));
  result("mlock2", mlock2(big, page, MLOCK_ONFAULT));
  result("mlockall", mlockall(MCL_FUTURE));
  result("MAP_LOCKED", map(1, MAP_LOCKED) == MAP_FAILED ? -1 : 0);
  result("munlock", munlock(big, page));
  result("munlockall", munlockall());
}

int main(void) {
  page = sysconf(_SC_PAGESIZE);
  // Whoever is root may lock what he wants.
  if (setuid(65534) < 0 && errno != EPERM) die("setuid");
  limit(64 * page);
  ways_to_lock();
  future();
  errors();
  return 0;
}
