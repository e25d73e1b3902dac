// Processes that read random pages of one file that is not in memory: the disk
// has as many requests to choose from as there are readers.
// Arguments: READERS, READS of each, KILOBYTES of the file, APART = yes | no: each
// reads a part of its own, page by page. The parts lie in no order.
// The reading is marked as a region.
#include <fcntl.h>

#include "../include/faultline.h"
#include "guest.h"

#define FILE_NAME "random_readers.dat"

static int reader(unsigned n, unsigned readers, uint64_t reads, uint64_t pages, int apart) {
  static char page[4096];
  uint64_t state = 77 + n, hash = HASH_START;
  int fd = open(FILE_NAME, O_RDONLY);
  if (fd < 0) die("open");
  for (uint64_t i = 0; i < reads; ++i) {
    uint64_t at = apart ? (n * 5 % readers * pages / readers + i) % pages : next_random(&state) % pages;
    if (pread(fd, page, sizeof page, (off_t)(at * 4096)) != (ssize_t)sizeof page) die("pread");
    hash = hash_word(hash, (uint64_t)page[0]);
  }
  return (int)(hash & 0x7f);
}

int main(int argc, char** argv) {
  unsigned readers = (unsigned)number_argument(argc, argv, 1, 4);
  uint64_t reads = number_argument(argc, argv, 2, 16), pages = number_argument(argc, argv, 3, 4096) / 4;
  int apart = argc > 4 && strcmp(argv[4], "yes") == 0;
  pid_t children[64];
  if (readers > 64 || pages == 0) die("1 to 64 readers of a file");
  static char block[4096];
  int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) die("open");
  for (uint64_t n = 0; n < pages; ++n) {
    memset(block, (int)(n % 127), sizeof block);
    if (write(fd, block, sizeof block) != (ssize_t)sizeof block) die("write");
  }
  if (fsync(fd) != 0) die("fsync");
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  faultline_region_begin();
  for (unsigned n = 0; n < readers; ++n) {
    children[n] = fork_flushed();
    if (children[n] == 0) exit(reader(n, readers, reads, pages, apart));
  }
  for (unsigned n = 0; n < readers; ++n) printf("reader %u: %d\n", n, wait_for(children[n]));
  faultline_region_end();
  unlink(FILE_NAME);
  return 0;
}
