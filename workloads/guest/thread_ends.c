// How threads end: cancelled, detached, with a lock, by exec, exit, a crash, one
// by one; and clone by hand. Prints only what does not depend on who runs when.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// --- cancellation and ends ---------------------------------------------------------------

static atomic_int cleaned;
static void clean(void* argument) {
  (void)argument;
  atomic_fetch_add(&cleaned, 1);
}

static void* cancelled(void* argument) {
  (void)argument;
  pthread_cleanup_push(clean, NULL);
  for (;;) pause();
  pthread_cleanup_pop(0);
  return NULL;
}

static void* nothing(void* argument) { return argument; }

static void ends(void) {
  pthread_t thread;
  void* result = NULL;
  pthread_create(&thread, NULL, cancelled, NULL);
  usleep(1000);
  pthread_cancel(thread);
  pthread_join(thread, &result);
  printf("ends: cancelled %d, cleaned %d", result == PTHREAD_CANCELED, atomic_load(&cleaned));
  int made = 0;
  for (int i = 0; i < 300; ++i) {
    if (pthread_create(&thread, NULL, nothing, NULL) != 0) break;
    pthread_detach(thread);
    if (i % 16 == 0) usleep(1000);
    ++made;
  }
  printf(", detached %d\n", made);
}

static pthread_mutex_t robust;
static void* dies_with_lock(void* argument) {
  pthread_mutex_lock(&robust);
  return argument;
}

static void robustness(void) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(&robust, &attributes);
  pthread_t thread;
  pthread_create(&thread, NULL, dies_with_lock, NULL);
  pthread_join(thread, NULL);
  const int locked = pthread_mutex_lock(&robust);
  pthread_mutex_consistent(&robust);
  pthread_mutex_unlock(&robust);
  printf("robustness: %s\n", locked == EOWNERDEAD ? "owner died" : "?");
}

// --- with other processes -----------------------------------------------------------------

static void* forks(void* argument) {
  const pid_t child = fork();
  if (child == 0) _exit(syscall(SYS_gettid) == getpid() ? 7 : 8);
  int status;
  waitpid(child, &status, 0);
  *(int*)argument = WEXITSTATUS(status);
  return NULL;
}

static void* spins(void* argument) {
  for (;;) atomic_fetch_add((atomic_int*)argument, 1);
  return NULL;
}

static char* self;
static void* execs(void* argument) {
  (void)argument;
  char pid[32];
  snprintf(pid, sizeof(pid), "%d", (int)getpid());
  execl(self, self, "after", pid, (char*)NULL);
  _exit(9);
}

static void* exits(void* argument) {
  (void)argument;
  usleep(1000);
  exit(11);
}

static void* quiet_exit(void* argument) {
  (void)argument;
  usleep(2000);
  _exit(12);
}

static void* lasts(void* argument) {
  (void)argument;
  usleep(2000);
  syscall(SYS_exit, 5);
  return NULL;
}

static void* crashes(void* argument) {
  usleep(1000);
  *(volatile int*)argument = 1;
  return NULL;
}

// A child process with a spinning, a sleeping and one special thread.
static int in_child(void* (*special)(void*), int main_leaves) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    static atomic_int turns;
    pthread_t thread;
    if (!main_leaves) pthread_create(&thread, NULL, cancelled, NULL);
    if (!main_leaves) pthread_create(&thread, NULL, spins, &turns);
    pthread_create(&thread, NULL, special, NULL);
    if (main_leaves) syscall(SYS_exit, 3);
    for (;;) pause();
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

static void processes(void) {
  pthread_t thread;
  int code = 0;
  pthread_create(&thread, NULL, forks, &code);
  pthread_join(thread, NULL);
  printf("processes: fork %d", code);
  int status = in_child(execs, 0);
  printf(", exec %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  status = in_child(exits, 0);
  printf(", exit %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  status = in_child(quiet_exit, 1);
  printf(", after main's end %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  status = in_child(lasts, 1);
  printf(", all by themselves %d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
  status = in_child(crashes, 0);
  printf(", crash by %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
}

static int fails(long result, int error) { return result == -1 && errno == error; }

static char child_stack[65536] __attribute__((aligned(16)));
static int changes_action(void* argument) {
  (void)argument;
  signal(SIGUSR2, SIG_IGN);
  return 0;
}

// What clone refuses, numbers that name no thread, and a process that shares the
// memory and the signal actions without being a thread.
static void by_hand(void) {
  printf("by hand: refused %d%d", fails(syscall(SYS_clone, CLONE_THREAD | CLONE_VM, 0, 0, 0, 0), EINVAL),
         fails(syscall(SYS_clone, CLONE_SIGHAND, 0, 0, 0, 0), EINVAL));
  printf(", no such thread %d%d%d", fails(syscall(SYS_tgkill, getpid(), 32000000, SIGUSR1), ESRCH),
         fails(syscall(SYS_tgkill, getppid(), getpid(), SIGUSR1), ESRCH),
         fails(syscall(SYS_tgkill, getpid(), getpid(), 65), EINVAL));
  fflush(stdout);
  const pid_t child = clone(changes_action, child_stack + sizeof(child_stack),
                            CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD, NULL);
  int status = -1;
  waitpid(child, &status, 0);
  struct sigaction action;
  sigaction(SIGUSR2, NULL, &action);
  printf(", shared actions %d", status == 0 && action.sa_handler == SIG_IGN);
}

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "after") == 0) {
    return atoi(argv[2]) == getpid() && syscall(SYS_gettid) == getpid() ? 21 : 22;
  }
  self = argv[0];
  ends();
  robustness();
  processes();
  by_hand();
  puts("");
  return 0;
}
