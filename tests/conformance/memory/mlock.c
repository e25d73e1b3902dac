// mlock(2) and its relatives. What root may do is another matter than what the
// limits say, so the cases run as somebody without privileges.
#include <sys/resource.h>
#include <sys/syscall.h>

#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };

// May lock that many pages from now on, and no more.
static int may_lock(size_t pages) {
  if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) return 0;
  struct rlimit limit;
  getrlimit(RLIMIT_MEMLOCK, &limit);
  limit.rlim_cur = pages * page_bytes();
  if (limit.rlim_max < limit.rlim_cur) return 0;
  return setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
}

static const char kTooFew[] = "the hard limit of locked memory is too low";

static void say_locked(struct verdict* v) { say(v, "%ld", status_pages("VmLck")); }

static void case_locks_and_makes_present(struct verdict* v) {
  if (!may_lock(8)) return unsupported(v, kTooFew);
  char* at = map_pages(4, kReadWrite);
  say_errno(v, mlock(at + page_bytes(), 2 * page_bytes()));
  say_resident(v, at, 4);
  say_locked(v);
  say_errno(v, munlock(at + page_bytes(), page_bytes()));
  say_locked(v);
}

static void case_rounds_both_ends(struct verdict* v) {
  if (!may_lock(8)) return unsupported(v, kTooFew);
  char* at = map_pages(4, kReadWrite);
  say_errno(v, mlock(at + page_bytes() + 5, 1));
  say_locked(v);
  say_errno(v, mlock(at + 3 * page_bytes() - 1, 2));
  say_locked(v);
  say_resident(v, at, 4);
}

static void case_zero_length(struct verdict* v) {
  if (!may_lock(8)) return unsupported(v, kTooFew);
  char* at = map_pages(1, kReadWrite);
  say_errno(v, mlock(at, 0));
  say_errno(v, munlock(at, 0));
  say_errno(v, mlock((char*)8, 0));
  say_locked(v);
}

static void case_errors(struct verdict* v) {
  if (!may_lock(8)) return unsupported(v, kTooFew);
  char* at = map_island(2, kReadWrite);
  say_errno(v, mlock(at - page_bytes(), page_bytes()));
  say_errno(v, mlock(at, 3 * page_bytes()));
  say_errno(v, munlock(at - page_bytes(), page_bytes()));
  say_errno(v, munlock(at, 3 * page_bytes()));
  say_errno(v, mlock(at, (size_t)0 - page_bytes()));
  say_errno(v, munlock(at, (size_t)0 - page_bytes()));
}

static void case_over_a_hole_locks_what_comes_before(struct verdict* v) {
  if (!may_lock(8)) return unsupported(v, kTooFew);
  char* at = map_island(3, kReadWrite);
  munmap(at + page_bytes(), page_bytes());
  say_errno(v, mlock(at, 3 * page_bytes()));
  say_locked(v);
}

static void case_limit(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_pages(8, kReadWrite);
  say_errno(v, mlock(at, 5 * page_bytes()));
  say_locked(v);
  say_errno(v, mlock(at, 4 * page_bytes()));
  say_errno(v, mlock(at + 4 * page_bytes(), page_bytes()));
  say_errno(v, mlock(at, 4 * page_bytes()));
  say_locked(v);
}

static void case_limit_counts_pages_once(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_pages(4, kReadWrite);
  say_errno(v, mlock(at, 3 * page_bytes()));
  say_errno(v, mlock(at + page_bytes(), 3 * page_bytes()));
  say_locked(v);
  say_errno(v, munlock(at, 4 * page_bytes()));
  say_locked(v);
}

static void case_limit_of_nothing(struct verdict* v) {
  if (!may_lock(0)) return unsupported(v, kTooFew);
  char* at = map_pages(1, kReadWrite);
  say_errno(v, mlock(at, page_bytes()));
  say_errno(v, mlock(at, 0));
  say_errno(v, munlock(at, page_bytes()));
  say_errno(v, mlockall(MCL_CURRENT));
  say_errno(v, mlockall(MCL_FUTURE));
  say_errno(v, munlockall());
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, kAnonymous | MAP_LOCKED, -1, 0));
}

static void case_map_locked(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = mmap(NULL, 2 * page_bytes(), kReadWrite, kAnonymous | MAP_LOCKED, -1, 0);
  say_map(v, at);
  say_resident(v, at, 2);
  say_locked(v);
  say_map(v, mmap(NULL, 3 * page_bytes(), kReadWrite, kAnonymous | MAP_LOCKED, -1, 0));
  say_errno(v, munmap(at, page_bytes()));
  say_locked(v);
}

static void case_without_access(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_pages(1, PROT_NONE);
  say_errno(v, mlock(at, page_bytes()));
  say_locked(v);
  say_errno(v, mprotect(at, page_bytes(), kReadWrite));
  say_resident(v, at, 1);
}

static void case_read_only(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_pages(2, PROT_READ);
  say_errno(v, mlock(at, 2 * page_bytes()));
  say(v, "%d", at[0]);
}

static void case_beyond_the_file(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_file(fd, 2, kReadWrite, MAP_SHARED);
  say_errno(v, mlock(at, page_bytes()));
  say_errno(v, mlock(at, 2 * page_bytes()));
  say_locked(v);
}

static void case_on_fault(struct verdict* v) {
  if (!may_lock(8)) return unsupported(v, kTooFew);
  char* at = map_pages(4, kReadWrite);
  at[0] = 1;
  say_errno(v, mlock2(at, 4 * page_bytes(), MLOCK_ONFAULT));
  say_resident(v, at, 4);
  at[2 * page_bytes()] = 1;
  say_resident(v, at, 4);
  say_locked(v);
  say_errno(v, mlock2(at, 4 * page_bytes(), 0));
  say_resident(v, at, 4);
}

static void case_unknown_flags(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_pages(1, kReadWrite);
  say_errno(v, syscall(SYS_mlock2, at, page_bytes(), 2));
  say_errno(v, syscall(SYS_mlock2, at, page_bytes(), -1));
  say_errno(v, mlockall(0));
  say_errno(v, mlockall(MCL_ONFAULT));
  say_errno(v, mlockall(8));
  say_errno(v, mlockall(MCL_CURRENT | 8));
}

static void case_all_beyond_the_limit(struct verdict* v) {
  if (!may_lock(8)) return unsupported(v, kTooFew);
  say_errno(v, mlockall(MCL_CURRENT));
  say_locked(v);
}

static void case_all_in_the_future(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  say_errno(v, mlockall(MCL_FUTURE));
  say_locked(v);
  char* at = map_pages(2, kReadWrite);
  say_resident(v, at, 2);
  say_locked(v);
  say_map(v, mmap(NULL, 3 * page_bytes(), kReadWrite, kAnonymous, -1, 0));
  say_errno(v, munlockall());
  say_locked(v);
  say_resident(v, map_pages(2, kReadWrite), 2);
}

static void case_all_in_the_future_on_fault(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  say_errno(v, mlockall(MCL_FUTURE | MCL_ONFAULT));
  char* at = map_pages(2, kReadWrite);
  say_resident(v, at, 2);
  at[0] = 1;
  say_resident(v, at, 2);
  say_locked(v);
}

static void case_future_bounds_brk(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* before = sbrk(0);
  say_errno(v, mlockall(MCL_FUTURE));
  say_errno(v, brk(before + 64 * page_bytes()));
  say_bool(v, "kept", sbrk(0) == before);
}

static void case_growing_what_is_locked(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_island(2, kReadWrite);
  say_errno(v, mlock(at, 2 * page_bytes()));
  say_map(v, mremap(at, 2 * page_bytes(), 5 * page_bytes(), MREMAP_MAYMOVE));
  char* grown = mremap(at, 2 * page_bytes(), 4 * page_bytes(), MREMAP_MAYMOVE);
  say_map(v, grown);
  say_resident(v, grown, 4);
  say_locked(v);
}

static void case_children_inherit_none(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_pages(2, kReadWrite);
  say_errno(v, mlock(at, 2 * page_bytes()));
  pid_t child = fork();
  if (child == 0) _exit((int)status_pages("VmLck"));
  int status = 0;
  waitpid(child, &status, 0);
  say_status(v, status);
  say_locked(v);
}

static void case_locks_do_not_nest(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_pages(1, kReadWrite);
  say_errno(v, mlock(at, page_bytes()));
  say_errno(v, mlock(at, page_bytes()));
  say_errno(v, munlock(at, page_bytes()));
  say_locked(v);
}

static void case_splits_areas(struct verdict* v) {
  if (!may_lock(4)) return unsupported(v, kTooFew);
  char* at = map_island(4, kReadWrite);
  say_errno(v, mlock(at + page_bytes(), page_bytes()));
  say_areas(v, at, 4);
  say_errno(v, munlock(at, 4 * page_bytes()));
  say_areas(v, at, 4);
}

static const struct conformance_case cases[] = {
    {"locks_and_makes_present", case_locks_and_makes_present},
    {"rounds_both_ends", case_rounds_both_ends},
    {"zero_length", case_zero_length},
    {"errors", case_errors},
    {"over_a_hole_locks_what_comes_before", case_over_a_hole_locks_what_comes_before},
    {"limit", case_limit},
    {"limit_counts_pages_once", case_limit_counts_pages_once},
    {"limit_of_nothing", case_limit_of_nothing},
    {"map_locked", case_map_locked},
    {"without_access", case_without_access},
    {"read_only", case_read_only},
    {"beyond_the_file", case_beyond_the_file},
    {"on_fault", case_on_fault},
    {"unknown_flags", case_unknown_flags},
    {"all_beyond_the_limit", case_all_beyond_the_limit},
    {"all_in_the_future", case_all_in_the_future},
    {"all_in_the_future_on_fault", case_all_in_the_future_on_fault},
    {"future_bounds_brk", case_future_bounds_brk},
    {"growing_what_is_locked", case_growing_what_is_locked},
    {"children_inherit_none", case_children_inherit_none},
    {"locks_do_not_nest", case_locks_do_not_nest},
    {"splits_areas", case_splits_areas},
};

CONFORMANCE_MAIN(cases)
