// The first bytes of a file, seen through mmap.
// Arguments: FILE [N = 16]. Binds: FILE (read only).
#include <ctype.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest.h"

int main(int argc, char** argv) {
  if (argc < 2) die("usage: mmap_first_bytes FILE [N]");
  int fd = open(argv[1], O_RDONLY);
  if (fd < 0) die("open %s", argv[1]);
  struct stat status;
  if (fstat(fd, &status) < 0) die("fstat");
  size_t wanted = number_argument(argc, argv, 2, 16);
  if (wanted > (size_t)status.st_size) wanted = status.st_size;
  if (wanted == 0) {
    puts("the file is empty");
    return 0;
  }
  const unsigned char* bytes = mmap(NULL, wanted, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) die("mmap");
  close(fd);  // the mapping stays
  for (size_t i = 0; i < wanted; ++i) printf("%02x%c", bytes[i], (i % 16 == 15 || i + 1 == wanted) ? '\n' : ' ');
  for (size_t i = 0; i < wanted; ++i) putchar(isprint(bytes[i]) ? bytes[i] : '.');
  putchar('\n');
  if (munmap((void*)bytes, wanted) < 0) die("munmap");
  return 0;
}
