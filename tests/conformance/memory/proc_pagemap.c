// What /proc/self/pagemap says of single pages.
#include <sys/prctl.h>

#include "memory_case.h"

enum { kReadWrite = PROT_READ | PROT_WRITE };

static int page_map(void) { return open("/proc/self/pagemap", O_RDONLY); }

static uint64_t page_entry(int fd, const void* at) {
  uint64_t entry = 0;
  const off_t offset = (off_t)((uintptr_t)at / page_bytes() * sizeof entry);
  return pread(fd, &entry, sizeof entry, offset) == sizeof entry ? entry : UINT64_MAX;
}

static void say_entry(struct verdict* v, uint64_t entry) {
  say(v, "%s%s%s%s", entry >> 63 & 1 ? "present" : "absent", entry >> 62 & 1 ? "+swapped" : "",
      entry >> 61 & 1 ? "+file" : "", entry >> 56 & 1 ? "+alone" : "");
}

static void case_pagemap_of_anonymous_pages(struct verdict* v) {
  const int fd = page_map();
  if (fd < 0) return unsupported(v, "no pagemap");
  char* at = map_island(3, kReadWrite);
  at[0] = 1;
  load_byte(at + page_bytes());
  for (size_t i = 0; i < 3; ++i) say(v, "%d", (int)(page_entry(fd, at + i * page_bytes()) >> 63));
  say_entry(v, page_entry(fd, at));
  say_entry(v, page_entry(fd, at + 2 * page_bytes()));
  say(v, "%d", page_entry(fd, at - page_bytes()) == 0);
}

static void case_pagemap_of_files(struct verdict* v) {
  const int fd = page_map(), file = make_file(2 * page_bytes(), O_RDWR);
  if (fd < 0) return unsupported(v, "no pagemap");
  char *at = map_file(file, 2, kReadWrite, MAP_PRIVATE),
       *shared = map_file(make_file(1, O_RDWR), 1, kReadWrite, MAP_SHARED);
  load_byte(at);
  at[page_bytes()] = 'P';
  shared[0] = 1;
  say_entry(v, page_entry(fd, at) & ~((uint64_t)1 << 56));
  say_entry(v, page_entry(fd, at + page_bytes()));
  say_entry(v, page_entry(fd, shared));
}

static void case_pagemap_of_shared_anonymous(struct verdict* v) {
  const int fd = page_map();
  if (fd < 0) return unsupported(v, "no pagemap");
  char* at = mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  at[0] = 1;
  say_entry(v, page_entry(fd, at));
}

static void case_pagemap_while_a_child_shares(struct verdict* v) {
  const int fd = page_map();
  if (fd < 0) return unsupported(v, "no pagemap");
  char *at = map_island(1, kReadWrite), byte;
  int ends[2];
  at[0] = 1;
  say_errno(v, pipe(ends));
  pid_t child = fork();
  if (child == 0) {
    close(ends[1]);
    _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
  }
  say_entry(v, page_entry(fd, at));
  close(ends[1]);
  waitpid(child, NULL, 0);
  say_entry(v, page_entry(fd, at));
}

static void case_pagemap_hides_frames(struct verdict* v) {
  const uint64_t frame_bits = ((uint64_t)1 << 55) - 1;
  // Somebody else than root must not see them, though he may see the rest.
  if (geteuid() == 0 && (setresuid(65534, 65534, 65534) < 0 || prctl(PR_SET_DUMPABLE, 1) < 0))
    return unsupported(v, "cannot become nobody");
  const int fd = page_map();
  if (fd < 0) return unsupported(v, "no pagemap");
  char* at = map_pages(1, kReadWrite);
  at[0] = 1;
  const uint64_t entry = page_entry(fd, at);
  say_entry(v, entry);
  say_bool(v, "hidden", (entry & frame_bits) == 0);
}

static void case_pagemap_reads(struct verdict* v) {
  const int fd = page_map();
  if (fd < 0) return unsupported(v, "no pagemap");
  uint64_t entries[4];
  void* volatile at_nothing = (void*)8;
  say_errno(v, pread(fd, entries, 7, 0));
  say_errno(v, pread(fd, entries, 8, 4));
  say(v, "%d", (int)pread(fd, entries, 0, 0));
  say(v, "%d", (int)pread(fd, entries, sizeof entries, (off_t)((uintptr_t)map_pages(4, PROT_READ) / page_bytes() * 8)));
  say(v, "%d", (int)pread(fd, entries, 8, (off_t)1 << 60));
  say_errno(v, pread(fd, at_nothing, 8, 0));
}

static const struct conformance_case cases[] = {
    {"pagemap_of_anonymous_pages", case_pagemap_of_anonymous_pages},
    {"pagemap_of_files", case_pagemap_of_files},
    {"pagemap_of_shared_anonymous", case_pagemap_of_shared_anonymous},
    {"pagemap_while_a_child_shares", case_pagemap_while_a_child_shares},
    {"pagemap_hides_frames", case_pagemap_hides_frames},
    {"pagemap_reads", case_pagemap_reads},
};

CONFORMANCE_MAIN(cases)
