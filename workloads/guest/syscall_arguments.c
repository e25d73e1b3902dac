#include "syscall_arguments.h"

#include <fcntl.h>
#include <sys/mman.h>

#include "guest.h"

enum { ARENA_PAGES = 64 };

// What a plausible argument is, by letter; the table gives those of each call.
//   f descriptor   p path    b buffer   l length    o offset   i small number
//   a page-aligned address   v vector   s signal    t time     x flags
//   d AT_FDCWD or descriptor            z zero      ? anything
struct call {
  unsigned short number;
  const char* arguments;
};

static const struct call plausible[] = {
    {17, "bl"},       // getcwd
    {23, "f"},        // dup
    {24, "ffx"},      // dup3
    {25, "fi?"},      // fcntl
    {29, "f?b"},      // ioctl
    {32, "fi"},       // flock
    {34, "dpi"},      // mkdirat
    {35, "dpx"},      // unlinkat
    {36, "pdp"},      // symlinkat
    {37, "dpdpx"},    // linkat
    {20, "x"},        // epoll_create1
    {21, "fifb"},     // epoll_ctl
    {22, "fbiibl"},   // epoll_pwait
    {43, "pb"},       // statfs
    {45, "po"},       // truncate
    {46, "fo"},       // ftruncate
    {47, "fioo"},     // fallocate
    {48, "dpi"},      // faccessat
    {49, "p"},        // chdir
    {50, "f"},        // fchdir
    {56, "dpxi"},     // openat
    {57, "f"},        // close
    {59, "bx"},       // pipe2
    {61, "fbl"},      // getdents64
    {62, "foi"},      // lseek
    {63, "fbl"},      // read
    {64, "fbl"},      // write
    {65, "fvi"},      // readv
    {66, "fvi"},      // writev
    {67, "fblo"},     // pread64
    {68, "fblo"},     // pwrite64
    {69, "fvio"},     // preadv
    {70, "fvio"},     // pwritev
    {71, "ffbl"},     // sendfile
    {72, "ibbbtb"},   // pselect6
    {73, "bitbl"},    // ppoll
    {74, "fblx"},     // signalfd4
    {75, "fvix"},     // vmsplice
    {76, "fbfblx"},   // splice
    {77, "fflx"},     // tee
    {78, "dpbl"},     // readlinkat
    {79, "dpbx"},     // newfstatat
    {80, "fb"},       // fstat
    {82, "f"},        // fsync
    {85, "ix"},       // timerfd_create
    {86, "fxtb"},     // timerfd_settime
    {87, "fb"},       // timerfd_gettime
    {88, "dptx"},     // utimensat
    {95, "iibxb"},    // waitid
    {96, "b"},        // set_tid_address
    {98, "biitbi"},   // futex
    {99, "bl"},       // set_robust_list
    {101, "tb"},      // nanosleep
    {103, "ibb"},     // setitimer
    {113, "ib"},      // clock_gettime
    {115, "ixtb"},    // clock_nanosleep
    {129, "?s"},      // kill
    {131, "??s"},     // tgkill
    {132, "bb"},      // sigaltstack
    {133, "bl"},      // rt_sigsuspend
    {134, "sbbl"},    // rt_sigaction
    {135, "ibbl"},    // rt_sigprocmask
    {137, "bbtl"},    // rt_sigtimedwait
    {139, ""},        // rt_sigreturn
    {154, "ii"},      // setpgid
    {160, "b"},       // uname
    {165, "ib"},      // getrusage
    {179, "b"},       // sysinfo
    {186, "ix"},      // msgget
    {187, "iib"},     // msgctl
    {188, "iblix"},   // msgrcv
    {189, "iblx"},    // msgsnd
    {190, "iix"},     // semget
    {191, "iiib"},    // semctl
    {193, "ibi"},     // semop
    {194, "ilx"},     // shmget
    {195, "iib"},     // shmctl
    {196, "iax"},     // shmat
    {197, "a"},       // shmdt
    {214, "a"},       // brk
    {215, "al"},      // munmap
    {216, "allxa"},   // mremap
    {220, "xbbbb"},   // clone
    {221, "pvv"},     // execve
    {222, "alixfo"},  // mmap
    {222, "zlixfo"},  // mmap, anywhere
    {226, "ali"},     // mprotect
    {227, "alx"},     // msync
    {228, "al"},      // mlock
    {232, "alb"},     // mincore
    {233, "ali"},     // madvise
    {259, "aax"},     // riscv_flush_icache
    {260, "ibxb"},    // wait4
    {261, "zibb"},    // prlimit64
    {276, "dpdpx"},   // renameat2
    {278, "blx"},     // getrandom
    {279, "px"},      // memfd_create
    {285, "fbfblz"},  // copy_file_range
    {291, "dpxxb"},   // statx
};

static const char* const paths[] = {
    "storm.a",
    "storm.b",
    "storm.d",
    "storm.d/deep",
    "storm.d/../storm.a",
    ".",
    "..",
    "/",
    "",
    "/proc/self/maps",
    "/proc/self/exe",
    "/proc/meminfo",
    "/dev/zero",
    "/dev/null",
    "/dev/full",
    "/dev/random",
    "/nowhere/at/all",
    "../../../../../../../../../../etc/passwd",
    "storm.a/not/a/directory",
    "/dev/fd/1",
};

static char* arena;
static size_t page;
static uint64_t state;

int prepare_arguments(uint64_t seed) {
  state = hash_word(HASH_START, seed) | 1;
  page = (size_t)sysconf(_SC_PAGESIZE);
  arena = mmap(NULL, (ARENA_PAGES + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (arena == MAP_FAILED || mprotect(arena + ARENA_PAGES * page, page, PROT_NONE) != 0) return 0;
  uint64_t* words = (uint64_t*)arena;
  for (size_t i = 0; i < ARENA_PAGES * page / 8; ++i) words[i] = i % 3 == 0 ? random_below(16) : next_random(&state);
  return 1;
}

uint64_t random_below(uint64_t n) { return next_random(&state) % n; }

// A place for data of up to two pages.
static void* place(void) { return arena + random_below(ARENA_PAGES - 2) * page; }

static uint64_t edge_number(void) {
  uint64_t value = 1ull << random_below(64);
  switch (random_below(4)) {
    case 0:
      return value - 1;
    case 1:
      return -value;
    case 2:
      return value + random_below(3) - 1;
    default:
      return value;
  }
}

static uint64_t buffer(void) {
  uint64_t begin = (uint64_t)arena;
  switch (random_below(4)) {
    case 0:  // ends with the arena
      return begin + ARENA_PAGES * page - random_below(64);
    case 1:  // runs across the edge of a page
      return begin + (1 + random_below(ARENA_PAGES - 1)) * page - random_below(32);
    default:
      return begin + random_below(ARENA_PAGES * page);
  }
}

static uint64_t wild_pointer(void) {
  switch (random_below(8)) {
    case 0:
      return 0;
    case 1:
      return random_below(4096);
    case 2:
      return (uint64_t)&state;  // the program's own data
    case 3:
      return (uint64_t)&wild_pointer & -page;  // its code
    case 4:
      return 1ull << 47;
    case 5:
      return -random_below(1 << 20);
    case 6:
      return (uint64_t)arena + ARENA_PAGES * page + random_below(page);
    default:
      return next_random(&state);
  }
}

// An array of pointers into the arena and small lengths: iovecs, argv, pollfds.
static uint64_t vector(void) {
  uint64_t* words = place();
  for (unsigned i = 0; i < 16; i += 2) {
    words[i] = random_below(6) == 0 ? wild_pointer() : buffer();
    words[i + 1] = random_below(8) == 0 ? edge_number() : random_below(3000);
  }
  words[16] = words[17] = 0;
  return (uint64_t)words;
}

static uint64_t path(void) {
  char* at = place();
  if (random_below(12) == 0) {  // longer than any path may be
    memset(at, 'x', page + 16);
    at[page + 16] = 0;
  } else {
    strcpy(at, paths[random_below(sizeof paths / sizeof *paths)]);
  }
  return (uint64_t)at;
}

static uint64_t any_argument(void) {
  switch (random_below(10)) {
    case 0:
      return random_below(12) - 2;
    case 1:
      return random_below(12);
    case 2:
      return buffer();
    case 3:
      return wild_pointer();
    case 4:
      return (uint64_t)arena + random_below(ARENA_PAGES + 2) * page;
    case 5:
      return edge_number();
    case 6:
      return random_below(1 << 16);
    case 7:
      return vector();
    case 8:
      return path();
    default:
      return next_random(&state);
  }
}

static uint64_t length(void) {
  switch (random_below(6)) {
    case 0:
      return edge_number();
    case 1:
      return page * random_below(80);
    default:
      return random_below(20000);
  }
}

static uint64_t time_span(void) {
  if (random_below(4) == 0) return 0;
  uint64_t* words = place();
  words[0] = random_below(8) == 0 ? edge_number() : 0;
  words[1] = random_below(8) == 0 ? edge_number() : random_below(2000000);
  return (uint64_t)words;
}

static uint64_t flags(void) {
  if (random_below(2) == 0) return 1ull << random_below(32);
  return next_random(&state) & next_random(&state) & 0x7fffffff;
}

static uint64_t argument(char kind) {
  if (random_below(12) == 0) return any_argument();
  switch (kind) {
    case 'f':
      return random_below(14);
    case 'p':
      return path();
    case 'b':
      return random_below(5) == 0 ? 0 : buffer();
    case 'l':
      return length();
    case 'o':
      return random_below(3) == 0 ? edge_number() : random_below(16) * page;
    case 'i':
      return random_below(10);
    case 'a':
      return (uint64_t)arena + random_below(ARENA_PAGES) * page;
    case 'v':
      return vector();
    case 's':
      return random_below(66);
    case 't':
      return time_span();
    case 'x':
      return flags();
    case 'd':
      return random_below(4) == 0 ? random_below(14) : (uint64_t)AT_FDCWD;
    case 'z':
      return 0;
    default:
      return any_argument();
  }
}

uint64_t random_call(uint64_t arguments[6]) {
  if (random_below(3) == 0) {
    for (unsigned i = 0; i < 6; ++i) arguments[i] = any_argument();
    return random_below(20) == 0 ? any_argument() : random_below(451);
  }
  const struct call* call = &plausible[random_below(sizeof plausible / sizeof *plausible)];
  memset(arguments, 0, 6 * sizeof *arguments);
  for (unsigned i = 0; call->arguments[i]; ++i) arguments[i] = argument(call->arguments[i]);
  return call->number;
}
