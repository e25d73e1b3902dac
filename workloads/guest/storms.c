// One thing over and over, so that its cost stands out: tight loops, system
// calls, demand-zero pages, copies after fork, reads of a file. What it prints
// is the same wherever it runs.
// Arguments: loops [MILLIONS = 1] | calls [CALLS = 1000] | zero [MEGABYTES = 1]
// [ROUNDS = 1] | cow [MEGABYTES = 1] [ROUNDS = 2] | read [MEGABYTES = 1] [ROUNDS = 2]
// | hello. Binds: none; `read` makes its file in the current directory.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest.h"

static unsigned char* map_pages(size_t bytes) {
  void* area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) die("mmap of %zu bytes", bytes);
  return area;
}

static uint64_t touch_pages(unsigned char* area, size_t bytes, uint64_t value) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  uint64_t count = 0;
  for (size_t at = 0; at < bytes; at += page, ++count) *(volatile uint64_t*)(area + at) = value + at;
  return count;
}

static void loops(uint64_t millions) {
  uint64_t a = 1, b = 2, c = 3;
  for (uint64_t i = 0; i < millions * 1000000; ++i) {
    a += b ^ i;
    b = b + (c >> 3);
    c = c ^ (a << 1);
  }
  printf("loops: %016llx\n", (unsigned long long)(a ^ b ^ c));
}

static void calls(uint64_t count) {
  uint64_t same = 0;
  const long self = syscall(SYS_getpid);
  for (uint64_t i = 0; i < count; ++i) same += syscall(SYS_getpid) == self;
  printf("calls: %llu\n", (unsigned long long)same);
}

static void zero(size_t bytes, uint64_t rounds) {
  uint64_t pages = 0, left = 0;
  for (uint64_t i = 0; i < rounds; ++i) {
    unsigned char* area = map_pages(bytes);
    pages += touch_pages(area, bytes, i + 1);
    left += area[bytes - 1];
    if (munmap(area, bytes) != 0) die("munmap");
  }
  printf("zero: %s, %llu\n", yes_no(pages * (uint64_t)sysconf(_SC_PAGESIZE) == bytes * rounds),
         (unsigned long long)left);
}

// Each child writes all pages that it shares with its parent.
static void cow(size_t bytes, uint64_t rounds) {
  unsigned char* area = map_pages(bytes);
  touch_pages(area, bytes, 7);
  uint64_t good = 0;
  for (uint64_t i = 0; i < rounds; ++i) {
    pid_t child = fork_flushed();
    if (child == 0) {
      touch_pages(area, bytes, i + 100);
      _exit(*(uint64_t*)area == i + 100 ? 0 : 1);
    }
    good += wait_for(child) == 0;
  }
  printf("cow: %llu, parent kept %s\n", (unsigned long long)good, yes_no(*(uint64_t*)area == 7));
}

static void read_file(size_t bytes, uint64_t rounds) {
  enum { kPiece = 65536 };
  static unsigned char buffer[kPiece];
  const int fd = open("storms.dat", O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) die("open storms.dat");
  for (size_t at = 0; at < bytes; at += kPiece) {
    memset(buffer, (int)(at / kPiece), kPiece);
    if (write(fd, buffer, kPiece) != kPiece) die("write");
  }
  uint64_t sum = 0;
  for (uint64_t i = 0; i < rounds; ++i) {
    if (lseek(fd, 0, SEEK_SET) != 0) die("lseek");
    while (read(fd, buffer, kPiece) == kPiece) sum += buffer[kPiece / 2];
  }
  close(fd);
  unlink("storms.dat");
  printf("read: %llu\n", (unsigned long long)sum);
}

int main(int argc, char** argv) {
  const char* kind = argc > 1 ? argv[1] : "hello";
  const size_t megabytes = (size_t)number_argument(argc, argv, 2, 1) << 20;
  if (strcmp(kind, "loops") == 0) {
    loops(number_argument(argc, argv, 2, 1));
  } else if (strcmp(kind, "calls") == 0) {
    calls(number_argument(argc, argv, 2, 1000));
  } else if (strcmp(kind, "zero") == 0) {
    zero(megabytes, number_argument(argc, argv, 3, 1));
  } else if (strcmp(kind, "cow") == 0) {
    cow(megabytes, number_argument(argc, argv, 3, 2));
  } else if (strcmp(kind, "read") == 0) {
    read_file(megabytes, number_argument(argc, argv, 3, 2));
  } else {
    printf("hello\n");
  }
  return 0;
}
