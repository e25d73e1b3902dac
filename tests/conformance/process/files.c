// File calls that programs lean on: open(2), rename(2), link(2), unlink(2), stat(2),
// statx(2), getdents(2), truncate(2), read(2), lseek(2), access(2), utimensat(2).
#include <dirent.h>
#include <sys/statfs.h>
#include <sys/uio.h>

#include "support.h"

static char got[64];
static int file_of(const char* name, const char* text, int flags) {
  make_file(name, text, 0644);
  return open(name, flags);
}

static void case_open_errors(struct verdict* v) {
  enter_directory();
  make_file("file", "x", 0644);
  if (symlink("nowhere", "dangling") || symlink("loop", "loop") || mkdir("directory", 0755)) abort();
  static char name[300];
  memset(name, 'n', 256);
  say(v, "%s", outcome(open("missing", O_RDONLY)));
  say(v, "%s", outcome(open("file/below", O_RDONLY)));
  say(v, "%s", outcome(open("file/", O_RDONLY)));
  say(v, "%s", outcome(open("loop", O_RDONLY)));
  say(v, "%s", outcome(open(name, O_RDONLY)));
  say(v, "%s", outcome(open("directory", O_WRONLY)));
  say(v, "%s", outcome(open("directory", O_RDONLY | O_CREAT, 0644)));
  say(v, "%s", outcome(open("file", O_RDONLY | O_DIRECTORY)));
  say(v, "%s", outcome(open("file", O_RDWR | O_CREAT | O_EXCL, 0644)));
  say(v, "%s", outcome(open("dangling", O_RDWR | O_CREAT | O_EXCL, 0644)));
  say(v, "%s", outcome(open("dangling", O_RDONLY | O_NOFOLLOW)));
  say(v, "%s", outcome(open("", O_RDONLY)));
  say(v, "%s", outcome(syscall(SYS_openat, AT_FDCWD, 8, O_RDONLY)));
  say(v, "%s", outcome(openat(900, "file", O_RDONLY)));
  say(v, "%s", outcome(openat(open("file", O_RDONLY), "file", O_RDONLY)));
  unlink("file"), unlink("dangling"), unlink("loop"), rmdir("directory");
  leave_directory();
}

static void case_open_creates_through_link(struct verdict* v) {
  enter_directory();
  if (symlink("target", "link")) abort();
  say(v, "%s", outcome(open("link", O_WRONLY | O_CREAT, 0600)));
  struct stat status;
  say(v, "%s", outcome(lstat("target", &status)));
  say(v, "%o", status.st_mode & 0777);
  unlink("link"), unlink("target");
  leave_directory();
}

static void case_open_modes(struct verdict* v) {
  enter_directory();
  umask(027);
  const int fd = open("file", O_WRONLY | O_CREAT, 0777);
  struct stat status;
  fstat(fd, &status);
  say(v, "%o", status.st_mode);
  say(v, "%s", outcome(read(fd, got, 1)));
  const int reading = open("file", O_RDONLY);
  say(v, "%s", outcome(write(reading, "x", 1)));
  const int path = open("file", O_PATH);
  say(v, "%s", outcome(read(path, got, 1)));
  say(v, "%s", outcome(fstat(path, &status)));
  say(v, "%s", outcome(fchmod(path, 0600)));
  unlink("file");
  leave_directory();
}

static void case_open_permission(struct verdict* v) {
  enter_directory();
  make_file("none", "x", 0000);
  make_file("reading", "x", 0444);
  chmod(".", 0777);
  int ends[2];
  if (pipe(ends)) abort();
  const pid_t child = fork();
  if (child == 0) {
    if (geteuid() == 0) {
      if (chown("none", 1000, 1000) || chown("reading", 1000, 1000)) abort();
      become_user();
    }
    dprintf(ends[1], "%s %s ", outcome(open("none", O_RDONLY)), outcome(open("reading", O_WRONLY)));
    dprintf(ends[1], "%s %s ", outcome(open("reading", O_RDONLY)), outcome(access("reading", W_OK)));
    dprintf(ends[1], "%s %s", outcome(access("reading", R_OK)), outcome(access("none", F_OK)));
    _exit(0);
  }
  waitpid(child, NULL, 0);
  if (read(ends[0], got, sizeof got - 1) <= 0) abort();
  say(v, "%s", got);
  unlink("none"), unlink("reading");
  leave_directory();
}

static void case_unnamed_file(struct verdict* v) {
  enter_directory();
  const int fd = open(".", O_TMPFILE | O_RDWR, 0600);
  say(v, "%s", outcome(fd));
  struct stat status;
  fstat(fd, &status);
  say(v, "links %d", (int)status.st_nlink);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  say(v, "%s", outcome(linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW)));
  say(v, "%s", outcome(access("named", F_OK)));
  say(v, "reading %s", outcome(open(".", O_TMPFILE | O_RDONLY, 0600)));
  unlink("named");
  leave_directory();
}

static void case_read_and_write_at(struct verdict* v) {
  enter_directory();
  const int fd = file_of("file", "abcdef", O_RDWR);
  say(v, "%zd", pread(fd, got, 10, 4));
  say(v, "%zd", pwrite(fd, "XY", 2, 8));
  say(v, "position %ld", (long)lseek(fd, 0, SEEK_CUR));
  say(v, "%zd", read(fd, got, 20));
  say(v, "%d%d %s", got[6], got[7], got + 8);
  say(v, "%s", outcome(pread(fd, got, 1, -1)));
  say(v, "%s", outcome(syscall(SYS_read, fd, got, -1L)));
  lseek(fd, 0, SEEK_SET);
  say(v, "%s", outcome(syscall(SYS_read, fd, 8, 4)));
  struct iovec pieces[2] = {{got, 2}, {(void*)8, 2}};
  say(v, "part %zd", preadv(fd, pieces, 2, 0));
  pieces[0].iov_len = (size_t)-1;
  say(v, "%s", outcome(readv(fd, pieces, 2)));
  unlink("file");
  leave_directory();
}

static void case_seek(struct verdict* v) {
  enter_directory();
  const int fd = file_of("file", "abcdef", O_RDWR);
  say(v, "%ld", (long)lseek(fd, 100, SEEK_SET));
  say(v, "%zd", read(fd, got, 1));
  say(v, "%ld", (long)lseek(fd, -1, SEEK_END));
  say(v, "%s", outcome(lseek(fd, -7, SEEK_END)));
  say(v, "%s", outcome(lseek(fd, 0, 9)));
  say(v, "%ld", (long)lseek(fd, 2, SEEK_DATA));
  say(v, "%ld", (long)lseek(fd, 2, SEEK_HOLE));
  say(v, "%s", outcome(lseek(fd, 6, SEEK_DATA)));
  say(v, "%s", outcome(lseek(fd, INT64_MAX, SEEK_SET)));
  say(v, "%s", outcome(lseek(fd, INT64_MAX, SEEK_END)));
  unlink("file");
  leave_directory();
}

static void case_truncate(struct verdict* v) {
  enter_directory();
  const int fd = file_of("file", "abcdef", O_RDWR);
  say(v, "%s", outcome(ftruncate(fd, 3)));
  say(v, "%s", outcome(ftruncate(fd, 6)));
  memset(got, 0, sizeof got);
  say(v, "%zd", pread(fd, got, 10, 0));
  say(v, "%s%d", got, got[5]);
  say(v, "%s", outcome(ftruncate(fd, -1)));
  say(v, "%s", outcome(truncate("file", -1)));
  say(v, "%s", outcome(truncate("missing", 0)));
  say(v, "%s", outcome(truncate(".", 0)));
  say(v, "%s", outcome(ftruncate(open("file", O_RDONLY), 0)));
  say(v, "%s", outcome(open("file", O_WRONLY | O_TRUNC)));
  say(v, "%zd", pread(fd, got, 10, 0));
  unlink("file");
  leave_directory();
}

static void case_rename(struct verdict* v) {
  enter_directory();
  make_file("a", "a", 0644), make_file("b", "b", 0644);
  if (mkdir("d", 0755) || mkdir("e", 0755) || mkdir("e/f", 0755) || link("a", "same")) abort();
  say(v, "%s", outcome(rename("missing", "x")));
  say(v, "file onto directory %s", outcome(rename("a", "d")));
  say(v, "directory onto file %s", outcome(rename("d", "a")));
  say(v, "onto full directory %s", outcome(rename("d", "e")));
  say(v, "below itself %s", outcome(rename("e", "e/f/g")));
  say(v, "same file %s", outcome(rename("a", "same")));
  say(v, "still there %s", outcome(access("a", F_OK)));
  say(v, "no replace %s", outcome(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE)));
  say(v, "exchange %s", outcome(renameat2(AT_FDCWD, "a", AT_FDCWD, "d", RENAME_EXCHANGE)));
  say(v, "flags %s", outcome(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", 0x100)));
  say(v, "directory onto empty %s", outcome(rename("a", "e/f")));
  say(v, "onto dot %s", outcome(rename("e", ".")));
  say(v, "%s", outcome(rename("b", "d")));
  say(v, "%s", outcome(access("b", F_OK)));
  unlink("d"), unlink("same"), rmdir("e/f"), rmdir("e");
  leave_directory();
}

static void case_link_and_unlink(struct verdict* v) {
  enter_directory();
  const int fd = file_of("a", "text", O_RDONLY);
  struct stat status;
  if (mkdir("d", 0755) || symlink("a", "s")) abort();
  say(v, "%s", outcome(link("a", "b")));
  fstat(fd, &status);
  say(v, "links %d", (int)status.st_nlink);
  say(v, "%s", outcome(link("a", "b")));
  say(v, "%s", outcome(link("missing", "c")));
  say(v, "%s", outcome(link("d", "c")));
  say(v, "%s", outcome(link("s", "t")));
  lstat("t", &status);
  say(v, "a link %d", S_ISLNK(status.st_mode));
  say(v, "%s", outcome(linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW)));
  say(v, "%s", outcome(unlink("d")));
  say(v, "%s", outcome(rmdir("a")));
  say(v, "%s", outcome(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR)));
  say(v, "%s", outcome(unlinkat(AT_FDCWD, "a", 0x4000)));
  unlink("a"), unlink("b"), unlink("s"), unlink("t"), unlink("u");
  fstat(fd, &status);
  say(v, "links %d", (int)status.st_nlink);
  say(v, "%zd", read(fd, got, 4));
  leave_directory();
}

static void case_directories(struct verdict* v) {
  enter_directory();
  say(v, "%s", outcome(mkdir("d", 0755)));
  say(v, "%s", outcome(mkdir("d", 0755)));
  say(v, "%s", outcome(mkdir("missing/d", 0755)));
  make_file("d/f", "x", 0644);
  say(v, "%s", outcome(rmdir("d")));
  say(v, "%s", outcome(rmdir("d/.")));
  say(v, "%s", outcome(rmdir("missing")));
  DIR* const directory = opendir("d");
  int names = 0;
  for (struct dirent* entry; (entry = readdir(directory));) names += entry->d_type == DT_REG ? 10 : 1;
  say(v, "%d", names);
  say(v, "%s", outcome(syscall(SYS_getdents64, dirfd(directory), got, 1)));
  say(v, "%s", outcome(syscall(SYS_getdents64, open("d/f", O_RDONLY), got, 64)));
  unlink("d/f");
  if (chdir("d")) abort();
  rmdir("../d");
  say(v, "%s", outcome(open("new", O_CREAT | O_WRONLY, 0644)));
  say(v, "%d", getcwd(got, sizeof got) == NULL);
  leave_directory();
}

static void case_parent_of_removed_directory(struct verdict* v) {
  enter_directory();
  if (mkdir("d", 0755) || chdir("d") || rmdir("../d")) abort();
  say(v, "%s", outcome(chdir("..")));
  leave_directory();
}

static void case_links_read(struct verdict* v) {
  enter_directory();
  say(v, "%s", outcome(symlink("target", "s")));
  say(v, "%s", outcome(symlink("target", "s")));
  say(v, "%s", outcome(symlink("", "t")));
  memset(got, 0, sizeof got);
  say(v, "%zd", readlink("s", got, 3));
  say(v, "%s", got);
  say(v, "%s", outcome(readlink(".", got, 3)));
  say(v, "%s", outcome(syscall(SYS_readlinkat, AT_FDCWD, "s", got, 0)));
  struct stat status;
  lstat("s", &status);
  say(v, "size %ld", (long)status.st_size);
  unlink("s");
  leave_directory();
}

static void case_statx(struct verdict* v) {
  enter_directory();
  make_file("file", "abc", 0640);
  struct statx status;
  say(v, "%s", outcome(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &status)));
  say(v, "%o %d %d", status.stx_mode, (int)status.stx_size, (int)status.stx_nlink);
  say(v, "mask %d", (status.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
  say(v, "%s", outcome(statx(AT_FDCWD, "missing", 0, STATX_BASIC_STATS, &status)));
  say(v, "%s", outcome(statx(AT_FDCWD, "", AT_EMPTY_PATH, STATX_MODE, &status)));
  say(v, "%s", outcome(statx(AT_FDCWD, "file", 0x8000000, STATX_MODE, &status)));
  say(v, "%s", outcome(statx(AT_FDCWD, "file", 0, 0x80000000u, &status)));
  say(v, "%s", outcome(syscall(SYS_statx, AT_FDCWD, "file", 0, 0, 8)));
  unlink("file");
  leave_directory();
}

static void case_times_of_files(struct verdict* v) {
  enter_directory();
  make_file("file", "abc", 0640);
  struct timespec times[2] = {{100, 5}, {200, 7}};
  struct stat status;
  say(v, "%s", outcome(utimensat(AT_FDCWD, "file", times, 0)));
  stat("file", &status);
  say(v, "%ld.%ld %ld.%ld", (long)status.st_atim.tv_sec, status.st_atim.tv_nsec, (long)status.st_mtim.tv_sec,
      status.st_mtim.tv_nsec);
  times[0].tv_nsec = UTIME_OMIT, times[1].tv_nsec = UTIME_NOW;
  say(v, "%s", outcome(utimensat(AT_FDCWD, "file", times, 0)));
  stat("file", &status);
  say(v, "%ld %d", (long)status.st_atim.tv_sec, status.st_mtim.tv_sec > 200);
  times[0].tv_nsec = 1000000000;
  say(v, "%s", outcome(utimensat(AT_FDCWD, "file", times, 0)));
  say(v, "%s", outcome(utimensat(AT_FDCWD, "missing", NULL, 0)));
  say(v, "%s", outcome(utimensat(AT_FDCWD, "file", NULL, 0x8000)));
  unlink("file");
  leave_directory();
}

static void case_change_mode(struct verdict* v) {
  enter_directory();
  make_file("file", "abc", 0640);
  struct stat status;
  say(v, "%s", outcome(chmod("file", 04711)));
  stat("file", &status);
  say(v, "%o", status.st_mode);
  say(v, "%s", outcome(chmod("missing", 0644)));
  say(v, "%s", outcome(fchmod(900, 0644)));
  say(v, "%s", outcome(chown("file", -1, -1)));
  say(v, "%s", outcome(chown("missing", -1, -1)));
  struct statfs system;
  say(v, "%s", outcome(statfs(".", &system)));
  say(v, "%s", outcome(statfs("missing", &system)));
  unlink("file");
  leave_directory();
}

static const struct conformance_case cases[] = {
    {"open_errors", case_open_errors},
    {"open_creates_through_link", case_open_creates_through_link},
    {"open_modes", case_open_modes},
    {"open_permission", case_open_permission},
    {"unnamed_file", case_unnamed_file},
    {"read_and_write_at", case_read_and_write_at},
    {"seek", case_seek},
    {"truncate", case_truncate},
    {"rename", case_rename},
    {"link_and_unlink", case_link_and_unlink},
    {"directories", case_directories},
    {"parent_of_removed_directory", case_parent_of_removed_directory},
    {"links_read", case_links_read},
    {"statx", case_statx},
    {"times_of_files", case_times_of_files},
    {"change_mode", case_change_mode},
};

CONFORMANCE_MAIN(cases)
