// Some processes read a file from end to end while others compute: on one
// processor the reading of one can pass while another computes.
// Arguments: FILE [READERS = 2] [COMPUTERS = 2] [ROUNDS = 200000]. Binds: FILE (read only).
#include <fcntl.h>

#include "guest.h"

static int read_file(const char* path, int n) {
  static char buffer[8192];
  int fd = open(path, O_RDONLY);
  if (fd < 0) die("open %s", path);
  uint64_t hash = HASH_START;
  ssize_t got, total = 0;
  while ((got = read(fd, buffer, sizeof buffer)) > 0) {
    total += got;
    for (ssize_t i = 0; i < got; ++i) hash = (hash ^ (unsigned char)buffer[i]) * 0x100000001b3ull;
  }
  return (int)((hash ^ (uint64_t)total ^ (unsigned)n) & 0x7f);
}

static int compute(uint64_t rounds, int n) {
  uint64_t state = 1 + (unsigned)n, sum = 0;
  for (uint64_t i = 0; i < rounds; ++i) sum += next_random(&state) >> 32;
  return (int)(sum & 0x7f);
}

int main(int argc, char** argv) {
  if (argc < 2) die("usage: io_overlap FILE [READERS] [COMPUTERS] [ROUNDS]");
  int readers = (int)number_argument(argc, argv, 2, 2), computers = (int)number_argument(argc, argv, 3, 2);
  uint64_t rounds = number_argument(argc, argv, 4, 200000);
  pid_t children[64];
  int count = readers + computers;
  if (count > 64) die("at most 64 processes");
  for (int n = 0; n < count; ++n) {
    children[n] = fork_flushed();
    if (children[n] == 0) exit(n < readers ? read_file(argv[1], n) : compute(rounds, n));
  }
  for (int n = 0; n < count; ++n) {
    int status = wait_for(children[n]);
    printf("%s %d: %d\n", n < readers ? "reader" : "computer", n, status);
  }
  return 0;
}
