// Threads and processes that really run at once, and what may go wrong then.
//
//   harts [stale [threads rounds]]   one thread changes mappings, the others touch them: a translation or a
//                                    permission that is out of date would show
//   harts code [threads rounds]      one thread writes a function, the others call it
//   harts counters [threads each]    a counter by compare-and-swap (LR and SC), one by atomic addition, one in a lock
//   harts snapshot [threads rounds]  a child does not see what its parent's threads go on to write
//   harts spread [processes work]    processes that compute
//   harts where                      how many harts there are, and running on each
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "guest.h"

enum { kMostThreads = 16, kPages = 8, kSpins = 2000 };

static unsigned threads;
static uint64_t rounds;
static long page;

// --- a barrier that is not the kernel's ------------------------------------------
// Whoever waits spins in user mode for a while, so that its translations stay.

static atomic_uint arrived;
static atomic_uint turn;

static void meet(void) {
  unsigned mine = atomic_load(&turn);
  if (atomic_fetch_add(&arrived, 1) == threads) {
    atomic_store(&arrived, 0);
    atomic_fetch_add(&turn, 1);
    return;
  }
  for (unsigned spins = 0; atomic_load(&turn) == mine; ++spins)
    if (spins >= kSpins) sched_yield();
}

static void start(pthread_t* all, void* (*body)(void*)) {
  for (uintptr_t i = 0; i < threads; ++i)
    if (pthread_create(&all[i], NULL, body, (void*)i) != 0) die("pthread_create");
}

static void join(pthread_t* all) {
  for (unsigned i = 0; i < threads; ++i) pthread_join(all[i], NULL);
}

// --- mappings that change ----------------------------------------------------------

enum Change { kReadOnly, kNoAccess, kUnmapped, kFresh, kDropped, kOtherFile, kBack, kChanges };
static const char* const kNames[kChanges] = {"read-only", "no access",    "unmapped", "fresh",
                                             "dropped",   "another file", "back"};

static volatile uint32_t* region;
static atomic_ulong faults[kChanges];
static atomic_ulong wrong[kChanges];
static __thread sigjmp_buf back;

static void caught(int signal) {
  (void)signal;
  siglongjmp(back, 1);
}

static volatile uint32_t* word(unsigned n) { return region + (uint64_t)n * page / sizeof(uint32_t); }

// What becomes of one access: its fault, or the value.
static int try_read(unsigned n, uint32_t* value) {
  if (sigsetjmp(back, 1)) return 0;
  *value = *word(n);
  return 1;
}
static int try_write(unsigned n, uint32_t value) {
  if (sigsetjmp(back, 1)) return 0;
  *word(n) = value;
  return 1;
}

static void map(int flags, int file) {
  void* got = mmap((void*)region, kPages * page, PROT_READ | PROT_WRITE, flags | MAP_FIXED, file, 0);
  if (got != (void*)region) die("mmap");
}

static void apply(enum Change change, int file) {
  void* all = (void*)region;
  size_t bytes = (size_t)(kPages * page);
  int failed = 0;
  if (change == kReadOnly) failed = mprotect(all, bytes, PROT_READ);
  if (change == kNoAccess) failed = mprotect(all, bytes, PROT_NONE);
  if (change == kUnmapped) failed = munmap(all, bytes);
  if (change == kFresh) map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (change == kDropped) failed = madvise(all, bytes, MADV_DONTNEED);
  if (change == kOtherFile) map(MAP_SHARED, file);
  if (change == kBack) map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (failed) die("%s", kNames[change]);
}

enum { kFileWord = 0xf11e };

static void look(enum Change change, unsigned n, uint32_t before) {
  uint32_t value = 0;
  int read = try_read(n, &value);
  int expect_read = change != kNoAccess && change != kUnmapped;
  uint32_t expected = change == kReadOnly ? before : change == kOtherFile ? kFileWord : 0;
  if (!read) atomic_fetch_add(&faults[change], 1);
  if (read != expect_read || (read && value != expected)) atomic_fetch_add(&wrong[change], 1);
  if (change != kReadOnly) return;
  if (try_write(n, 1)) {
    atomic_fetch_add(&wrong[change], 1);
  } else {
    atomic_fetch_add(&faults[change], 1);
  }
}

static void* toucher(void* argument) {
  unsigned self = (unsigned)(uintptr_t)argument;
  for (uint64_t round = 0; round < rounds; ++round) {
    for (unsigned change = 0; change < kChanges; ++change) {
      unsigned n = (self + change) % kPages;
      // Now it is there and writable: this thread's hart knows it.
      (void)*word(n);
      meet();
      uint32_t before = *word(n);
      meet();  // the change is made in between
      meet();
      look((enum Change)change, n, before);
      meet();  // and undone
      meet();
    }
  }
  return NULL;
}

static int stale(void) {
  struct sigaction action = {.sa_handler = caught};
  sigaction(SIGSEGV, &action, NULL);
  int file = memfd_create("words", 0);
  if (file < 0 || ftruncate(file, kPages * page) != 0) die("memfd");
  region = mmap(NULL, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) die("mmap");
  for (unsigned n = 0; n < kPages; ++n) {
    uint32_t value = kFileWord;
    if (pwrite(file, &value, sizeof(value), n * page) != (ssize_t)sizeof(value)) die("pwrite");
  }
  pthread_t all[kMostThreads];
  start(all, toucher);
  for (uint64_t round = 0; round < rounds; ++round) {
    for (unsigned change = 0; change < kChanges; ++change) {
      for (unsigned n = 0; n < kPages; ++n) *word(n) = (uint32_t)(round * kChanges + change + n + 7);
      meet();
      meet();
      apply((enum Change)change, file);
      meet();
      meet();
      map(MAP_PRIVATE | MAP_ANONYMOUS, -1);
      meet();
    }
  }
  join(all);
  for (unsigned change = 0; change < kChanges; ++change)
    printf("%s: %lu faults, %lu wrong\n", kNames[change], faults[change], wrong[change]);
  return 0;
}

// --- code that changes ---------------------------------------------------------------

static uint32_t* code;
static atomic_ulong calls_right;

// A function that returns n, below 2048.
static void write_function(uint32_t* at, uint32_t n) {
#if defined(__riscv)
  at[0] = n << 20 | 10u << 7 | 0x13;  // addi a0, zero, n
  at[1] = 0x00008067;                 // ret
#elif defined(__x86_64__)
  unsigned char* bytes = (unsigned char*)at;
  bytes[0] = 0xb8;  // mov $n, %eax
  memcpy(bytes + 1, &n, 4);
  bytes[5] = 0xc3;  // ret
#else
#error "no code for this machine"
#endif
  __builtin___clear_cache((char*)at, (char*)(at + 2));
}

static void* caller(void* argument) {
  (void)argument;
  for (uint64_t round = 0; round < rounds; ++round) {
    meet();
    for (int again = 0; again < 3; ++again)
      if (((uint32_t(*)(void))(void*)code)() == round % 2048) atomic_fetch_add(&calls_right, 1);
    meet();
  }
  return NULL;
}

static int change_code(void) {
  code = mmap(NULL, page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) die("mmap");
  write_function(code, 0);
  pthread_t all[kMostThreads];
  start(all, caller);
  for (uint64_t round = 0; round < rounds; ++round) {
    write_function(code, (uint32_t)(round % 2048));
    meet();
    meet();
  }
  join(all);
  printf("%lu of %lu calls were of the function written last\n", calls_right, 3 * threads * rounds);
  return 0;
}

// --- counters ---------------------------------------------------------------------------

static uint64_t swapped;
static atomic_ulong added;
static uint64_t guarded;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static void* counter(void* argument) {
  (void)argument;
  for (uint64_t i = 0; i < rounds; ++i) {
    uint64_t old = __atomic_load_n(&swapped, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&swapped, &old, old + 1, 1, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    atomic_fetch_add(&added, 1);
    if (i % 8 == 0) {
      pthread_mutex_lock(&guard);
      ++guarded;
      pthread_mutex_unlock(&guard);
    }
  }
  return NULL;
}

static int count(void) {
  pthread_t all[kMostThreads];
  start(all, counter);
  join(all);
  printf("%lu swapped, %lu added, %lu in the lock\n", (unsigned long)swapped, added, (unsigned long)guarded);
  return 0;
}

// --- a child's view ------------------------------------------------------------------------

static atomic_int writers_stop;

static void* writer(void* argument) {
  for (uint32_t i = 1; !atomic_load(&writers_stop); ++i) {
    *word((unsigned)(uintptr_t)argument % kPages) = i;
    if (i % 1024 == 0) sched_yield();
  }
  return NULL;
}

static int same_twice(void) {
  uint32_t first[kPages];
  for (unsigned n = 0; n < kPages; ++n) first[n] = *word(n);
  for (volatile unsigned i = 0; i < 3000; ++i) {
  }
  for (unsigned n = 0; n < kPages; ++n)
    if (first[n] != *word(n)) return 0;
  return 1;
}

static int snapshot(void) {
  region = mmap(NULL, kPages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (region == MAP_FAILED) die("mmap");
  pthread_t all[kMostThreads];
  start(all, writer);
  uint64_t still = 0;
  for (uint64_t round = 0; round < rounds; ++round) {
    pid_t child = fork_flushed();
    if (child == 0) _exit(same_twice());
    still += (uint64_t)wait_for(child);
  }
  atomic_store(&writers_stop, 1);
  join(all);
  printf("%lu of %lu children saw nothing change\n", (unsigned long)still, (unsigned long)rounds);
  return 0;
}

// --- work to spread ---------------------------------------------------------------------------

static int spread(void) {
  pid_t children[kMostThreads];
  for (unsigned i = 0; i < threads; ++i) {
    children[i] = fork_flushed();
    if (children[i] != 0) continue;
    uint64_t state = i + 1, sum = 0;
    for (uint64_t n = 0; n < rounds; ++n) sum += next_random(&state);
    _exit((int)(sum & 63));
  }
  int sum = 0;
  for (unsigned i = 0; i < threads; ++i) sum += wait_for(children[i]);
  printf("%u processes: %d\n", threads, sum);
  return 0;
}

static int where(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) die("sched_getaffinity");
  int harts = CPU_COUNT(&set);
  printf("%d harts, %ld online\n", harts, sysconf(_SC_NPROCESSORS_ONLN));
  for (int hart = 0; hart < harts; ++hart) {
    CPU_ZERO(&set);
    CPU_SET(hart, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) die("sched_setaffinity");
    unsigned here = 99, node = 99;
    if (syscall(SYS_getcpu, &here, &node, NULL) != 0) die("getcpu");
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof(set), &set) != 0) die("sched_getaffinity");
    printf("on %u of node %u, may run on %d\n", here, node, CPU_COUNT(&set));
    pid_t child = fork_flushed();
    if (child == 0) _exit(sched_getcpu());
    printf("its child ran on %d\n", wait_for(child));
  }
  CPU_ZERO(&set);
  CPU_SET(harts, &set);
  printf("on one that is not there: %s\n", sched_setaffinity(0, sizeof(set), &set) != 0 ? strerror(errno) : "done");
  return 0;
}

int main(int argc, char** argv) {
  const char* what = argc > 1 ? argv[1] : "stale";
  threads = (unsigned)number_argument(argc, argv, 2, 3);
  if (threads < 1 || threads > kMostThreads) die("threads: 1 to %d", kMostThreads);
  page = sysconf(_SC_PAGESIZE);
  rounds = number_argument(argc, argv, 3, 20);
  if (strcmp(what, "stale") == 0) return stale();
  if (strcmp(what, "code") == 0) return change_code();
  if (strcmp(what, "counters") == 0) return count();
  if (strcmp(what, "snapshot") == 0) return snapshot();
  if (strcmp(what, "spread") == 0) return spread();
  if (strcmp(what, "where") == 0) return where();
  die("unknown: %s", what);
}
