// inotify(7): what is told of files and directories that are watched.
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>

#include "support.h"

static int notifier;
static void begin(void) {
  enter_directory();
  notifier = inotify_init1(IN_NONBLOCK);
  if (notifier < 0) abort();
}

// All that was told since: mask:name, with a cookie as 1 where there is one.
static void say_events(struct verdict* v) {
  char buffer[4096] __attribute__((aligned(8)));
  const ssize_t got = read(notifier, buffer, sizeof buffer);
  if (got < 0) {
    say(v, "(%s)", outcome(-1));
    return;
  }
  say(v, "(");
  for (ssize_t at = 0; at < got;) {
    const struct inotify_event* event = (const struct inotify_event*)(buffer + at);
    // A file without a name goes by its inode's number.
    const char* const name = event->len == 0 ? "" : event->name[0] == '#' ? "#" : event->name;
    say(v, "%d:%x%s%s%s", event->wd, event->mask, event->len ? ":" : "", name, event->cookie ? "+" : "");
    at += (ssize_t)(sizeof *event + event->len);
  }
  say(v, ")");
}

static void case_directory_names(struct verdict* v) {
  begin();
  say(v, "%d", inotify_add_watch(notifier, ".", IN_CREATE | IN_DELETE | IN_MOVE));
  make_file("a", "x", 0644);
  mkdir("d", 0755);
  if (symlink("a", "l")) abort();
  if (link("a", "b")) abort();
  mkfifo("f", 0644);
  say_events(v);
  rename("a", "c");
  rename("c", "d/e");
  say_events(v);
  unlink("b"), unlink("l"), unlink("f"), unlink("d/e"), rmdir("d");
  say_events(v);
  say_events(v);
  leave_directory();
}

static void case_file_events(struct verdict* v) {
  begin();
  make_file("a", "hello", 0644);
  say(v, "%d", inotify_add_watch(notifier, "a", IN_ALL_EVENTS));
  char bytes[8];
  const int fd = open("a", O_RDWR);
  if (read(fd, bytes, 5) != 5) abort();
  if (write(fd, "x", 1) != 1) abort();
  if (write(fd, "y", 1) != 1) abort();
  if (ftruncate(fd, 2)) abort();
  fchmod(fd, 0600);
  close(fd);
  say_events(v);
  close(open("a", O_RDONLY));
  say_events(v);
  rename("a", "b");
  say_events(v);
  unlink("b");
  say_events(v);
  leave_directory();
}

static void case_events_of_children(struct verdict* v) {
  begin();
  inotify_add_watch(notifier, ".", IN_ALL_EVENTS);
  const int fd = open("a", O_RDWR | O_CREAT, 0644);
  if (write(fd, "x", 1) != 1) abort();
  close(fd);
  say_events(v);
  chmod("a", 0600);
  say_events(v);
  unlink("a");
  say_events(v);
  leave_directory();
}

static void case_end_of_watch(struct verdict* v) {
  begin();
  mkdir("d", 0755);
  make_file("a", "x", 0644);
  const int one = inotify_add_watch(notifier, "d", IN_DELETE_SELF), two = inotify_add_watch(notifier, "a", IN_OPEN);
  rmdir("d");
  say_events(v);
  say(v, "%s", outcome(inotify_rm_watch(notifier, one)));
  say(v, "%s", outcome(inotify_rm_watch(notifier, two)));
  say_events(v);
  say(v, "%s", outcome(inotify_rm_watch(notifier, two)));
  say(v, "next %d", inotify_add_watch(notifier, "a", IN_OPEN | IN_ONESHOT));
  close(open("a", O_RDONLY));
  close(open("a", O_RDONLY));
  say_events(v);
  unlink("a");
  leave_directory();
}

static void case_masks(struct verdict* v) {
  begin();
  make_file("a", "x", 0644);
  say(v, "%d", inotify_add_watch(notifier, "a", IN_OPEN));
  say(v, "again %d", inotify_add_watch(notifier, "a", IN_CLOSE_NOWRITE));
  close(open("a", O_RDONLY));
  say_events(v);
  say(v, "add %d", inotify_add_watch(notifier, "a", IN_OPEN | IN_MASK_ADD));
  close(open("a", O_RDONLY));
  say_events(v);
  say(v, "create %s", outcome(inotify_add_watch(notifier, "a", IN_OPEN | IN_MASK_CREATE)));
  say(v, "both %s", outcome(inotify_add_watch(notifier, "a", IN_OPEN | IN_MASK_CREATE | IN_MASK_ADD)));
  unlink("a");
  leave_directory();
}

static void case_errors(struct verdict* v) {
  begin();
  make_file("a", "x", 0644);
  say(v, "flags %s", outcome(inotify_init1(1)));
  say(v, "no events %s", outcome(inotify_add_watch(notifier, "a", 0)));
  say(v, "closed %s", outcome(inotify_add_watch(900, "a", IN_OPEN)));
  say(v, "other file %s", outcome(inotify_add_watch(0, "a", IN_OPEN)));
  say(v, "missing %s", outcome(inotify_add_watch(notifier, "none", IN_OPEN)));
  say(v, "address %s", outcome(inotify_add_watch(notifier, (char*)8, IN_OPEN)));
  say(v, "directory %s", outcome(inotify_add_watch(notifier, "a", IN_OPEN | IN_ONLYDIR)));
  say(v, "remove %s", outcome(inotify_rm_watch(notifier, 7)));
  say(v, "remove closed %s", outcome(inotify_rm_watch(900, 1)));
  say(v, "remove other %s", outcome(inotify_rm_watch(0, 1)));
  say(v, "write %s", outcome(write(notifier, "x", 1)));
  inotify_add_watch(notifier, ".", IN_CREATE);
  make_file("some", "x", 0644);
  char small[8];
  say(v, "small %s", outcome(read(notifier, small, sizeof small)));
  int bytes = 0;
  say(v, "%s", outcome(ioctl(notifier, FIONREAD, &bytes)));
  say(v, "%d", bytes);
  unlink("a"), unlink("some");
  leave_directory();
}

// The directory that is watched is itself opened and read; and a file in it that has no name.
static void case_directory_itself(struct verdict* v) {
  begin();
  mkdir("d", 0755);
  say(v, "%d", inotify_add_watch(notifier, ".", IN_ALL_EVENTS));
  const char* const ways[] = {".", "d/..", "d", "./d/."};
  char entries[512];
  for (int i = 0; i < 4; ++i) {
    const int fd = open(ways[i], O_RDONLY | O_DIRECTORY);
    while (syscall(SYS_getdents64, fd, entries, sizeof entries) > 0) continue;
    close(fd);
    say_events(v);
  }
  const int fd = open(".", O_TMPFILE | O_RDWR, 0600);
  if (write(fd, "x", 1) != 1) abort();
  close(fd);
  say_events(v);
  rmdir("d");
  leave_directory();
}

static void case_attributes(struct verdict* v) {
  begin();
  make_file("a", "x", 0644);
  say(v, "%d", inotify_add_watch(notifier, ".", IN_ATTRIB));
  say(v, "%d", inotify_add_watch(notifier, "a", IN_ATTRIB));
  if (setxattr("a", "user.a", "x", 1, 0)) unsupported(v, "no attributes of users");
  say_events(v);
  removexattr("a", "user.a");
  say_events(v);
  unlink("a");
  leave_directory();
}

static void case_waiting_reader(struct verdict* v) {
  begin();
  fcntl(notifier, F_SETFL, 0);
  inotify_add_watch(notifier, ".", IN_CREATE);
  const pid_t child = fork();
  if (child == 0) {
    sleep_milliseconds(10);
    make_file("late", "x", 0644);
    _exit(0);
  }
  say_events(v);
  say(v, "%s", wait_text(child));
  unlink("late");
  leave_directory();
}

static const struct conformance_case cases[] = {
    {"directory_names", case_directory_names},
    {"file_events", case_file_events},
    {"events_of_children", case_events_of_children},
    {"end_of_watch", case_end_of_watch},
    {"masks", case_masks},
    {"errors", case_errors},
    {"directory_itself", case_directory_itself},
    {"attributes", case_attributes},
    {"waiting_reader", case_waiting_reader},
};

CONFORMANCE_MAIN(cases)
