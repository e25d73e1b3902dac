// mmap(2): where a mapping lies, what its pages hold and what may be done to them.
#include <sys/resource.h>

#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE, kStackGap = 256 };

static void case_hint_is_taken(struct verdict* v) {
  char* at = map_pages(8, PROT_READ);
  munmap(at + 2 * page_bytes(), 3 * page_bytes());
  char* again = mmap(at + 2 * page_bytes(), 3 * page_bytes(), PROT_READ, kAnonymous, -1, 0);
  say_bool(v, "there", again == at + 2 * page_bytes());
}

static void case_hint_is_rounded_down(struct verdict* v) {
  char* at = map_pages(8, PROT_READ);
  munmap(at + 2 * page_bytes(), 3 * page_bytes());
  char* again = mmap(at + 2 * page_bytes() + 123, page_bytes(), PROT_READ, kAnonymous, -1, 0);
  say_bool(v, "there", again == at + 2 * page_bytes());
}

static void case_hint_where_something_is(struct verdict* v) {
  char* at = map_pages(2, kReadWrite);
  at[0] = 'x';
  char* other = mmap(at, page_bytes(), kReadWrite, kAnonymous, -1, 0);
  say_map(v, other);
  say_bool(v, "elsewhere", other + page_bytes() <= at || other >= at + 2 * page_bytes());
  say_bool(v, "kept", at[0] == 'x');
}

static void case_hint_where_it_does_not_fit(struct verdict* v) {
  char* at = map_pages(8, PROT_READ);
  munmap(at + 2 * page_bytes(), 2 * page_bytes());
  char* other = mmap(at + 2 * page_bytes(), 3 * page_bytes(), PROT_READ, kAnonymous, -1, 0);
  say_map(v, other);
  say_bool(v, "there", other == at + 2 * page_bytes());
}

static void case_hint_beyond_the_end(struct verdict* v) {
  say_map(v, mmap((void*)((uintptr_t)0 - 4096), page_bytes(), PROT_READ, kAnonymous, -1, 0));
}

static void case_fixed_replaces(struct verdict* v) {
  char* at = map_pages(4, kReadWrite);
  memset(at, 'x', 4 * page_bytes());
  char* over = mmap(at + page_bytes(), 2 * page_bytes(), kReadWrite, kAnonymous | MAP_FIXED, -1, 0);
  say_bool(v, "there", over == at + page_bytes());
  say(v, "%c%d%d%c", at[page_bytes() - 1], over[0], over[2 * page_bytes() - 1], at[3 * page_bytes()]);
}

static void case_fixed_over_a_hole(struct verdict* v) {
  char* at = map_island(6, PROT_READ);
  munmap(at + 2 * page_bytes(), 2 * page_bytes());
  say_map(v, mmap(at + page_bytes(), 4 * page_bytes(), kReadWrite, kAnonymous | MAP_FIXED, -1, 0));
  say_areas(v, at, 6);
}

static void case_fixed_that_fails_keeps_what_was(struct verdict* v) {
  char* at = map_pages(1, kReadWrite);
  at[0] = 'x';
  say_map(v, mmap(at, page_bytes(), PROT_READ, MAP_PRIVATE | MAP_FIXED, make_file(1, O_WRONLY), 0));
  say(v, "%c", at[0]);
}

static void case_fixed_file_over_anonymous(struct verdict* v) {
  char* at = map_island(3, kReadWrite);
  memset(at, 'x', 3 * page_bytes());
  const int fd = make_file(3 * page_bytes(), O_RDWR);
  say_map(v, mmap(at + page_bytes(), page_bytes(), PROT_READ, MAP_SHARED | MAP_FIXED, fd, (off_t)page_bytes()));
  say(v, "%c%c%c", at[0], at[page_bytes()], at[2 * page_bytes()]);
  say_areas(v, at, 3);
}

static void case_length_is_rounded_up(struct verdict* v) {
  char* at = map_pages(4, PROT_READ);
  munmap(at, 4 * page_bytes());
  say_map(v, mmap(at, page_bytes() + 1, kReadWrite, kAnonymous | MAP_FIXED, -1, 0));
  at[2 * page_bytes() - 1] = 1;
  say_areas(v, at, 4);
}

static void case_neighbours_become_one(struct verdict* v) {
  char* at = map_island(4, PROT_NONE);
  munmap(at, 4 * page_bytes());
  mmap(at, page_bytes(), kReadWrite, kAnonymous | MAP_FIXED, -1, 0);
  mmap(at + 2 * page_bytes(), page_bytes(), kReadWrite, kAnonymous | MAP_FIXED, -1, 0);
  say_areas(v, at, 4);
  mmap(at + page_bytes(), page_bytes(), kReadWrite, kAnonymous | MAP_FIXED, -1, 0);
  say_areas(v, at, 4);
}

static void case_unlike_neighbours_stay_two(struct verdict* v) {
  char* at = map_island(3, PROT_NONE);
  munmap(at, 3 * page_bytes());
  mmap(at, page_bytes(), kReadWrite, kAnonymous | MAP_FIXED, -1, 0);
  mmap(at + page_bytes(), page_bytes(), PROT_READ, kAnonymous | MAP_FIXED, -1, 0);
  mmap(at + 2 * page_bytes(), page_bytes(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  say_areas(v, at, 3);
}

static void case_file_neighbours_by_offset(struct verdict* v) {
  char* at = map_island(4, PROT_NONE);
  const int fd = make_file(4 * page_bytes(), O_RDWR);
  const off_t page = (off_t)page_bytes();
  mmap(at, page_bytes(), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
  mmap(at + page, page_bytes(), PROT_READ, MAP_SHARED | MAP_FIXED, fd, page);
  mmap(at + 2 * page, page_bytes(), PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0);
  say_areas(v, at, 4);
}

static void case_no_access(struct verdict* v) {
  char* at = map_pages(1, PROT_NONE);
  say_load(v, at + 5);
  say_store(v, at + 5);
  say_call(v, at);
}

static void case_read_only(struct verdict* v) {
  char* at = map_pages(1, PROT_READ);
  say_load(v, at);
  say_store(v, at + 1);
}

static void case_write_only_can_be_read(struct verdict* v) {
  char* at = map_pages(1, PROT_WRITE);
  say_store(v, at);
  say_load(v, at);
}

static void case_not_executable(struct verdict* v) {
  char* at = map_pages(1, kReadWrite);
  write_return(at);
  say_call(v, at);
}

static void case_executable(struct verdict* v) {
  char* at = map_pages(1, kReadWrite | PROT_EXEC);
  write_return(at);
  say_call(v, at);
}

static void case_nothing_there(struct verdict* v) {
  char* at = map_pages(1, PROT_READ);
  munmap(at, page_bytes());
  say_load(v, at + 7);
  say_store(v, at + 7);
  say_call(v, at);
}

static void case_old_contents_never_show(struct verdict* v) {
  const size_t bytes = 64 * page_bytes();
  int nonzero = 0;
  for (int round = 0; round < 4; ++round) {
    char* at = map_pages(64, kReadWrite);
    for (size_t i = 0; i < bytes; ++i) nonzero |= at[i];
    memset(at, 0xa5, bytes);
    munmap(at, bytes);
  }
  say_bool(v, "all zero", nonzero == 0);
}

static void case_populate(struct verdict* v) {
  say_resident(v, map_pages(4, kReadWrite), 4);
  char* at = mmap(NULL, 4 * page_bytes(), kReadWrite, kAnonymous | MAP_POPULATE, -1, 0);
  say_resident(v, at, 4);
  at = mmap(NULL, 4 * page_bytes(), PROT_READ, kAnonymous | MAP_POPULATE, -1, 0);
  say_resident(v, at, 4);
  at = mmap(NULL, 4 * page_bytes(), PROT_NONE, kAnonymous | MAP_POPULATE, -1, 0);
  say_map(v, at);
  say_resident(v, at, 4);
}

static void case_populate_without_reading(struct verdict* v) {
  char* at = mmap(NULL, 4 * page_bytes(), kReadWrite, kAnonymous | MAP_POPULATE | MAP_NONBLOCK, -1, 0);
  say_map(v, at);
  say_resident(v, at, 4);
}

static void case_populate_of_file_faults_no_more(struct verdict* v) {
  struct rusage before, after;
  char* at = map_file(make_file(8 * page_bytes(), O_RDWR), 8, kReadWrite, MAP_PRIVATE | MAP_POPULATE);
  getrusage(RUSAGE_SELF, &before);
  for (int i = 0; i < 8; ++i) at[(size_t)i * page_bytes()] = 1;
  getrusage(RUSAGE_SELF, &after);
  say_bool(v, "no fault", after.ru_minflt - before.ru_minflt < 4);
}

static void case_populate_beyond_the_file(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  char* at = mmap(NULL, 4 * page_bytes(), PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
  say_map(v, at);
  say_resident(v, at, 4);
}

static void case_no_reserve_of_much(struct verdict* v) {
  char* at = mmap(NULL, (size_t)1 << 30, kReadWrite, kAnonymous | MAP_NORESERVE, -1, 0);
  say_map(v, at);
  at[((size_t)1 << 30) - 1] = 'x';
  say(v, "%d%c", at[12345], at[((size_t)1 << 30) - 1]);
}

// A place with `pages` pages of nothing below `pages_mapped` of MAP_GROWSDOWN.
static char* map_growing(size_t pages) {
  const size_t page = page_bytes();
  char* low = map_pages(pages + 1, PROT_NONE);
  munmap(low, (pages + 1) * page);
  return mmap(low + pages * page, page, kReadWrite, kAnonymous | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
}

static void case_grows_down(struct verdict* v) {
  char* at = map_growing(3 * kStackGap);
  at[-1] = 'x';
  say_areas(v, at - 3 * page_bytes(), 4);
  at[-(long)page_bytes() * 3] = 'y';
  say_areas(v, at - 3 * page_bytes(), 4);
  say(v, "%c%d", at[-1], at[-(long)page_bytes() * 2]);
}

static void case_grows_down_by_a_leap(struct verdict* v) {
  char* at = map_growing(3 * kStackGap);
  at[-(long)page_bytes() * 200] = 'x';
  say_areas(v, at - 201 * page_bytes(), 202);
}

static void case_growing_keeps_a_gap(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_growing(3 * kStackGap);
  char* low = at - 300 * page;
  say_map(v, mmap(low, page, kReadWrite, kAnonymous | MAP_FIXED, -1, 0));
  say_store(v, at - 20 * page);
  say_store(v, at - 100 * page);
  say_store(v, low + page);
}

static void case_no_gap_above_a_mapping_without_access(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_growing(3 * kStackGap);
  mmap(at - 20 * page, page, PROT_NONE, kAnonymous | MAP_FIXED, -1, 0);
  say_store(v, at - 19 * page);
  say_store(v, at - 20 * page);
}

static void case_growing_is_bounded_by_the_stack_limit(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_growing(3 * kStackGap);
  const struct rlimit limit = {16 * page, RLIM_INFINITY};
  struct rlimit old;
  getrlimit(RLIMIT_STACK, &old);
  say_errno(v, setrlimit(RLIMIT_STACK, &(struct rlimit){limit.rlim_cur, old.rlim_max}));
  say_store(v, at - 14 * page);
  say_store(v, at - 17 * page);
}

static void case_mapping_below_a_growing_one_keeps_its_distance(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_growing(3 * kStackGap);
  char* near = mmap(at - page, page, PROT_READ, kAnonymous, -1, 0);
  say_bool(v, "there", near == at - page);
}

static int deep(int depth) {
  volatile char frame[1024];
  frame[0] = (char)depth;
  return depth <= 0 ? frame[0] : deep(depth - 1) + frame[0];
}

static void case_stack_grows(struct verdict* v) {
  const long before = status_pages("VmStk");
  say_bool(v, "sum", deep(600) != 1 << 30);
  say_bool(v, "grew", status_pages("VmStk") - before >= 100);
}

static void overflow(void* unused) {
  (void)unused;
  deep(1 << 30);
}

static void case_stack_overflow(struct verdict* v) {
  struct rlimit limit;
  getrlimit(RLIMIT_STACK, &limit);
  limit.rlim_cur = 1 << 20;
  say_errno(v, setrlimit(RLIMIT_STACK, &limit));
  say_signal_at(v, overflow, NULL, NULL);
}

static const struct conformance_case cases[] = {
    {"hint_is_taken", case_hint_is_taken},
    {"hint_is_rounded_down", case_hint_is_rounded_down},
    {"hint_where_something_is", case_hint_where_something_is},
    {"hint_where_it_does_not_fit", case_hint_where_it_does_not_fit},
    {"hint_beyond_the_end", case_hint_beyond_the_end},
    {"fixed_replaces", case_fixed_replaces},
    {"fixed_over_a_hole", case_fixed_over_a_hole},
    {"fixed_that_fails_keeps_what_was", case_fixed_that_fails_keeps_what_was},
    {"fixed_file_over_anonymous", case_fixed_file_over_anonymous},
    {"length_is_rounded_up", case_length_is_rounded_up},
    {"neighbours_become_one", case_neighbours_become_one},
    {"unlike_neighbours_stay_two", case_unlike_neighbours_stay_two},
    {"file_neighbours_by_offset", case_file_neighbours_by_offset},
    {"no_access", case_no_access},
    {"read_only", case_read_only},
    {"write_only_can_be_read", case_write_only_can_be_read},
    {"not_executable", case_not_executable},
    {"executable", case_executable},
    {"nothing_there", case_nothing_there},
    {"old_contents_never_show", case_old_contents_never_show},
    {"populate", case_populate},
    {"populate_without_reading", case_populate_without_reading},
    {"populate_of_file_faults_no_more", case_populate_of_file_faults_no_more},
    {"populate_beyond_the_file", case_populate_beyond_the_file},
    {"no_reserve_of_much", case_no_reserve_of_much},
    {"grows_down", case_grows_down},
    {"grows_down_by_a_leap", case_grows_down_by_a_leap},
    {"growing_keeps_a_gap", case_growing_keeps_a_gap},
    {"no_gap_above_a_mapping_without_access", case_no_gap_above_a_mapping_without_access},
    {"growing_is_bounded_by_the_stack_limit", case_growing_is_bounded_by_the_stack_limit},
    {"mapping_below_a_growing_one_keeps_its_distance", case_mapping_below_a_growing_one_keeps_its_distance},
    {"stack_grows", case_stack_grows},
    {"stack_overflow", case_stack_overflow},
};

CONFORMANCE_MAIN(cases)
