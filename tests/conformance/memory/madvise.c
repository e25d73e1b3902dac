// madvise(2): every advice, on what it works and what it may not be given for.
#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };
enum { kPopulateRead = 22, kPopulateWrite = 23, kDontNeedLocked = 24, kCold = 20, kPageOut = 21 };

// Advice of a newer kernel is EINVAL where it is not known.
static int knows(int advice) {
  char* at = map_pages(1, kReadWrite);
  return madvise(at, page_bytes(), advice) == 0;
}

static char* map_shared(size_t pages) {
  return mmap(NULL, pages * page_bytes(), kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void case_errors(struct verdict* v) {
  char* at = map_island(2, kReadWrite);
  say_errno(v, madvise(at, page_bytes(), 12345));
  say_errno(v, madvise(at, page_bytes(), -1));
  say_errno(v, madvise(at, page_bytes(), 5));
  say_errno(v, madvise(at + 1, page_bytes(), MADV_NORMAL));
  say_errno(v, madvise(at, SIZE_MAX, MADV_NORMAL));
  say_errno(v, madvise(at, (size_t)0 - page_bytes(), MADV_NORMAL));
  say_errno(v, madvise(at - page_bytes(), page_bytes(), MADV_NORMAL));
}

static void case_zero_length(struct verdict* v) {
  char* at = map_island(1, kReadWrite);
  say_errno(v, madvise(at, 0, MADV_NORMAL));
  say_errno(v, madvise(at - page_bytes(), 0, MADV_DONTNEED));
  say_errno(v, madvise(at, 0, 12345));
}

static void case_how_it_will_be_used(struct verdict* v) {
  static const int advice[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED, MADV_DONTDUMP, MADV_DODUMP};
  char *anonymous = map_pages(2, kReadWrite),
       *file = map_file(make_file(page_bytes(), O_RDWR), 1, PROT_READ, MAP_SHARED);
  for (size_t i = 0; i < sizeof advice / sizeof *advice; ++i) {
    say_errno(v, madvise(anonymous, 2 * page_bytes(), advice[i]));
    say_errno(v, madvise(file, page_bytes(), advice[i]));
  }
}

static void case_willneed_beyond_a_hole(struct verdict* v) {
  char* at = map_island(3, kReadWrite);
  munmap(at + page_bytes(), page_bytes());
  say_errno(v, madvise(at, 3 * page_bytes(), MADV_WILLNEED));
}

static void case_dontneed_of_private_pages(struct verdict* v) {
  char* at = map_pages(3, kReadWrite);
  memset(at, 'x', 3 * page_bytes());
  say_errno(v, madvise(at + page_bytes(), page_bytes(), MADV_DONTNEED));
  say_resident(v, at, 3);
  say(v, "%c%d%c", at[0], at[page_bytes()], at[2 * page_bytes()]);
}

static void case_dontneed_rounds_the_length(struct verdict* v) {
  char* at = map_pages(3, kReadWrite);
  memset(at, 'x', 3 * page_bytes());
  say_errno(v, madvise(at, page_bytes() + 1, MADV_DONTNEED));
  say_resident(v, at, 3);
}

static void case_dontneed_of_a_private_file(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  char* at = map_file(fd, 1, kReadWrite, MAP_PRIVATE);
  at[0] = 'P';
  say_errno(v, madvise(at, page_bytes(), MADV_DONTNEED));
  say(v, "%c", at[0]);
}

static void case_dontneed_of_shared_pages(struct verdict* v) {
  char *at = map_shared(1), *file = map_file(make_file(page_bytes(), O_RDWR), 1, kReadWrite, MAP_SHARED);
  at[0] = file[0] = 'S';
  say_errno(v, madvise(at, page_bytes(), MADV_DONTNEED));
  say_errno(v, madvise(file, page_bytes(), MADV_DONTNEED));
  say(v, "%c%c", at[0], file[0]);
}

static void case_dontneed_over_a_hole(struct verdict* v) {
  char* at = map_island(3, kReadWrite);
  memset(at, 'x', 3 * page_bytes());
  munmap(at + page_bytes(), page_bytes());
  say_errno(v, madvise(at, 3 * page_bytes(), MADV_DONTNEED));
  say(v, "%d%d", at[0], at[2 * page_bytes()]);
}

static void case_dontneed_of_locked_pages(struct verdict* v) {
  char* at = map_pages(1, kReadWrite);
  if (mlock(at, page_bytes()) < 0) return unsupported(v, "nothing may be locked");
  at[0] = 'x';
  say_errno(v, madvise(at, page_bytes(), MADV_DONTNEED));
  say_errno(v, madvise(at, page_bytes(), MADV_FREE));
  say_errno(v, madvise(at, page_bytes(), kCold));
  say_errno(v, madvise(at, page_bytes(), kPageOut));
  say(v, "%c", at[0]);
}

static void case_dontneed_even_locked(struct verdict* v) {
  if (!knows(kDontNeedLocked)) return unsupported(v, "MADV_DONTNEED_LOCKED is of Linux 5.18");
  char* at = map_pages(1, kReadWrite);
  if (mlock(at, page_bytes()) < 0) return unsupported(v, "nothing may be locked");
  at[0] = 'x';
  say_errno(v, madvise(at, page_bytes(), kDontNeedLocked));
  say(v, "%d", at[0]);
}

static void case_free(struct verdict* v) {
  char* at = map_pages(2, kReadWrite);
  memset(at, 'x', 2 * page_bytes());
  say_errno(v, madvise(at, 2 * page_bytes(), MADV_FREE));
  say_bool(v, "old or zero", at[0] == 'x' || at[0] == 0);
  at[page_bytes()] = 'n';
  say(v, "%c", at[page_bytes()]);
}

static void case_free_of_what_is_not_private(struct verdict* v) {
  say_errno(v, madvise(map_shared(1), page_bytes(), MADV_FREE));
  const int fd = make_file(page_bytes(), O_RDWR);
  say_errno(v, madvise(map_file(fd, 1, kReadWrite, MAP_PRIVATE), page_bytes(), MADV_FREE));
  say_errno(v, madvise(map_file(fd, 1, kReadWrite, MAP_SHARED), page_bytes(), MADV_FREE));
}

static void case_remove_of_shared_pages(struct verdict* v) {
  char* at = map_shared(3);
  memset(at, 'x', 3 * page_bytes());
  pid_t child = fork();
  if (child == 0) _exit(madvise(at + page_bytes(), page_bytes(), MADV_REMOVE) == 0 ? 0 : 1);
  int status;
  waitpid(child, &status, 0);
  say_status(v, status);
  say(v, "%c%d%c", at[0], at[page_bytes()], at[2 * page_bytes()]);
}

static void case_remove_makes_a_hole(struct verdict* v) {
  const int fd = memfd_create("hole", 0);
  char byte = '?';
  say_errno(v, ftruncate(fd, (off_t)(3 * page_bytes())));
  char* at = map_file(fd, 3, kReadWrite, MAP_SHARED);
  memset(at, 'x', 3 * page_bytes());
  say_errno(v, madvise(at + page_bytes(), page_bytes(), MADV_REMOVE));
  say(v, "%c%d%c", at[0], at[page_bytes()], at[2 * page_bytes()]);
  say_errno(v, pread(fd, &byte, 1, (off_t)page_bytes()));
  say(v, "%d", byte);
}

static void case_remove_errors(struct verdict* v) {
  say_errno(v, madvise(map_pages(1, kReadWrite), page_bytes(), MADV_REMOVE));
  const int fd = make_file(page_bytes(), O_RDONLY);
  say_errno(v, madvise(map_file(fd, 1, PROT_READ, MAP_SHARED), page_bytes(), MADV_REMOVE));
  say_errno(v, madvise(map_file(fd, 1, kReadWrite, MAP_PRIVATE), page_bytes(), MADV_REMOVE));
  char* locked = map_shared(1);
  if (mlock(locked, page_bytes()) == 0) say_errno(v, madvise(locked, page_bytes(), MADV_REMOVE));
}

static void in_child(struct verdict* v, void (*what)(struct verdict*, char*), char* at) {
  struct verdict* told = mmap(NULL, sizeof *told, kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    what(told, at);
    _exit(0);
  }
  waitpid(child, NULL, 0);
  say(v, "%s", told->text);
}

static void show(struct verdict* v, char* at) { say(v, "%d%d", at[0], at[page_bytes()]); }
static void show_areas(struct verdict* v, char* at) { say_areas(v, at, 4); }

static void case_dontfork(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  say_errno(v, madvise(at + page_bytes(), 2 * page_bytes(), MADV_DONTFORK));
  say_areas(v, at, 4);
  in_child(v, show_areas, at);
  say_errno(v, madvise(at, 4 * page_bytes(), MADV_DOFORK));
  in_child(v, show_areas, at);
}

static void case_wipeonfork(struct verdict* v) {
  char* at = map_pages(2, kReadWrite);
  at[0] = at[page_bytes()] = 7;
  say_errno(v, madvise(at, page_bytes(), MADV_WIPEONFORK));
  in_child(v, show, at);
  say(v, "%d", at[0]);
  say_errno(v, madvise(at, page_bytes(), MADV_KEEPONFORK));
  in_child(v, show, at);
}

static void show_grandchild(struct verdict* v, char* at) { in_child(v, show, at); }

static void case_wipeonfork_goes_on(struct verdict* v) {
  char* at = map_pages(2, kReadWrite);
  madvise(at, page_bytes(), MADV_WIPEONFORK);
  at[0] = at[page_bytes()] = 7;
  in_child(v, show_grandchild, at);
}

static void case_wipeonfork_errors(struct verdict* v) {
  say_errno(v, madvise(map_shared(1), page_bytes(), MADV_WIPEONFORK));
  const int fd = make_file(page_bytes(), O_RDWR);
  say_errno(v, madvise(map_file(fd, 1, kReadWrite, MAP_PRIVATE), page_bytes(), MADV_WIPEONFORK));
}

static void case_cold_and_pageout_keep_contents(struct verdict* v) {
  if (!knows(kCold)) return unsupported(v, "MADV_COLD is of Linux 5.4");
  char *at = map_pages(4, kReadWrite), *file = map_file(make_file(page_bytes(), O_RDWR), 1, kReadWrite, MAP_SHARED);
  memset(at, 'x', 4 * page_bytes());
  file[0] = 'f';
  say_errno(v, madvise(at, 4 * page_bytes(), kCold));
  say_errno(v, madvise(at, 4 * page_bytes(), kPageOut));
  say_errno(v, madvise(file, page_bytes(), kPageOut));
  say(v, "%c%c%c", at[0], at[3 * page_bytes()], file[0]);
}

static void case_populate_read(struct verdict* v) {
  if (!knows(kPopulateRead)) return unsupported(v, "MADV_POPULATE_READ is of Linux 5.14");
  char* at = map_pages(4, kReadWrite);
  say_errno(v, madvise(at + page_bytes(), 2 * page_bytes(), kPopulateRead));
  say_resident(v, at, 4);
  say(v, "%d", at[page_bytes()]);
}

static void case_populate_write(struct verdict* v) {
  if (!knows(kPopulateRead)) return unsupported(v, "MADV_POPULATE_WRITE is of Linux 5.14");
  char* at = map_pages(4, kReadWrite);
  at[0] = 'x';
  say_errno(v, madvise(at, 2 * page_bytes(), kPopulateWrite));
  say_resident(v, at, 4);
  say(v, "%c", at[0]);
}

static void case_populate_errors(struct verdict* v) {
  if (!knows(kPopulateRead)) return unsupported(v, "MADV_POPULATE_READ is of Linux 5.14");
  char* at = map_island(3, kReadWrite);
  munmap(at + page_bytes(), page_bytes());
  say_errno(v, madvise(at, 3 * page_bytes(), kPopulateRead));
  say_resident(v, at, 1);
  say_errno(v, madvise(map_pages(1, PROT_READ), page_bytes(), kPopulateWrite));
  say_errno(v, madvise(map_pages(1, PROT_NONE), page_bytes(), kPopulateRead));
  char* file = map_file(make_file(page_bytes(), O_RDWR), 2, kReadWrite, MAP_SHARED);
  say_errno(v, madvise(file, 2 * page_bytes(), kPopulateRead));
  say_errno(v, madvise(file + page_bytes(), page_bytes(), kPopulateWrite));
}

static void case_populate_write_copies_private_pages(struct verdict* v) {
  if (!knows(kPopulateRead)) return unsupported(v, "MADV_POPULATE_WRITE is of Linux 5.14");
  const int fd = make_file(page_bytes(), O_RDWR);
  char* at = map_file(fd, 1, kReadWrite, MAP_PRIVATE);
  say_errno(v, madvise(at, page_bytes(), kPopulateWrite));
  say_errno(v, pwrite(fd, "W", 1, 0));
  say(v, "%c", at[0]);
}

static void case_advice_of_parts_joins_again(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  madvise(at + page_bytes(), page_bytes(), MADV_DONTFORK);
  say_areas(v, at, 4);
  madvise(at + page_bytes(), page_bytes(), MADV_DOFORK);
  say_areas(v, at, 4);
  madvise(at + page_bytes(), page_bytes(), MADV_DONTDUMP);
  say_areas(v, at, 4);
  madvise(at + page_bytes(), page_bytes(), MADV_DODUMP);
  say_areas(v, at, 4);
  madvise(at + page_bytes(), page_bytes(), MADV_SEQUENTIAL);
  say_areas(v, at, 4);
  madvise(at, 4 * page_bytes(), MADV_RANDOM);
  say_areas(v, at, 4);
}

static const struct conformance_case cases[] = {
    {"errors", case_errors},
    {"zero_length", case_zero_length},
    {"how_it_will_be_used", case_how_it_will_be_used},
    {"willneed_beyond_a_hole", case_willneed_beyond_a_hole},
    {"dontneed_of_private_pages", case_dontneed_of_private_pages},
    {"dontneed_rounds_the_length", case_dontneed_rounds_the_length},
    {"dontneed_of_a_private_file", case_dontneed_of_a_private_file},
    {"dontneed_of_shared_pages", case_dontneed_of_shared_pages},
    {"dontneed_over_a_hole", case_dontneed_over_a_hole},
    {"dontneed_of_locked_pages", case_dontneed_of_locked_pages},
    {"dontneed_even_locked", case_dontneed_even_locked},
    {"free", case_free},
    {"free_of_what_is_not_private", case_free_of_what_is_not_private},
    {"remove_of_shared_pages", case_remove_of_shared_pages},
    {"remove_makes_a_hole", case_remove_makes_a_hole},
    {"remove_errors", case_remove_errors},
    {"dontfork", case_dontfork},
    {"wipeonfork", case_wipeonfork},
    {"wipeonfork_goes_on", case_wipeonfork_goes_on},
    {"wipeonfork_errors", case_wipeonfork_errors},
    {"cold_and_pageout_keep_contents", case_cold_and_pageout_keep_contents},
    {"populate_read", case_populate_read},
    {"populate_write", case_populate_write},
    {"populate_errors", case_populate_errors},
    {"populate_write_copies_private_pages", case_populate_write_copies_private_pages},
    {"advice_of_parts_joins_again", case_advice_of_parts_joins_again},
};

CONFORMANCE_MAIN(cases)
