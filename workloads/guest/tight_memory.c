// Fills memory with private anonymous pages, then writes to pages of a private
// file mapping, each of which needs the file's page and a copy of it at once.
// With enough memory it says "done"; with too little it may be killed.
// Arguments: anonymous pages (default 800), file pages (default 400). Binds:
// the current directory, rw (it makes tight.dat).
#include <fcntl.h>
#include <sys/mman.h>

#include "guest.h"

int main(int argc, char** argv) {
  size_t page = sysconf(_SC_PAGESIZE);
  size_t anonymous = number_argument(argc, argv, 1, 800);
  size_t copies = number_argument(argc, argv, 2, 400);
  int fd = open("tight.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0 || ftruncate(fd, copies * page) < 0) die("tight.dat");
  if (unlink("tight.dat") < 0) die("unlink");
  char* copy = mmap(NULL, copies * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  char* fill = mmap(NULL, anonymous * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (copy == MAP_FAILED || fill == MAP_FAILED) {
    printf("refused: %s\n", errno == ENOMEM ? "ENOMEM" : strerror(errno));
    return 3;
  }
  for (size_t i = 0; i < anonymous; ++i) fill[i * page] = (char)i;
  for (size_t i = 0; i < copies; ++i) copy[i * page] = (char)(i + 1);
  size_t wrong = 0;
  for (size_t i = 0; i < anonymous; ++i) wrong += fill[i * page] != (char)i;
  for (size_t i = 0; i < copies; ++i) wrong += copy[i * page] != (char)(i + 1);
  printf("done, %zu pages wrong\n", wrong);
  return 0;
}
