// mmap(2): every mistake that can be made, and which comes first.
#include <sys/resource.h>
#include <sys/syscall.h>

#include "memory_case.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };

static void case_zero_length(struct verdict* v) { say_map(v, mmap(NULL, 0, PROT_READ, kAnonymous, -1, 0)); }

static void case_zero_length_of_bad_descriptor(struct verdict* v) {
  say_map(v, mmap(NULL, 0, PROT_READ, MAP_PRIVATE, -1, 0));
}

static void case_longest_length(struct verdict* v) {
  say_map(v, mmap(NULL, SIZE_MAX, PROT_READ, kAnonymous, -1, 0));
  say_map(v, mmap(NULL, SIZE_MAX - page_bytes() + 1, PROT_READ, kAnonymous, -1, 0));
  say_map(v, mmap(NULL, (size_t)1 << 62, PROT_NONE, kAnonymous | MAP_NORESERVE, -1, 0));
}

static void case_unaligned_offset(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  say_errno(v, syscall(SYS_mmap, NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, 1L));
  say_errno(v, syscall(SYS_mmap, NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, page_bytes() - 1));
  say_errno(v, syscall(SYS_mmap, NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, page_bytes()));
}

static void case_unaligned_offset_of_anonymous(struct verdict* v) {
  say_errno(v, syscall(SYS_mmap, NULL, page_bytes(), PROT_READ, kAnonymous, -1, 1L));
}

static void case_no_type(struct verdict* v) { say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_ANONYMOUS, -1, 0)); }

static void case_no_type_of_file(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, 0, make_file(1, O_RDWR), 0));
}

static void case_unknown_type(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_ANONYMOUS | 4, -1, 0));
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, 0xf, make_file(1, O_RDWR), 0));
}

static void case_bad_descriptor(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, -1, 0));
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED, 999, 0));
}

static void case_closed_descriptor(struct verdict* v) {
  const int fd = make_file(1, O_RDWR);
  close(fd);
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, 0));
}

static void case_descriptor_of_anonymous_is_not_looked_at(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, kAnonymous, 999, 0));
}

static void case_path_only(struct verdict* v) {
  const int fd = open("/proc/self/exe", O_PATH);
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, 0));
}

static void case_write_only(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_WRONLY);
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), PROT_WRITE, MAP_SHARED, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), PROT_NONE, MAP_PRIVATE, fd, 0));
}

static void case_read_only_shared(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDONLY);
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), PROT_WRITE, MAP_SHARED, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED, fd, 0));
}

static void case_read_only_private(struct verdict* v) {
  char* at = mmap(NULL, page_bytes(), kReadWrite, MAP_PRIVATE, make_file(page_bytes(), O_RDONLY), 0);
  say_map(v, at);
  say_store(v, at);
}

static void case_append_only_shared(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR | O_APPEND);
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED, fd, 0));
}

static void case_pipe(struct verdict* v) {
  int ends[2];
  say_errno(v, pipe(ends));
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, ends[0], 0));
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, ends[1], 0));
}

static void case_directory(struct verdict* v) {
  const int fd = open(".", O_RDONLY);
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, 0));
}

static void case_dev_null(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, open("/dev/null", O_RDWR), 0));
}

static void case_proc_file(struct verdict* v) {
  const int fd = open("/proc/self/status", O_RDONLY);
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, 0));
}

static void case_offset_overflows(struct verdict* v) {
  const int fd = make_file(1, O_RDWR);
  const long page = (long)page_bytes();
  say_errno(v, syscall(SYS_mmap, NULL, 2 * page, PROT_READ, MAP_PRIVATE, fd, -page));
  say_errno(v, syscall(SYS_mmap, NULL, page, PROT_READ, MAP_PRIVATE, fd, INT64_MAX - page + 1));
  say_errno(v, syscall(SYS_mmap, NULL, page, PROT_READ, MAP_PRIVATE, fd, -4 * page));
}

static void case_fixed_unaligned(struct verdict* v) {
  char* at = map_pages(2, PROT_READ);
  say_map(v, mmap(at + 1, page_bytes(), PROT_READ, kAnonymous | MAP_FIXED, -1, 0));
  say_map(v, mmap(at + 16, page_bytes(), PROT_READ, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0));
}

static void case_fixed_over_the_end(struct verdict* v) {
  const uintptr_t page = page_bytes();
  say_map(v, mmap((void*)-page, page, PROT_READ, kAnonymous | MAP_FIXED, -1, 0));
  say_map(v, mmap((void*)-page, 2 * page, PROT_READ, kAnonymous | MAP_FIXED, -1, 0));
  say_map(v, mmap((void*)((uintptr_t)1 << 62), page, PROT_READ, kAnonymous | MAP_FIXED, -1, 0));
}

static void case_fixed_noreplace_of_taken(struct verdict* v) {
  char* at = map_pages(3, PROT_READ);
  const size_t page = page_bytes();
  say_map(v, mmap(at + page, page, PROT_READ, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0));
  munmap(at + page, page);
  say_map(v, mmap(at, 2 * page, PROT_READ, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0));
  say_map(v, mmap(at + page, 2 * page, PROT_READ, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0));
  say_map(v, mmap(at + page, page, PROT_READ, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0));
}

static void case_fixed_at_null(struct verdict* v) {
  if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0) return unsupported(v, "cannot become nobody");
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, kAnonymous | MAP_FIXED, -1, 0));
}

static void case_shared_growsdown(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0));
}

static void case_file_growsdown(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED | MAP_GROWSDOWN, fd, 0));
}

static void case_validate_of_anonymous(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0));
}

static void case_validate_of_file(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED_VALIDATE, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED_VALIDATE | MAP_POPULATE, fd, 0));
}

static void case_validate_of_unknown_flag(struct verdict* v) {
  const int fd = make_file(page_bytes(), O_RDWR);
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED_VALIDATE | 0x800000, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED | 0x800000, fd, 0));
}

static void case_sync(struct verdict* v) {
  const int fd = memfd_create("sync", 0);
  say_errno(v, ftruncate(fd, (off_t)page_bytes()));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED | MAP_SYNC, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_PRIVATE | MAP_SYNC, fd, 0));
}

static void case_unknown_protection_bits(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ | 0x100, kAnonymous, -1, 0));
  say_map(v, mmap(NULL, page_bytes(), -1, kAnonymous, -1, 0));
}

static void case_unknown_flags_are_ignored(struct verdict* v) {
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, kAnonymous | 0x1000000, -1, 0));
}

static void case_address_limit(struct verdict* v) {
  const struct rlimit limit = {64 << 20, 64 << 20};
  say_errno(v, setrlimit(RLIMIT_AS, &limit));
  say_map(v, mmap(NULL, 128 << 20, PROT_NONE, kAnonymous, -1, 0));
  say_map(v, mmap(NULL, 16 << 20, PROT_NONE, kAnonymous, -1, 0));
}

static void case_data_limit(struct verdict* v) {
  const struct rlimit limit = {16 << 20, 16 << 20};
  say_errno(v, setrlimit(RLIMIT_DATA, &limit));
  say_map(v, mmap(NULL, 32 << 20, kReadWrite, kAnonymous, -1, 0));
  say_map(v, mmap(NULL, 32 << 20, PROT_READ, kAnonymous, -1, 0));
  say_map(v, mmap(NULL, 32 << 20, kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  say_map(v, mmap(NULL, 8 << 20, kReadWrite, kAnonymous, -1, 0));
}

static const struct conformance_case cases[] = {
    {"zero_length", case_zero_length},
    {"zero_length_of_bad_descriptor", case_zero_length_of_bad_descriptor},
    {"longest_length", case_longest_length},
    {"unaligned_offset", case_unaligned_offset},
    {"unaligned_offset_of_anonymous", case_unaligned_offset_of_anonymous},
    {"no_type", case_no_type},
    {"no_type_of_file", case_no_type_of_file},
    {"unknown_type", case_unknown_type},
    {"bad_descriptor", case_bad_descriptor},
    {"closed_descriptor", case_closed_descriptor},
    {"descriptor_of_anonymous_is_not_looked_at", case_descriptor_of_anonymous_is_not_looked_at},
    {"path_only", case_path_only},
    {"write_only", case_write_only},
    {"read_only_shared", case_read_only_shared},
    {"read_only_private", case_read_only_private},
    {"append_only_shared", case_append_only_shared},
    {"pipe", case_pipe},
    {"directory", case_directory},
    {"dev_null", case_dev_null},
    {"proc_file", case_proc_file},
    {"offset_overflows", case_offset_overflows},
    {"fixed_unaligned", case_fixed_unaligned},
    {"fixed_over_the_end", case_fixed_over_the_end},
    {"fixed_noreplace_of_taken", case_fixed_noreplace_of_taken},
    {"fixed_at_null", case_fixed_at_null},
    {"shared_growsdown", case_shared_growsdown},
    {"file_growsdown", case_file_growsdown},
    {"validate_of_anonymous", case_validate_of_anonymous},
    {"validate_of_file", case_validate_of_file},
    {"validate_of_unknown_flag", case_validate_of_unknown_flag},
    {"sync", case_sync},
    {"unknown_protection_bits", case_unknown_protection_bits},
    {"unknown_flags_are_ignored", case_unknown_flags_are_ignored},
    {"address_limit", case_address_limit},
    {"data_limit", case_data_limit},
};

CONFORMANCE_MAIN(cases)
