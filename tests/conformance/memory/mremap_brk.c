// mremap(2) and brk(2).
#include <sys/resource.h>
#include <sys/syscall.h>

#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };

// A place where nothing is and nothing comes by itself.
static char* free_place(size_t pages) {
  char* at = map_pages(pages, PROT_NONE);
  munmap(at, pages * page_bytes());
  return at;
}

static void case_mremap_errors(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_island(4, kReadWrite);
  say_map(v, mremap(at + 1, page, 2 * page, MREMAP_MAYMOVE));
  say_map(v, mremap(at, page, 0, MREMAP_MAYMOVE));
  say_map(v, mremap(at, page, 2 * page, 8));
  say_map(v, mremap(at, page, page, MREMAP_FIXED, free_place(1)));
  say_map(v, mremap(at, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, free_place(1) + 1));
  say_map(v, mremap(at, page, SIZE_MAX, MREMAP_MAYMOVE));
  say_map(v, mremap(at, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, (char*)0 - page));
}

static void case_mremap_onto_itself(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_island(4, kReadWrite);
  say_map(v, mremap(at, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, at + page));
  say_map(v, mremap(at + page, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, at));
  say_map(v, mremap(at, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, at));
  say_areas(v, at, 4);
}

static void case_mremap_of_nothing(struct verdict* v) {
  say_map(v, mremap(free_place(1), page_bytes(), 2 * page_bytes(), MREMAP_MAYMOVE));
  say_map(v, mremap(free_place(1), page_bytes(), page_bytes(), 0));
}

static void case_mremap_of_more_than_one_area(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_island(3, kReadWrite);
  mprotect(at + page, page, PROT_READ);
  say_map(v, mremap(at, 2 * page, 4 * page, MREMAP_MAYMOVE));
  say_map(v, mremap(at + 2 * page, 2 * page, 4 * page, MREMAP_MAYMOVE));
  say_areas(v, at, 3);
}

static void case_mremap_shrinks(struct verdict* v) {
  char* at = map_island(4, kReadWrite);
  memset(at, 'x', 4 * page_bytes());
  say_bool(v, "same", mremap(at, 4 * page_bytes(), 2 * page_bytes(), 0) == at);
  say_areas(v, at, 4);
  say(v, "%c", at[2 * page_bytes() - 1]);
  say_load(v, at + 2 * page_bytes());
}

static void case_mremap_to_the_same_size(struct verdict* v) {
  char* at = map_island(2, kReadWrite);
  say_bool(v, "same", mremap(at, 2 * page_bytes(), page_bytes() + 1, 0) == at);
  say_areas(v, at, 2);
}

static void case_mremap_grows_in_place(struct verdict* v) {
  char* at = map_island(6, kReadWrite);
  at[0] = 'x';
  munmap(at + 2 * page_bytes(), 4 * page_bytes());
  say_bool(v, "same", mremap(at, 2 * page_bytes(), 5 * page_bytes(), 0) == at);
  say_areas(v, at, 6);
  say(v, "%c%d", at[0], at[4 * page_bytes()]);
}

static void case_mremap_has_no_room(struct verdict* v) {
  char* at = map_island(3, kReadWrite);
  mprotect(at + page_bytes(), page_bytes(), PROT_READ);
  say_map(v, mremap(at, page_bytes(), 2 * page_bytes(), 0));
  char* moved = mremap(at, page_bytes(), 2 * page_bytes(), MREMAP_MAYMOVE);
  say_map(v, moved);
  say_bool(v, "moved", moved != at);
  say_areas(v, at, 3);
}

static void case_mremap_moves_contents(struct verdict* v) {
  const size_t page = page_bytes();
  char* at = map_island(8, kReadWrite);
  for (size_t i = 0; i < 4; ++i) at[i * page] = (char)('a' + i);
  mprotect(at + 4 * page, page, PROT_NONE);
  char* moved = mremap(at, 4 * page, 6 * page, MREMAP_MAYMOVE);
  say(v, "%c%c%c%c%d", moved[0], moved[page], moved[2 * page], moved[3 * page], moved[5 * page]);
  say_load(v, at);
}

static void case_mremap_to_a_fixed_place(struct verdict* v) {
  const size_t page = page_bytes();
  char *at = map_island(2, kReadWrite), *to = map_island(4, PROT_READ);
  at[0] = 'x';
  say_bool(v, "there", mremap(at, 2 * page, 2 * page, MREMAP_MAYMOVE | MREMAP_FIXED, to + page) == to + page);
  say_areas(v, at, 2);
  say_areas(v, to, 4);
  say(v, "%c", to[page]);
}

static void case_mremap_of_the_middle(struct verdict* v) {
  const size_t page = page_bytes();
  char *at = map_island(5, kReadWrite), *to = free_place(2);
  at[2 * page] = 'm';
  say_bool(v, "there", mremap(at + 2 * page, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
  say_areas(v, at, 5);
  say(v, "%c", to[0]);
}

static void case_mremap_keeps_protection(struct verdict* v) {
  char *at = map_island(1, PROT_READ), *to = free_place(2);
  mremap(at, page_bytes(), 2 * page_bytes(), MREMAP_MAYMOVE | MREMAP_FIXED, to);
  say_areas(v, to, 2);
  say_store(v, to + page_bytes());
}

static void case_mremap_of_a_file_keeps_the_offset(struct verdict* v) {
  const size_t page = page_bytes();
  char *at = map_file(make_file(5 * page, O_RDWR), 5, PROT_READ, MAP_SHARED), *to = free_place(3);
  char* moved = mremap(at + page, page, 3 * page, MREMAP_MAYMOVE | MREMAP_FIXED, to);
  say_map(v, moved);
  say(v, "%c%c%c%c", at[0], to[0], to[2 * page], at[2 * page]);
}

static void case_mremap_beyond_the_file(struct verdict* v) {
  char* at = map_file(make_file(page_bytes(), O_RDWR), 1, PROT_READ, MAP_SHARED);
  at = mremap(at, page_bytes(), 3 * page_bytes(), MREMAP_MAYMOVE);
  say_map(v, at);
  say_load(v, at);
  say_load(v, at + page_bytes());
}

static void case_mremap_of_private_file_copies(struct verdict* v) {
  char *at = map_file(make_file(3 * page_bytes(), O_RDWR), 3, kReadWrite, MAP_PRIVATE), *to = free_place(3);
  at[page_bytes()] = 'P';
  at = mremap(at, 3 * page_bytes(), 3 * page_bytes(), MREMAP_MAYMOVE | MREMAP_FIXED, to);
  say(v, "%c%c%c", at[0], at[page_bytes()], at[2 * page_bytes()]);
}

static void case_mremap_from_nothing_doubles_shared_pages(struct verdict* v) {
  char* at = mmap(NULL, 2 * page_bytes(), kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  at[0] = 'x';
  char* other = mremap(at, 0, 2 * page_bytes(), MREMAP_MAYMOVE);
  say_map(v, other);
  other[page_bytes()] = 'y';
  say(v, "%c%c", other[0], at[page_bytes()]);
}

static void case_mremap_from_nothing_of_private_pages(struct verdict* v) {
  char* at = map_pages(2, kReadWrite);
  say_map(v, mremap(at, 0, 2 * page_bytes(), MREMAP_MAYMOVE));
}

// The library's wrapper may not pass the new address without MREMAP_FIXED.
static char* leave(char* at, size_t old_bytes, size_t new_bytes, int flags, char* to) {
  return (char*)syscall(SYS_mremap, at, old_bytes, new_bytes, flags | MREMAP_DONTUNMAP, to);
}

static void case_mremap_leaves_the_old_place(struct verdict* v) {
  char* at = map_island(2, kReadWrite);
  at[0] = 'x';
  char* moved = leave(at, 2 * page_bytes(), 2 * page_bytes(), MREMAP_MAYMOVE, NULL);
  if (moved == MAP_FAILED && errno == EINVAL) return unsupported(v, "MREMAP_DONTUNMAP is of Linux 5.7");
  say_map(v, moved);
  say(v, "%c%d", moved[0], at[0]);
  say_areas(v, at, 2);
}

static void case_mremap_leaves_errors(struct verdict* v) {
  char* at = map_island(2, kReadWrite);
  say_map(v, leave(at, 2 * page_bytes(), page_bytes(), MREMAP_MAYMOVE, NULL));
  say_map(v, leave(at, page_bytes(), 2 * page_bytes(), MREMAP_MAYMOVE, NULL));
  say_map(v, leave(at, page_bytes(), page_bytes(), 0, NULL));
  say_map(v, leave(at, page_bytes(), page_bytes(), MREMAP_MAYMOVE, free_place(1) + 1));
}

static void case_mremap_leaves_at_a_fixed_place(struct verdict* v) {
  char *at = map_island(1, kReadWrite), *to = free_place(1);
  at[0] = 'x';
  char* moved = mremap(at, page_bytes(), page_bytes(), MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED, to);
  if (moved == MAP_FAILED && errno == EINVAL) return unsupported(v, "MREMAP_DONTUNMAP is of Linux 5.7");
  say_bool(v, "there", moved == to);
  say(v, "%c%d", to[0], at[0]);
}

static void case_mremap_beyond_the_address_limit(struct verdict* v) {
  const struct rlimit limit = {64 << 20, 64 << 20};
  char* at = map_island(4, kReadWrite);
  say_errno(v, setrlimit(RLIMIT_AS, &limit));
  say_map(v, mremap(at, 4 * page_bytes(), 128 << 20, MREMAP_MAYMOVE));
  say_map(v, mremap(at, 4 * page_bytes(), 8 * page_bytes(), MREMAP_MAYMOVE));
}

static char* kernel_brk(uintptr_t wanted) { return (char*)syscall(SYS_brk, wanted); }
static char* brk_now(void) { return kernel_brk(0); }

static void case_brk_tells_where_it_is(struct verdict* v) {
  say_bool(v, "same", brk_now() == brk_now());
  say_bool(v, "sbrk", sbrk(0) == brk_now());
}

static void case_brk_grows(struct verdict* v) {
  char* before = brk_now();
  say_bool(v, "grown", kernel_brk((uintptr_t)before + 3 * page_bytes()) == before + 3 * page_bytes());
  int nonzero = 0;
  for (size_t i = 0; i < 3 * page_bytes(); ++i) nonzero |= before[i];
  say_bool(v, "zero", nonzero == 0);
  before[3 * page_bytes() - 1] = 'x';
}

static void case_brk_at_any_byte(struct verdict* v) {
  char* before = brk_now();
  say_bool(v, "exact", kernel_brk((uintptr_t)before + 1) == before + 1);
  say_bool(v, "kept", brk_now() == before + 1);
  say_store(v, before);
}

static char* next_page(char* at) { return (char*)(((uintptr_t)at + page_bytes() - 1) & ~(page_bytes() - 1)); }

static void case_brk_shrinks(struct verdict* v) {
  char* base = next_page(brk_now());
  kernel_brk((uintptr_t)base + 4 * page_bytes());
  memset(base, 'x', 4 * page_bytes());
  say_bool(v, "shrunk", kernel_brk((uintptr_t)base + page_bytes()) == base + page_bytes());
  say_load(v, base);
  say_load(v, base + page_bytes());
  kernel_brk((uintptr_t)base + 4 * page_bytes());
  say(v, "%c%d", base[0], base[page_bytes()]);
}

static void case_brk_below_its_beginning(struct verdict* v) {
  char* before = brk_now();
  say_bool(v, "refused", kernel_brk(4096) == before);
  say_bool(v, "kept", brk_now() == before);
}

static void case_brk_too_far(struct verdict* v) {
  char* before = brk_now();
  say_bool(v, "refused", kernel_brk((uintptr_t)1 << 62) == before);
  say_bool(v, "refused", kernel_brk(UINTPTR_MAX) == before);
  say_errno(v, brk((void*)((uintptr_t)1 << 62)));
}

static void case_brk_onto_a_mapping(struct verdict* v) {
  char *base = next_page(brk_now()), *before = brk_now();
  say_map(v, mmap(base + 8 * page_bytes(), page_bytes(), PROT_READ, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0));
  say_bool(v, "up to it", kernel_brk((uintptr_t)base + 4 * page_bytes()) != before);
  char* here = brk_now();
  say_bool(v, "refused", kernel_brk((uintptr_t)base + 9 * page_bytes()) == here);
}

static void case_brk_beyond_the_data_limit(struct verdict* v) {
  const struct rlimit limit = {8 << 20, 8 << 20};
  char* before = brk_now();
  say_errno(v, setrlimit(RLIMIT_DATA, &limit));
  say_bool(v, "refused", kernel_brk((uintptr_t)before + (16 << 20)) == before);
  say_bool(v, "granted", kernel_brk((uintptr_t)before + (1 << 20)) == before + (1 << 20));
  say_errno(v, brk(before + (32 << 20)));
}

static void case_brk_beyond_the_address_limit(struct verdict* v) {
  const struct rlimit limit = {64 << 20, 64 << 20};
  char* before = brk_now();
  say_errno(v, setrlimit(RLIMIT_AS, &limit));
  say_bool(v, "refused", kernel_brk((uintptr_t)before + (128 << 20)) == before);
}

static void case_brk_in_maps(struct verdict* v) {
  char* base = next_page(brk_now());
  kernel_brk((uintptr_t)base + 2 * page_bytes());
  const struct area area = area_of(base);
  say(v, "%s %s", area.name, area.rights);
  say_bool(v, "ends", area.end == (uintptr_t)base + 2 * page_bytes());
}

static void case_brk_over_a_hole_in_the_heap(struct verdict* v) {
  char* base = next_page(brk_now());
  kernel_brk((uintptr_t)base + 4 * page_bytes());
  munmap(base + page_bytes(), page_bytes());
  say_bool(v, "grown", kernel_brk((uintptr_t)base + 5 * page_bytes()) == base + 5 * page_bytes());
  say_load(v, base + page_bytes());
  say_bool(v, "shrunk", kernel_brk((uintptr_t)base) == base);
  say_areas(v, base, 5);
}

static const struct conformance_case cases[] = {
    {"mremap_errors", case_mremap_errors},
    {"mremap_onto_itself", case_mremap_onto_itself},
    {"mremap_of_nothing", case_mremap_of_nothing},
    {"mremap_of_more_than_one_area", case_mremap_of_more_than_one_area},
    {"mremap_shrinks", case_mremap_shrinks},
    {"mremap_to_the_same_size", case_mremap_to_the_same_size},
    {"mremap_grows_in_place", case_mremap_grows_in_place},
    {"mremap_has_no_room", case_mremap_has_no_room},
    {"mremap_moves_contents", case_mremap_moves_contents},
    {"mremap_to_a_fixed_place", case_mremap_to_a_fixed_place},
    {"mremap_of_the_middle", case_mremap_of_the_middle},
    {"mremap_keeps_protection", case_mremap_keeps_protection},
    {"mremap_of_a_file_keeps_the_offset", case_mremap_of_a_file_keeps_the_offset},
    {"mremap_beyond_the_file", case_mremap_beyond_the_file},
    {"mremap_of_private_file_copies", case_mremap_of_private_file_copies},
    {"mremap_from_nothing_doubles_shared_pages", case_mremap_from_nothing_doubles_shared_pages},
    {"mremap_from_nothing_of_private_pages", case_mremap_from_nothing_of_private_pages},
    {"mremap_leaves_the_old_place", case_mremap_leaves_the_old_place},
    {"mremap_leaves_errors", case_mremap_leaves_errors},
    {"mremap_leaves_at_a_fixed_place", case_mremap_leaves_at_a_fixed_place},
    {"mremap_beyond_the_address_limit", case_mremap_beyond_the_address_limit},
    {"brk_tells_where_it_is", case_brk_tells_where_it_is},
    {"brk_grows", case_brk_grows},
    {"brk_at_any_byte", case_brk_at_any_byte},
    {"brk_shrinks", case_brk_shrinks},
    {"brk_below_its_beginning", case_brk_below_its_beginning},
    {"brk_too_far", case_brk_too_far},
    {"brk_onto_a_mapping", case_brk_onto_a_mapping},
    {"brk_beyond_the_data_limit", case_brk_beyond_the_data_limit},
    {"brk_beyond_the_address_limit", case_brk_beyond_the_address_limit},
    {"brk_in_maps", case_brk_in_maps},
    {"brk_over_a_hole_in_the_heap", case_brk_over_a_hole_in_the_heap},
};

CONFORMANCE_MAIN(cases)
