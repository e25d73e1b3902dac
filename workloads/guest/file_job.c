// One job over a file, by read(2) or through a mapping: open it, look at records
// of it one after the other or in random order, close it; several times over.
// Arguments: HOW = read | map, ORDER = sequential | random, KILOBYTES of the file,
// RECORDS looked at each time, BYTES of a record, TIMES, START = warm | cold (the
// file is not in the page cache), WORK steps of computing on each record.
// The job, without making the file, is marked as a region.
#include <fcntl.h>
#include <sys/mman.h>

#include "../include/faultline.h"
#include "guest.h"

#define FILE_NAME "file_job.dat"

struct job {
  int mapped, random;
  uint64_t bytes, records, record, work;
};

static void make_file(uint64_t bytes, int cold) {
  static char block[65536];
  int fd = open(FILE_NAME, O_RDWR | O_CREAT | O_TRUNC, 0600);
  if (fd < 0) die("open");
  for (uint64_t at = 0; at < bytes; at += sizeof block) {
    for (size_t i = 0; i < sizeof block; i += 8) {
      uint64_t word = (at + i) * 0x9e3779b97f4a7c15ull;
      memcpy(block + i, &word, 8);
    }
    size_t count = bytes - at < sizeof block ? bytes - at : sizeof block;
    if (write(fd, block, count) != (ssize_t)count) die("write");
  }
  if (fsync(fd) != 0) die("fsync");
  if (cold) posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

static uint64_t work_on(const char* record, uint64_t bytes, uint64_t work, uint64_t hash) {
  for (uint64_t i = 0; i + 8 <= bytes; i += 8) {
    uint64_t word;
    memcpy(&word, record + i, 8);
    hash = hash * 31 + word;
  }
  for (uint64_t i = 0; i < work; ++i) hash = hash * 6364136223846793005ull + 1442695040888963407ull;
  return hash;
}

static uint64_t do_job(const struct job* job, uint64_t* state) {
  uint64_t hash = HASH_START, places = job->bytes / job->record;
  char* buffer = malloc(job->record);
  int fd = open(FILE_NAME, O_RDONLY);
  if (fd < 0 || !buffer) die("open");
  const char* map = NULL;
  if (job->mapped) {
    map = mmap(NULL, job->bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) die("mmap");
  }
  for (uint64_t n = 0; n < job->records; ++n) {
    uint64_t at = (job->random ? next_random(state) % places : n % places) * job->record;
    if (!map && pread(fd, buffer, job->record, (off_t)at) != (ssize_t)job->record) die("pread");
    hash = work_on(map ? map + at : buffer, job->record, job->work, hash);
  }
  if (map) munmap((void*)map, job->bytes);
  close(fd);
  free(buffer);
  return hash;
}

int main(int argc, char** argv) {
  if (argc < 3) die("usage: file_job read|map sequential|random [KILOBYTES RECORDS BYTES TIMES warm|cold WORK]");
  struct job job = {.mapped = strcmp(argv[1], "map") == 0,
                    .random = strcmp(argv[2], "random") == 0,
                    .bytes = number_argument(argc, argv, 3, 64) << 10,
                    .records = number_argument(argc, argv, 4, 256),
                    .record = number_argument(argc, argv, 5, 256),
                    .work = number_argument(argc, argv, 8, 0)};
  uint64_t times = number_argument(argc, argv, 6, 1), state = 1, hash = HASH_START;
  if (job.record < 8 || job.record > job.bytes) die("a record of 8 bytes to the whole file");
  make_file(job.bytes, argc > 7 && strcmp(argv[7], "cold") == 0);
  faultline_region_begin();
  for (uint64_t i = 0; i < times; ++i) hash = hash_word(hash, do_job(&job, &state));
  faultline_region_end();
  printf("%llu records, hash %016llx\n", (unsigned long long)(job.records * times), (unsigned long long)hash);
  unlink(FILE_NAME);
  return 0;
}
