// msync(2) and mincore(2).
#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };

static void case_msync_errors(struct verdict* v) {
  char* at = map_island(2, kReadWrite);
  say_errno(v, msync(at, page_bytes(), MS_ASYNC | MS_SYNC));
  say_errno(v, msync(at, page_bytes(), 8));
  say_errno(v, msync(at + 1, page_bytes(), MS_SYNC));
  say_errno(v, msync(at, SIZE_MAX - page_bytes(), MS_SYNC));
  say_errno(v, msync(at - page_bytes(), page_bytes(), MS_SYNC));
  say_errno(v, msync(at, 3 * page_bytes(), MS_SYNC));
}

static void case_msync_of_zero_bytes(struct verdict* v) {
  char* at = map_island(1, kReadWrite);
  say_errno(v, msync(at, 0, MS_SYNC));
  say_errno(v, msync(at - page_bytes(), 0, MS_SYNC));
  say_errno(v, msync(at + 1, 0, MS_SYNC));
}

static void case_msync_flags(struct verdict* v) {
  char* at = map_file(make_file(page_bytes(), O_RDWR), 1, kReadWrite, MAP_SHARED);
  static const int flags[] = {0, MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_SYNC | MS_INVALIDATE, MS_ASYNC | MS_INVALIDATE};
  for (size_t i = 0; i < sizeof flags / sizeof *flags; ++i) say_errno(v, msync(at, page_bytes(), flags[i]));
}

static void case_msync_of_other_mappings(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDONLY);
  say_errno(v, msync(map_pages(1, kReadWrite), page_bytes(), MS_SYNC));
  say_errno(v, msync(map_file(fd, 1, kReadWrite, MAP_PRIVATE), page_bytes(), MS_SYNC));
  say_errno(v, msync(map_file(fd, 1, PROT_READ, MAP_SHARED), page_bytes(), MS_SYNC));
  say_errno(v, msync(map_pages(1, PROT_NONE), page_bytes(), MS_SYNC));
}

static void case_msync_rounds_the_length(struct verdict* v) {
  char* at = map_island(2, kReadWrite);
  say_errno(v, msync(at, page_bytes() + 1, MS_SYNC));
  say_errno(v, msync(at, 2 * page_bytes() + 1, MS_SYNC));
}

static void case_msync_over_a_hole(struct verdict* v) {
  char* at = map_island(3, kReadWrite);
  munmap(at + page_bytes(), page_bytes());
  say_errno(v, msync(at, 3 * page_bytes(), MS_SYNC));
  say_errno(v, msync(at, 3 * page_bytes(), MS_ASYNC));
  say_errno(v, msync(at, 3 * page_bytes(), 0));
}

static void case_msync_of_locked_pages(struct verdict* v) {
  char* at = map_file(make_file(page_bytes(), O_RDWR), 1, kReadWrite, MAP_SHARED);
  if (mlock(at, page_bytes()) < 0) return unsupported(v, "nothing may be locked");
  say_errno(v, msync(at, page_bytes(), MS_INVALIDATE));
  say_errno(v, msync(at, page_bytes(), MS_SYNC | MS_INVALIDATE));
  say_errno(v, msync(at, page_bytes(), MS_SYNC));
}

static void case_msync_over_several_files(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  const int fd[2] = {make_file(page_bytes(), O_RDWR), make_file(page_bytes(), O_RDWR)};
  for (int i = 0; i < 2; ++i) {
    char* here = at + (size_t)(2 * i) * page_bytes();
    mmap(here, page_bytes(), kReadWrite, MAP_SHARED | MAP_FIXED, fd[i], 0);
    here[1] = 'S';
  }
  say_errno(v, msync(at, 4 * page_bytes(), MS_SYNC));
  for (int i = 0; i < 2; ++i) {
    char byte = '?';
    say_errno(v, pread(fd[i], &byte, 1, 1));
    say(v, "%c", byte);
  }
}

static void case_msync_after_truncation(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 2, kReadWrite, MAP_SHARED);
  at[0] = at[page_bytes()] = 'x';
  say_errno(v, ftruncate(fd, 10));
  say_errno(v, msync(at, 2 * page_bytes(), MS_SYNC));
}

static void case_mincore_errors(struct verdict* v) {
  unsigned char present[4];
  char* at = map_island(2, kReadWrite);
  say_errno(v, mincore(at + 1, page_bytes(), present));
  say_errno(v, mincore(at - page_bytes(), page_bytes(), present));
  say_errno(v, mincore(at, 3 * page_bytes(), present));
  say_errno(v, mincore(at, SIZE_MAX - page_bytes(), present));
  say_errno(v, mincore((void*)((uintptr_t)0 - page_bytes()), page_bytes(), present));
  say_errno(v, mincore(at, page_bytes(), (unsigned char*)8));
  say_errno(v, mincore(at, page_bytes(), (unsigned char*)at - page_bytes()));
}

static void case_mincore_of_zero_bytes(struct verdict* v) {
  unsigned char present = 7;
  char* at = map_island(1, kReadWrite);
  say_errno(v, mincore(at, 0, &present));
  say_errno(v, mincore(at - page_bytes(), 0, &present));
  say(v, "%d", present);
}

static void case_mincore_rounds_the_length(struct verdict* v) {
  unsigned char present[4] = {7, 7, 7, 7};
  char* at = map_island(2, kReadWrite);
  at[0] = 1;
  say_errno(v, mincore(at, page_bytes() + 1, present));
  say(v, "%d%d%d", present[0] & 1, present[1] & 1, present[2]);
}

static void case_mincore_as_pages_are_touched(struct verdict* v) {
  char* at = map_pages(5, kReadWrite);
  say_resident(v, at, 5);
  at[page_bytes()] = 1;
  load_byte(at + 3 * page_bytes());
  say_resident(v, at, 5);
  madvise(at, 5 * page_bytes(), MADV_DONTNEED);
  say_resident(v, at, 5);
}

static void case_mincore_without_access(struct verdict* v) {
  char* at = map_pages(2, kReadWrite);
  at[0] = 1;
  mprotect(at, 2 * page_bytes(), PROT_NONE);
  say_resident(v, at, 2);
}

static void case_mincore_of_shared_pages(struct verdict* v) {
  char* at = mmap(NULL, 3 * page_bytes(), kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  at[0] = 1;
  pid_t child = fork();
  if (child == 0) {
    at[2 * page_bytes()] = 1;
    _exit(0);
  }
  waitpid(child, NULL, 0);
  say_resident(v, at, 3);
}

static void case_mincore_of_a_file(struct verdict* v) {
  char* at = map_file(make_file(2 * page_bytes(), O_RDWR), 4, PROT_READ, MAP_SHARED);
  say_resident(v, at, 4);
}

static void case_mincore_of_a_file_never_touched_by_the_mapping(struct verdict* v) {
  const int fd = memfd_create("core", 0);
  say_errno(v, ftruncate(fd, (off_t)(4 * page_bytes())));
  char* at = map_file(fd, 4, PROT_READ, MAP_SHARED);
  say_resident(v, at, 4);
  say_errno(v, pwrite(fd, "x", 1, (off_t)(2 * page_bytes())));
  say_resident(v, at, 4);
}

static void case_mincore_of_private_file_copies(struct verdict* v) {
  char* at = map_file(make_file(2 * page_bytes(), O_RDWR), 2, kReadWrite, MAP_PRIVATE);
  at[0] = 'P';
  say_resident(v, at, 2);
}

static void case_mincore_after_fork(struct verdict* v) {
  char* at = map_pages(3, kReadWrite);
  char* told = mmap(NULL, 16, kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  at[page_bytes()] = 1;
  pid_t child = fork();
  if (child == 0) {
    for (size_t i = 0; i < 3; ++i) told[i] = resident(at + i * page_bytes());
    _exit(0);
  }
  waitpid(child, NULL, 0);
  say(v, "%s", told);
}

static void case_mincore_across_areas(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  unsigned char present[4];
  at[0] = at[3 * page_bytes()] = 1;
  mprotect(at + page_bytes(), page_bytes(), PROT_READ);
  say_errno(v, mincore(at, 4 * page_bytes(), present));
  say(v, "%d%d%d%d", present[0] & 1, present[1] & 1, present[2] & 1, present[3] & 1);
}

static const struct conformance_case cases[] = {
    {"msync_errors", case_msync_errors},
    {"msync_of_zero_bytes", case_msync_of_zero_bytes},
    {"msync_flags", case_msync_flags},
    {"msync_of_other_mappings", case_msync_of_other_mappings},
    {"msync_rounds_the_length", case_msync_rounds_the_length},
    {"msync_over_a_hole", case_msync_over_a_hole},
    {"msync_of_locked_pages", case_msync_of_locked_pages},
    {"msync_over_several_files", case_msync_over_several_files},
    {"msync_after_truncation", case_msync_after_truncation},
    {"mincore_errors", case_mincore_errors},
    {"mincore_of_zero_bytes", case_mincore_of_zero_bytes},
    {"mincore_rounds_the_length", case_mincore_rounds_the_length},
    {"mincore_as_pages_are_touched", case_mincore_as_pages_are_touched},
    {"mincore_without_access", case_mincore_without_access},
    {"mincore_of_shared_pages", case_mincore_of_shared_pages},
    {"mincore_of_a_file", case_mincore_of_a_file},
    {"mincore_of_a_file_never_touched_by_the_mapping", case_mincore_of_a_file_never_touched_by_the_mapping},
    {"mincore_of_private_file_copies", case_mincore_of_private_file_copies},
    {"mincore_after_fork", case_mincore_after_fork},
    {"mincore_across_areas", case_mincore_across_areas},
};

CONFORMANCE_MAIN(cases)
