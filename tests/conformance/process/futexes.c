// futex(2), set_robust_list(2), and the thread calls below pthreads.
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "support.h"

static uint32_t word, other;

static long futex(uint32_t* at, int operation, uint32_t value, const struct timespec* limit, uint32_t* second,
                  uint32_t third) {
  return syscall(SYS_futex, at, operation, value, limit, second, third);
}

static const struct timespec soon = {0, 5000000}, wrong = {0, -1}, past = {0, 1};

struct waiter {
  pthread_t thread;
  int operation;
  uint32_t bits;
  long answer;
  int error;
};

static volatile int waiting;
static void* wait_on_word(void* argument) {
  struct waiter* const self = argument;
  __atomic_add_fetch(&waiting, 1, __ATOMIC_SEQ_CST);
  self->answer = futex(&word, self->operation, 0, NULL, NULL, self->bits);
  self->error = errno;
  return NULL;
}

static void start(struct waiter* waiters, int count, int operation) {
  for (int i = 0; i < count; ++i) {
    waiters[i] = (struct waiter){.operation = operation, .bits = 1u << i};
    pthread_create(&waiters[i].thread, NULL, wait_on_word, &waiters[i]);
  }
  while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) < count) sleep_milliseconds(1);
  sleep_milliseconds(20);
}

static void join(struct waiter* waiters, int count) {
  for (int i = 0; i < count; ++i) pthread_join(waiters[i].thread, NULL);
}

static void case_futex_wait_errors(struct verdict* v) {
  say(v, "value %s", outcome(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0)));
  say(v, "aligned %s", outcome(futex((uint32_t*)((char*)&word + 1), FUTEX_WAIT, 0, NULL, NULL, 0)));
  say(v, "address %s", outcome(futex((uint32_t*)8, FUTEX_WAIT, 0, NULL, NULL, 0)));
  say(v, "limit address %s", outcome(futex(&word, FUTEX_WAIT, 0, (struct timespec*)8, NULL, 0)));
  say(v, "limit %s", outcome(futex(&word, FUTEX_WAIT, 0, &wrong, NULL, 0)));
  say(v, "bits %s", outcome(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0)));
  say(v, "operation %s", outcome(futex(&word, 77, 0, NULL, NULL, 0)));
}

static void case_futex_wait_limit(struct verdict* v) {
  say(v, "%s", outcome(futex(&word, FUTEX_WAIT, 0, &soon, NULL, 0)));
  say(v, "private %s", outcome(futex(&word, FUTEX_WAIT_PRIVATE, 0, &soon, NULL, 0)));
  say(v, "past %s", outcome(futex(&word, FUTEX_WAIT_BITSET, 0, &past, NULL, 1)));
  say(v, "past real time %s", outcome(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &past, NULL, 1)));
  say(v, "real time wait %s", outcome(futex(&word, FUTEX_WAIT | FUTEX_CLOCK_REALTIME, 0, &soon, NULL, 1)));
  say(v, "real time wake %s", outcome(futex(&word, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 1)));
}

static void case_futex_wake_nobody(struct verdict* v) {
  say(v, "%ld", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
  say(v, "aligned %s", outcome(futex((uint32_t*)((char*)&word + 1), FUTEX_WAKE, 0, NULL, NULL, 0)));
  say(v, "address %s", outcome(futex((uint32_t*)8, FUTEX_WAKE, 1, NULL, NULL, 0)));
  say(v, "private address %s", outcome(futex((uint32_t*)8, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0)));
  say(v, "bits %s", outcome(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0)));
}

static void case_futex_wake(struct verdict* v) {
  struct waiter waiters[4];
  start(waiters, 4, FUTEX_WAIT_PRIVATE);
  say(v, "%ld", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
  say(v, "%ld", futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
  say(v, "%ld", futex(&word, FUTEX_WAKE_PRIVATE, 2, NULL, NULL, 0));
  say(v, "%ld", futex(&word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0));
  join(waiters, 4);
  say(v, "%ld", waiters[0].answer);
}

static void case_futex_bits(struct verdict* v) {
  struct waiter waiters[3];
  start(waiters, 3, FUTEX_WAIT_BITSET);
  say(v, "%ld", futex(&word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 8));
  say(v, "%ld", futex(&word, FUTEX_WAKE_BITSET, INT_MAX, NULL, NULL, 5));
  say(v, "%ld", futex(&word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
  join(waiters, 3);
}

static void case_futex_requeue(struct verdict* v) {
  struct waiter waiters[4];
  start(waiters, 4, FUTEX_WAIT);
  say(v, "%ld", futex(&word, FUTEX_REQUEUE, 1, (struct timespec*)2, &other, 0));
  say(v, "%ld", futex(&other, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
  say(v, "value %s", outcome(futex(&word, FUTEX_CMP_REQUEUE, 0, (struct timespec*)9, &other, 1)));
  say(v, "%ld", futex(&word, FUTEX_CMP_REQUEUE, 0, (struct timespec*)9, &other, 0));
  say(v, "%ld", futex(&other, FUTEX_WAKE, INT_MAX, NULL, NULL, 0));
  join(waiters, 4);
  say(v, "negative %s", outcome(futex(&word, FUTEX_REQUEUE, (uint32_t)-1, (struct timespec*)1, &other, 0)));
  say(v, "negative %s", outcome(futex(&word, FUTEX_REQUEUE, 1, (struct timespec*)-1L, &other, 0)));
  say(v, "aligned %s", outcome(futex(&word, FUTEX_REQUEUE, 1, (struct timespec*)1, (uint32_t*)((char*)&other + 2), 0)));
}

static void case_futex_wake_operation(struct verdict* v) {
  static const struct {
    int operation, operand, comparison, compared;
  } tries[] = {{FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 12}, {FUTEX_OP_ADD, -1, FUTEX_OP_CMP_LT, 13},
               {FUTEX_OP_OR, 3, FUTEX_OP_CMP_NE, 12},  {FUTEX_OP_ANDN, 4, FUTEX_OP_CMP_GE, 12},
               {FUTEX_OP_XOR, 6, FUTEX_OP_CMP_GT, -2}, {FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 4, FUTEX_OP_CMP_LE, 0}};
  for (size_t i = 0; i < sizeof tries / sizeof *tries; ++i) {
    other = 12;
    const uint32_t packed = (uint32_t)FUTEX_OP(tries[i].operation, tries[i].operand & 0xfff, tries[i].comparison,
                                               tries[i].compared & 0xfff);
    say(v, "%ld", futex(&word, FUTEX_WAKE_OP, 1, (struct timespec*)1, &other, packed));
    say(v, "%u", other);
  }
  say(v, "operation %s", outcome(futex(&word, FUTEX_WAKE_OP, 1, (struct timespec*)1, &other, 7u << 28)));
  say(v, "comparison %s", outcome(futex(&word, FUTEX_WAKE_OP, 1, (struct timespec*)1, &other, 15u << 24)));
  say(v, "address %s", outcome(futex(&word, FUTEX_WAKE_OP, 1, (struct timespec*)1, (uint32_t*)8, 0)));
}

static void case_futex_between_processes(struct verdict* v) {
  uint32_t* const shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  const pid_t child = fork();
  if (child == 0) _exit(futex(shared, FUTEX_WAIT, 0, NULL, NULL, 0) == 0 ? 0 : 1);
  sleep_milliseconds(20);
  say(v, "private %ld", futex(shared, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
  say(v, "shared %ld", futex(shared, FUTEX_WAKE, 1, NULL, NULL, 0));
  say(v, "%s", wait_text(child));
}

static void count(int signal) { (void)signal; }
static void case_futex_interrupted(struct verdict* v) {
  static const int flags[] = {0, SA_RESTART};
  const struct timespec second = {1, 0};
  for (int i = 0; i < 2; ++i) {
    catch_signal(SIGALRM, count, flags[i]);
    const struct itimerval timer = {.it_value = {0, 5000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    say(v, "%s", outcome(futex(&word, FUTEX_WAIT, 0, i == 0 ? NULL : &second, NULL, 0)));
  }
}

// --- robust lists ---------------------------------------------------------------------------

static void case_robust_list_calls(struct verdict* v) {
  void* head = NULL;
  size_t length = 0;
  static struct robust_list_head own = {.list = {&own.list}};
  say(v, "size %s", outcome(syscall(SYS_set_robust_list, &own, 8)));
  say(v, "%s", outcome(syscall(SYS_set_robust_list, &own, sizeof own)));
  say(v, "%s", outcome(syscall(SYS_get_robust_list, 0, &head, &length)));
  say(v, "%d %zu", head == &own, length);
  say(v, "nobody %s", outcome(syscall(SYS_get_robust_list, 4000000, &head, &length)));
  say(v, "address %s", outcome(syscall(SYS_get_robust_list, 0, 8, &length)));
}

static void* die_with_lock(void* mutex) {
  pthread_mutex_lock(mutex);
  return NULL;
}

static void case_robust_mutex(struct verdict* v) {
  pthread_mutexattr_t attributes;
  pthread_mutex_t mutex;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&mutex, &attributes);
  pthread_t thread;
  pthread_create(&thread, NULL, die_with_lock, &mutex);
  pthread_join(thread, NULL);
  say(v, "%s", outcome_of(pthread_mutex_lock(&mutex)));
  say(v, "%s", outcome_of(pthread_mutex_consistent(&mutex)));
  pthread_mutex_unlock(&mutex);
  say(v, "%s", outcome_of(pthread_mutex_lock(&mutex)));
}

static void case_robust_mutex_between_processes(struct verdict* v) {
  pthread_mutexattr_t attributes;
  pthread_mutex_t* const mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(mutex, &attributes);
  const pid_t child = fork();
  if (child == 0) {
    pthread_mutex_lock(mutex);
    kill(getpid(), SIGKILL);
  }
  say(v, "%s", wait_text(child));
  say(v, "%s", outcome_of(pthread_mutex_lock(mutex)));
  pthread_mutex_unlock(mutex);
  say(v, "given up %s", outcome_of(pthread_mutex_lock(mutex)));
}

static void case_checking_mutex(struct verdict* v) {
  pthread_mutexattr_t attributes;
  pthread_mutex_t mutex;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
  say(v, "%s", outcome_of(pthread_mutex_init(&mutex, &attributes)));
  say(v, "%s", outcome_of(pthread_mutex_lock(&mutex)));
  say(v, "again %s", outcome_of(pthread_mutex_lock(&mutex)));
  say(v, "%s", outcome_of(pthread_mutex_unlock(&mutex)));
  say(v, "again %s", outcome_of(pthread_mutex_unlock(&mutex)));
}

static const struct conformance_case cases[] = {
    {"futex_wait_errors", case_futex_wait_errors},
    {"futex_wait_limit", case_futex_wait_limit},
    {"futex_wake_nobody", case_futex_wake_nobody},
    {"futex_wake", case_futex_wake},
    {"futex_bits", case_futex_bits},
    {"futex_requeue", case_futex_requeue},
    {"futex_wake_operation", case_futex_wake_operation},
    {"futex_between_processes", case_futex_between_processes},
    {"futex_interrupted", case_futex_interrupted},
    {"robust_list_calls", case_robust_list_calls},
    {"robust_mutex", case_robust_mutex},
    {"robust_mutex_between_processes", case_robust_mutex_between_processes},
    {"checking_mutex", case_checking_mutex},
};

CONFORMANCE_MAIN(cases)
