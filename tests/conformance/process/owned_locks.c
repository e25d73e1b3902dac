// Locks whose word says who owns them: FUTEX_LOCK_PI and its relatives (futex(2)), and what
// pthreads makes of them.
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>

#include "support.h"

static uint32_t word;

static long lock_call(int operation, const struct timespec* until) {
  return syscall(SYS_futex, &word, operation, 0, until, NULL, 0);
}

static void case_one_thread(struct verdict* v) {
  say(v, "%s", outcome(lock_call(FUTEX_LOCK_PI, NULL)));
  say(v, "own %d", word == (uint32_t)gettid());
  say(v, "again %s", outcome(lock_call(FUTEX_LOCK_PI, NULL)));
  say(v, "try %s", outcome(lock_call(FUTEX_TRYLOCK_PI, NULL)));
  say(v, "%s", outcome(lock_call(FUTEX_UNLOCK_PI, NULL)));
  say(v, "free %u", word);
  say(v, "twice %s", outcome(lock_call(FUTEX_UNLOCK_PI, NULL)));
  word = 0x3ffffff0;
  say(v, "nobody's %s", outcome(lock_call(FUTEX_LOCK_PI, NULL)));
  say(v, "aligned %s", outcome(syscall(SYS_futex, (char*)&word + 1, FUTEX_LOCK_PI, 0, NULL, NULL, 0)));
  say(v, "address %s", outcome(syscall(SYS_futex, 8, FUTEX_LOCK_PI, 0, NULL, NULL, 0)));
  const struct timespec wrong = {0, 1000000000};
  say(v, "time %s", outcome(lock_call(FUTEX_LOCK_PI, &wrong)));
}

static void* hold_for_a_while(void* unused) {
  (void)unused;
  lock_call(FUTEX_LOCK_PI, NULL);
  sleep_milliseconds(20);
  lock_call(FUTEX_UNLOCK_PI, NULL);
  return NULL;
}

static void case_passed_on(struct verdict* v) {
  pthread_t other;
  pthread_create(&other, NULL, hold_for_a_while, NULL);
  while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0) sched_yield();
  say(v, "try %s", outcome(lock_call(FUTEX_TRYLOCK_PI, NULL)));
  const struct timespec past = {1, 0};
  say(v, "late %s", outcome(lock_call(FUTEX_LOCK_PI, &past)));
  say(v, "%s", outcome(lock_call(FUTEX_LOCK_PI, NULL)));
  say(v, "own %d", (word & FUTEX_TID_MASK) == (uint32_t)gettid());
  pthread_join(other, NULL);
  say(v, "%s", outcome(lock_call(FUTEX_UNLOCK_PI, NULL)));
}

static pthread_mutex_t mutex;
static int counter;

static void* count_up(void* unused) {
  (void)unused;
  for (int i = 0; i < 200; ++i) {
    pthread_mutex_lock(&mutex);
    const int seen = counter;
    if (i % 50 == 0) sched_yield();
    counter = seen + 1;
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void make_mutex(struct verdict* v, int robust) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  say(v, "%s", outcome_of(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT)));
  if (robust) pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  say(v, "%s", outcome_of(pthread_mutex_init(&mutex, &attributes)));
}

static void case_mutex(struct verdict* v) {
  make_mutex(v, 0);
  pthread_t others[3];
  for (int i = 0; i < 3; ++i) pthread_create(&others[i], NULL, count_up, NULL);
  for (int i = 0; i < 3; ++i) pthread_join(others[i], NULL);
  say(v, "%d", counter);
  pthread_mutex_lock(&mutex);
  say(v, "%s", outcome_of(pthread_mutex_trylock(&mutex)));
}

static volatile int locked;

static void* leave_locked(void* unused) {
  (void)unused;
  pthread_mutex_lock(&mutex);
  locked = 1;
  sleep_milliseconds(20);
  return NULL;
}

static void case_owner_died(struct verdict* v) {
  make_mutex(v, 1);
  pthread_t other;
  pthread_create(&other, NULL, leave_locked, NULL);
  while (!locked) sched_yield();
  say(v, "%s", outcome_of(pthread_mutex_lock(&mutex)));
  say(v, "%s", outcome_of(pthread_mutex_consistent(&mutex)));
  say(v, "%s", outcome_of(pthread_mutex_unlock(&mutex)));
  say(v, "%s", outcome_of(pthread_mutex_lock(&mutex)));
  pthread_join(other, NULL);
}

// Without a list of robust locks: the kernel itself knows who waits for whom.
static void* leave_word_locked(void* unused) {
  (void)unused;
  lock_call(FUTEX_LOCK_PI, NULL);
  sleep_milliseconds(20);
  return NULL;
}

static void case_owner_ended(struct verdict* v) {
  pthread_t other;
  pthread_create(&other, NULL, leave_word_locked, NULL);
  while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0) sched_yield();
  say(v, "%s", outcome(lock_call(FUTEX_LOCK_PI, NULL)));
  say(v, "own %d", (word & FUTEX_TID_MASK) == (uint32_t)gettid());
  say(v, "bits %x", word & ~FUTEX_TID_MASK);
  pthread_join(other, NULL);
  say(v, "%s", outcome(lock_call(FUTEX_UNLOCK_PI, NULL)));
  say(v, "free %u", word);
}

static void case_owner_is_gone(struct verdict* v) {
  uint32_t* const shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t child = fork();
  if (child == 0) {
    syscall(SYS_futex, shared, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    _exit(0);
  }
  siginfo_t info;
  waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
  say(v, "zombie's %s", outcome(syscall(SYS_futex, shared, FUTEX_LOCK_PI, 0, NULL, NULL, 0)));
  say(v, "%s", wait_text(child));
  say(v, "nobody's %s", outcome(syscall(SYS_futex, shared, FUTEX_LOCK_PI, 0, NULL, NULL, 0)));
}

static const struct conformance_case cases[] = {
    {"one_thread", case_one_thread}, {"passed_on", case_passed_on},     {"mutex", case_mutex},
    {"owner_died", case_owner_died}, {"owner_ended", case_owner_ended}, {"owner_is_gone", case_owner_is_gone},
};

CONFORMANCE_MAIN(cases)
