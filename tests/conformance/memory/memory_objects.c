// What is mapped besides files of a disk: /dev/zero, memfd_create(2), shm_open(3),
// shared anonymous memory; and what fork(2) makes of each.
#include <sys/stat.h>
#include <sys/syscall.h>

#include "areas.h"

enum { kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS, kReadWrite = PROT_READ | PROT_WRITE };

static char* map_shared(size_t pages) {
  return mmap(NULL, pages * page_bytes(), kReadWrite, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static char* map_zero(size_t pages, int flags) {
  char* at = mmap(NULL, pages * page_bytes(), kReadWrite, flags, open("/dev/zero", O_RDWR), 0);
  if (at == MAP_FAILED) _exit(95);
  return at;
}

// Runs in a child and waits for its end.
static void in_child(void (*what)(char*), char* at) {
  pid_t child = fork();
  if (child == 0) {
    what(at);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

static void store_c(char* at) { at[0] = 'c'; }
static void store_c_further(char* at) { at[page_bytes()] = 'c'; }

static void case_zero_private(struct verdict* v) {
  char* at = map_zero(2, MAP_PRIVATE);
  say(v, "%d", at[0]);
  at[0] = 'p';
  in_child(store_c, at);
  say(v, "%c%d", at[0], at[page_bytes()]);
}

static void case_zero_shared(struct verdict* v) {
  char* at = map_zero(2, MAP_SHARED);
  in_child(store_c, at);
  say(v, "%c", at[0]);
}

static void case_zero_mapped_twice_is_two(struct verdict* v) {
  const int fd = open("/dev/zero", O_RDWR);
  char *a = map_file(fd, 1, kReadWrite, MAP_SHARED), *b = map_file(fd, 1, kReadWrite, MAP_SHARED);
  a[0] = 'a';
  say(v, "%d", b[0]);
  char byte = 1;
  say_errno(v, read(fd, &byte, 1));
  say(v, "%d", byte);
}

static void case_zero_at_an_offset(struct verdict* v) {
  const int fd = open("/dev/zero", O_RDONLY);
  say_map(v, mmap(NULL, page_bytes(), PROT_READ, MAP_PRIVATE, fd, (off_t)(7 * page_bytes())));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_PRIVATE, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED, fd, 0));
}

static void case_shared_anonymous(struct verdict* v) {
  char* at = map_shared(2);
  at[page_bytes()] = 'p';
  in_child(store_c, at);
  say(v, "%c%c", at[0], at[page_bytes()]);
}

static void case_shared_untouched_before_fork(struct verdict* v) {
  char* at = map_shared(4);
  in_child(store_c_further, at);
  say(v, "%d%c", at[0], at[page_bytes()]);
}

static void case_shared_read_before_fork(struct verdict* v) {
  char* at = map_shared(2);
  load_byte(at);
  in_child(store_c, at);
  say(v, "%c", at[0]);
}

static void case_private_both_ways(struct verdict* v) {
  char *at = map_pages(1, kReadWrite), *told = map_shared(1);
  int ends[2], ready[2];
  say_errno(v, pipe(ends) | pipe(ready));
  at[0] = 'p';
  pid_t child = fork();
  if (child == 0) {
    at[1] = 'c';
    char byte = 0;
    if (write(ready[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1) _exit(1);
    told[0] = at[0];
    _exit(0);
  }
  char byte = 0;
  say_errno(v, read(ready[0], &byte, 1));
  say(v, "%d", at[1]);
  at[0] = 'q';
  say_errno(v, write(ends[1], &byte, 1));
  waitpid(child, NULL, 0);
  say(v, "%c%c", told[0], at[0]);
}

static void grandchild(char* at) {
  at[0] = 'c';
  in_child(store_c_further, at);
}

static void case_three_generations(struct verdict* v) {
  char *shared = map_shared(2), *own = map_pages(2, kReadWrite);
  own[0] = own[page_bytes()] = 'p';
  in_child(grandchild, shared);
  in_child(grandchild, own);
  say(v, "%c%c%c%c", shared[0], shared[page_bytes()], own[0], own[page_bytes()]);
}

static void unmap_and_protect(char* at) {
  munmap(at, page_bytes());
  mprotect(at + page_bytes(), page_bytes(), PROT_NONE);
}

static void case_what_a_child_does_to_its_areas(struct verdict* v) {
  char* at = map_island(3, kReadWrite);
  in_child(unmap_and_protect, at);
  say_areas(v, at, 3);
  say_store(v, at);
}

static void case_counter_of_four(struct verdict* v) {
  long* counter = (long*)map_shared(1);
  for (int i = 0; i < 4; ++i) {
    if (fork() == 0) {
      for (int n = 0; n < 500; ++n) __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
      _exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
  say(v, "%ld", *counter);
}

static void case_shared_file_and_fork(struct verdict* v) {
  const int fd = make_file(2 * page_bytes(), O_RDWR);
  char *at = map_file(fd, 2, kReadWrite, MAP_SHARED), byte = '?';
  in_child(store_c, at);
  say(v, "%c", at[0]);
  say_errno(v, pread(fd, &byte, 1, 0));
  say(v, "%c", byte);
}

static void case_memfd_is_a_file(struct verdict* v) {
  const int fd = memfd_create("name", 0);
  struct stat facts;
  say_errno(v, fd);
  say_errno(v, fstat(fd, &facts));
  say(v, "%ld %s", (long)facts.st_size, S_ISREG(facts.st_mode) ? "regular" : "other");
  say_errno(v, write(fd, "0123456789", 10));
  char *at = map_file(fd, 1, kReadWrite, MAP_SHARED), text[11] = "";
  at[3] = 'X';
  say_errno(v, pread(fd, text, 10, 0));
  say(v, "%s", text);
  say_load(v, at + page_bytes() - 1);
}

static void case_memfd_errors(struct verdict* v) {
  char name[300];
  memset(name, 'n', sizeof name);
  name[249] = 0;
  say_errno(v, memfd_create(name, 0));
  name[249] = 'n';
  name[250] = 0;
  say_errno(v, memfd_create(name, 0));
  say_errno(v, memfd_create("", 0));
  say_errno(v, memfd_create("flags", 0x1000));
  say_errno(v, syscall(SYS_memfd_create, 8, 0));
}

static void case_memfd_flags(struct verdict* v) {
  say(v, "%d", fcntl(memfd_create("a", MFD_CLOEXEC), F_GETFD));
  say(v, "%d", fcntl(memfd_create("b", 0), F_GETFD));
  say(v, "%d", (fcntl(memfd_create("c", 0), F_GETFL) & O_ACCMODE) == O_RDWR);
}

static void case_memfd_in_maps(struct verdict* v) {
  const int fd = memfd_create("the name", 0);
  char path[64], link[256] = "";
  say_errno(v, ftruncate(fd, (off_t)page_bytes()));
  say(v, "%s", area_of(map_file(fd, 1, PROT_READ, MAP_SHARED)).name);
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  say_errno(v, readlink(path, link, sizeof link - 1));
  say(v, "%s", link);
}

static void case_memfd_seals(struct verdict* v) {
  const int plain = memfd_create("plain", 0), fd = memfd_create("sealed", MFD_ALLOW_SEALING);
  say(v, "%d", fcntl(plain, F_GET_SEALS));
  say_errno(v, fcntl(plain, F_ADD_SEALS, F_SEAL_WRITE));
  say_errno(v, ftruncate(fd, (off_t)(2 * page_bytes())));
  say(v, "%d", fcntl(fd, F_GET_SEALS));
  say_errno(v, fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
  say_errno(v, ftruncate(fd, (off_t)page_bytes()));
  say_errno(v, ftruncate(fd, (off_t)(3 * page_bytes())));
  say_errno(v, fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
  say_errno(v, ftruncate(fd, (off_t)(4 * page_bytes())));
  say_errno(v, pwrite(fd, "x", 1, (off_t)(5 * page_bytes())));
  say_errno(v, fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
  say_errno(v, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  say(v, "%d", fcntl(fd, F_GET_SEALS));
}

static void case_memfd_sealed_against_writing(struct verdict* v) {
  const int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
  say_errno(v, ftruncate(fd, (off_t)page_bytes()));
  char* at = map_file(fd, 1, kReadWrite, MAP_SHARED);
  say_errno(v, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  munmap(at, page_bytes());
  say_errno(v, fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  say_errno(v, write(fd, "x", 1));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED, fd, 0));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_PRIVATE, fd, 0));
}

static void case_shm(struct verdict* v) {
  char name[64];
  snprintf(name, sizeof name, "/conformance.%d", (int)getpid());
  const int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd < 0 && errno != EEXIST) return unsupported(v, "no /dev/shm");
  say_errno(v, shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600));
  say_errno(v, ftruncate(fd, (off_t)page_bytes()));
  char* at = map_file(fd, 1, kReadWrite, MAP_SHARED);
  in_child(store_c, at);
  const int again = shm_open(name, O_RDONLY, 0);
  say(v, "%c", *map_file(again, 1, PROT_READ, MAP_SHARED));
  say_map(v, mmap(NULL, page_bytes(), kReadWrite, MAP_SHARED, again, 0));
  say_errno(v, shm_unlink(name));
  say_errno(v, shm_open(name, O_RDWR, 0));
  say_errno(v, shm_unlink(name));
  say(v, "%c", at[0]);
}

static void case_shm_names_in_maps(struct verdict* v) {
  char name[64], path[96];
  snprintf(name, sizeof name, "/conformance.%d", (int)getpid());
  snprintf(path, sizeof path, "/dev/shm%s", name);
  const int fd = shm_open(name, O_RDWR | O_CREAT, 0600);
  if (fd < 0) return unsupported(v, "no /dev/shm");
  say_errno(v, ftruncate(fd, (off_t)page_bytes()));
  char* at = map_file(fd, 1, kReadWrite, MAP_SHARED);
  say_bool(v, "path", strcmp(area_of(at).name, path) == 0);
  shm_unlink(name);
  say_bool(v, "deleted", strcmp(area_of(at).name, strcat(path, " (deleted)")) == 0);
}

static void case_anonymous_in_maps(struct verdict* v) {
  say(v, "'%s'", area_of(map_pages(1, kReadWrite)).name);
  struct area area = area_of(map_shared(1));
  say(v, "'%s' %s %lu", area.name, area.rights, area.offset);
  say(v, "'%s'", area_of(map_zero(1, MAP_SHARED)).name);
  say(v, "'%s'", area_of(map_zero(1, MAP_PRIVATE)).name);
}

static void case_stack_and_program_in_maps(struct verdict* v) {
  int here = 0;
  struct area stack = area_of(&here), code = area_of((void*)(uintptr_t)&case_anonymous_in_maps);
  char path[256] = "";
  say(v, "%s %s", stack.name, stack.rights);
  say_errno(v, readlink("/proc/self/exe", path, sizeof path - 1));
  say(v, "%s", code.rights);
  say_bool(v, "named", strcmp(code.name, path) == 0);
}

static const struct conformance_case cases[] = {
    {"zero_private", case_zero_private},
    {"zero_shared", case_zero_shared},
    {"zero_mapped_twice_is_two", case_zero_mapped_twice_is_two},
    {"zero_at_an_offset", case_zero_at_an_offset},
    {"shared_anonymous", case_shared_anonymous},
    {"shared_untouched_before_fork", case_shared_untouched_before_fork},
    {"shared_read_before_fork", case_shared_read_before_fork},
    {"private_both_ways", case_private_both_ways},
    {"three_generations", case_three_generations},
    {"what_a_child_does_to_its_areas", case_what_a_child_does_to_its_areas},
    {"counter_of_four", case_counter_of_four},
    {"shared_file_and_fork", case_shared_file_and_fork},
    {"memfd_is_a_file", case_memfd_is_a_file},
    {"memfd_errors", case_memfd_errors},
    {"memfd_flags", case_memfd_flags},
    {"memfd_in_maps", case_memfd_in_maps},
    {"memfd_seals", case_memfd_seals},
    {"memfd_sealed_against_writing", case_memfd_sealed_against_writing},
    {"shm", case_shm},
    {"shm_names_in_maps", case_shm_names_in_maps},
    {"anonymous_in_maps", case_anonymous_in_maps},
    {"stack_and_program_in_maps", case_stack_and_program_in_maps},
};

CONFORMANCE_MAIN(cases)
