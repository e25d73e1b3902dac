// Computes and writes, by turns, and makes sure of it at the end.
// Arguments: KILOBYTES, WORK steps of computing for each 4 KB, SYNC = end | each | none.
// The job is marked as a region.
#include <fcntl.h>

#include "../include/faultline.h"
#include "guest.h"

int main(int argc, char** argv) {
  uint64_t pages = number_argument(argc, argv, 1, 256) / 4, work = number_argument(argc, argv, 2, 1000);
  const char* sync_when = argc > 3 ? argv[3] : "end";
  static uint64_t page[512];
  uint64_t state = 1;
  int fd = open("file_writer.dat", O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) die("open");
  faultline_region_begin();
  for (uint64_t n = 0; n < pages; ++n) {
    for (uint64_t i = 0; i < work; ++i) page[i % 512] ^= next_random(&state);
    if (write(fd, page, sizeof page) != (ssize_t)sizeof page) die("write");
    if (strcmp(sync_when, "each") == 0 && fdatasync(fd) != 0) die("fdatasync");
  }
  if (strcmp(sync_when, "end") == 0 && fsync(fd) != 0) die("fsync");
  faultline_region_end();
  uint64_t hash = HASH_START;
  if (lseek(fd, 0, SEEK_SET) != 0) die("lseek");
  while (read(fd, page, sizeof page) == (ssize_t)sizeof page) {
    for (int i = 0; i < 512; i += 64) hash = hash_word(hash, page[i]);
  }
  printf("%llu pages, hash %016llx\n", (unsigned long long)pages, (unsigned long long)hash);
  unlink("file_writer.dat");
  return 0;
}
