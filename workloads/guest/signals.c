// Signals with handlers: faults with their address, a handler on its own
// stack, leaving by longjmp, nesting, masks, restarted calls, and what a
// child's death sends.
// Arguments: none. Binds: none.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "guest.h"

static sigjmp_buf back;
static volatile sig_atomic_t count, depth, deepest, last_number, last_code, on_other_stack;
static void* volatile last_address;
static char other_stack[64 * 1024];

static void handle(int number, void (*handler)(int, siginfo_t*, void*), int flags, int masked) {
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
  sigemptyset(&action.sa_mask);
  if (masked) sigaddset(&action.sa_mask, masked);
  if (sigaction(number, &action, NULL) < 0) die("sigaction");
}

static void jump_out(int number, siginfo_t* info, void* context) {
  (void)context;
  char here;
  on_other_stack = &here >= other_stack && &here < other_stack + sizeof other_stack;
  last_number = number;
  last_code = info->si_code;
  last_address = info->si_addr;
  siglongjmp(back, 1);
}

static void tally(int number, siginfo_t* info, void* context) {
  (void)info;
  (void)context;
  last_number = number;
  ++count;
}

static void faults(void) {
  size_t page = sysconf(_SC_PAGESIZE);
  char* area = mmap(NULL, 2 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (area == MAP_FAILED) die("mmap");
  if (munmap(area + page, page) < 0) die("munmap");
  handle(SIGSEGV, jump_out, 0, 0);
  struct {
    const char* what;
    char* address;
  } cases[] = {{"a write to a read-only page", area + 100},
               {"a read of what is not mapped", area + page + 8},
               {"a read through a null pointer", NULL}};
  for (int i = 0; i < 3; ++i) {
    if (sigsetjmp(back, 1) == 0) {
      if (i == 0)
        *(volatile char*)cases[i].address = 1;
      else
        (void)*(volatile char*)cases[i].address;
      puts("nothing happened");
    } else {
      printf("%s: SIGSEGV %s, code %s, the address is right: %s\n", cases[i].what, yes_no(last_number == SIGSEGV),
             last_code == SEGV_ACCERR ? "ACCERR" : "MAPERR", yes_no(last_address == cases[i].address));
    }
  }
  munmap(area, page);
}

// A handler that mends the fault and returns: the instruction runs again.
static volatile char* guarded;
static void mend(int number, siginfo_t* info, void* context) {
  (void)number;
  (void)context;
  size_t page = sysconf(_SC_PAGESIZE);
  ++count;
  if ((uintptr_t)info->si_addr / page != (uintptr_t)guarded / page) _exit(9);
  if (mprotect((void*)guarded, page, PROT_READ | PROT_WRITE) < 0) _exit(8);
}

static void mended_fault(void) {
  guarded = mmap(NULL, sysconf(_SC_PAGESIZE), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (guarded == MAP_FAILED) die("mmap");
  handle(SIGSEGV, mend, 0, 0);
  count = 0;
  guarded[10] = 'm';
  printf("a mended fault: %d call, the store took place: %s\n", (int)count, yes_no(guarded[10] == 'm'));
}

static volatile int limit = 1 << 30;

__attribute__((noinline)) static int overflow(volatile char* above) {
  volatile char here[1024];
  if (--limit == 0) return 0;
  here[0] = above ? above[0] : 1;
  return overflow(here) + here[0];
}

static void alternate_stack(void) {
  stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack}, old;
  if (sigaltstack(&stack, NULL) < 0) die("sigaltstack");
  handle(SIGSEGV, jump_out, SA_ONSTACK, 0);
  if (sigsetjmp(back, 1) == 0)
    printf("%d\n", overflow(NULL));
  else
    printf("stack overflow: caught on the other stack: %s\n", yes_no(on_other_stack));
  if (sigaltstack(NULL, &old) < 0) die("sigaltstack");
  printf("it is known: %s\n", yes_no(old.ss_sp == other_stack && old.ss_size == sizeof other_stack));
  handle(SIGUSR1, jump_out, 0, 0);
  if (sigsetjmp(back, 1) == 0) raise(SIGUSR1);
  printf("without SA_ONSTACK not used: %s\n", yes_no(!on_other_stack));
}

static void nest(int number, siginfo_t* info, void* context) {
  (void)info;
  (void)context;
  ++depth;
  if (depth > deepest) deepest = depth;
  if (number == SIGUSR1) raise(SIGUSR2);
  ++count;
  --depth;
}

static void nesting_and_masks(void) {
  handle(SIGUSR1, nest, 0, 0);
  handle(SIGUSR2, nest, 0, 0);
  count = deepest = 0;
  raise(SIGUSR1);
  printf("nested: %d handlers, %d deep\n", (int)count, (int)deepest);
  handle(SIGUSR1, nest, 0, SIGUSR2);
  count = deepest = 0;
  raise(SIGUSR1);
  printf("masked while the other runs: %d handlers, %d deep\n", (int)count, (int)deepest);

  handle(SIGUSR1, tally, 0, 0);
  sigset_t set, old, pending;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, &old);
  count = 0;
  for (int i = 0; i < 3; ++i) raise(SIGUSR1);
  sigpending(&pending);
  printf("blocked: %d calls, pending: %s\n", (int)count, yes_no(sigismember(&pending, SIGUSR1)));
  sigprocmask(SIG_SETMASK, &old, NULL);
  printf("unblocked: %d call for three signals\n", (int)count);

  handle(SIGUSR1, tally, SA_RESETHAND, 0);
  raise(SIGUSR1);
  struct sigaction now;
  sigaction(SIGUSR1, NULL, &now);
  printf("SA_RESETHAND puts the default back: %s\n", yes_no(now.sa_handler == SIG_DFL));
  struct sigaction refused = {.sa_handler = SIG_IGN};
  printf("SIGKILL cannot be ignored: %s\n", yes_no(sigaction(SIGKILL, &refused, NULL) == -1 && errno == EINVAL));
}

// A read on an empty pipe is interrupted by a signal from the child, which
// writes only when it hears that the handler ran.
static ssize_t interrupted_read(int flags, char* byte) {
  int data[2];
  if (pipe(data) < 0) die("pipe");
  handle(SIGUSR1, tally, flags, 0);
  count = 0;
  pid_t parent = getpid(), child = fork_flushed();
  if (child == 0) {
    usleep(20000);  // the parent is in read by then
    kill(parent, SIGUSR1);
    usleep(20000);
    if (write(data[1], "d", 1) != 1) _exit(1);
    _exit(0);
  }
  ssize_t got = read(data[0], byte, 1);
  int error = errno;
  wait_for(child);
  close(data[0]);
  close(data[1]);
  errno = error;
  return got;
}

static void interrupted_calls(void) {
  char byte = '-';
  ssize_t got = interrupted_read(SA_RESTART, &byte);
  printf("with SA_RESTART read gives %zd, '%c'; %d handler\n", got, byte, (int)count);
  byte = '-';
  got = interrupted_read(0, &byte);
  printf("without it %zd, %s; %d handler\n", got, got < 0 ? strerrorname_np(errno) : "no error", (int)count);
}

static void children(void) {
  handle(SIGCHLD, tally, SA_RESTART, 0);
  count = 0;
  pid_t child = fork_flushed();
  if (child == 0) {
    signal(SIGTERM, SIG_DFL);
    kill(getpid(), SIGTERM);
    _exit(0);
  }
  int status = wait_for(child);
  printf("a child killed by SIGTERM: status %d, SIGCHLD came: %s\n", status,
         yes_no(count == 1 && last_number == SIGCHLD));
  printf("nobody to signal: %s\n", yes_no(kill(child, 0) == -1 && errno == ESRCH));
}

static void on_disarmed_stack(int signal) {
  (void)signal;
  stack_t now;
  sigaltstack(NULL, &now);
  printf("in its handler there is none: %s\n", yes_no(now.ss_flags == SS_DISABLE));
}

// A stack that disarms itself while a handler runs on it.
static void disarming_stack(void) {
  const int disarm = 1 << 31;  // SS_AUTODISARM
  stack_t stack = {.ss_sp = malloc(65536), .ss_size = 65536, .ss_flags = disarm}, now;
  if (sigaltstack(&stack, NULL) < 0) die("sigaltstack");
  struct sigaction action = {.sa_handler = on_disarmed_stack, .sa_flags = SA_ONSTACK};
  sigaction(SIGUSR2, &action, NULL);
  raise(SIGUSR2);
  sigaltstack(NULL, &now);
  printf("and afterwards it is back: %s\n", yes_no(now.ss_sp == stack.ss_sp && now.ss_flags == disarm));
  stack.ss_flags = SS_DISABLE;
  sigaltstack(&stack, NULL);
  free(stack.ss_sp);
}

int main(void) {
  faults();
  mended_fault();
  alternate_stack();
  disarming_stack();
  nesting_and_masks();
  interrupted_calls();
  children();
  return 0;
}
