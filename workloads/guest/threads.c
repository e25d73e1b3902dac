// Threads that work together: mutexes, conditions, barriers, semaphores, signals,
// names. Prints only what does not depend on who runs when.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { kThreads = 8, kRounds = 2000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ready = PTHREAD_COND_INITIALIZER;
static long guarded;
static atomic_long unguarded;
static _Thread_local long own;

static void* count(void* argument) {
  for (int i = 0; i < kRounds; ++i) {
    pthread_mutex_lock(&mutex);
    ++guarded;
    pthread_mutex_unlock(&mutex);
    atomic_fetch_add(&unguarded, 1);
    ++own;
    if (i % 256 == 0) sched_yield();
  }
  return (void*)(own * 10 + (long)(intptr_t)argument);
}

static void counting(void) {
  pthread_t threads[kThreads];
  long sum = 0;
  for (long i = 0; i < kThreads; ++i) pthread_create(&threads[i], NULL, count, (void*)(intptr_t)i);
  for (int i = 0; i < kThreads; ++i) {
    void* result;
    pthread_join(threads[i], &result);
    sum += (long)(intptr_t)result;
  }
  printf("counting: %ld %ld, results %ld, main's own %ld\n", guarded, atomic_load(&unguarded), sum, own);
}

// --- a bounded queue between makers and takers --------------------------------------

static struct {
  int slots[4];
  int first, used, ended;
} queue;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;

static void* make(void* argument) {
  const int base = (int)(intptr_t)argument * 1000;
  for (int i = 0; i < 500; ++i) {
    pthread_mutex_lock(&mutex);
    while (queue.used == 4) pthread_cond_wait(&room, &mutex);
    queue.slots[(queue.first + queue.used++) % 4] = base + i;
    pthread_cond_signal(&ready);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void* take(void* argument) {
  long* sum = argument;
  for (;;) {
    pthread_mutex_lock(&mutex);
    while (queue.used == 0 && !queue.ended) pthread_cond_wait(&ready, &mutex);
    if (queue.used == 0) break;
    *sum += queue.slots[queue.first];
    queue.first = (queue.first + 1) % 4;
    --queue.used;
    pthread_cond_signal(&room);
    pthread_mutex_unlock(&mutex);
  }
  pthread_mutex_unlock(&mutex);
  return NULL;
}

static void queueing(void) {
  pthread_t makers[3], takers[3];
  long sums[3] = {0};
  for (long i = 0; i < 3; ++i) pthread_create(&takers[i], NULL, take, &sums[i]);
  for (long i = 0; i < 3; ++i) pthread_create(&makers[i], NULL, make, (void*)(intptr_t)i);
  for (int i = 0; i < 3; ++i) pthread_join(makers[i], NULL);
  pthread_mutex_lock(&mutex);
  queue.ended = 1;
  pthread_cond_broadcast(&ready);
  pthread_mutex_unlock(&mutex);
  for (int i = 0; i < 3; ++i) pthread_join(takers[i], NULL);
  printf("queueing: %ld\n", sums[0] + sums[1] + sums[2]);
}

// --- barrier, rwlock, semaphore, once, keys, time limits ------------------------------

static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static sem_t semaphore;
static atomic_int inits, destroyed, serial;
static long phases[4];

static void init(void) { atomic_fetch_add(&inits, 1); }
static void destroy(void* value) { atomic_fetch_add(&destroyed, (int)(intptr_t)value); }

static void* work(void* argument) {
  pthread_once(&once, init);
  pthread_setspecific(key, argument);
  for (int phase = 0; phase < 4; ++phase) {
    pthread_rwlock_rdlock(&rwlock);
    const long seen = phase == 0 ? 0 : phases[phase - 1];
    pthread_rwlock_unlock(&rwlock);
    if (phase > 0 && seen != 4) printf("barrier leaks\n");
    pthread_rwlock_wrlock(&rwlock);
    ++phases[phase];
    pthread_rwlock_unlock(&rwlock);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD) atomic_fetch_add(&serial, 1);
  }
  sem_post(&semaphore);
  return NULL;
}

static void meeting(void) {
  pthread_t threads[4];
  pthread_barrier_init(&barrier, NULL, 4);
  pthread_key_create(&key, destroy);
  sem_init(&semaphore, 0, 0);
  for (long i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, work, (void*)(intptr_t)(i + 1));
  for (int i = 0; i < 4; ++i) sem_wait(&semaphore);
  for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  struct timespec until;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += 2000000;
  if (until.tv_nsec >= 1000000000) until.tv_sec += 1, until.tv_nsec -= 1000000000;
  const int late = sem_timedwait(&semaphore, &until);
  printf("meeting: once %d, serial %d, destroyed %d, timed out %d\n", atomic_load(&inits), atomic_load(&serial),
         atomic_load(&destroyed), late == -1 && errno == ETIMEDOUT);
}

// --- signals --------------------------------------------------------------------------

static atomic_int handled_by, handled;
static void handler(int signal) {
  (void)signal;
  atomic_store(&handled_by, (int)syscall(SYS_gettid));
  atomic_fetch_add(&handled, 1);
}

static void* sleeper(void* argument) {
  atomic_int* tid = argument;
  atomic_store(tid, (int)syscall(SYS_gettid));
  while (atomic_load(&handled) == 0) usleep(1000);
  return NULL;
}

static void* waiter(void* argument) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  int got = 0;
  sigwait(&set, &got);
  *(int*)argument = got;
  return NULL;
}

static void* faulter(void* argument) {
  (void)argument;
  return NULL;
}

static void signals(void) {
  struct sigaction action = {.sa_handler = handler};
  sigaction(SIGUSR1, &action, NULL);
  pthread_t thread;
  atomic_int tid = 0;
  pthread_create(&thread, NULL, sleeper, &tid);
  while (atomic_load(&tid) == 0) sched_yield();
  pthread_kill(thread, SIGUSR1);
  pthread_join(thread, NULL);
  printf("signals: own thread %d", atomic_load(&handled_by) == atomic_load(&tid));

  sigset_t block, old;
  sigemptyset(&block);
  sigaddset(&block, SIGUSR1);
  sigaddset(&block, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &block, &old);
  int got = 0;
  pthread_create(&thread, NULL, waiter, &got);
  kill(getpid(), SIGUSR2);
  pthread_join(thread, NULL);
  printf(", sigwait %d", got == SIGUSR2);
  // Blocked everywhere: waits until the main thread wants it.
  kill(getpid(), SIGUSR1);
  pthread_create(&thread, NULL, faulter, NULL);
  pthread_join(thread, NULL);
  const int before = atomic_load(&handled);
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  printf(", blocked %d then %d\n", before, atomic_load(&handled));
}

static void* names(void* argument) {
  prctl(PR_SET_NAME, "worker");
  char name[16];
  prctl(PR_GET_NAME, name);
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  *(int*)argument = strcmp(name, "worker") == 0 && time.tv_sec == 0;
  return NULL;
}

int main(void) {
  counting();
  queueing();
  meeting();
  signals();
  pthread_t thread;
  int named = 0;
  pthread_create(&thread, NULL, names, &named);
  pthread_join(thread, NULL);
  char name[16];
  prctl(PR_GET_NAME, name);
  printf("names: %d, main's is %s\n", named, strcmp(name, "worker") == 0 ? "changed" : "its own");
  return 0;
}
