// Copies a file to standard output: the whole file is mapped and written out
// by write itself, so the kernel reads the pages on the program's behalf.
// Arguments: FILE. Binds: FILE (read only).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest.h"

int main(int argc, char** argv) {
  if (argc != 2) die("usage: mmap_copy FILE");
  int fd = open(argv[1], O_RDONLY);
  if (fd < 0) die("open %s", argv[1]);
  struct stat status;
  if (fstat(fd, &status) < 0) die("fstat");
  size_t size = status.st_size;
  if (size == 0) return 0;
  char* bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) die("mmap");
  for (size_t done = 0; done < size;) {
    ssize_t written = write(STDOUT_FILENO, bytes + done, size - done);
    if (written <= 0) die("write");
    done += written;
  }
  return 0;
}
