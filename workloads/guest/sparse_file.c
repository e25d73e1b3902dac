// lseek with SEEK_DATA and SEEK_HOLE: where a file has bytes, and where it has
// none. Everything lies on borders of 64 KB, which no file system divides.
// Arguments: none. Binds: the current directory, rw (it makes sparse.dat).
#include <fcntl.h>
#include <sys/mman.h>

#include "guest.h"

#define BLOCK 65536l

static int file;

static void seek(const char* what, long offset, int whence) {
  errno = 0;
  const long at = lseek(file, offset, whence);
  const char* kind = whence == SEEK_DATA ? "data" : "hole";
  if (at < 0) {
    printf("%s: %s from %ld: %s\n", what, kind, offset, strerrorname_np(errno));
  } else if (at % BLOCK == 0) {
    printf("%s: %s from %ld: block %ld\n", what, kind, offset, at / BLOCK);
  } else {
    printf("%s: %s from %ld: byte %ld\n", what, kind, offset, at);
  }
}

static void write_block(long block) {
  static char bytes[BLOCK];
  memset(bytes, 'x', BLOCK);
  if (pwrite(file, bytes, BLOCK, block * BLOCK) != BLOCK) die("pwrite");
}

int main(void) {
  file = open("sparse.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (file < 0) die("sparse.dat");
  seek("empty", 0, SEEK_DATA);
  seek("empty", 0, SEEK_HOLE);
  if (ftruncate(file, 16 * BLOCK) < 0) die("ftruncate");
  seek("one hole", 0, SEEK_DATA);
  seek("one hole", 0, SEEK_HOLE);
  seek("one hole", 16 * BLOCK, SEEK_HOLE);
  seek("one hole", -1, SEEK_HOLE);
  write_block(3);
  write_block(4);
  write_block(8);
  seek("two runs", 0, SEEK_DATA);
  seek("two runs", 3 * BLOCK + 5, SEEK_DATA);
  seek("two runs", 3 * BLOCK + 5, SEEK_HOLE);
  seek("two runs", 5 * BLOCK, SEEK_DATA);
  seek("two runs", 5 * BLOCK + 5, SEEK_HOLE);
  seek("two runs", 9 * BLOCK, SEEK_DATA);
  seek("two runs", 8 * BLOCK, SEEK_HOLE);
  char* mapped = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED, file, 12 * BLOCK);
  if (mapped == MAP_FAILED) die("mmap");
  memset(mapped, 'm', BLOCK);
  seek("through a mapping", 9 * BLOCK, SEEK_DATA);
  seek("through a mapping", 12 * BLOCK, SEEK_HOLE);
  if (ftruncate(file, 4 * BLOCK) < 0 || ftruncate(file, 16 * BLOCK) < 0) die("ftruncate");
  seek("cut and grown", 0, SEEK_DATA);
  seek("cut and grown", 3 * BLOCK, SEEK_HOLE);
  seek("cut and grown", 4 * BLOCK, SEEK_DATA);
  write_block(15);
  seek("to the end", 15 * BLOCK, SEEK_HOLE);
  seek("to the end", 15 * BLOCK + 9, SEEK_DATA);
  printf("the position is where the last one led: %s\n", yes_no(lseek(file, 0, SEEK_CUR) == 15 * BLOCK + 9));
  if (unlink("sparse.dat") < 0) die("unlink");
  return 0;
}
