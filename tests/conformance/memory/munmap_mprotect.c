// munmap(2) and mprotect(2): errors, splitting and joining of areas, what a hole
// does to a call.
#include <sys/resource.h>
#include <sys/syscall.h>

#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE, kProtSem = 8 };

static void case_munmap_errors(struct verdict* v) {
  char* at = map_pages(1, PROT_READ);
  say_errno(v, munmap(at, 0));
  say_errno(v, munmap(at + 1, page_bytes()));
  say_errno(v, munmap((void*)((uintptr_t)0 - page_bytes()), page_bytes()));
  say_errno(v, munmap(at, SIZE_MAX));
  say_errno(v, munmap(at, (size_t)1 << 63));
  say_load(v, at);
}

static void case_munmap_of_nothing(struct verdict* v) {
  char* at = map_pages(2, PROT_READ);
  say_errno(v, munmap(at, 2 * page_bytes()));
  say_errno(v, munmap(at, 2 * page_bytes()));
}

static void case_munmap_rounds_the_length(struct verdict* v) {
  char* at = map_island(3, PROT_READ);
  say_errno(v, munmap(at, page_bytes() + 1));
  say_areas(v, at, 3);
}

static void case_munmap_of_the_beginning(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  memset(at, 'x', 4 * page_bytes());
  say_errno(v, munmap(at, page_bytes()));
  say_areas(v, at, 4);
  say_load(v, at + page_bytes() - 1);
  say_load(v, at + page_bytes());
}

static void case_munmap_of_the_end(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  say_errno(v, munmap(at + 3 * page_bytes(), page_bytes()));
  say_areas(v, at, 4);
  say_store(v, at + 3 * page_bytes());
}

static void case_munmap_of_the_middle(struct verdict* v) {
  char* at = map_island(5, kReadWrite);
  memset(at, 'x', 5 * page_bytes());
  say_errno(v, munmap(at + 2 * page_bytes(), page_bytes()));
  say_areas(v, at, 5);
  say(v, "%c%c", at[2 * page_bytes() - 1], at[3 * page_bytes()]);
  say_load(v, at + 2 * page_bytes());
}

static void case_munmap_across_areas_and_holes(struct verdict* v) {
  char* at = map_island(8, kReadWrite);
  mprotect(at + 2 * page_bytes(), page_bytes(), PROT_READ);
  munmap(at + 4 * page_bytes(), page_bytes());
  say_errno(v, munmap(at + page_bytes(), 6 * page_bytes()));
  say_areas(v, at, 8);
}

static void case_munmap_of_a_file_keeps_offsets(struct verdict* v) {
  char* at = map_file(make_file(5 * page_bytes(), O_RDWR), 5, PROT_READ, MAP_SHARED);
  say_errno(v, munmap(at + page_bytes(), 2 * page_bytes()));
  say(v, "%c%c%c", at[0], at[3 * page_bytes()], at[4 * page_bytes()]);
  say(v, "%lu", area_of(at + 3 * page_bytes()).offset / page_bytes());
}

static void case_munmap_gives_memory_back(struct verdict* v) {
  const long before = status_pages("RssAnon");
  char* at = map_pages(1024, kReadWrite);
  memset(at, 'x', 1024 * page_bytes());
  const long touched = status_pages("RssAnon");
  munmap(at, 1024 * page_bytes());
  say_bool(v, "rose", touched - before >= 512);
  say_bool(v, "fell", touched - status_pages("RssAnon") >= 512);
}

static void case_mprotect_errors(struct verdict* v) {
  char* at = map_island(2, PROT_READ);
  say_errno(v, mprotect(at + 1, page_bytes(), PROT_READ));
  say_errno(v, mprotect(at, 0, PROT_READ));
  say_errno(v, mprotect(at, SIZE_MAX, PROT_READ));
  say_errno(v, mprotect(at - page_bytes(), page_bytes(), PROT_READ));
  say_errno(v, mprotect(at, 3 * page_bytes(), PROT_READ));
}

static void case_mprotect_unknown_bits(struct verdict* v) {
  char* at = map_island(2, PROT_READ);
  say_errno(v, syscall(SYS_mprotect, at, page_bytes(), PROT_READ | 0x100));
  say_errno(v, syscall(SYS_mprotect, at, page_bytes(), -1));
  say_errno(v, syscall(SYS_mprotect, at, page_bytes(), PROT_READ | kProtSem));
  // With length 0 nothing is looked at but the address.
  say_errno(v, syscall(SYS_mprotect, at, 0, 0x100));
}

static void case_mprotect_grows(struct verdict* v) {
  char* at = map_island(2, PROT_READ);
  say_errno(v, mprotect(at, page_bytes(), PROT_READ | PROT_GROWSDOWN));
  say_errno(v, mprotect(at, page_bytes(), PROT_READ | PROT_GROWSUP));
  say_errno(v, mprotect(at, page_bytes(), PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP));
}

static void case_mprotect_from_where_it_grows(struct verdict* v) {
  char* at = map_island(4, PROT_NONE);
  munmap(at, 4 * page_bytes());
  mmap(at, 4 * page_bytes(), kReadWrite, kAnonymous | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
  say_errno(v, mprotect(at + 2 * page_bytes(), page_bytes(), PROT_READ | PROT_GROWSDOWN));
  say_areas(v, at, 4);
}

static void case_mprotect_takes_the_right_to_write(struct verdict* v) {
  char* at = map_pages(2, kReadWrite);
  at[0] = 'x';
  say_errno(v, mprotect(at, page_bytes(), PROT_READ));
  say_store(v, at);
  say_store(v, at + page_bytes());
  say(v, "%c", at[0]);
}

static void case_mprotect_there_and_back(struct verdict* v) {
  char* at = map_pages(1, kReadWrite);
  at[0] = 'x';
  say_errno(v, mprotect(at, page_bytes(), PROT_NONE));
  say_load(v, at);
  say_errno(v, mprotect(at, page_bytes(), kReadWrite));
  say(v, "%c", at[0]);
  say_store(v, at);
}

static void case_mprotect_of_untouched_zero_pages(struct verdict* v) {
  char* at = map_pages(2, PROT_READ);
  say(v, "%d", at[0]);
  say_errno(v, mprotect(at, 2 * page_bytes(), kReadWrite));
  at[0] = at[page_bytes()] = 'x';
  char* other = map_pages(1, PROT_READ);
  say(v, "%c%c%d", at[0], at[page_bytes()], other[0]);
}

static void case_mprotect_executable(struct verdict* v) {
  char* at = map_pages(1, kReadWrite);
  write_return(at);
  say_call(v, at);
  say_errno(v, mprotect(at, page_bytes(), PROT_READ | PROT_EXEC));
  say_call(v, at);
  say_errno(v, mprotect(at, page_bytes(), PROT_READ));
  say_call(v, at);
}

static void case_mprotect_splits_and_joins(struct verdict* v) {
  char* at = map_island(6, kReadWrite);
  say_errno(v, mprotect(at + 2 * page_bytes(), 2 * page_bytes(), PROT_READ));
  say_areas(v, at, 6);
  say_errno(v, mprotect(at + 4 * page_bytes(), page_bytes(), PROT_READ));
  say_areas(v, at, 6);
  say_errno(v, mprotect(at + page_bytes(), 4 * page_bytes(), kReadWrite));
  say_areas(v, at, 6);
}

static void case_mprotect_over_a_hole_does_what_comes_before(struct verdict* v) {
  char* at = map_island(6, kReadWrite);
  munmap(at + 3 * page_bytes(), page_bytes());
  say_errno(v, mprotect(at + page_bytes(), 5 * page_bytes(), PROT_READ));
  say_areas(v, at, 6);
}

static void case_mprotect_that_may_not_does_what_comes_before(struct verdict* v) {
  char* at = map_island(4, PROT_READ);
  const int fd = make_file(page_bytes(), O_RDONLY);
  mmap(at + 2 * page_bytes(), page_bytes(), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
  say_errno(v, mprotect(at, 4 * page_bytes(), kReadWrite));
  say_areas(v, at, 4);
}

static void case_mprotect_of_a_shared_file_opened_to_read(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDONLY);
  char *shared = map_file(fd, 1, PROT_READ, MAP_SHARED), *own = map_file(fd, 1, PROT_READ, MAP_PRIVATE);
  say_errno(v, mprotect(shared, page_bytes(), kReadWrite));
  say_errno(v, mprotect(shared, page_bytes(), PROT_NONE));
  say_errno(v, mprotect(shared, page_bytes(), PROT_READ));
  say_errno(v, mprotect(own, page_bytes(), kReadWrite));
  own[0] = 'P';
  say(v, "%c%c", own[0], shared[0]);
}

static void case_mprotect_of_a_shared_file(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  char *at = map_file(fd, 1, PROT_NONE, MAP_SHARED), byte = 0;
  say_load(v, at);
  say_errno(v, mprotect(at, page_bytes(), kReadWrite));
  at[5] = 'S';
  say_errno(v, pread(fd, &byte, 1, 5));
  say(v, "%c", byte);
}

static void case_mprotect_and_the_kernel(struct verdict* v) {
  int ends[2];
  char* at = map_pages(1, kReadWrite);
  strcpy(at, "text");
  say_errno(v, pipe(ends));
  mprotect(at, page_bytes(), PROT_READ);
  say_errno(v, write(ends[1], at, 4));
  say_errno(v, read(ends[0], at, 4));
  mprotect(at, page_bytes(), PROT_NONE);
  say_errno(v, write(ends[1], at, 4));
}

static void case_mprotect_beyond_the_data_limit(struct verdict* v) {
  const struct rlimit limit = {16 << 20, 16 << 20};
  char* at = mmap(NULL, 32 << 20, PROT_READ, kAnonymous, -1, 0);
  say_errno(v, setrlimit(RLIMIT_DATA, &limit));
  say_errno(v, mprotect(at, 32 << 20, kReadWrite));
  say_errno(v, mprotect(at, 1 << 20, kReadWrite));
}

static void case_mprotect_of_every_second_page(struct verdict* v) {
  enum { kPages = 64 };
  char* at = map_island(kPages, kReadWrite);
  for (size_t i = 0; i < kPages; i += 2) mprotect(at + i * page_bytes(), page_bytes(), PROT_READ);
  int wrong = 0;
  for (size_t i = 0; i < kPages; ++i) {
    const struct area area = area_of(at + i * page_bytes());
    wrong += area.end - area.start != page_bytes() || area.rights[1] != (i % 2 ? 'w' : '-');
  }
  say(v, "%d wrong", wrong);
  say_errno(v, mprotect(at, kPages * page_bytes(), kReadWrite));
  say_areas(v, at, kPages);
}

static const struct conformance_case cases[] = {
    {"munmap_errors", case_munmap_errors},
    {"munmap_of_nothing", case_munmap_of_nothing},
    {"munmap_rounds_the_length", case_munmap_rounds_the_length},
    {"munmap_of_the_beginning", case_munmap_of_the_beginning},
    {"munmap_of_the_end", case_munmap_of_the_end},
    {"munmap_of_the_middle", case_munmap_of_the_middle},
    {"munmap_across_areas_and_holes", case_munmap_across_areas_and_holes},
    {"munmap_of_a_file_keeps_offsets", case_munmap_of_a_file_keeps_offsets},
    {"munmap_gives_memory_back", case_munmap_gives_memory_back},
    {"mprotect_errors", case_mprotect_errors},
    {"mprotect_unknown_bits", case_mprotect_unknown_bits},
    {"mprotect_grows", case_mprotect_grows},
    {"mprotect_from_where_it_grows", case_mprotect_from_where_it_grows},
    {"mprotect_takes_the_right_to_write", case_mprotect_takes_the_right_to_write},
    {"mprotect_there_and_back", case_mprotect_there_and_back},
    {"mprotect_of_untouched_zero_pages", case_mprotect_of_untouched_zero_pages},
    {"mprotect_executable", case_mprotect_executable},
    {"mprotect_splits_and_joins", case_mprotect_splits_and_joins},
    {"mprotect_over_a_hole_does_what_comes_before", case_mprotect_over_a_hole_does_what_comes_before},
    {"mprotect_that_may_not_does_what_comes_before", case_mprotect_that_may_not_does_what_comes_before},
    {"mprotect_of_a_shared_file_opened_to_read", case_mprotect_of_a_shared_file_opened_to_read},
    {"mprotect_of_a_shared_file", case_mprotect_of_a_shared_file},
    {"mprotect_and_the_kernel", case_mprotect_and_the_kernel},
    {"mprotect_beyond_the_data_limit", case_mprotect_beyond_the_data_limit},
    {"mprotect_of_every_second_page", case_mprotect_of_every_second_page},
};

CONFORMANCE_MAIN(cases)
