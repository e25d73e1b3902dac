// A counter that processes share through a mapped file. The file starts with a
// magic number, so that a file that was never initialised is refused.
// Arguments: init FILE | get FILE. Binds: FILE's directory, rw.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest.h"

#define MAGIC 0x636f756e74657231ull  // "counter1"

struct shared_counter {
  uint64_t magic;
  uint64_t next;
};

static struct shared_counter* map_counter(int fd) {
  struct shared_counter* counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (counter == MAP_FAILED) die("mmap");
  close(fd);
  return counter;
}

static int initialise(const char* path) {
  int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) die("open %s", path);
  if (ftruncate(fd, sizeof(struct shared_counter)) < 0) die("ftruncate");
  struct shared_counter* counter = map_counter(fd);
  counter->next = 0;
  counter->magic = MAGIC;
  puts("initialised");
  return 0;
}

static int get(const char* path) {
  int fd = open(path, O_RDWR);
  if (fd < 0) die("open %s", path);
  struct stat status;
  if (fstat(fd, &status) < 0) die("fstat");
  if (status.st_size < (off_t)sizeof(struct shared_counter)) {
    puts("no counter in this file");
    return 3;
  }
  struct shared_counter* counter = map_counter(fd);
  if (counter->magic != MAGIC) {
    puts("no counter in this file");
    return 3;
  }
  printf("%llu\n", (unsigned long long)counter->next++);
  return 0;
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "init") == 0) return initialise(argv[2]);
  if (argc == 3 && strcmp(argv[1], "get") == 0) return get(argv[2]);
  die("usage: file_counter init|get FILE");
}
