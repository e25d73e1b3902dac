// Extended attributes of files: setxattr(2), getxattr(2), listxattr(2), removexattr(2).
#include <sys/xattr.h>

#include "support.h"

// An address that the compiler does not know.
static char* volatile nowhere = (char*)8;

static int begin(struct verdict* v) {
  become_user();
  enter_directory();
  make_file("f", "x", 0644);
  if (setxattr("f", "user.probe", "1", 1, 0) == 0) {
    removexattr("f", "user.probe");
    return 1;
  }
  unsupported(v, "no attributes of users here");
  unlink("f");
  leave_directory();
  return 0;
}

static void end(void) {
  unlink("f");
  leave_directory();
}

static void case_values(struct verdict* v) {
  if (!begin(v)) return;
  say(v, "%s", outcome(setxattr("f", "user.a", "hello", 5, 0)));
  char got[16] = {0};
  say(v, "%zd", getxattr("f", "user.a", got, sizeof got));
  say(v, "%s", got);
  say(v, "size %zd", getxattr("f", "user.a", NULL, 0));
  say(v, "small %s", outcome(getxattr("f", "user.a", got, 3)));
  say(v, "none %s", outcome(getxattr("f", "user.b", got, sizeof got)));
  say(v, "again %s", outcome(setxattr("f", "user.a", "hi", 2, 0)));
  say(v, "%zd", getxattr("f", "user.a", got, sizeof got));
  say(v, "create %s", outcome(setxattr("f", "user.a", "x", 1, XATTR_CREATE)));
  say(v, "replace %s", outcome(setxattr("f", "user.c", "x", 1, XATTR_REPLACE)));
  say(v, "empty %s", outcome(setxattr("f", "user.c", NULL, 0, XATTR_CREATE)));
  say(v, "%zd", getxattr("f", "user.c", got, sizeof got));
  say(v, "remove %s", outcome(removexattr("f", "user.a")));
  say(v, "twice %s", outcome(removexattr("f", "user.a")));
  end();
}

static void case_lists(struct verdict* v) {
  if (!begin(v)) return;
  char names[64];
  say(v, "none %zd", listxattr("f", names, sizeof names));
  setxattr("f", "user.one", "1", 1, 0);
  setxattr("f", "user.two", "2", 1, 0);
  say(v, "size %zd", listxattr("f", NULL, 0));
  say(v, "%zd", listxattr("f", names, sizeof names));
  say(v, "%d", memcmp(names, "user.one\0user.two", 18) == 0 || memcmp(names, "user.two\0user.one", 18) == 0);
  say(v, "small %s", outcome(listxattr("f", names, 10)));
  const int fd = open("f", O_RDONLY);
  say(v, "by descriptor %zd", flistxattr(fd, names, sizeof names));
  say(v, "%zd", fgetxattr(fd, "user.one", names, sizeof names));
  say(v, "%s", outcome(fremovexattr(fd, "user.one")));
  say(v, "%s", outcome(fsetxattr(fd, "user.three", "3", 1, 0)));
  say(v, "%zd", listxattr("f", NULL, 0));
  end();
}

static void case_errors(struct verdict* v) {
  if (!begin(v)) return;
  static char name[300], value[70000];
  memset(name, 'n', sizeof name - 1);
  memcpy(name, "user.", 5);
  say(v, "long name %s", outcome(setxattr("f", name, "x", 1, 0)));
  say(v, "empty name %s", outcome(setxattr("f", "", "x", 1, 0)));
  say(v, "prefix %s", outcome(setxattr("f", "user.", "x", 1, 0)));
  say(v, "no prefix %s", outcome(setxattr("f", "a", "x", 1, 0)));
  say(v, "other prefix %s", outcome(setxattr("f", "none.a", "x", 1, 0)));
  say(v, "trusted %s", outcome(setxattr("f", "trusted.a", "x", 1, 0)));
  say(v, "get trusted %s", outcome(getxattr("f", "trusted.a", value, 10)));
  say(v, "large %s", outcome(setxattr("f", "user.a", value, 65537, 0)));
  say(v, "flags %s", outcome(setxattr("f", "user.a", "x", 1, 8)));
  say(v, "missing %s", outcome(setxattr("g", "user.a", "x", 1, 0)));
  say(v, "closed %s", outcome(fsetxattr(900, "user.a", "x", 1, 0)));
  say(v, "name %s", outcome(setxattr("f", (char*)8, "x", 1, 0)));
  say(v, "value %s", outcome(setxattr("f", "user.a", nowhere, 5, 0)));
  say(v, "path %s", outcome(setxattr((char*)8, "user.a", "x", 1, 0)));
  setxattr("f", "user.a", "x", 1, 0);
  say(v, "to %s", outcome(getxattr("f", "user.a", nowhere, 5)));
  say(v, "below %s", outcome(setxattr("f/g", "user.a", "x", 1, 0)));
  const int path = open("f", O_PATH);
  say(v, "by path %s", outcome(fsetxattr(path, "user.a", "x", 1, 0)));
  chmod("f", 0444);
  say(v, "read only %s", outcome(setxattr("f", "user.b", "x", 1, 0)));
  chmod("f", 0200);
  say(v, "write only %s", outcome(getxattr("f", "user.a", value, 5)));
  end();
}

static void case_kinds(struct verdict* v) {
  if (!begin(v)) return;
  mkdir("d", 0755);
  mkfifo("p", 0644);
  if (symlink("f", "l")) abort();
  char got[8];
  say(v, "directory %s", outcome(setxattr("d", "user.a", "x", 1, 0)));
  say(v, "pipe %s", outcome(setxattr("p", "user.a", "x", 1, 0)));
  say(v, "get %s", outcome(getxattr("p", "user.a", got, 8)));
  say(v, "link %s", outcome(lsetxattr("l", "user.a", "x", 1, 0)));
  say(v, "get %s", outcome(lgetxattr("l", "user.a", got, 8)));
  say(v, "through %s", outcome(setxattr("l", "user.b", "x", 1, 0)));
  say(v, "%zd", getxattr("f", "user.b", got, 8));
  rmdir("d"), unlink("p"), unlink("l");
  end();
}

static const struct conformance_case cases[] = {
    {"values", case_values},
    {"lists", case_lists},
    {"errors", case_errors},
    {"kinds", case_kinds},
};

CONFORMANCE_MAIN(cases)
