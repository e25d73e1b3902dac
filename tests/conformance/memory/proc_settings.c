// What /proc tells of settings and of a process beside its memory: proc(5).
#include "memory_case.h"

static void say_text(struct verdict* v, const char* path) {
  char text[256] = {0};
  const int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, text, sizeof text - 1) < 0) {
    say(v, "%s", errno_name(errno));
  } else {
    text[strcspn(text, "\n")] = 0;
    say(v, "%s", text);
  }
  close(fd);
}

// There, with one number; a line for each that differs.
static void case_numbers(struct verdict* v) {
  static const char* const paths[] = {
      "fs/file-max",          "fs/nr_open",         "fs/pipe-max-size",     "fs/mqueue/msg_max",
      "fs/mqueue/queues_max", "kernel/pid_max",     "kernel/threads-max",   "kernel/msgmni",
      "kernel/shmmni",        "kernel/shmmax",      "kernel/cap_last_cap",  "kernel/ngroups_max",
      "kernel/tainted",       "vm/max_map_count",   "vm/overcommit_memory", "vm/overcommit_ratio",
      "vm/mmap_min_addr",     "net/core/somaxconn", "net/core/wmem_max",    "net/unix/max_dgram_qlen"};
  int there = 0;
  for (size_t i = 0; i < sizeof paths / sizeof *paths; ++i) {
    char path[128], text[64] = {0}, *end = text;
    snprintf(path, sizeof path, "/proc/sys/%s", paths[i]);
    const int fd = open(path, O_RDONLY);
    const ssize_t bytes = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    close(fd);
    if (bytes > 0) strtoull(text, &end, 10);
    if (bytes > 0 && end != text && *end == '\n')
      ++there;
    else
      say(v, "%s", paths[i]);
  }
  say(v, "%d", there);
}

static void case_texts(struct verdict* v) {
  say_text(v, "/proc/sys/kernel/ostype");
  say_text(v, "/proc/self/coredump_filter");
  say_text(v, "/proc/self/wchan");
  char version[16] = {0};
  const int fd = open("/proc/version", O_RDONLY);
  if (read(fd, version, 14) != 14) abort();
  say(v, "%s", version);
}

static void case_oom_adjustment(struct verdict* v) {
  say_text(v, "/proc/self/oom_score_adj");
  const int fd = open("/proc/self/oom_score_adj", O_RDWR);
  say_bool(v, "opens", fd >= 0);
  say_errno(v, write(fd, "300", 3));
  say_errno(v, pwrite(fd, "1001", 4, 0));
  say_errno(v, pwrite(fd, "-1001\n", 6, 0));
  say_errno(v, pwrite(fd, "abc", 3, 0));
  say_text(v, "/proc/self/oom_score_adj");
  if (fork() == 0) {
    char text[8] = {0};
    _exit(pread(fd, text, 7, 0) == 4 && atoi(text) == 300 ? 3 : 4);
  }
  int status = 0;
  wait(&status);
  say_status(v, status);
}

static void case_descriptor_facts(struct verdict* v) {
  const int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  char bytes[10], path[64], text[128] = {0};
  if (read(fd, bytes, 10) != 10) abort();
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
  const int facts = open(path, O_RDONLY);
  if (facts < 0 || read(facts, text, sizeof text - 1) < 0) {
    say(v, "%s", errno_name(errno));
    return;
  }
  long position = -1;
  unsigned flags = 0;
  sscanf(text, "pos:\t%ld\nflags:\t%o", &position, &flags);
  say(v, "%ld", position);
  say_bool(v, "closes", (flags & O_CLOEXEC) != 0);
  say_bool(v, "missing", open("/proc/self/fdinfo/900", O_RDONLY) >= 0);
}

static const struct conformance_case cases[] = {
    {"numbers", case_numbers},
    {"texts", case_texts},
    {"oom_adjustment", case_oom_adjustment},
    {"descriptor_facts", case_descriptor_facts},
};

CONFORMANCE_MAIN(cases)
