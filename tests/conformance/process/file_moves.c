// Bytes between files, and room for them: sendfile(2), copy_file_range(2), fallocate(2).
#include <sys/sendfile.h>

#include "support.h"

static char got[64];
static int file_of(const char* name, const char* text, int flags) {
  make_file(name, text, 0644);
  return open(name, flags);
}

static void case_fallocate(struct verdict* v) {
  enter_directory();
  const int fd = file_of("file", "abcdef", O_RDWR);
  struct stat status;
  say(v, "%s", outcome(fallocate(fd, 0, 0, 100)));
  fstat(fd, &status);
  say(v, "%ld", (long)status.st_size);
  say(v, "%s", outcome(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 10000)));
  fstat(fd, &status);
  say(v, "%ld", (long)status.st_size);
  say(v, "%s", outcome(fallocate(fd, 0, 0, 0)));
  say(v, "%s", outcome(fallocate(fd, 0, -1, 1)));
  say(v, "%s", outcome(fallocate(open("file", O_RDONLY), 0, 0, 1)));
  int ends[2];
  if (pipe(ends)) abort();
  say(v, "%s", outcome(fallocate(ends[1], 0, 0, 1)));
  unlink("file");
  leave_directory();
}

static void case_sendfile(struct verdict* v) {
  enter_directory();
  const int in = file_of("in", "0123456789", O_RDONLY), out = file_of("out", "", O_RDWR);
  off_t offset = 3;
  say(v, "%zd", sendfile(out, in, &offset, 4));
  say(v, "%ld %ld", (long)offset, (long)lseek(in, 0, SEEK_CUR));
  say(v, "%zd", sendfile(out, in, NULL, 100));
  say(v, "%zd", sendfile(out, in, NULL, 100));
  memset(got, 0, sizeof got);
  say(v, "%zd", pread(out, got, 30, 0));
  say(v, "%s", got);
  int ends[2];
  if (pipe(ends)) abort();
  offset = 0;
  say(v, "pipe %zd", sendfile(ends[1], in, &offset, 5));
  say(v, "from pipe %s", outcome(sendfile(out, ends[0], NULL, 5)));
  say(v, "%s", outcome(sendfile(in, in, NULL, 5)));
  say(v, "%s", outcome(sendfile(out, out, NULL, 0)));
  offset = -1;
  say(v, "%s", outcome(sendfile(out, in, &offset, 5)));
  say(v, "%s", outcome(sendfile(900, in, NULL, 5)));
  unlink("in"), unlink("out");
  leave_directory();
}

static void case_copy_file_range(struct verdict* v) {
  enter_directory();
  const int in = file_of("in", "0123456789", O_RDWR), out = file_of("out", "", O_RDWR);
  off64_t from = 2, to = 1;
  say(v, "%zd", copy_file_range(in, &from, out, &to, 3, 0));
  say(v, "%ld %ld", (long)from, (long)to);
  say(v, "%zd", copy_file_range(in, NULL, out, NULL, 100, 0));
  say(v, "%zd", copy_file_range(in, NULL, out, NULL, 100, 0));
  memset(got, 0, sizeof got);
  say(v, "%zd", pread(out, got, 30, 0));
  say(v, "%s", got);
  say(v, "%s", outcome(copy_file_range(in, NULL, out, NULL, 1, 1)));
  from = 0, to = 2;
  say(v, "overlap %s", outcome(copy_file_range(in, &from, in, &to, 5, 0)));
  say(v, "%s", outcome(copy_file_range(in, &from, open("out", O_RDONLY), NULL, 5, 0)));
  say(v, "%s", outcome(copy_file_range(open(".", O_RDONLY), NULL, out, NULL, 5, 0)));
  int ends[2];
  if (pipe(ends)) abort();
  say(v, "%s", outcome(copy_file_range(ends[0], NULL, out, NULL, 5, 0)));
  unlink("in"), unlink("out");
  leave_directory();
}

static const struct conformance_case cases[] = {
    {"fallocate", case_fallocate},
    {"sendfile", case_sendfile},
    {"copy_file_range", case_copy_file_range},
};

CONFORMANCE_MAIN(cases)
