// The other files of /proc that programs read, and the calls that tell the same:
// getrusage(2), times(2), sysinfo(2), getrlimit(2).
#include <ctype.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/times.h>
#include <time.h>

#include "areas.h"

enum { kReadWrite = PROT_READ | PROT_WRITE };

extern char** environ;

static char text[1 << 17];

static void case_exe(struct verdict* v) {
  char path[512] = "";
  struct stat a, b;
  say_errno(v, readlink("/proc/self/exe", path, sizeof path - 1));
  say_bool(v, "absolute", path[0] == '/');
  say_errno(v, stat("/proc/self/exe", &a));
  say_errno(v, stat(path, &b));
  say_bool(v, "same", a.st_ino == b.st_ino && a.st_size == b.st_size);
  char magic[4];
  const int fd = open("/proc/self/exe", O_RDONLY);
  say_bool(v, "elf", read(fd, magic, 4) == 4 && memcmp(magic, "\177ELF", 4) == 0);
}

static void case_cmdline(struct verdict* v) {
  const ssize_t length = read_text("/proc/self/cmdline", text, sizeof text);
  say_bool(v, "ends", length > 1 && text[length - 1] == 0);
  say_bool(v, "name", strcmp(strrchr(text, '/') + 1, "proc_files") == 0);
}

static void case_environ(struct verdict* v) {
  // What the program got, whatever it does to its own copy.
  size_t length = 0;
  for (char** at = environ; *at; ++at) length += strlen(*at) + 1;
  say_bool(v, "length", read_text("/proc/self/environ", text, sizeof text) == (ssize_t)length);
  say_bool(v, "first", !*environ || strcmp(text, *environ) == 0);
  setenv("CONFORMANCE", "later", 1);
  say_bool(v, "kept", read_text("/proc/self/environ", text, sizeof text) == (ssize_t)length);
}

static void case_fd_links(struct verdict* v) {
  char path[64], link[512] = "", here[400];
  const int fd = open("linked.dat", O_RDWR | O_CREAT, 0600);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  say_errno(v, readlink(path, link, sizeof link - 1));
  strcat(getcwd(here, sizeof here - 16), "/linked.dat");
  say_bool(v, "path", strcmp(link, here) == 0);
  unlink("linked.dat");
  memset(link, 0, sizeof link);
  say_errno(v, readlink(path, link, sizeof link - 1));
  say_bool(v, "deleted", strcmp(link, strcat(here, " (deleted)")) == 0);
  close(fd);
  say_errno(v, readlink(path, link, sizeof link - 1));
}

static void case_fd_links_of_pipes(struct verdict* v) {
  char path[64], link[64] = "";
  int ends[2];
  say_errno(v, pipe(ends));
  snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
  say_errno(v, readlink(path, link, sizeof link - 1));
  struct stat facts;
  char wanted[64];
  fstat(ends[0], &facts);
  snprintf(wanted, sizeof wanted, "pipe:[%lu]", (unsigned long)facts.st_ino);
  say_bool(v, "named", strcmp(link, wanted) == 0);
}

static void case_limits(struct verdict* v) {
  const struct rlimit limit = {77, 99};
  say_errno(v, setrlimit(RLIMIT_NOFILE, &limit));
  read_text("/proc/self/limits", text, sizeof text);
  say(v, "%.66s", text);
  const char* line = strstr(text, "Max open files");
  char soft[16] = "", hard[16] = "", unit[16] = "";
  if (line) sscanf(line, "Max open files %15s %15s %15s", soft, hard, unit);
  say(v, "%s %s %s", soft, hard, unit);
  static const char* const names[] = {
      "Max cpu time",        "Max file size",     "Max data size",     "Max stack size",        "Max core file size",
      "Max resident set",    "Max processes",     "Max locked memory", "Max address space",     "Max file locks",
      "Max pending signals", "Max msgqueue size", "Max nice priority", "Max realtime priority", "Max realtime timeout"};
  int missing = 0;
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) missing += strstr(text, names[i]) == NULL;
  say(v, "%d missing", missing);
}

static void case_stat(struct verdict* v) {
  struct rusage usage;
  long values[52];
  read_text("/proc/self/stat", text, sizeof text);
  getrusage(RUSAGE_SELF, &usage);
  char* at = strrchr(text, ')');
  int count = 2;
  for (at = strtok(at + 1, " \n"); at; at = strtok(NULL, " \n")) {
    if (count < 52) values[count] = atol(at);
    ++count;
  }
  say(v, "%d fields", count);
  say_bool(v, "parent", values[3] == getppid());
  say_bool(v, "group", values[4] == getpgrp());
  say_bool(v, "session", values[5] == getsid(0));
  say_bool(v, "minor", values[9] <= usage.ru_minflt && values[9] + 64 > usage.ru_minflt);
  say_bool(v, "threads", values[19] == 1);
  say_bool(v, "size", values[22] / 1024 == field_of("/proc/self/status", "VmSize"));
  say_bool(v, "code", (uintptr_t)values[25] <= (uintptr_t)&case_stat && (uintptr_t)&case_stat < (uintptr_t)values[26]);
  say_bool(v, "stack", (uintptr_t)values[27] > (uintptr_t)&usage);
  say_bool(v, "heap", (uintptr_t)values[46] != 0 && (uintptr_t)values[46] <= (uintptr_t)sbrk(0));
}

static void case_comm(struct verdict* v) {
  read_text("/proc/self/comm", text, sizeof text);
  say(v, "%s", text);
}

static void case_auxv(struct verdict* v) {
  unsigned long pair[2], page = 0;
  const int fd = open("/proc/self/auxv", O_RDONLY);
  while (read(fd, pair, sizeof pair) == sizeof pair && pair[0] != 0)
    if (pair[0] == 6) page = pair[1];  // AT_PAGESZ
  say_bool(v, "page", page == page_bytes());
}

static void case_cwd_and_root(struct verdict* v) {
  char link[512] = "", here[512];
  say_errno(v, readlink("/proc/self/cwd", link, sizeof link - 1));
  say_bool(v, "cwd", strcmp(link, getcwd(here, sizeof here)) == 0);
  memset(link, 0, sizeof link);
  readlink("/proc/self/root", link, sizeof link - 1);
  say(v, "%s", link);
}

static void case_thread_self(struct verdict* v) {
  char link[64] = "", wanted[64];
  say_errno(v, readlink("/proc/thread-self", link, sizeof link - 1));
  snprintf(wanted, sizeof wanted, "%d/task/%d", (int)getpid(), (int)getpid());
  say_bool(v, "named", strcmp(link, wanted) == 0);
  snprintf(wanted, sizeof wanted, "/proc/self/task/%d/status", (int)getpid());
  say_bool(v, "pid", field_of(wanted, "Pid") == getpid());
}

static void case_meminfo(struct verdict* v) {
  const char* const file = "/proc/meminfo";
  static const char* const names[] = {"MemTotal",    "MemFree",     "MemAvailable", "Buffers",     "Cached",
                                      "SwapCached",  "SwapTotal",   "SwapFree",     "Dirty",       "Writeback",
                                      "AnonPages",   "Mapped",      "Shmem",        "KernelStack", "PageTables",
                                      "CommitLimit", "Committed_AS"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (field_of(file, names[i]) < 0) say(v, "no %s", names[i]);
  say_bool(v, "free", field_of(file, "MemFree") <= field_of(file, "MemTotal"));
  say_bool(v, "available", field_of(file, "MemAvailable") <= field_of(file, "MemTotal"));
}

static void case_meminfo_of_kernel_lists(struct verdict* v) {
  static const char* const names[] = {"Active", "Inactive", "Slab", "VmallocTotal"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    say_bool(v, names[i], field_of("/proc/meminfo", names[i]) >= 0);
}

// Other processes of a busy host give memory back meanwhile, which may hide it: of some attempts one will do.
static void case_meminfo_counts_anonymous_pages(struct verdict* v) {
  const size_t bytes = 16 << 20;
  int is_promised = 0, is_used = 0;
  for (int attempt = 0; attempt < 20 && !(is_promised && is_used); ++attempt) {
    const long used = field_of("/proc/meminfo", "AnonPages"), promised = field_of("/proc/meminfo", "Committed_AS");
    char* at = mmap(NULL, bytes, kReadWrite, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    is_promised |= field_of("/proc/meminfo", "Committed_AS") - promised > 8 << 10;
    memset(at, 'x', bytes);
    is_used |= field_of("/proc/meminfo", "AnonPages") - used > 8 << 10;
    munmap(at, bytes);
  }
  say_bool(v, "promised", is_promised);
  say_bool(v, "used", is_used);
}

static long vmstat(const char* name) {
  if (read_text("/proc/vmstat", text, sizeof text) < 0) return -1;
  const size_t length = strlen(name);
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    if (strncmp(line, name, length) == 0 && line[length] == ' ') return atol(line + length);
  return -1;
}

static void case_vmstat(struct verdict* v) {
  static const char* const names[] = {
      "nr_free_pages", "nr_anon_pages", "nr_mapped", "nr_file_pages", "nr_dirty", "nr_writeback", "nr_page_table_pages",
      "pgpgin",        "pgpgout",       "pswpin",    "pswpout",       "pgfault",  "pgmajfault",   "nr_shmem"};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
    if (vmstat(names[i]) < 0) say(v, "no %s", names[i]);
  const long before = vmstat("pgfault");
  memset(map_pages(500, kReadWrite), 'x', 500 * page_bytes());
  say_bool(v, "faults", vmstat("pgfault") - before >= 500);
}

static int lines_that_begin(const char* path, const char* with) {
  if (read_text(path, text, sizeof text) < 0) return -1;
  int count = 0;
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    count += strncmp(line, with, strlen(with)) == 0;
  return count;
}

static void case_cpuinfo(struct verdict* v) {
  say_bool(v, "all", lines_that_begin("/proc/cpuinfo", "processor\t: ") == sysconf(_SC_NPROCESSORS_ONLN));
}

static void case_system_stat(struct verdict* v) {
  say_bool(v, "processors", lines_that_begin("/proc/stat", "cpu") == sysconf(_SC_NPROCESSORS_ONLN) + 1);
  static const char* const names[] = {"intr ", "ctxt ", "btime ", "processes ", "procs_running ", "procs_blocked "};
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) say(v, "%d", lines_that_begin("/proc/stat", names[i]));
}

static void case_uptime(struct verdict* v) {
  double up = 0, idle = 0;
  struct timespec now;
  struct sysinfo facts;
  read_text("/proc/uptime", text, sizeof text);
  say(v, "%d", sscanf(text, "%lf %lf", &up, &idle));
  clock_gettime(CLOCK_BOOTTIME, &now);
  sysinfo(&facts);
  say_bool(v, "clock", now.tv_sec - up < 2 && up - now.tv_sec < 2);
  say_bool(v, "sysinfo", facts.uptime - up < 2 && up - facts.uptime < 2);
}

static void case_loadavg(struct verdict* v) {
  double load[3];
  int running, all, last;
  read_text("/proc/loadavg", text, sizeof text);
  say(v, "%d", sscanf(text, "%lf %lf %lf %d/%d %d", &load[0], &load[1], &load[2], &running, &all, &last));
  say_bool(v, "plausible", load[0] >= 0 && running >= 1 && all >= running && last > 0);
}

static void case_filesystems(struct verdict* v) {
  say(v, "%d%d", lines_that_begin("/proc/filesystems", "nodev\tproc") >= 1,
      lines_that_begin("/proc/filesystems", "nodev\ttmpfs") >= 1);
}

static void case_mounts(struct verdict* v) {
  char link[64] = "";
  say_errno(v, readlink("/proc/mounts", link, sizeof link - 1));
  say(v, "%s", link);
  int fields = 0, root = 0, proc = 0;
  if (read_text("/proc/self/mounts", text, sizeof text) < 0) return say(v, "unreadable");
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    char device[256], place[256], type[64], options[64];
    fields = sscanf(line, "%255s %255s %63s %63s", device, place, type, options);
    root |= strcmp(place, "/") == 0;
    proc |= strcmp(place, "/proc") == 0 && strcmp(type, "proc") == 0;
  }
  say(v, "%d %d %d", fields, root, proc);
}

static void case_sysinfo(struct verdict* v) {
  struct sysinfo facts;
  say_errno(v, sysinfo(&facts));
  const unsigned long unit = facts.mem_unit;
  say_bool(v, "total", (long)(facts.totalram * unit / 1024) == field_of("/proc/meminfo", "MemTotal"));
  say_bool(v, "swap", (long)(facts.totalswap * unit / 1024) == field_of("/proc/meminfo", "SwapTotal"));
  say_bool(v, "free", facts.freeram <= facts.totalram && facts.procs > 0);
  say_errno(v, sysinfo((struct sysinfo*)8));
}

static void case_rusage(struct verdict* v) {
  struct rusage before, after;
  say_errno(v, getrusage(RUSAGE_SELF, &before));
  memset(map_pages(200, kReadWrite), 'x', 200 * page_bytes());
  getrusage(RUSAGE_SELF, &after);
  const long faults = after.ru_minflt - before.ru_minflt;
  say_bool(v, "faults", faults >= 200 && faults < 220);
  say_bool(v, "major", after.ru_majflt == before.ru_majflt);
  say_errno(v, getrusage(RUSAGE_THREAD, &after));
  say_errno(v, getrusage(12345, &after));
  say_errno(v, getrusage(RUSAGE_SELF, (struct rusage*)8));
}

static void case_rusage_of_children(struct verdict* v) {
  struct rusage before, after;
  getrusage(RUSAGE_CHILDREN, &before);
  if (fork() == 0) {
    memset(map_pages(200, kReadWrite), 'x', 200 * page_bytes());
    _exit(0);
  }
  getrusage(RUSAGE_CHILDREN, &after);
  say_bool(v, "not yet", after.ru_minflt == before.ru_minflt);
  wait(NULL);
  getrusage(RUSAGE_CHILDREN, &after);
  say_bool(v, "faults", after.ru_minflt - before.ru_minflt >= 200);
}

static void case_times(struct verdict* v) {
  struct tms a, b;
  const clock_t first = times(&a);
  struct timespec begun, now;
  clock_gettime(CLOCK_MONOTONIC, &begun);
  do clock_gettime(CLOCK_MONOTONIC, &now);
  while (times(&b) < first + 3 && now.tv_sec < begun.tv_sec + 5);
  const clock_t second = times(&b);
  say_bool(v, "goes on", second > first);
  say_bool(v, "used", b.tms_utime + b.tms_stime >= a.tms_utime + a.tms_stime);
  say_bool(v, "bounded", b.tms_utime + b.tms_stime - a.tms_utime - a.tms_stime <= second - first + 2);
  say(v, "%ld", sysconf(_SC_CLK_TCK));
  say_bool(v, "null", times(NULL) != -1);
  say_errno(v, syscall(SYS_times, 8));
}

static const struct conformance_case cases[] = {
    {"exe", case_exe},
    {"cmdline", case_cmdline},
    {"environ", case_environ},
    {"fd_links", case_fd_links},
    {"fd_links_of_pipes", case_fd_links_of_pipes},
    {"limits", case_limits},
    {"stat", case_stat},
    {"comm", case_comm},
    {"auxv", case_auxv},
    {"cwd_and_root", case_cwd_and_root},
    {"thread_self", case_thread_self},
    {"meminfo", case_meminfo},
    {"meminfo_of_kernel_lists", case_meminfo_of_kernel_lists},
    {"meminfo_counts_anonymous_pages", case_meminfo_counts_anonymous_pages},
    {"vmstat", case_vmstat},
    {"cpuinfo", case_cpuinfo},
    {"system_stat", case_system_stat},
    {"uptime", case_uptime},
    {"loadavg", case_loadavg},
    {"filesystems", case_filesystems},
    {"mounts", case_mounts},
    {"sysinfo", case_sysinfo},
    {"rusage", case_rusage},
    {"rusage_of_children", case_rusage_of_children},
    {"times", case_times},
};

CONFORMANCE_MAIN(cases)
