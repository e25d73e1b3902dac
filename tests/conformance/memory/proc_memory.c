// What /proc/self says of a process's memory: maps, smaps, smaps_rollup,
// status, statm.
#include <sys/resource.h>

#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };

// A kernel counts resident pages by processor and adds them up now and then: of so
// many pages that most of them show.
enum { kMany = 1024, kMost = 512 };

static long kilobytes(size_t pages) { return (long)(pages * page_bytes() / 1024); }

// A field of the area that begins at `at`, in /proc/self/smaps; -1: none. Other
// text than a number: its address.
static const char* smaps_text(const void* at, const char* name) {
  static char text[1 << 18];
  if (read_text("/proc/self/smaps", text, sizeof text) < 0) return NULL;
  const size_t length = strlen(name);
  int inside = 0;
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    uintptr_t start, end;
    if (sscanf(line, "%lx-%lx ", &start, &end) == 2) inside = start <= (uintptr_t)at && (uintptr_t)at < end;
    if (inside && strncmp(line, name, length) == 0 && line[length] == ':') return line + length + 1;
  }
  return NULL;
}

static long smaps_of(const void* at, const char* name) {
  const char* text = smaps_text(at, name);
  return text ? atol(text) : -1;
}

// In pages, since what a page is depends on the machine.
static void say_smaps(struct verdict* v, const void* at, const char* const* names) {
  for (; *names; ++names) {
    const long found = smaps_of(at, *names);
    say(v, "%s=%ld", *names, found < 0 ? found : found / kilobytes(1));
  }
}

static const char* const kSizes[] = {"Size", "Rss", "Pss", "Anonymous", "Private_Dirty", "Swap", "Locked", NULL};
static const char* const kKinds[] = {"Rss", "Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty", NULL};

static void case_smaps_of_untouched(struct verdict* v) { say_smaps(v, map_island(4, kReadWrite), kSizes); }

static void case_smaps_of_touched(struct verdict* v) {
  char* at = map_island(8, kReadWrite);
  for (size_t i = 0; i < 3; ++i) at[2 * i * page_bytes()] = 1;
  say_smaps(v, at, kSizes);
}

static void case_smaps_of_zero_pages(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  load_byte(at);
  load_byte(at + page_bytes());
  at[3 * page_bytes()] = 1;
  say_smaps(v, at, kSizes);
}

static void case_smaps_after_munmap_of_the_middle(struct verdict* v) {
  char* at = map_island(6, kReadWrite);
  memset(at, 'x', 6 * page_bytes());
  munmap(at + 2 * page_bytes(), page_bytes());
  say_smaps(v, at, kSizes);
  say_smaps(v, at + 3 * page_bytes(), kSizes);
}

static void case_smaps_of_a_private_file(struct verdict* v) {
  char* at = map_file(make_file(4 * page_bytes(), O_RDWR), 4, kReadWrite, MAP_PRIVATE);
  for (size_t i = 0; i < 4; ++i) load_byte(at + i * page_bytes());
  at[0] = 'P';
  say_smaps(v, at, (const char* const[]){"Size", "Rss", "Anonymous", NULL});
}

static void case_smaps_of_a_shared_file(struct verdict* v) {
  char* at = map_file(make_file(4 * page_bytes(), O_RDWR), 4, kReadWrite, MAP_SHARED);
  for (size_t i = 0; i < 4; ++i) at[i * page_bytes()] = 1;
  say_smaps(v, at, (const char* const[]){"Size", "Rss", "Anonymous", "Private_Dirty", "Shared_Dirty", NULL});
}

static void case_smaps_of_a_dirty_file_after_msync(struct verdict* v) {
  char* at = map_file(make_file(page_bytes(), O_RDWR), 1, kReadWrite, MAP_SHARED);
  at[0] = 1;
  say(v, "%ld", smaps_of(at, "Private_Dirty") / kilobytes(1));
  say_errno(v, msync(at, page_bytes(), MS_SYNC));
  say(v, "%ld", smaps_of(at, "Rss") / kilobytes(1));
}

static void case_smaps_while_a_child_shares(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  int ends[2];
  memset(at, 'x', 4 * page_bytes());
  say_errno(v, pipe(ends));
  say_smaps(v, at, kKinds);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
  }
  say_smaps(v, at, kKinds);
  say(v, "Pss=%ld", smaps_of(at, "Pss") / kilobytes(1));
  at[0] = 'y';
  say_smaps(v, at, kKinds);
  close(ends[0]);
  close(ends[1]);
  waitpid(child, NULL, 0);
  say_smaps(v, at, kKinds);
}

static void case_smaps_page_sizes(struct verdict* v) {
  char* at = map_island(1, kReadWrite);
  say_bool(v, "kernel", smaps_of(at, "KernelPageSize") == kilobytes(1));
  say_bool(v, "mmu", smaps_of(at, "MMUPageSize") == kilobytes(1));
}

// Without "ac": what counts as promised after mprotect(2) changed in Linux 6.8.
static void say_flags(struct verdict* v, const void* at) {
  static const char* const flags[] = {"rd", "wr", "ex", "sh", "mr", "mw", "me", "ms",
                                      "gd", "lo", "sr", "rr", "dc", "nr", "dd", "wf"};
  const char* text = smaps_text(at, "VmFlags");
  char told[96] = "";
  for (size_t i = 0; text && i < sizeof flags / sizeof *flags; ++i) {
    char with_space[4] = {' ', flags[i][0], flags[i][1], 0};
    if (strstr(text, with_space)) strcat(told, with_space);
  }
  say(v, "[%s]", text ? told + (*told != 0) : "none");
}

static void case_smaps_flags(struct verdict* v) {
  char* at = map_island(6, kReadWrite);
  const size_t page = page_bytes();
  say_flags(v, at);
  mprotect(at, page, PROT_READ);
  madvise(at + page, page, MADV_DONTFORK);
  madvise(at + 2 * page, page, MADV_SEQUENTIAL);
  madvise(at + 3 * page, page, MADV_RANDOM);
  madvise(at + 4 * page, page, MADV_DONTDUMP);
  madvise(at + 5 * page, page, MADV_WIPEONFORK);
  for (size_t i = 0; i < 6; ++i) say_flags(v, at + i * page);
}

static void case_smaps_flags_of_files(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR), read_only = make_file(page_bytes(), O_RDONLY);
  say_flags(v, map_file(fd, 1, kReadWrite, MAP_SHARED));
  say_flags(v, map_file(read_only, 1, PROT_READ, MAP_SHARED));
  say_flags(v, map_file(read_only, 1, kReadWrite, MAP_PRIVATE));
  say_flags(v, mmap(NULL, page_bytes(), kReadWrite, kAnonymous | MAP_NORESERVE, -1, 0));
}

static void case_smaps_of_locked_pages(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  if (mlock(at, 2 * page_bytes()) < 0) return unsupported(v, "nothing may be locked");
  say_smaps(v, at, kSizes);
  say_flags(v, at);
}

static void case_smaps_forgets_references(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  memset(at, 'x', 4 * page_bytes());
  const int fd = open("/proc/self/clear_refs", O_WRONLY);
  if (fd < 0) return unsupported(v, "no /proc/self/clear_refs");
  say(v, "%ld", smaps_of(at, "Referenced") / kilobytes(1));
  say_errno(v, write(fd, "1", 1));
  say(v, "%ld", smaps_of(at, "Referenced") / kilobytes(1));
  load_byte(at);
  say(v, "%ld", smaps_of(at, "Referenced") / kilobytes(1));
  say_errno(v, write(fd, "9", 1));
}

static long sum_of_smaps(const char* name) {
  static char text[1 << 18];
  if (read_text("/proc/self/smaps", text, sizeof text) < 0) return -1;
  long sum = 0;
  const size_t length = strlen(name);
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    if (strncmp(line, name, length) == 0 && line[length] == ':') sum += atol(line + length + 1);
  return sum;
}

static void case_rollup_is_the_sum(struct verdict* v) {
  static const char* const names[] = {"Rss", "Anonymous", "Private_Dirty", "Swap", "Locked"};
  memset(map_pages(16, kReadWrite), 'x', 16 * page_bytes());
  if (access("/proc/self/smaps_rollup", R_OK) < 0) return unsupported(v, "smaps_rollup is of Linux 4.14");
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    sum_of_smaps(names[i]);
    field_of("/proc/self/smaps_rollup", names[i]);
    const long sum = sum_of_smaps(names[i]), told = field_of("/proc/self/smaps_rollup", names[i]);
    say_bool(v, names[i], sum == told);
  }
  char text[256];
  read_text("/proc/self/smaps_rollup", text, sizeof text);
  say_bool(v, "named", strstr(text, "---p 00000000 00:00 0") && strstr(text, "[rollup]\n"));
}

static void add_size(const struct area* area, void* total) { *(uintptr_t*)total += area->end - area->start; }

static void case_maps_add_up(struct verdict* v) {
  uintptr_t total = 0;
  each_area(add_size, &total);
  total = 0;
  const long size = field_of("/proc/self/status", "VmSize");
  each_area(add_size, &total);
  // The kernel's own page of code (vsyscall) is in maps of some machines, in no size.
  const long difference = (long)(total / 1024) - size;
  say_bool(v, "same", difference >= 0 && difference <= 4);
  map_pages(100, PROT_NONE);
  say(v, "%ld", (field_of("/proc/self/status", "VmSize") - size) / kilobytes(1));
}

static void check_order(const struct area* area, void* context) {
  uintptr_t* last = context;
  if (area->start < last[0] || area->start >= area->end) last[1] = 1;
  last[0] = area->end;
}

static void case_maps_are_in_order(struct verdict* v) {
  uintptr_t last[2] = {0, 0};
  for (int i = 0; i < 40; ++i) map_island(1, i % 2 ? PROT_READ : PROT_NONE);
  say_bool(v, "all", each_area(check_order, last) > 40 && last[1] == 0);
}

static void case_status_of_anonymous_pages(struct verdict* v) {
  const long size = status_pages("VmSize"), data = status_pages("VmData"), anonymous = status_pages("RssAnon");
  const long resident = status_pages("VmRSS");
  char* at = map_pages(kMany, kReadWrite);
  say(v, "%ld %ld", status_pages("VmSize") - size, status_pages("VmData") - data);
  memset(at, 'x', kMany * page_bytes());
  say_bool(v, "RssAnon", status_pages("RssAnon") - anonymous >= kMost);
  say_bool(v, "VmRSS", status_pages("VmRSS") - resident >= kMost);
  say_bool(v, "VmHWM", status_pages("VmHWM") >= status_pages("VmRSS"));
  say_bool(v, "VmPeak", status_pages("VmPeak") >= status_pages("VmSize"));
}

static void case_status_of_shared_pages(struct verdict* v) {
  const long shared = status_pages("RssShmem"), files = status_pages("RssFile");
  char* at = mmap(NULL, kMany * page_bytes(), kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  memset(at, 'x', kMany * page_bytes());
  say_bool(v, "RssShmem", status_pages("RssShmem") - shared >= kMost);
  at = map_file(make_file(kMany * page_bytes(), O_RDWR), kMany, kReadWrite, MAP_SHARED);
  for (size_t i = 0; i < kMany; ++i) at[i * page_bytes()] = 1;
  say_bool(v, "RssFile", status_pages("RssFile") - files >= kMost);
}

static void case_status_adds_up(struct verdict* v) {
  const char* const status = "/proc/self/status";
  const long sum = field_of(status, "RssAnon") + field_of(status, "RssFile") + field_of(status, "RssShmem");
  const long difference = field_of(status, "VmRSS") - sum;
  say_bool(v, "sum", difference > -256 && difference < 256);
  say_bool(v, "VmPTE", field_of(status, "VmPTE") > 0);
  say(v, "VmSwap=%ld VmPin=%ld HugetlbPages=%ld", field_of(status, "VmSwap"), field_of(status, "VmPin"),
      field_of(status, "HugetlbPages"));
  say_bool(v, "VmExe", field_of(status, "VmExe") > 0);
  say_bool(v, "VmStk", field_of(status, "VmStk") > 0);
}

static void case_peak_stays(struct verdict* v) {
  char* at = map_pages(kMany, kReadWrite);
  memset(at, 'x', kMany * page_bytes());
  munmap(at, kMany * page_bytes());
  say_bool(v, "VmPeak", status_pages("VmPeak") - status_pages("VmSize") >= kMany - 1);
  say_bool(v, "VmHWM", status_pages("VmHWM") - status_pages("VmRSS") >= kMost);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  say_bool(v, "maxrss", usage.ru_maxrss >= kilobytes(kMost));
}

static void case_statm(struct verdict* v) {
  char text[256];
  long before[7], after[7], *both[2] = {before, after};
  for (int i = 0; i < 2; ++i) {
    long* f = both[i];
    read_text("/proc/self/statm", text, sizeof text);
    say(v, "%d fields", sscanf(text, "%ld %ld %ld %ld %ld %ld %ld", f, f + 1, f + 2, f + 3, f + 4, f + 5, f + 6));
    if (i == 0) memset(map_pages(kMany, kReadWrite), 'x', kMany * page_bytes());
  }
  say(v, "%ld", after[0] - before[0]);
  say_bool(v, "resident", after[1] - before[1] >= kMost);
  say_bool(v, "shared", after[2] >= 0 && after[2] <= after[1]);
  say_bool(v, "text", after[3] > 0 && after[3] == before[3]);
  say(v, "%ld %ld %ld", after[5] - before[5], after[4], after[6]);
}

static const struct conformance_case cases[] = {
    {"smaps_of_untouched", case_smaps_of_untouched},
    {"smaps_of_touched", case_smaps_of_touched},
    {"smaps_of_zero_pages", case_smaps_of_zero_pages},
    {"smaps_after_munmap_of_the_middle", case_smaps_after_munmap_of_the_middle},
    {"smaps_of_a_private_file", case_smaps_of_a_private_file},
    {"smaps_of_a_shared_file", case_smaps_of_a_shared_file},
    {"smaps_of_a_dirty_file_after_msync", case_smaps_of_a_dirty_file_after_msync},
    {"smaps_while_a_child_shares", case_smaps_while_a_child_shares},
    {"smaps_page_sizes", case_smaps_page_sizes},
    {"smaps_flags", case_smaps_flags},
    {"smaps_flags_of_files", case_smaps_flags_of_files},
    {"smaps_of_locked_pages", case_smaps_of_locked_pages},
    {"smaps_forgets_references", case_smaps_forgets_references},
    {"rollup_is_the_sum", case_rollup_is_the_sum},
    {"maps_add_up", case_maps_add_up},
    {"maps_are_in_order", case_maps_are_in_order},
    {"status_of_anonymous_pages", case_status_of_anonymous_pages},
    {"status_of_shared_pages", case_status_of_shared_pages},
    {"status_adds_up", case_status_adds_up},
    {"peak_stays", case_peak_stays},
    {"statm", case_statm},
};

CONFORMANCE_MAIN(cases)
