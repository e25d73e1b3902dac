// cat by mmap: each file is mapped a window at a time and printed from there.
// Arguments: FILE... Binds: each FILE (read only).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest.h"

static void print_file(const char* path, size_t window) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) die("open %s", path);
  struct stat status;
  if (fstat(fd, &status) < 0) die("fstat");
  for (off_t offset = 0; offset < status.st_size; offset += window) {
    size_t length = status.st_size - offset < (off_t)window ? (size_t)(status.st_size - offset) : window;
    void* bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fd, offset);
    if (bytes == MAP_FAILED) die("mmap");
    if (fwrite(bytes, 1, length, stdout) != length) die("fwrite");
    if (munmap(bytes, length) < 0) die("munmap");
  }
  close(fd);
}

int main(int argc, char** argv) {
  if (argc < 2) die("usage: mmap_cat FILE...");
  for (int i = 1; i < argc; ++i) print_file(argv[i], 2 * (size_t)sysconf(_SC_PAGESIZE));
  return 0;
}
