// Finds a substring in a mapped file: offset and line of each occurrence.
// Arguments: FILE TEXT. Binds: FILE (read only).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest.h"

int main(int argc, char** argv) {
  if (argc != 3 || argv[2][0] == 0) die("usage: mmap_search FILE TEXT");
  int fd = open(argv[1], O_RDONLY);
  if (fd < 0) die("open %s", argv[1]);
  struct stat status;
  if (fstat(fd, &status) < 0) die("fstat");
  size_t size = status.st_size, length = strlen(argv[2]);
  if (size == 0) die("%s is empty", argv[1]);
  const char* bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED) die("mmap");
  unsigned found = 0, line = 1;
  for (size_t at = 0; at + length <= size; ++at) {
    if (memcmp(bytes + at, argv[2], length) == 0) {
      printf("offset %zu, line %u\n", at, line);
      ++found;
    }
    if (bytes[at] == '\n') ++line;
  }
  printf("\"%s\": %u times in %zu bytes\n", argv[2], found, size);
  return found ? 0 : 1;
}
