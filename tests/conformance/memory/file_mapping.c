// Mappings of files: private and shared, the end of the file, truncation, and
// that read(2) and write(2) agree with them.
#include <sys/stat.h>

#include "areas.h"

enum { kReadWrite = PROT_READ | PROT_WRITE };

static char byte_of(int fd, size_t at) {
  char byte = '?';
  if (pread(fd, &byte, 1, (off_t)at) != 1) return '-';
  return byte ? byte : '0';
}

static char shown(const char* at) {
  const char byte = *(volatile const char*)at;
  return byte ? byte : '0';
}

static void case_offset(struct verdict* v) {
  const int fd = make_file(4 * page_bytes(), O_RDONLY);
  char* at = mmap(NULL, 2 * page_bytes(), PROT_READ, MAP_SHARED, fd, (off_t)(2 * page_bytes()));
  say(v, "%c%c", shown(at), shown(at + page_bytes()));
}

static void case_descriptor_may_be_closed(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  char* at = map_file(fd, 1, kReadWrite, MAP_SHARED);
  say_errno(v, close(fd));
  at[0] = 'z';
  say(v, "%c%c", shown(at), shown(at + 1));
}

static void case_shared_store_is_read(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 2, kReadWrite, MAP_SHARED);
  at[page_bytes() + 9] = 'Q';
  say(v, "%c", byte_of(fd, page_bytes() + 9));
}

static void case_write_is_seen_through_the_mapping(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 2, PROT_READ, MAP_SHARED);
  say(v, "%c", shown(at + 5));
  say_errno(v, pwrite(fd, "W", 1, 5));
  say(v, "%c", shown(at + 5));
}

static void case_private_store_stays_private(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char* mine = map_file(fd, 2, kReadWrite, MAP_PRIVATE);
  char* shared = map_file(fd, 2, PROT_READ, MAP_SHARED);
  mine[3] = 'P';
  say(v, "%c%c%c", shown(mine + 3), shown(shared + 3), byte_of(fd, 3));
}

static void case_private_sees_writes_until_it_copies(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 2, kReadWrite, MAP_PRIVATE);
  at[0] = 'P';
  say_errno(v, pwrite(fd, "W", 1, 1));
  say_errno(v, pwrite(fd, "W", 1, (off_t)page_bytes()));
  say(v, "%c%c%c", shown(at), shown(at + 1), shown(at + page_bytes()));
}

static void case_two_mappings_of_one_file(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char *a = map_file(fd, 2, kReadWrite, MAP_SHARED), *b = map_file(fd, 2, kReadWrite, MAP_SHARED);
  a[10] = 'A';
  b[page_bytes()] = 'B';
  say_bool(v, "apart", a != b);
  say(v, "%c%c", shown(b + 10), shown(a + page_bytes()));
}

static void case_two_descriptors_of_one_file(struct verdict* v) {
  char path[64];
  const int fd = make_file(page_bytes(), O_RDWR);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  const int other = open(path, O_RDONLY);
  char* at = map_file(fd, 1, kReadWrite, MAP_SHARED);
  at[0] = 'Z';
  say(v, "%c", byte_of(other, 0));
}

static void case_read_into_a_mapping_of_the_file(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 2, kReadWrite, MAP_SHARED);
  say_bool(v, "all", pread(fd, at, page_bytes(), (off_t)page_bytes()) == (ssize_t)page_bytes());
  say(v, "%c%c", shown(at), byte_of(fd, 7));
}

static void case_write_from_a_mapping_of_the_file(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 2, PROT_READ, MAP_SHARED);
  say_bool(v, "all", pwrite(fd, at, page_bytes(), (off_t)page_bytes()) == (ssize_t)page_bytes());
  say(v, "%c%c", shown(at + page_bytes()), byte_of(fd, page_bytes() + 1));
}

static void case_rest_of_the_last_page(struct verdict* v) {
  const int fd = make_file(10, O_RDWR);
  char* at = map_file(fd, 1, kReadWrite, MAP_SHARED);
  say(v, "%c%c%c", shown(at + 9), shown(at + 10), shown(at + page_bytes() - 1));
  at[10] = 'x';
  say(v, "%c", shown(at + 10));
  say_errno(v, msync(at, page_bytes(), MS_SYNC));
  struct stat facts;
  fstat(fd, &facts);
  say(v, "%ld %c", (long)facts.st_size, byte_of(fd, 10));
}

static void case_rest_is_shared_between_mappings(struct verdict* v) {
  const int fd = make_file(10, O_RDWR);
  char *a = map_file(fd, 1, kReadWrite, MAP_SHARED), *b = map_file(fd, 1, PROT_READ, MAP_SHARED);
  a[100] = 'x';
  say(v, "%c", shown(b + 100));
}

static void case_beyond_the_file(struct verdict* v) {
  const int fd = make_file(10, O_RDWR);
  char* at = map_file(fd, 3, kReadWrite, MAP_SHARED);
  say_load(v, at + page_bytes());
  say_store(v, at + 2 * page_bytes() + 3);
  char* mine = map_file(fd, 3, kReadWrite, MAP_PRIVATE);
  say_load(v, mine + page_bytes());
  say_store(v, mine + page_bytes());
}

static void case_beyond_the_file_by_the_kernel(struct verdict* v) {
  const int fd = make_file(10, O_RDWR);
  char* at = map_file(fd, 2, kReadWrite, MAP_SHARED);
  int ends[2];
  say_errno(v, pipe(ends));
  say_errno(v, write(ends[1], at + page_bytes(), 5));
  say_errno(v, write(ends[1], "12345", 5));
  say_errno(v, read(ends[0], at + page_bytes(), 5));
}

static void case_empty_file(struct verdict* v) {
  char* at = map_file(make_file(0, O_RDWR), 1, PROT_READ, MAP_SHARED);
  say_load(v, at);
}

static void case_offset_beyond_the_file(struct verdict* v) {
  const int fd = make_file(10, O_RDWR);
  char* at = mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED, fd, (off_t)(8 * page_bytes()));
  say_map(v, at);
  say_load(v, at);
}

static void case_truncation_takes_pages_away(struct verdict* v) {
  const int fd = make_file(4 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 4, kReadWrite, MAP_SHARED);
  memset(at, 'x', 4 * page_bytes());
  say_errno(v, ftruncate(fd, (off_t)page_bytes() + 100));
  say(v, "%c%c%c", shown(at), shown(at + page_bytes() + 99), shown(at + page_bytes() + 100));
  say_load(v, at + 2 * page_bytes());
  say_store(v, at + 3 * page_bytes());
}

static void case_truncation_takes_private_copies_away(struct verdict* v) {
  const int fd = make_file(4 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 4, kReadWrite, MAP_PRIVATE);
  at[0] = at[3 * page_bytes()] = 'P';
  say_errno(v, ftruncate(fd, (off_t)page_bytes()));
  say(v, "%c", shown(at));
  say_load(v, at + 3 * page_bytes());
}

static void case_truncated_and_grown_again(struct verdict* v) {
  const int fd = make_file(3 * page_bytes(), O_RDWR);
  char* at = map_file(fd, 3, kReadWrite, MAP_SHARED);
  say(v, "%c%c", shown(at + 200), shown(at + 2 * page_bytes()));
  say_errno(v, ftruncate(fd, 100));
  say_errno(v, ftruncate(fd, (off_t)(3 * page_bytes())));
  say(v, "%c%c%c", shown(at + 99), shown(at + 200), shown(at + 2 * page_bytes()));
}

static void case_growth_makes_pages_good(struct verdict* v) {
  const int fd = make_file(10, O_RDWR);
  char* at = map_file(fd, 3, kReadWrite, MAP_SHARED);
  say_load(v, at + page_bytes());
  say_errno(v, ftruncate(fd, (off_t)(2 * page_bytes())));
  at[page_bytes()] = 'g';
  say(v, "%c%c", byte_of(fd, page_bytes()), byte_of(fd, 11));
  say_load(v, at + 2 * page_bytes());
}

static void case_growth_by_write(struct verdict* v) {
  const int fd = make_file(10, O_RDWR);
  char* at = map_file(fd, 3, PROT_READ, MAP_SHARED);
  say_errno(v, pwrite(fd, "tail", 4, (off_t)(2 * page_bytes())));
  say(v, "%c%c%c", shown(at + 10), shown(at + page_bytes()), shown(at + 2 * page_bytes()));
}

static void case_opened_with_truncation(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char path[64], *at = map_file(fd, 2, kReadWrite, MAP_SHARED);
  at[0] = 'x';
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  say_errno(v, open(path, O_RDWR | O_TRUNC) < 0 ? -1 : 0);
  say_load(v, at);
}

static void case_hole(struct verdict* v) {
  const int fd = make_file(10, O_RDWR);
  say_errno(v, ftruncate(fd, (off_t)(64 * page_bytes())));
  char* at = map_file(fd, 64, kReadWrite, MAP_SHARED);
  say(v, "%c%c", shown(at + 9), shown(at + 32 * page_bytes()));
  at[32 * page_bytes()] = 'h';
  say(v, "%c%c", byte_of(fd, 32 * page_bytes()), byte_of(fd, 33 * page_bytes()));
}

static void case_store_changes_the_time(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  const struct timespec old[2] = {{1000000, 0}, {1000000, 0}};
  say_errno(v, futimens(fd, old));
  char* at = map_file(fd, 1, kReadWrite, MAP_SHARED);
  at[0] = 'x';
  msync(at, page_bytes(), MS_SYNC);
  struct stat facts;
  fstat(fd, &facts);
  say_bool(v, "modified", facts.st_mtime > 1000000);
}

static void case_many_pages_written_back(struct verdict* v) {
  enum { kPages = 96 };
  const int fd = make_file(kPages * page_bytes(), O_RDWR);
  char* at = map_file(fd, kPages, kReadWrite, MAP_SHARED);
  for (size_t i = 0; i < kPages; ++i) at[i * page_bytes() + i] = (char)('A' + i % 26);
  say_errno(v, munmap(at, kPages * page_bytes()));
  int wrong = 0;
  for (size_t i = 0; i < kPages; ++i) wrong += byte_of(fd, i * page_bytes() + i) != (char)('A' + i % 26);
  say(v, "%d wrong", wrong);
}

static void case_executable_file(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  char code[64];
  write_return(code);
  say_errno(v, pwrite(fd, code, sizeof code, 0));
  char* at = mmap(NULL, page_bytes(), PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
  if (at == MAP_FAILED && errno == EPERM) return unsupported(v, "this directory is mounted noexec");
  say_map(v, at);
  if (at != MAP_FAILED) say_call(v, at);
}

static void case_running_program_is_busy(struct verdict* v) {
  if (access("/proc/self/exe", W_OK) < 0 && errno == EACCES) return unsupported(v, "the program is somebody else's");
  say_errno(v, open("/proc/self/exe", O_WRONLY) < 0 ? -1 : 0);
  say_errno(v, open("/proc/self/exe", O_RDWR) < 0 ? -1 : 0);
}

static void case_name_in_maps(struct verdict* v) {
  const int fd = open("named.dat", O_RDWR | O_CREAT | O_TRUNC, 0644);
  say_errno(v, ftruncate(fd, (off_t)(4 * page_bytes())));
  char* at = mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED, fd, (off_t)(2 * page_bytes()));
  struct area area = area_of(at);
  struct stat facts;
  fstat(fd, &facts);
  const char* base = strrchr(area.name, '/');
  say(v, "%s %lu %s", area.rights, area.offset / page_bytes(), base ? base : "no name");
  say_bool(v, "inode", area.inode == facts.st_ino);
  unlink("named.dat");
  area = area_of(at);
  base = strrchr(area.name, '/');
  say(v, "%s", base ? base : "no name");
}

static const struct conformance_case cases[] = {
    {"offset", case_offset},
    {"descriptor_may_be_closed", case_descriptor_may_be_closed},
    {"shared_store_is_read", case_shared_store_is_read},
    {"write_is_seen_through_the_mapping", case_write_is_seen_through_the_mapping},
    {"private_store_stays_private", case_private_store_stays_private},
    {"private_sees_writes_until_it_copies", case_private_sees_writes_until_it_copies},
    {"two_mappings_of_one_file", case_two_mappings_of_one_file},
    {"two_descriptors_of_one_file", case_two_descriptors_of_one_file},
    {"read_into_a_mapping_of_the_file", case_read_into_a_mapping_of_the_file},
    {"write_from_a_mapping_of_the_file", case_write_from_a_mapping_of_the_file},
    {"rest_of_the_last_page", case_rest_of_the_last_page},
    {"rest_is_shared_between_mappings", case_rest_is_shared_between_mappings},
    {"beyond_the_file", case_beyond_the_file},
    {"beyond_the_file_by_the_kernel", case_beyond_the_file_by_the_kernel},
    {"empty_file", case_empty_file},
    {"offset_beyond_the_file", case_offset_beyond_the_file},
    {"truncation_takes_pages_away", case_truncation_takes_pages_away},
    {"truncation_takes_private_copies_away", case_truncation_takes_private_copies_away},
    {"truncated_and_grown_again", case_truncated_and_grown_again},
    {"growth_makes_pages_good", case_growth_makes_pages_good},
    {"growth_by_write", case_growth_by_write},
    {"opened_with_truncation", case_opened_with_truncation},
    {"hole", case_hole},
    {"store_changes_the_time", case_store_changes_the_time},
    {"many_pages_written_back", case_many_pages_written_back},
    {"executable_file", case_executable_file},
    {"running_program_is_busy", case_running_program_is_busy},
    {"name_in_maps", case_name_in_maps},
};

CONFORMANCE_MAIN(cases)
