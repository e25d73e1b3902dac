// Fixed-size records in a file, used in two ways: by lseek and read or write,
// and through a shared mapping. Both see each other's changes.
// Arguments: FILE [RECORDS = 100]. Binds: FILE's directory, rw.
#include <fcntl.h>
#include <sys/mman.h>

#include "guest.h"

struct record {
  uint32_t number;
  uint32_t balance;
  char name[56];
};

static struct record make(uint32_t number) {
  struct record record = {.number = number, .balance = number * number % 1009};
  snprintf(record.name, sizeof record.name, "account %u", number);
  return record;
}

static void write_all(int fd, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) {
    struct record record = make(i);
    if (write(fd, &record, sizeof record) != sizeof record) die("write");
  }
}

static struct record read_one(int fd, uint32_t number) {
  struct record record;
  if (lseek(fd, (off_t)number * sizeof record, SEEK_SET) < 0) die("lseek");
  if (read(fd, &record, sizeof record) != sizeof record) die("read");
  return record;
}

int main(int argc, char** argv) {
  if (argc < 2) die("usage: records FILE [RECORDS]");
  uint32_t count = (uint32_t)number_argument(argc, argv, 2, 100);
  if (count < 10) count = 10;
  int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) die("open %s", argv[1]);
  write_all(fd, count);

  struct record* records = mmap(NULL, count * sizeof *records, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (records == MAP_FAILED) die("mmap");
  uint64_t by_read = 0, by_mapping = 0;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t number = i * 7 % count;
    by_read += read_one(fd, number).balance * (i + 1);
    by_mapping += records[number].balance * (i + 1);
  }
  printf("sum through read %llu, through the mapping %llu\n", (unsigned long long)by_read,
         (unsigned long long)by_mapping);

  records[3].balance = 12345;
  struct record seen = read_one(fd, 3);
  printf("stored in the mapping, read with read: %u, \"%s\"\n", seen.balance, seen.name);
  struct record changed = {.number = 5, .balance = 54321, .name = "written with write"};
  if (lseek(fd, 5 * sizeof changed, SEEK_SET) < 0 || write(fd, &changed, sizeof changed) != sizeof changed)
    die("write");
  printf("written with write, seen in the mapping: %u, \"%s\"\n", records[5].balance, records[5].name);
  if (munmap(records, count * sizeof *records) < 0) die("munmap");
  close(fd);
  return 0;
}
