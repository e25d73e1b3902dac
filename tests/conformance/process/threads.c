// Programs with threads: pthreads(7), as far as the kernel has a part in them.
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "support.h"

#define THREADS 4
#define ROUNDS 2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static volatile long counter;
static pthread_t threads[THREADS];

static void run(void* (*body)(void*)) {
  for (long i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, body, (void*)i);
  for (int i = 0; i < THREADS; ++i) pthread_join(threads[i], NULL);
}

static void* add_locked(void* argument) {
  for (int i = 0; i < ROUNDS; ++i) {
    pthread_mutex_lock(&mutex);
    ++counter;
    if (i % 64 == 0) sched_yield();
    pthread_mutex_unlock(&mutex);
  }
  return argument;
}

static void case_mutex(struct verdict* v) {
  run(add_locked);
  say(v, "%ld", counter);
  say(v, "%s", outcome_of(pthread_mutex_trylock(&mutex)));
  say(v, "again %s", outcome_of(pthread_mutex_trylock(&mutex)));
}

static void* take_turns(void* argument) {
  for (int i = 0; i < 100; ++i) {
    pthread_mutex_lock(&mutex);
    while (counter % THREADS != (long)argument) pthread_cond_wait(&condition, &mutex);
    ++counter;
    pthread_cond_broadcast(&condition);
    pthread_mutex_unlock(&mutex);
  }
  return NULL;
}

static void case_condition(struct verdict* v) {
  run(take_turns);
  say(v, "%ld", counter);
  struct timespec soon;
  clock_gettime(CLOCK_REALTIME, &soon);
  soon.tv_nsec += 2000000;
  if (soon.tv_nsec >= 1000000000) soon.tv_nsec -= 1000000000, ++soon.tv_sec;
  pthread_mutex_lock(&mutex);
  say(v, "%s", outcome_of(pthread_cond_timedwait(&condition, &mutex, &soon)));
}

static pthread_barrier_t barrier;
static volatile int serial, wrong;
static void* meet(void* argument) {
  for (int i = 1; i <= 50; ++i) {
    __atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
    if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
      __atomic_add_fetch(&serial, 1, __ATOMIC_SEQ_CST);
    if (counter < i * THREADS) wrong = 1;
    pthread_barrier_wait(&barrier);
  }
  return argument;
}

static void case_barrier(struct verdict* v) {
  pthread_barrier_init(&barrier, NULL, THREADS);
  run(meet);
  say(v, "%ld serial %d wrong %d", counter, serial, wrong);
}

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static volatile int inside;
static void* read_and_write(void* argument) {
  for (int i = 0; i < 300; ++i) {
    if (i % 3 == 0) {
      pthread_rwlock_wrlock(&rwlock);
      if (__atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST) != 1) wrong = 1;
      ++counter;
      sched_yield();
      __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
    } else {
      pthread_rwlock_rdlock(&rwlock);
      if (inside) wrong = 1;
    }
    pthread_rwlock_unlock(&rwlock);
  }
  return argument;
}

static void case_read_write_lock(struct verdict* v) {
  run(read_and_write);
  say(v, "%ld wrong %d", counter, wrong);
  pthread_rwlock_rdlock(&rwlock);
  say(v, "%s", outcome_of(pthread_rwlock_trywrlock(&rwlock)));
  say(v, "%s", outcome_of(pthread_rwlock_tryrdlock(&rwlock)));
}

static sem_t semaphore, room;
static void* produce_or_consume(void* argument) {
  for (int i = 0; i < 200; ++i) {
    if ((long)argument % 2 == 0) {
      sem_wait(&room);
      sem_post(&semaphore);
    } else {
      sem_wait(&semaphore);
      __atomic_add_fetch(&counter, 1, __ATOMIC_SEQ_CST);
      sem_post(&room);
    }
  }
  return NULL;
}

static void case_semaphore(struct verdict* v) {
  sem_init(&semaphore, 0, 0);
  sem_init(&room, 0, 3);
  run(produce_or_consume);
  int value = -1;
  sem_getvalue(&room, &value);
  say(v, "%ld %d", counter, value);
  say(v, "%s", outcome(sem_trywait(&semaphore)));
  struct timespec past = {1, 0};
  say(v, "%s", outcome(sem_timedwait(&semaphore, &past)));
}

static void case_semaphore_between_processes(struct verdict* v) {
  sem_t* const shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  sem_init(shared, 1, 0);
  const pid_t child = fork();
  if (child == 0) _exit(sem_wait(shared) == 0 ? 3 : 4);
  sleep_milliseconds(10);
  sem_post(shared);
  say(v, "%s", wait_text(child));
}

static __thread long own = 5;
static void* change_own(void* argument) {
  own += (long)argument;
  sched_yield();
  return (void*)own;
}

static pthread_key_t key;
static volatile int destroyed;
static void destroy(void* value) { destroyed += value != NULL; }
static void* set_specific(void* argument) {
  static char mark;
  pthread_setspecific(key, &mark);
  return argument;
}

static void case_thread_storage(struct verdict* v) {
  void* answer[THREADS];
  for (long i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, change_own, (void*)(i + 1));
  for (int i = 0; i < THREADS; ++i) {
    pthread_join(threads[i], &answer[i]);
    say(v, "%ld", (long)answer[i]);
  }
  say(v, "here %ld", own);
  pthread_key_create(&key, destroy);
  run(set_specific);
  say(v, "destroyed %d", destroyed);
}

static void clean_up(void* argument) { ++*(volatile long*)argument; }
static void* wait_forever(void* argument) {
  pthread_cleanup_push(clean_up, (void*)&counter);
  if (argument) {
    for (;;) pause();
  }
  pthread_mutex_lock(&mutex);
  while (1) pthread_cond_wait(&condition, &mutex);
  pthread_cleanup_pop(0);
  return NULL;
}

static void case_cancellation(struct verdict* v) {
  void* result = NULL;
  pthread_create(&threads[0], NULL, wait_forever, (void*)&counter);
  sleep_milliseconds(5);
  say(v, "%s", outcome_of(pthread_cancel(threads[0])));
  pthread_join(threads[0], &result);
  say(v, "%d cleaned %ld", result == PTHREAD_CANCELED, counter);
  pthread_create(&threads[1], NULL, wait_forever, NULL);
  sleep_milliseconds(5);
  pthread_cancel(threads[1]);
  pthread_join(threads[1], &result);
  say(v, "%d cleaned %ld", result == PTHREAD_CANCELED, counter);
  say(v, "mutex %s", outcome_of(pthread_mutex_trylock(&mutex)));
}

static volatile int prepared, in_parent, in_child;
static void prepare(void) { prepared = 1; }
static void after_in_parent(void) { in_parent = 1; }
static void after_in_child(void) { in_child = 1; }

static void case_atfork(struct verdict* v) {
  pthread_atfork(prepare, after_in_parent, after_in_child);
  const pid_t child = fork();
  if (child == 0) _exit(prepared + 2 * in_parent + 4 * in_child);
  say(v, "%s", wait_text(child));
  say(v, "%d %d %d", prepared, in_parent, in_child);
}

static void* sleep_long(void* argument) {
  sleep_milliseconds(5000);
  return argument;
}

static void case_exit_ends_all(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    for (int i = 0; i < THREADS; ++i) pthread_create(&threads[i], NULL, sleep_long, NULL);
    _exit(3);
  }
  say(v, "%s", wait_text(child));
}

static void* fork_in_thread(void* argument) {
  const pid_t child = fork();
  if (child == 0) _exit((int)syscall(SYS_gettid) == getpid() ? 4 : 5);
  *(pid_t*)argument = child;
  return NULL;
}

static void case_fork_in_thread(struct verdict* v) {
  pid_t child = 0;
  pthread_create(&threads[0], NULL, fork_in_thread, &child);
  pthread_join(threads[0], NULL);
  say(v, "%s", wait_text(child));
}

static void* exec_in_thread(void* argument) {
  execl("/proc/self/exe", "program", (char*)argument, NULL);
  return NULL;
}

__attribute__((constructor)) static void answer_exec(int count, char** arguments) {
  if (count != 2 || strncmp(arguments[1], "--pid=", 6) != 0) return;
  _exit(atoi(arguments[1] + 6) == getpid() && getpid() == (int)syscall(SYS_gettid) ? 21 : 22);
}

static void case_exec_in_thread(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    static char text[32];
    snprintf(text, sizeof text, "--pid=%d", getpid());
    for (int i = 0; i < 2; ++i) pthread_create(&threads[i], NULL, sleep_long, NULL);
    pthread_create(&threads[2], NULL, exec_in_thread, text);
    for (;;) pause();
  }
  say(v, "%s", wait_text(child));
}

static void* leave_later(void* argument) {
  (void)argument;
  sleep_milliseconds(20);
  _exit(17);
}

static void case_first_thread_leaves(struct verdict* v) {
  int ends[2];
  if (pipe(ends)) abort();
  const pid_t child = fork();
  if (child == 0) {
    pthread_create(&threads[0], NULL, leave_later, NULL);
    syscall(SYS_exit, 5);
  }
  say(v, "alive %d", waitpid(child, NULL, WNOHANG));
  say(v, "%s", wait_text(child));
}

static volatile int heard_by;
static pid_t own_tid(void) { return (pid_t)syscall(SYS_gettid); }
static void remember_thread(int signal) {
  (void)signal;
  heard_by = own_tid();
}

static volatile pid_t thread_tid;
static void* wait_for_signal(void* argument) {
  thread_tid = own_tid();
  while (!heard_by) sleep_milliseconds(1);
  return argument;
}

static void case_directed_signal(struct verdict* v) {
  catch_signal(SIGUSR1, remember_thread, 0);
  pthread_create(&threads[0], NULL, wait_for_signal, NULL);
  while (!thread_tid) sleep_milliseconds(1);
  say(v, "%s", outcome_of(pthread_kill(threads[0], SIGUSR1)));
  pthread_join(threads[0], NULL);
  say(v, "%s", heard_by == thread_tid ? "thread" : "other");
}

static void case_process_signal_finds_thread(struct verdict* v) {
  catch_signal(SIGUSR1, remember_thread, 0);
  pthread_create(&threads[0], NULL, wait_for_signal, NULL);
  while (!thread_tid) sleep_milliseconds(1);
  const sigset_t set = set_of(SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  kill(getpid(), SIGUSR1);
  pthread_join(threads[0], NULL);
  say(v, "%s", heard_by == thread_tid ? "thread" : "other");
}

static void* die(void* argument) {
  (void)argument;
  raise(SIGTERM);
  return NULL;
}

static void case_thread_kills_process(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    pthread_create(&threads[0], NULL, die, NULL);
    for (;;) pause();
  }
  say(v, "%s", wait_text(child));
}

static void case_task_directory(struct verdict* v) {
  pthread_create(&threads[0], NULL, wait_for_signal, NULL);
  while (!thread_tid) sleep_milliseconds(1);
  DIR* const directory = opendir("/proc/self/task");
  if (!directory) {
    say(v, "%s", outcome(-1));
    return;
  }
  int found = 0, own_found = 0, other_found = 0;
  for (struct dirent* entry; (entry = readdir(directory));) {
    if (entry->d_name[0] == '.') continue;
    ++found;
    own_found |= atoi(entry->d_name) == getpid();
    other_found |= atoi(entry->d_name) == thread_tid;
  }
  say(v, "%d own %d other %d", found, own_found, other_found);
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", thread_tid);
  FILE* const file = fopen(path, "r");
  say(v, "%d", file && fgets(text, sizeof text, file) && atoi(text) == thread_tid);
  snprintf(path, sizeof path, "/proc/self/task/%d", getppid());
  say(v, "stranger %s", outcome(access(path, F_OK)));
  struct stat status;
  say(v, "%s", outcome(stat("/proc/self/task", &status)));
  say(v, "links %d", (int)status.st_nlink);
}

static const struct conformance_case cases[] = {
    {"mutex", case_mutex},
    {"condition", case_condition},
    {"barrier", case_barrier},
    {"read_write_lock", case_read_write_lock},
    {"semaphore", case_semaphore},
    {"semaphore_between_processes", case_semaphore_between_processes},
    {"thread_storage", case_thread_storage},
    {"cancellation", case_cancellation},
    {"atfork", case_atfork},
    {"exit_ends_all", case_exit_ends_all},
    {"fork_in_thread", case_fork_in_thread},
    {"exec_in_thread", case_exec_in_thread},
    {"first_thread_leaves", case_first_thread_leaves},
    {"directed_signal", case_directed_signal},
    {"process_signal_finds_thread", case_process_signal_finds_thread},
    {"thread_kills_process", case_thread_kills_process},
    {"task_directory", case_task_directory},
};

CONFORMANCE_MAIN(cases)
