// What mmap and its kin refuse, and by which name; and what they accept though
// one might not think so.
// Arguments: none. Binds: the current directory, rw (it makes map.dat).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest.h"

static void* last;

static void try_map(const char* what, void* address, size_t length, int protection, int flags, int fd, off_t offset) {
  // The system call itself: the C library checks the offset on its own.
  last = (void*)syscall(SYS_mmap, address, length, protection, flags, fd, offset);
  printf("%-46s %s\n", what, last == MAP_FAILED ? strerrorname_np(errno) : "mapped");
}

static void result(const char* what, long value) {
  printf("%-46s %s\n", what, value == -1 ? strerrorname_np(errno) : "ok");
}

int main(void) {
  size_t page = sysconf(_SC_PAGESIZE);
  const int rw = PROT_READ | PROT_WRITE, anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
  int file = open("map.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (file < 0 || ftruncate(file, 4 * page) < 0) die("map.dat");
  int read_only = open("map.dat", O_RDONLY), write_only = open("map.dat", O_WRONLY), directory = open(".", O_RDONLY);
  int channel[2];
  if (pipe(channel) < 0) die("pipe");

  try_map("length 0", NULL, 0, rw, anonymous, -1, 0);
  try_map("offset not a multiple of a page", NULL, page, rw, MAP_PRIVATE, file, 17);
  try_map("neither private nor shared", NULL, page, rw, MAP_ANONYMOUS, -1, 0);
  try_map("fixed and not aligned", (void*)(page * 100 + 1), page, rw, anonymous | MAP_FIXED, -1, 0);
  try_map("a bad descriptor", NULL, page, rw, MAP_PRIVATE, 77, 0);
  try_map("a negative descriptor", NULL, page, rw, MAP_SHARED, -1, 0);
  try_map("a write-only file, shared", NULL, page, PROT_READ, MAP_SHARED, write_only, 0);
  try_map("a write-only file, private", NULL, page, PROT_READ, MAP_PRIVATE, write_only, 0);
  try_map("a write-only file, to write", NULL, page, PROT_WRITE, MAP_SHARED, write_only, 0);
  try_map("a read-only file, shared, to write", NULL, page, rw, MAP_SHARED, read_only, 0);
  try_map("a read-only file, private, to write", NULL, page, rw, MAP_PRIVATE, read_only, 0);
  try_map("a read-only file, shared, to read", NULL, page, PROT_READ, MAP_SHARED, read_only, 0);
  result("then mprotect it writable", mprotect(last, page, rw));
  try_map("a directory", NULL, page, PROT_READ, MAP_PRIVATE, directory, 0);
  try_map("a pipe", NULL, page, PROT_READ, MAP_PRIVATE, channel[0], 0);
  try_map("a length of nearly 2^64", NULL, (size_t)-1, rw, anonymous, -1, 0);
  try_map("a length of 2^62", NULL, (size_t)1 << 62, PROT_NONE, anonymous | MAP_NORESERVE, -1, 0);
  try_map("an offset whose end does not fit", NULL, 2 * page, PROT_READ, MAP_PRIVATE, file, (off_t)(0 - page));
  try_map("pages beyond the file's end", NULL, 64 * page, PROT_READ, MAP_SHARED, file, 0);
  try_map("an offset beyond the file's end", NULL, page, PROT_READ, MAP_SHARED, file, 100 * page);

  try_map("three pages", NULL, 3 * page, rw, anonymous, -1, 0);
  char* area = last;
  try_map("no-replace over them", area + page, page, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0);
  try_map("fixed over the middle", area + page, page, PROT_READ, anonymous | MAP_FIXED, -1, 0);
  printf("%-46s %s\n", "  at the address asked for", yes_no(last == area + page));
  result("munmap, not aligned", munmap(area + 1, page));
  result("munmap, length 0", munmap(area, 0));
  result("munmap the middle", munmap(area + page, page));
  result("munmap the middle again", munmap(area + page, page));
  result("mprotect over the hole", mprotect(area, 3 * page, PROT_READ));
  result("mprotect, not aligned", mprotect(area + 1, page, PROT_READ));
  result("mprotect, length 0", mprotect(area, 0, PROT_READ));
  try_map("no-replace into the hole", area + page, page, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0);
  printf("%-46s %s\n", "  at the address asked for", yes_no(last == area + page));
  result("munmap all three", munmap(area, 3 * page));
  result("munmap of nothing", munmap(area, 3 * page));
  result("msync of nothing", msync(area, page, MS_SYNC));
  unlink("map.dat");
  return 0;
}
