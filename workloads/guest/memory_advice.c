// madvise, msync, mremap and mincore: what each does that one can see, and by
// which name it refuses.
// Arguments: none. Binds: the current directory, rw (it makes advice.dat).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

static size_t page;
static int file;

static void result(const char* what, long value) {
  printf("%-52s %s\n", what, value == -1 ? strerrorname_np(errno) : "ok");
}

static char* map(size_t pages, int protection, int flags, int fd) {
  char* at = mmap(NULL, pages * page, protection, flags | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
  if (at == MAP_FAILED) die("mmap");
  return at;
}

static int in_memory(char* at, size_t pages) {
  unsigned char present[64] = {0};
  if (mincore(at, pages * page, present) < 0) return -1;
  int count = 0;
  for (size_t i = 0; i < pages; ++i) count += present[i] & 1;
  return count;
}

// The pages' first bytes as a child sees them; where nothing is mapped, "-".
static void as_the_child_sees(char* at, size_t pages) {
  pid_t child = fork_flushed();
  if (child == 0) {
    printf("  in the child:");
    for (size_t i = 0; i < pages; ++i) {
      unsigned char present;
      const int mapped = mincore(at + i * page, page, &present) == 0;
      printf(mapped ? " %d" : " -", mapped ? at[i * page] : 0);
    }
    printf("\n");
    fflush(NULL);
    _exit(0);
  }
  wait_for(child);
}

static void advice(void) {
  const int rw = PROT_READ | PROT_WRITE;
  char* own = map(8, rw, MAP_PRIVATE, -1);
  char* shared = map(8, rw, MAP_SHARED, -1);
  char* of_file = map(8, rw, MAP_SHARED, file);
  char* copied = map(8, rw, MAP_PRIVATE, file);
  memset(own, 1, 8 * page);
  memset(shared, 2, 8 * page);
  memset(copied, 3, 8 * page);
  result("an address inside a page", madvise(own + 1, page, MADV_NORMAL));
  result("a length that ends beyond all addresses", madvise(own, (size_t)-1 - page, MADV_NORMAL));
  result("length 0", madvise(own, 0, MADV_DONTNEED));
  result("length 0, advice that is none", madvise(own, 0, 77));
  result("advice that is none", madvise(own, page, 5));
  result("length 1", madvise(own, 1, MADV_DONTNEED));
  printf("%d %d\n", own[0], own[page]);
  result("DONTNEED, shared", madvise(shared, page, MADV_DONTNEED));
  printf("%d\n", shared[0]);
  result("DONTNEED, a copy of a file", madvise(copied, page, MADV_DONTNEED));
  printf("%d %d\n", copied[0], copied[page]);
  result("FREE, shared", madvise(shared, page, MADV_FREE));
  result("FREE, of a file", madvise(copied, page, MADV_FREE));
  result("REMOVE, private", madvise(own, page, MADV_REMOVE));
  result("REMOVE, shared", madvise(shared + page, page, MADV_REMOVE));
  printf("%d %d\n", shared[0], shared[page]);
  result("REMOVE, a copy of a file", madvise(copied, page, MADV_REMOVE));
  result("WIPEONFORK, shared", madvise(shared, page, MADV_WIPEONFORK));
  result("WIPEONFORK, of a file", madvise(copied, page, MADV_WIPEONFORK));
  result("WIPEONFORK", madvise(own + page, 2 * page, MADV_WIPEONFORK));
  result("DONTFORK", madvise(own + 4 * page, 2 * page, MADV_DONTFORK));
  as_the_child_sees(own, 8);
  result("KEEPONFORK", madvise(own, 8 * page, MADV_KEEPONFORK));
  result("DOFORK", madvise(own, 8 * page, MADV_DOFORK));
  as_the_child_sees(own, 8);
  char* empty = map(8, rw, MAP_PRIVATE, -1);
  result("POPULATE_READ", madvise(empty, 2 * page, MADV_POPULATE_READ));
  result("POPULATE_WRITE", madvise(empty + 2 * page, 2 * page, MADV_POPULATE_WRITE));
  printf("written to be: %d\n", in_memory(empty + 2 * page, 2));
  mprotect(empty + 4 * page, page, PROT_READ);
  mprotect(empty + 5 * page, page, PROT_NONE);
  result("POPULATE_WRITE, to be read only", madvise(empty + 4 * page, page, MADV_POPULATE_WRITE));
  result("POPULATE_READ, closed", madvise(empty + 5 * page, page, MADV_POPULATE_READ));
  if (ftruncate(file, 4 * page) < 0) die("ftruncate");
  result("POPULATE_READ, beyond the end of a file", madvise(of_file, 8 * page, MADV_POPULATE_READ));
  if (ftruncate(file, 8 * page) < 0) die("ftruncate");
  munmap(empty + 6 * page, page);
  result("POPULATE_READ, over a hole", madvise(empty + 6 * page, 2 * page, MADV_POPULATE_READ));
  memset(empty, 4, 4 * page);
  memset(empty + 7 * page, 4, page);
  result("DONTNEED, over a hole", madvise(empty, 8 * page, MADV_DONTNEED));
  printf("%d %d\n", empty[0], empty[7 * page]);
  munmap(own, 8 * page);
  result("of nothing", madvise(own, page, MADV_NORMAL));
}

static void synchronize(void) {
  char* at = map(4, PROT_READ | PROT_WRITE, MAP_SHARED, file);
  result("msync, both ways", msync(at, page, MS_SYNC | MS_ASYNC));
  result("msync, a flag that is none", msync(at, page, 64));
  result("msync, inside a page", msync(at + 1, page, MS_SYNC));
  result("msync, no flag", msync(at, page, 0));
  result("msync, length 0", msync(at, 0, MS_SYNC));
  result("msync, beyond all addresses", msync(at, (size_t)-1 - 8 * page, MS_SYNC));
  result("msync, nearly as far", msync(at, (size_t)-1, MS_SYNC));
  result("msync", msync(at, 4 * page, MS_SYNC | MS_INVALIDATE));
  if (mlock(at, page) < 0) die("mlock");
  result("msync, MS_INVALIDATE of what is locked", msync(at, 4 * page, MS_SYNC | MS_INVALIDATE));
  result("msync of what is locked", msync(at, 4 * page, MS_SYNC));
  munlock(at, page);
  munmap(at + 2 * page, page);
  result("msync over a hole", msync(at, 4 * page, MS_SYNC));
  result("msync over a hole, asynchronously", msync(at, 4 * page, MS_ASYNC));
  munmap(at, 4 * page);
}

static void* remap(void* at, size_t old_pages, size_t new_pages, int flags, void* to) {
  return (void*)syscall(SYS_mremap, at, old_pages * page, new_pages * page, flags, to);
}

static void try_remap(const char* what, void* at, size_t old_pages, size_t new_pages, int flags, void* to) {
  result(what, remap(at, old_pages, new_pages, flags, to) == MAP_FAILED ? -1 : 0);
}

static void move(void) {
  const int rw = PROT_READ | PROT_WRITE;
  char* arena = map(64, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE, -1);
  char* at = mmap(arena, 4 * page, rw, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  for (int i = 0; i < 4; ++i) at[i * page] = 10 + i;
  try_remap("mremap, a flag that is none", at, 1, 1, 8, NULL);
  try_remap("mremap, fixed and not to be moved", at, 1, 1, MREMAP_FIXED, arena + 8 * page);
  try_remap("mremap, inside a page", at + 1, 1, 1, 0, NULL);
  try_remap("mremap, to length 0", at, 1, 0, MREMAP_MAYMOVE, NULL);
  try_remap("mremap, private, from length 0", at, 0, 1, MREMAP_MAYMOVE, NULL);
  try_remap("mremap, no room to grow", at, 4, 8, 0, NULL);
  try_remap("mremap, more than is there", at, 5, 9, MREMAP_MAYMOVE, NULL);
  try_remap("mremap, fixed, inside a page", at, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, arena + 8 * page + 1);
  try_remap("mremap, fixed, over itself", at, 4, 4, MREMAP_MAYMOVE | MREMAP_FIXED, at + page);
  try_remap("mremap, fixed, too long", at, 1, (size_t)1 << 50, MREMAP_MAYMOVE | MREMAP_FIXED, arena + 8 * page);
  try_remap("mremap, too long", at, 4, (size_t)1 << 50, MREMAP_MAYMOVE, NULL);
  char* moved = remap(at, 2, 3, MREMAP_MAYMOVE | MREMAP_FIXED, arena + 16 * page);
  printf("moved where asked: %s, %d %d %d\n", yes_no(moved == arena + 16 * page), moved[0], moved[page],
         moved[2 * page]);
  try_remap("mremap of nothing", at, 1, 1, MREMAP_MAYMOVE, NULL);
  try_remap("mremap, shorter", moved, 3, 1, 0, NULL);
  result("what is cut is gone", msync(moved + page, page, MS_ASYNC));
  char* shared = map(4, rw, MAP_SHARED, -1);
  shared[page] = 42;
  char* second = remap(shared, 0, 4, MREMAP_MAYMOVE, NULL);
  if (second == MAP_FAILED) die("a second mapping");
  second[2 * page] = 43;
  printf("a second mapping of the same pages: %d %d\n", second[page], shared[2 * page]);
  try_remap("a second mapping, not to be moved", shared, 0, 4, 0, NULL);
  char* left = map(4, rw, MAP_PRIVATE, -1);
  memset(left, 5, 4 * page);
  try_remap("mremap, left mapped, not to be moved", left, 4, 4, MREMAP_DONTUNMAP, NULL);
  try_remap("mremap, left mapped, longer", left, 4, 5, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  char* gone = remap(left, 4, 4, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
  if (gone == MAP_FAILED) die("left mapped");
  printf("left mapped: %d %d, and there: %d %d\n", left[0], left[3 * page], gone[0], gone[3 * page]);
}

static void core(void) {
  unsigned char present[8];
  char* at = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1);
  at[page] = 1;
  result("mincore", mincore(at, 4 * page, present));
  printf("%d %d %d %d\n", present[0] & 1, present[1] & 1, present[2] & 1, present[3] & 1);
  result("mincore, inside a page", mincore(at + 1, page, present));
  result("mincore, length 0", mincore(at, 0, present));
  result("mincore, nowhere to write", mincore(at, page, (unsigned char*)8));
  result("mincore, beyond all addresses", mincore(at, (size_t)-1 - 8 * page, present));
  munmap(at + 2 * page, page);
  result("mincore over a hole", mincore(at, 4 * page, present));
}

int main(void) {
  page = sysconf(_SC_PAGESIZE);
  file = open("advice.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || ftruncate(file, 8 * page) < 0) die("advice.dat");
  advice();
  synchronize();
  move();
  core();
  if (unlink("advice.dat") < 0) die("unlink");
  return 0;
}
