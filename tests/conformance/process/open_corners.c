// Odd ways to open and name files: O_TMPFILE, openat2(2), O_PATH, trailing slashes, and the
// errors of paths (path_resolution(7)).
#include <limits.h>
#include <linux/openat2.h>
#include <sys/statfs.h>

#include "support.h"

static int link_file(int fd, const char* name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW);
}

static void case_unnamed_file(struct verdict* v) {
  enter_directory();
  const int fd = open(".", O_TMPFILE | O_RDWR, 0640);
  if (fd < 0) {
    unsupported(v, "no O_TMPFILE here");
    leave_directory();
    return;
  }
  struct stat seen;
  fstat(fd, &seen);
  say(v, "links %d mode %o", (int)seen.st_nlink, seen.st_mode);
  say(v, "%zd", write(fd, "hello", 5));
  say(v, "%s", outcome(link_file(fd, "named")));
  fstat(fd, &seen);
  say(v, "links %d", (int)seen.st_nlink);
  char got[8] = {0};
  const int again = open("named", O_RDONLY);
  say(v, "%zd %s", pread(again, got, 5, 0), outcome(again));
  const int alone = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
  say(v, "alone %s", outcome(link_file(alone, "other")));
  say(v, "read only %s", outcome(open(".", O_TMPFILE | O_RDONLY, 0600)));
  say(v, "file %s", outcome(open("named", O_TMPFILE | O_RDWR, 0600)));
  say(v, "missing %s", outcome(open("none", O_TMPFILE | O_RDWR, 0600)));
  say(v, "create %s", outcome(open(".", O_TMPFILE | O_RDWR | O_CREAT, 0600)));
  say(v, "half %s", outcome(open(".", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, 0600)));
  unlink("named");
  leave_directory();
}

static void case_slashes(struct verdict* v) {
  enter_directory();
  mkdir("d", 0755);
  make_file("f", "x", 0644);
  say(v, "new %s", outcome(open("a/", O_CREAT | O_WRONLY, 0644)));
  say(v, "file %s", outcome(open("f/", O_CREAT | O_WRONLY, 0644)));
  say(v, "directory %s", outcome(open("d/", O_CREAT | O_RDONLY, 0644)));
  say(v, "dot %s", outcome(open("d/.", O_CREAT | O_RDONLY, 0644)));
  say(v, "root %s", outcome(open("/", O_CREAT | O_RDONLY, 0644)));
  say(v, "exclusive %s", outcome(open("/", O_CREAT | O_EXCL | O_RDONLY, 0644)));
  say(v, "read %s", outcome(open("f/", O_RDONLY)));
  say(v, "below %s", outcome(open("f/x", O_CREAT | O_WRONLY, 0644)));
  say(v, "unlink root %s", outcome(unlink("/")));
  say(v, "rmdir root %s", outcome(rmdir("/")));
  say(v, "unlink dot %s", outcome(unlink("d/.")));
  say(v, "unlink dots %s", outcome(unlink("d/..")));
  say(v, "unlink d %s", outcome(unlink("d")));
  say(v, "unlink d/ %s", outcome(unlink("d/")));
  say(v, "unlink f/ %s", outcome(unlink("f/")));
  say(v, "unlink a/ %s", outcome(unlink("a/")));
  say(v, "rmdir dot %s", outcome(rmdir("d/.")));
  say(v, "rmdir dots %s", outcome(rmdir("d/..")));
  say(v, "rmdir f %s", outcome(rmdir("f")));
  say(v, "mkdir root %s", outcome(mkdir("/", 0755)));
  say(v, "mkdir dot %s", outcome(mkdir("d/.", 0755)));
  say(v, "mkdir a/ %s", outcome(mkdir("a/", 0755)));
  say(v, "mkdir f/x %s", outcome(mkdir("f/x", 0755)));
  say(v, "rename f a/ %s", outcome(rename("f", "a/")));
  say(v, "rename d d/x %s", outcome(rename("d", "d/x")));
  say(v, "rename dot %s", outcome(rename("d/.", "x")));
  say(v, "rename root %s", outcome(rename("/", "x")));
  say(v, "link d %s", outcome(link("d", "x")));
  say(v, "symlink x/ %s", outcome(symlink("f", "x/")));
  say(v, "symlink none %s", outcome(symlink("", "x")));
  rmdir("a"), rmdir("d"), unlink("f");
  leave_directory();
}

static void case_removed_directory(struct verdict* v) {
  enter_directory();
  mkdir("d", 0755);
  if (chdir("d")) abort();
  rmdir("../d");
  char where[256];
  say(v, "cwd %s", outcome(syscall(SYS_getcwd, where, sizeof where)));
  say(v, "make %s", outcome(open("a", O_CREAT | O_WRONLY, 0644)));
  say(v, "mkdir %s", outcome(mkdir("b", 0755)));
  say(v, "dot %s", outcome(open(".", O_RDONLY)));
  say(v, "up %s", outcome(chdir("..")));
  say(v, "cwd %s", outcome(syscall(SYS_getcwd, where, sizeof where)));
  say(v, "same %d", strcmp(where, own_directory) == 0);
  leave_directory();
}

static void case_long_names(struct verdict* v) {
  enter_directory();
  static char name[PATH_MAX + 10];
  memset(name, 'n', sizeof name - 1);
  say(v, "path %s", outcome(open(name, O_RDONLY)));
  name[PATH_MAX - 1] = 0;
  say(v, "component %s", outcome(open(name, O_RDONLY)));
  name[256] = 0;
  say(v, "256 %s", outcome(open(name, O_CREAT | O_WRONLY, 0644)));
  say(v, "mkdir %s", outcome(mkdir(name, 0755)));
  say(v, "unlink %s", outcome(unlink(name)));
  name[255] = 0;
  say(v, "255 %s", outcome(open(name, O_CREAT | O_WRONLY, 0644)));
  unlink(name);
  if (symlink("loop", "loop")) abort();
  say(v, "loop %s", outcome(open("loop", O_RDONLY)));
  say(v, "loop/x %s", outcome(mkdir("loop/x", 0755)));
  say(v, "no follow %s", outcome(open("loop", O_RDONLY | O_NOFOLLOW)));
  say(v, "directory %s", outcome(open("loop", O_RDONLY | O_NOFOLLOW | O_DIRECTORY)));
  say(v, "address %s", outcome(open((char*)8, O_RDONLY)));
  say(v, "empty %s", outcome(open("", O_RDONLY)));
  unlink("loop");
  leave_directory();
}

static long open_how(int at, const char* path, uint64_t flags, uint64_t mode, uint64_t resolve) {
  struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
  return syscall(SYS_openat2, at, path, &how, sizeof how);
}

static void case_open_rules(struct verdict* v) {
  enter_directory();
  mkdir("d", 0755);
  make_file("f", "x", 0644);
  make_file("d/g", "x", 0644);
  if (symlink("../f", "d/up") || symlink("g", "d/in") || symlink("/g", "d/root")) abort();
  const int d = open("d", O_RDONLY);
  const long first = open_how(AT_FDCWD, "f", O_RDONLY, 0, 0);
  if (first < 0 && errno == ENOSYS) {
    unsupported(v, "no openat2");
    return;
  }
  say(v, "%s", outcome(first));
  say(v, "beneath %s", outcome(open_how(d, "g", O_RDONLY, 0, RESOLVE_BENEATH)));
  say(v, "%s", outcome(open_how(d, "../f", O_RDONLY, 0, RESOLVE_BENEATH)));
  say(v, "%s", outcome(open_how(d, "/f", O_RDONLY, 0, RESOLVE_BENEATH)));
  say(v, "%s", outcome(open_how(d, "up", O_RDONLY, 0, RESOLVE_BENEATH)));
  say(v, "%s", outcome(open_how(d, "in", O_RDONLY, 0, RESOLVE_BENEATH)));
  say(v, "%s", outcome(open_how(d, "root", O_RDONLY, 0, RESOLVE_BENEATH)));
  say(v, "root %s", outcome(open_how(d, "/g", O_RDONLY, 0, RESOLVE_IN_ROOT)));
  say(v, "%s", outcome(open_how(d, "../../g", O_RDONLY, 0, RESOLVE_IN_ROOT)));
  say(v, "%s", outcome(open_how(d, "root", O_RDONLY, 0, RESOLVE_IN_ROOT)));
  say(v, "%s", outcome(open_how(d, "up", O_RDONLY, 0, RESOLVE_IN_ROOT)));
  say(v, "links %s", outcome(open_how(d, "in", O_RDONLY, 0, RESOLVE_NO_SYMLINKS)));
  say(v, "%s", outcome(open_how(d, "g", O_RDONLY, 0, RESOLVE_NO_SYMLINKS)));
  char magic[64];
  snprintf(magic, sizeof magic, "/proc/self/fd/%d", d);
  say(v, "magic %s", outcome(open_how(AT_FDCWD, magic, O_RDONLY, 0, RESOLVE_NO_MAGICLINKS)));
  say(v, "mount %s", outcome(open_how(AT_FDCWD, "/proc/self/maps", O_RDONLY, 0, RESOLVE_NO_XDEV)));
  unlink("d/up"), unlink("d/in"), unlink("d/root"), unlink("d/g"), unlink("f"), rmdir("d");
  leave_directory();
}

static void case_open_how_errors(struct verdict* v) {
  say(v, "flag %s", outcome(open_how(AT_FDCWD, ".", 1ull << 40, 0, 0)));
  say(v, "rule %s", outcome(open_how(AT_FDCWD, ".", O_RDONLY, 0, 1 << 20)));
  say(v, "both %s", outcome(open_how(AT_FDCWD, ".", O_RDONLY, 0, RESOLVE_BENEATH | RESOLVE_IN_ROOT)));
  say(v, "mode %s", outcome(open_how(AT_FDCWD, ".", O_RDONLY, 0644, 0)));
  say(v, "large mode %s", outcome(open_how(AT_FDCWD, "x", O_CREAT | O_RDWR, 0200000, 0)));
  say(v, "path %s", outcome(open_how(AT_FDCWD, ".", O_PATH | O_RDWR, 0, 0)));
  struct {
    struct open_how how;
    uint64_t more;
  } larger = {{.flags = O_RDONLY}, 0};
  say(v, "short %s", outcome(syscall(SYS_openat2, AT_FDCWD, ".", &larger, 8)));
  say(v, "larger %s", outcome(syscall(SYS_openat2, AT_FDCWD, ".", &larger, sizeof larger)));
  larger.more = 1;
  say(v, "unknown %s", outcome(syscall(SYS_openat2, AT_FDCWD, ".", &larger, sizeof larger)));
  say(v, "address %s", outcome(syscall(SYS_openat2, AT_FDCWD, ".", 8, sizeof(struct open_how))));
  say(v, "closed %s", outcome(open_how(900, "x", O_RDONLY, 0, 0)));
}

static void case_file_systems(struct verdict* v) {
  struct statfs seen;
  say(v, "%s", outcome(statfs("/proc", &seen)));
  say(v, "proc %lx", (unsigned long)seen.f_type);
  say(v, "%s", outcome(statfs("/proc/self/maps", &seen)));
  say(v, "proc %lx names %ld", (unsigned long)seen.f_type, (long)seen.f_namelen);
  say(v, "shm %s", outcome(statfs("/dev/shm", &seen)));
  say(v, "tmpfs %lx", (unsigned long)seen.f_type);
  int ends[2];
  if (pipe(ends)) abort();
  say(v, "pipe %s", outcome(fstatfs(ends[0], &seen)));
  say(v, "%lx", (unsigned long)seen.f_type);
  say(v, "address %s", outcome(syscall(SYS_statfs, "/", 8)));
  say(v, "missing %s", outcome(statfs("/none", &seen)));
}

static const struct conformance_case cases[] = {
    {"unnamed_file", case_unnamed_file}, {"slashes", case_slashes},       {"removed_directory", case_removed_directory},
    {"long_names", case_long_names},     {"open_rules", case_open_rules}, {"open_how_errors", case_open_how_errors},
    {"file_systems", case_file_systems},
};

CONFORMANCE_MAIN(cases)
