// System calls with plausible, extreme and senseless arguments, in any order, to
// try the kernel below: it may refuse them all, but it must live, and processes
// must not hurt one another.
//
// The calls are made by workers, one after the other, each a forked process that
// may well end itself by them. A call that waits for ever is ended by the
// parent, after which the next worker goes on. At last the parent looks whether
// its own memory is what it was.
//
// For the model only: it refuses to run where the word is not given, since it
// changes modes, sends signals, and removes and renames what its paths name.
//
// Arguments: in-a-model CALLS [SEED = 1]. Binds: none; it makes files named
// storm.* in the current directory. RISC-V only.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"
#include "syscall_arguments.h"

enum {
  WORKER_CALLS = 500,  // of one worker
  WITNESS_WORDS = 8192,
  PATIENCE = 50,  // milliseconds without a call
};

// Shared by workers and parent: how many calls the worker has begun.
static volatile uint64_t* progress;

// A clone's child leaves at once, before it needs a stack.
static void issue(uint64_t number, const uint64_t a[6]) {
  register uint64_t a0 __asm__("a0") = a[0];
  register uint64_t a1 __asm__("a1") = a[1];
  register uint64_t a2 __asm__("a2") = a[2];
  register uint64_t a3 __asm__("a3") = a[3];
  register uint64_t a4 __asm__("a4") = a[4];
  register uint64_t a5 __asm__("a5") = a[5];
  register uint64_t a7 __asm__("a7") = number;
  register uint64_t makes_child __asm__("t0") = number == SYS_clone || number == SYS_clone3;
  __asm__ volatile(
      "  ecall\n"
      "  beqz %[makes_child], 1f\n"
      "  bnez a0, 1f\n"
      "  li a7, 93\n"  // exit
      "  ecall\n"
      "1:\n"
      : "+r"(a0), "+r"(a7)
      : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), [makes_child] "r"(makes_child)
      : "memory");
}

// Calls whose first argument is a process that they may hurt.
static int names_a_process(uint64_t number) {
  switch (number) {
    case SYS_ptrace:
    case SYS_kill:
    case SYS_tkill:
    case SYS_tgkill:
    case SYS_rt_sigqueueinfo:
    case SYS_rt_tgsigqueueinfo:
    case SYS_prlimit64:
    case SYS_process_vm_readv:
    case SYS_process_vm_writev:
    case SYS_pidfd_send_signal:
    case SYS_pidfd_open:
      return 1;
    default:
      return 0;
  }
}

// This worker, its process group, or nobody.
static uint64_t own_or_no_process(uint64_t number) {
  if (random_below(2) == 0) return 1000000 + random_below(1000);
  return number == SYS_kill && random_below(2) == 0 ? 0 : (uint64_t)getpid();
}

// Calls that mostly end the worker; tried less often than others, so that it
// comes to something first.
static int mostly_ends(uint64_t number) {
  return number == SYS_exit || number == SYS_exit_group || number == SYS_rt_sigreturn || number == SYS_kill ||
         number == SYS_tkill || number == SYS_tgkill || number == SYS_execve || number == SYS_munmap;
}

static void one_call(void) {
  uint64_t arguments[6];
  uint64_t number;
  do {
    number = random_call(arguments);
  } while (mostly_ends((uint32_t)number) && random_below(20) != 0);
  if (names_a_process((uint32_t)number)) {
    arguments[0] = own_or_no_process(number);
    if (number == SYS_tgkill || number == SYS_rt_tgsigqueueinfo) arguments[1] = arguments[0];
  }
  issue(number, arguments);
}

// Some of everything that a descriptor can be; nothing of the parent's.
static void open_descriptors(void) {
  int null = open("/dev/null", O_RDWR);
  for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
  if (null > 2) close(null);
  int ends[2];
  if (pipe(ends) != 0) _exit(1);
  open("storm.a", O_RDWR | O_CREAT, 0600);
  open("storm.b", O_RDWR | O_CREAT | O_APPEND, 0600);
  open(".", O_RDONLY | O_DIRECTORY);
  open("/dev/zero", O_RDWR);
  open("/proc/self/maps", O_RDONLY);
  open("storm.a", O_RDONLY);
}

__attribute__((noreturn)) static void work(uint64_t calls, uint64_t seed) {
  setsid();
  open_descriptors();
  if (!prepare_arguments(seed)) _exit(1);
  while (*progress < calls) {
    ++*progress;
    one_call();
  }
  _exit(0);
}

// Lets a worker run until it ends or makes no more calls.
static void attend(pid_t worker) {
  const struct timespec millisecond = {.tv_nsec = 1000000};
  uint64_t seen = 0;
  int status;
  for (int patience = PATIENCE; waitpid(worker, &status, WNOHANG) != worker; --patience) {
    if (*progress != seen) {
      seen = *progress;
      patience = PATIENCE;
    }
    if (patience == 0) kill(worker, SIGKILL);
    nanosleep(&millisecond, NULL);
  }
  // Children that the worker gave to its parent.
  while (waitpid(-1, &status, WNOHANG) > 0) continue;
}

int main(int argc, char** argv) {
  if (argc < 3 || strcmp(argv[1], "in-a-model") != 0) die("usage: syscall_barrage in-a-model CALLS [SEED]");
  uint64_t calls = number_argument(argc, argv, 2, 0);
  uint64_t seed = number_argument(argc, argv, 3, 1);
  progress = mmap(NULL, sizeof *progress, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  uint64_t* witness = malloc(WITNESS_WORDS * sizeof *witness);
  if (progress == MAP_FAILED || !witness) die("memory");
  for (uint64_t i = 0; i < WITNESS_WORDS; ++i) witness[i] = hash_word(HASH_START, i);

  for (uint64_t done = 0, workers = 1; done < calls; ++workers) {
    uint64_t rest = calls - done < WORKER_CALLS ? calls - done : WORKER_CALLS;
    *progress = 0;
    pid_t worker = fork_flushed();
    if (worker == 0) work(rest, hash_word(seed, workers));
    attend(worker);
    // The worker may have overwritten the count, too.
    uint64_t made = *progress;
    done += made == 0 ? 1 : made > rest ? rest : made;
  }
  for (uint64_t i = 0; i < WITNESS_WORDS; ++i) {
    if (witness[i] != hash_word(HASH_START, i)) die("word %llu of the parent changed", (unsigned long long)i);
  }
  printf("%llu system calls; the parent is as it was\n", (unsigned long long)calls);
  return 0;
}
