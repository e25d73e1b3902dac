// Locks in shared memory whose owner dies: the next one is told so and may put
// things right. Then futex operations that locks and condition variables use,
// straight from the kernel.
// Arguments: none. Binds: none.
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

struct shared {
  pthread_mutex_t lock, other;
  int value;
  uint32_t words[2];
};

static struct shared* shared;

static void result(const char* what, long value) {
  printf("%-44s %s\n", what, value < 0 ? strerrorname_np(errno) : "ok");
}

static const char* name(int error) { return error ? strerrorname_np(error) : "ok"; }

static void make_lock(pthread_mutex_t* lock) {
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(lock, &kind);
}

static void take_over(void) {
  int error = pthread_mutex_lock(&shared->lock);
  printf("%-44s %s, value %d\n", "the next owner", name(error), shared->value);
  if (error == EOWNERDEAD) pthread_mutex_consistent(&shared->lock);
  printf("%-44s %s\n", "unlock", name(pthread_mutex_unlock(&shared->lock)));
  printf("%-44s %s\n", "lock again", name(pthread_mutex_lock(&shared->lock)));
  pthread_mutex_unlock(&shared->lock);
}

// The owner ends, or runs another program, with two locks in its hands.
static void owner_dies(char* program) {
  pid_t child = fork_flushed();
  if (child == 0) {
    pthread_mutex_lock(&shared->other);
    pthread_mutex_lock(&shared->lock);
    shared->value = program ? 2 : 1;
    if (program) {
      char* const arguments[] = {program, "nothing", NULL};
      execv(program, arguments);
    }
    _exit(0);
  }
  wait_for(child);
  take_over();
  printf("%-44s %s\n", "the other lock", name(pthread_mutex_lock(&shared->other)));
  pthread_mutex_consistent(&shared->other);
  pthread_mutex_unlock(&shared->other);
}

// Who waits for the lock when its owner dies is woken.
static void a_waiter_is_woken(void) {
  int ready[2];
  char byte = 0;
  if (pipe(ready) < 0) die("pipe");
  pid_t owner = fork_flushed();
  if (owner == 0) {
    pthread_mutex_lock(&shared->lock);
    shared->value = 3;
    if (write(ready[1], &byte, 1) != 1) _exit(1);
    struct timespec nap = {.tv_nsec = 300000000};
    nanosleep(&nap, NULL);
    _exit(0);
  }
  if (read(ready[0], &byte, 1) != 1) die("read");
  take_over();
  wait_for(owner);
}

static long futex(uint32_t* word, int operation, uint32_t value, uint64_t timeout, uint32_t* other, uint32_t last) {
  return syscall(SYS_futex, word, operation, value, timeout, other, last);
}

static pid_t start_waiter(uint32_t* word) {
  pid_t child = fork_flushed();
  if (child == 0) _exit(futex(word, FUTEX_WAIT, *word, 0, NULL, 0) == 0 ? 5 : 6);
  return child;
}

static void wake_operations(void) {
  uint32_t *first = &shared->words[0], *second = &shared->words[1];
  *first = 10;
  *second = 20;
  pid_t one = start_waiter(first), two = start_waiter(second);
  struct timespec nap = {.tv_nsec = 300000000};
  nanosleep(&nap, NULL);
  long woken = futex(first, FUTEX_WAKE_OP, 1, 1, second, FUTEX_OP(FUTEX_OP_ADD, 7, FUTEX_OP_CMP_EQ, 20));
  printf("FUTEX_WAKE_OP wakes %ld, leaves %u\n", woken, *second);
  printf("they end with %d and %d\n", wait_for(one), wait_for(two));
  futex(first, FUTEX_WAKE_OP, 1, 1, second, FUTEX_OP(FUTEX_OP_ANDN, 3, FUTEX_OP_CMP_LT, 5));
  printf("and not: %u\n", *second);
  futex(first, FUTEX_WAKE_OP, 1, 1, second, FUTEX_OP((FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT), 9, FUTEX_OP_CMP_GE, -1));
  printf("set to a shifted one: %u\n", *second);
  result("an unknown comparison", futex(first, FUTEX_WAKE_OP, 1, 1, second, FUTEX_OP(FUTEX_OP_XOR, 1, 9, 0)));
  printf("the operation was made all the same: %u\n", *second);
  result("an unknown operation", futex(first, FUTEX_WAKE_OP, 1, 1, second, FUTEX_OP(6, 1, FUTEX_OP_CMP_EQ, 0)));
  result("a word that is not aligned", futex(first, FUTEX_WAKE_OP, 1, 1, (uint32_t*)((char*)second + 1), 0));

  *first = 1;
  one = start_waiter(first), two = start_waiter(first);
  nanosleep(&nap, NULL);
  result("FUTEX_CMP_REQUEUE, another value", futex(first, FUTEX_CMP_REQUEUE, 1, 1, second, 2));
  printf("FUTEX_CMP_REQUEUE wakes and moves %ld\n", futex(first, FUTEX_CMP_REQUEUE, 1, 1, second, 1));
  printf("%ld wait at the old place\n", futex(first, FUTEX_WAKE, 9, 0, NULL, 0));
  printf("%ld wait at the new one\n", futex(second, FUTEX_WAKE, 9, 0, NULL, 0));
  wait_for(one);
  wait_for(two);
  struct timespec past = {.tv_sec = 1};
  result("FUTEX_WAIT_BITSET for a moment gone by", futex(first, FUTEX_WAIT_BITSET, 1, (uintptr_t)&past, NULL, ~0u));
  result("FUTEX_WAIT_BITSET without bits", futex(first, FUTEX_WAIT_BITSET, 1, (uintptr_t)&past, NULL, 0));
}

int main(int argc, char** argv) {
  if (argc > 1) return 0;
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) die("mmap");
  make_lock(&shared->lock);
  make_lock(&shared->other);
  owner_dies(NULL);
  owner_dies(argv[0]);
  a_waiter_is_woken();
  wake_operations();
  return 0;
}
