// System calls with random numbers and random arguments, in children that may
// die of it; the parent counts how they end. For the model only: it refuses
// to run where the word is not given, since it would do harm on a real system.
// Arguments: in-a-model [CALLS = 100000] [SEED = 1] [FORBIDDEN = a path that
// must stay closed]. Binds: none. RISC-V only.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

enum { kBatch = 500, kArenaPages = 16, kPatience = 200 };

static uint64_t* arena;
static volatile uint64_t* made;  // calls of the child that runs, shared with the parent
static size_t arena_bytes;
static const char* forbidden = "/etc/passwd";
static const char* const kPaths[] = {".",
                                     "..",
                                     "",
                                     "/",
                                     "a",
                                     "b",
                                     "dir",
                                     "dir/c",
                                     "/dev/null",
                                     "/dev/zero",
                                     "/dev/urandom",
                                     "/dev/shm/x",
                                     "/proc/self/maps",
                                     "/proc/self/mem",
                                     "/tmp",
                                     "/tmp/t",
                                     "../..",
                                     "../../../../../../etc/passwd",
                                     "dir/../../.."};
enum { kPathCount = sizeof kPaths / sizeof kPaths[0] };

static long raw_call(uint64_t number, const uint64_t arguments[6]) {
  register uint64_t a0 __asm__("a0") = arguments[0];
  register uint64_t a1 __asm__("a1") = arguments[1];
  register uint64_t a2 __asm__("a2") = arguments[2];
  register uint64_t a3 __asm__("a3") = arguments[3];
  register uint64_t a4 __asm__("a4") = arguments[4];
  register uint64_t a5 __asm__("a5") = arguments[5];
  register uint64_t a7 __asm__("a7") = number;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
  return (long)a0;
}

static uint64_t random_pointer(uint64_t* state) {
  uint64_t r = next_random(state) >> 8, base = (uint64_t)(uintptr_t)arena;
  switch (r % 8) {
    case 0:
      return 0;
    case 1:
      return base + arena_bytes - (r >> 8) % 32;  // runs off the end
    case 2:
      return (uint64_t)(uintptr_t)raw_call;  // read-only
    case 3:
      return 0xffffffff80000000ull + (r >> 8) % 65536;
    case 4:
      return (uint64_t)(uintptr_t)(r & 0x100 ? forbidden : kPaths[(r >> 9) % kPathCount]);
    default:
      return base + (r >> 8) % arena_bytes / 8 * 8;
  }
}

static uint64_t random_argument(uint64_t* state) {
  uint64_t r = next_random(state) >> 8;
  switch (r % 8) {
    case 0:
      return (r >> 8) % 16;  // a descriptor, a small number
    case 1:
      return (r >> 8) % 8 * sysconf(_SC_PAGESIZE);
    case 2:
      return (uint64_t)(int64_t)((int)((r >> 8) % 8) - 4);
    case 3:
      return 1ull << (r >> 8) % 64;
    case 4:
      return r & 0x100 ? (uint64_t)AT_FDCWD : next_random(state);
    default:
      return random_pointer(state);
  }
}

static uint64_t random_number(uint64_t* state) {
  for (;;) {
    uint64_t r = next_random(state) >> 8, number = r % 16 == 0 ? r >> 4 : (r >> 4) % 460;
    int is_end = number == SYS_exit || number == SYS_exit_group, is_clone = number == SYS_clone || number == 435;
    // Mostly a SIGSEGV: let it not be the end of every child.
    int is_return = number == SYS_rt_sigreturn && r >> 50 != 0;
    if (!is_end && !is_clone && !is_return) return number;
  }
}

static void storm(uint64_t seed) {
  uint64_t state = seed;
  pid_t self = getpid();
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  for (size_t i = 0; i < arena_bytes / 8; ++i) arena[i] = random_argument(&state);
  for (int call = 0; call < kBatch; ++call) {
    uint64_t number = random_number(&state), arguments[6];
    for (int i = 0; i < 6; ++i) arguments[i] = random_argument(&state);
    int sends = number == SYS_kill || number == SYS_tkill || number == SYS_tgkill || number == SYS_rt_sigqueueinfo ||
                number == SYS_rt_tgsigqueueinfo;
    if (sends) {  // to itself alone, and nothing that ends it
      arguments[0] = (uint64_t)self;
      arguments[1] = number == SYS_tgkill || number == SYS_rt_tgsigqueueinfo ? (uint64_t)self : SIGCHLD;
      arguments[2] = SIGCHLD;
    }
    *made = call + 1;
    raw_call(number, arguments);
  }
  _exit(0);
}

// The child's status, or -1 for one that had to be killed because it sleeps.
static int wait_with_patience(pid_t child) {
  for (int i = 0; i < kPatience; ++i) {
    int status;
    pid_t got = waitpid(child, &status, WNOHANG);
    if (got == child) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (got < 0) die("waitpid");
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  kill(child, SIGKILL);
  wait_for(child);
  return -1;
}

int main(int argc, char** argv) {
  if (argc < 2 || strcmp(argv[1], "in-a-model") != 0) die("usage: syscall_storm in-a-model [CALLS] [SEED] [FORBIDDEN]");
  uint64_t calls = number_argument(argc, argv, 2, 100000), seed = number_argument(argc, argv, 3, 1);
  if (argc > 4) forbidden = argv[4];
  arena_bytes = kArenaPages * (size_t)sysconf(_SC_PAGESIZE);
  // One page more, given back: what lies behind the arena is not mapped.
  arena = mmap(NULL, arena_bytes + sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (arena == MAP_FAILED) die("mmap");
  munmap((char*)arena + arena_bytes, sysconf(_SC_PAGESIZE));

  made = mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (made == MAP_FAILED) die("mmap");

  unsigned whole = 0, killed = 0, asleep = 0;
  uint64_t done = 0, most_batches = 20 * calls / kBatch + 1;
  for (uint64_t batch = 0; done < calls && batch < most_batches; ++batch) {
    *made = 0;
    pid_t child = fork_flushed();
    if (child == 0) storm((seed * 1000003 + batch) * 2 + 1);
    int status = wait_with_patience(child);
    if (status == 0)
      ++whole;
    else if (status < 0)
      ++asleep;
    else
      ++killed;
    done += *made < kBatch ? *made : kBatch;  // a child may have written anything there
  }
  printf("all calls were made: %s; batches: %u whole, %u killed, %u asleep\n", yes_no(done >= calls), whole, killed,
         asleep);
  int fd = open(forbidden, O_RDONLY);
  printf("the forbidden file: %s\n", fd >= 0 ? "open" : strerrorname_np(errno));
  return fd >= 0 ? 1 : 0;
}
