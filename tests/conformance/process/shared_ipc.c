// System V shared memory, semaphores and messages: shmget(2), shmat(2), semget(2),
// semop(2), msgget(2), msgop(2).
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>

#include "support.h"

static void case_shm_shared(struct verdict* v) {
  const int id = shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600);
  say(v, "%s", outcome(id));
  int* const words = shmat(id, NULL, 0);
  if (words == (void*)-1) {
    say(v, "%s", outcome(-1));
    return;
  }
  say(v, "%d", words[0]);
  const pid_t child = fork();
  if (child == 0) {
    words[0] = 42;
    int* const again = shmat(id, NULL, 0);
    again[1] = 43;
    _exit(again != words && again[0] == 42);
  }
  say(v, "%s", wait_text(child));
  say(v, "%d %d", words[0], words[1]);
  struct shmid_ds status;
  say(v, "%s", outcome(shmctl(id, IPC_STAT, &status)));
  say(v, "size %d attached %d", (int)status.shm_segsz, (int)status.shm_nattch);
  say(v, "creator %d mode %o", status.shm_cpid == getpid(), status.shm_perm.mode & 0777);
  say(v, "%s", outcome(shmctl(id, IPC_RMID, NULL)));
  words[2] = 3;
  say(v, "%s", outcome(shmdt(words)));
  say(v, "gone %s", outcome(shmctl(id, IPC_STAT, &status)));
}

// What munmap took out of an attachment, and what was mapped there, is no part of it.
static void case_shm_detach_pieces(struct verdict* v) {
  const size_t page = sysconf(_SC_PAGESIZE);
  const int id = shmget(IPC_PRIVATE, 4 * page, IPC_CREAT | 0600);
  char* const start = shmat(id, NULL, 0);
  shmctl(id, IPC_RMID, NULL);
  munmap(start, page);
  mmap(start + 2 * page, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  say(v, "not its start %s", outcome(shmdt(start + page)));
  say(v, "%s", outcome(shmdt(start)));
  unsigned char there[4];
  for (int i = 0; i < 4; ++i) say(v, "%d %s", i, outcome(mincore(start + i * page, page, there)));
  struct shmid_ds status;
  say(v, "gone %s", outcome(shmctl(id, IPC_STAT, &status)));
  say(v, "again %s", outcome(shmdt(start)));
}

static void case_shm_keys(struct verdict* v) {
  const key_t key = 0x5eed0000 + getpid();
  say(v, "missing %s", outcome(shmget(key, 100, 0600)));
  const int id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600);
  say(v, "%s", outcome(id));
  say(v, "exclusive %s", outcome(shmget(key, 100, IPC_CREAT | IPC_EXCL | 0600)));
  say(v, "same %d", shmget(key, 50, 0600) == id);
  say(v, "too large %s", outcome(shmget(key, 200, 0600)));
  shmctl(id, IPC_RMID, NULL);
  say(v, "afterwards %s", outcome(shmget(key, 100, 0600)));
}

static void case_shm_errors(struct verdict* v) {
  say(v, "%s", outcome(shmget(IPC_PRIVATE, 0, 0600)));
  const int id = shmget(IPC_PRIVATE, 4096, 0600);
  say(v, "%s", shmat(999999, NULL, 0) == (void*)-1 ? outcome(-1) : "ok");
  say(v, "unaligned %s", shmat(id, (void*)0x10000001, 0) == (void*)-1 ? outcome(-1) : "ok");
  say(v, "%s", outcome(shmdt((void*)0x10000000)));
  say(v, "%s", outcome(shmctl(id, 9999, NULL)));
  say(v, "%s", outcome(shmctl(999999, IPC_RMID, NULL)));
  shmctl(id, IPC_RMID, NULL);
}

static void case_shm_read_only(struct verdict* v) {
  const int id = shmget(IPC_PRIVATE, 4096, 0600);
  char* const at = shmat(id, NULL, SHM_RDONLY);
  if (at == (void*)-1) {
    say(v, "%s", outcome(-1));
    return;
  }
  say_load(v, at);
  say_store(v, at);
  shmctl(id, IPC_RMID, NULL);
}

static int operate(int id, int number, int operation, int flags) {
  struct sembuf one = {(unsigned short)number, (short)operation, (short)flags};
  return semop(id, &one, 1);
}

static void case_sem_operations(struct verdict* v) {
  const int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
  say(v, "%s", outcome(id));
  say(v, "%d", semctl(id, 0, GETVAL));
  say(v, "%s", outcome(operate(id, 0, 3, 0)));
  say(v, "%d", semctl(id, 0, GETVAL));
  say(v, "%s", outcome(operate(id, 0, -4, IPC_NOWAIT)));
  say(v, "%s", outcome(operate(id, 0, -2, IPC_NOWAIT)));
  say(v, "zero %s", outcome(operate(id, 0, 0, IPC_NOWAIT)));
  say(v, "%s", outcome(semctl(id, 1, SETVAL, 7)));
  struct sembuf both[2] = {{1, -7, IPC_NOWAIT}, {2, -1, IPC_NOWAIT}};
  say(v, "together %s", outcome(semop(id, both, 2)));
  say(v, "%d", semctl(id, 1, GETVAL));
  say(v, "pid %d", semctl(id, 0, GETPID) == getpid());
  say(v, "%s", outcome(semctl(id, 0, IPC_RMID)));
  say(v, "%s", outcome(semctl(id, 0, GETVAL)));
}

static void case_sem_waits(struct verdict* v) {
  const int id = semget(IPC_PRIVATE, 1, 0600);
  const pid_t child = fork();
  if (child == 0) _exit(operate(id, 0, -2, 0) == 0 ? 4 : 5);
  while (semctl(id, 0, GETNCNT) == 0 && waitpid(child, NULL, WNOHANG) == 0) sleep_milliseconds(1);
  say(v, "%s", outcome(operate(id, 0, 1, 0)));
  say(v, "still waits %d", waitpid(child, NULL, WNOHANG));
  operate(id, 0, 1, 0);
  say(v, "%s", wait_text(child));
  const pid_t other = fork();
  if (other == 0) _exit(operate(id, 0, -1, 0) < 0 && errno == EIDRM ? 6 : 7);
  while (semctl(id, 0, GETNCNT) == 0 && waitpid(other, NULL, WNOHANG) == 0) sleep_milliseconds(1);
  semctl(id, 0, IPC_RMID);
  say(v, "%s", wait_text(other));
}

static void case_sem_undo(struct verdict* v) {
  const int id = semget(IPC_PRIVATE, 1, 0600);
  semctl(id, 0, SETVAL, 5);
  const pid_t child = fork();
  if (child == 0) _exit(operate(id, 0, -3, SEM_UNDO));
  say(v, "%s", wait_text(child));
  say(v, "%d", semctl(id, 0, GETVAL));
  const struct timespec soon = {0, 2000000};
  struct sembuf more = {0, -6, 0};
  say(v, "%s", outcome(semtimedop(id, &more, 1, &soon)));
  semctl(id, 0, IPC_RMID);
}

static void case_sem_errors(struct verdict* v) {
  say(v, "%s", outcome(semget(IPC_PRIVATE, 0, 0600)));
  say(v, "%s", outcome(semget(IPC_PRIVATE, 100000, 0600)));
  const int id = semget(IPC_PRIVATE, 1, 0600);
  say(v, "%s", outcome(operate(id, 1, 1, 0)));
  say(v, "%s", outcome(operate(999999, 0, 1, 0)));
  say(v, "%s", outcome(semctl(id, 0, SETVAL, 40000)));
  say(v, "%s", outcome(semctl(id, 5, GETVAL)));
  semctl(id, 0, SETVAL, 32767);
  say(v, "%s", outcome(operate(id, 0, 1, 0)));
  say(v, "%s", outcome(semop(id, NULL, 0)));
  semctl(id, 0, IPC_RMID);
}

struct message {
  long type;
  char text[16];
};

static void case_messages(struct verdict* v) {
  const int id = msgget(IPC_PRIVATE, 0600);
  say(v, "%s", outcome(id));
  struct message one = {2, "two"}, two = {1, "one"}, three = {3, "three"}, in;
  msgsnd(id, &one, 4, 0), msgsnd(id, &two, 4, 0), msgsnd(id, &three, 6, 0);
  say(v, "%zd", msgrcv(id, &in, 16, 1, IPC_NOWAIT));
  say(v, "%s", in.text);
  say(v, "%zd", msgrcv(id, &in, 16, -3, IPC_NOWAIT));
  say(v, "%s", in.text);
  say(v, "%s", outcome(msgrcv(id, &in, 2, 0, IPC_NOWAIT)));
  say(v, "%zd", msgrcv(id, &in, 2, 0, IPC_NOWAIT | MSG_NOERROR));
  say(v, "%s", outcome(msgrcv(id, &in, 16, 0, IPC_NOWAIT)));
  one.type = 0;
  say(v, "%s", outcome(msgsnd(id, &one, 4, 0)));
  struct msqid_ds status;
  say(v, "%s", outcome(msgctl(id, IPC_STAT, &status)));
  say(v, "%d", (int)status.msg_qnum);
  say(v, "%s", outcome(msgctl(id, IPC_RMID, NULL)));
  say(v, "%s", outcome(msgrcv(id, &in, 16, 0, IPC_NOWAIT)));
}

static void case_messages_wait(struct verdict* v) {
  const int id = msgget(IPC_PRIVATE, 0600);
  struct message out = {1, "text"}, in;
  const pid_t child = fork();
  if (child == 0) {
    const int first = msgrcv(id, &in, 16, 5, 0) == 4;
    _exit(first && msgrcv(id, &in, 16, 7, 0) < 0 && errno == EIDRM ? 8 : 9);
  }
  sleep_milliseconds(10);
  msgsnd(id, &out, 4, 0);
  out.type = 5;
  msgsnd(id, &out, 4, 0);
  sleep_milliseconds(20);
  msgctl(id, IPC_RMID, NULL);
  say(v, "%s", wait_text(child));
}

static const struct conformance_case cases[] = {
    {"shm_shared", case_shm_shared},       {"shm_detach_pieces", case_shm_detach_pieces},
    {"shm_keys", case_shm_keys},           {"shm_errors", case_shm_errors},
    {"shm_read_only", case_shm_read_only}, {"sem_operations", case_sem_operations},
    {"sem_waits", case_sem_waits},         {"sem_undo", case_sem_undo},
    {"sem_errors", case_sem_errors},       {"messages", case_messages},
    {"messages_wait", case_messages_wait},
};

CONFORMANCE_MAIN(cases)
