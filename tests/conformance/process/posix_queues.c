// Message queues with priorities: mq_overview(7), mq_open(3), mq_send(3), mq_receive(3),
// mq_notify(3).
#include <mqueue.h>
#include <poll.h>
#include <sys/resource.h>

#include "support.h"

static mqd_t queue;
static const char* const name = "/faultline-queue";

static int begin(struct verdict* v, int flags, long messages, long bytes) {
  become_user();
  mq_unlink(name);
  struct mq_attr attributes = {.mq_maxmsg = messages, .mq_msgsize = bytes};
  queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL | flags, 0600, &attributes);
  if (queue == (mqd_t)-1) unsupported(v, "no message queues");
  return queue != (mqd_t)-1;
}
static void end(void) { mq_unlink(name); }

static void say_receive(struct verdict* v) {
  char got[64] = {0};
  unsigned priority = 99;
  const ssize_t bytes = mq_receive(queue, got, sizeof got, &priority);
  if (bytes < 0) {
    say(v, "%s", outcome(-1));
  } else {
    say(v, "%zd:%s:%u", bytes, got, priority);
  }
}

static void case_priorities(struct verdict* v) {
  if (!begin(v, O_NONBLOCK, 5, 64)) return;
  say(v, "%s", outcome(mq_send(queue, "low", 3, 1)));
  mq_send(queue, "high", 4, 9);
  mq_send(queue, "second", 6, 9);
  mq_send(queue, "", 0, 0);
  struct mq_attr now;
  say(v, "%s", outcome(mq_getattr(queue, &now)));
  say(v, "%ld %ld %ld %d", now.mq_maxmsg, now.mq_msgsize, now.mq_curmsgs, now.mq_flags == O_NONBLOCK);
  for (int i = 0; i < 5; ++i) say_receive(v);
  for (int i = 0; i < 5; ++i) mq_send(queue, "x", 1, 0);
  say(v, "full %s", outcome(mq_send(queue, "x", 1, 0)));
  end();
}

static void case_open_errors(struct verdict* v) {
  if (!begin(v, 0, 5, 64)) return;
  say(v, "exclusive %s", outcome(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL)));
  say(v, "again %s", outcome(mq_open(name, O_RDONLY)));
  say(v, "missing %s", outcome(mq_open("/faultline-none", O_RDWR)));
  say(v, "slashes %s", outcome(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL)));
  say(v, "no slash %s", outcome(mq_open("a", O_RDWR | O_CREAT, 0600, NULL)));
  char longest[400];
  memset(longest, 'n', sizeof longest);
  longest[0] = '/', longest[399] = 0;
  say(v, "long %s", outcome(mq_open(longest, O_RDWR | O_CREAT, 0600, NULL)));
  struct mq_attr wrong = {.mq_maxmsg = 0, .mq_msgsize = 10};
  say(v, "none %s", outcome(mq_open("/faultline-none", O_RDWR | O_CREAT, 0600, &wrong)));
  wrong = (struct mq_attr){.mq_maxmsg = 10, .mq_msgsize = -1};
  say(v, "negative %s", outcome(mq_open("/faultline-none", O_RDWR | O_CREAT, 0600, &wrong)));
  say(v, "unlink %s", outcome(mq_unlink("/faultline-none")));
  say(v, "%s", outcome(mq_unlink(name)));
  say(v, "gone %s", outcome(mq_open(name, O_RDWR)));
  say(v, "still %s", outcome(mq_send(queue, "x", 1, 0)));
}

static void case_message_errors(struct verdict* v) {
  if (!begin(v, O_NONBLOCK, 5, 64)) return;
  char got[64];
  say(v, "large %s", outcome(mq_send(queue, got, 65, 0)));
  say(v, "small %s", outcome(mq_receive(queue, got, 63, NULL)));
  say(v, "priority %s", outcome(mq_send(queue, got, 1, 32768)));
  say(v, "closed %s", outcome(mq_send((mqd_t)900, got, 1, 0)));
  say(v, "other %s", outcome(mq_send((mqd_t)0, got, 1, 0)));
  const mqd_t reader = mq_open(name, O_RDONLY), writer = mq_open(name, O_WRONLY);
  say(v, "reader %s", outcome(mq_send(reader, got, 1, 0)));
  say(v, "writer %s", outcome(mq_receive(writer, got, 64, NULL)));
  struct timespec wrong = {0, -1};
  say(v, "time %s", outcome(mq_timedsend(queue, got, 1, 0, &wrong)));
  struct mq_attr flags = {.mq_flags = 0777777};
  say(v, "flags %s", outcome(mq_setattr(queue, &flags, NULL)));
  flags.mq_flags = 0;
  struct mq_attr old;
  say(v, "%s", outcome(mq_setattr(queue, &flags, &old)));
  say(v, "%d", old.mq_flags == O_NONBLOCK);
  const struct timespec past = {1, 0};
  say(v, "late %s", outcome(mq_timedreceive(queue, got, 64, NULL, &past)));
  say(v, "close %s", outcome(mq_close(queue)));
  say(v, "twice %s", outcome(mq_close(queue)));
  end();
}

static void case_waits(struct verdict* v) {
  if (!begin(v, 0, 1, 64)) return;
  const pid_t child = fork();
  if (child == 0) {
    sleep_milliseconds(10);
    _exit(mq_send(queue, "late", 4, 3) == 0 && mq_send(queue, "more", 4, 4) == 0 ? 0 : 1);
  }
  say_receive(v);
  say_receive(v);
  say(v, "%s", wait_text(child));
  struct pollfd entry = {(int)queue, POLLIN | POLLOUT, 0};
  say(v, "%d", poll(&entry, 1, 0));
  say(v, "%x", entry.revents);
  mq_send(queue, "x", 1, 0);
  poll(&entry, 1, 0);
  say(v, "%x", entry.revents);
  end();
}

static volatile sig_atomic_t told_signal, told_value, told_code;
static void hear(int signal, siginfo_t* info, void* context) {
  (void)context;
  told_signal = signal, told_value = info->si_value.sival_int, told_code = info->si_code;
}

static void case_notice(struct verdict* v) {
  if (!begin(v, O_NONBLOCK, 5, 64)) return;
  struct sigaction action = {.sa_sigaction = hear, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
  say(v, "%s", outcome(mq_notify(queue, &event)));
  say(v, "twice %s", outcome(mq_notify(queue, &event)));
  mq_send(queue, "x", 1, 0);
  say(v, "%d %d %d", told_signal == SIGUSR1, (int)told_value, told_code == SI_MESGQ);
  told_signal = 0;
  mq_send(queue, "x", 1, 0);
  say(v, "once %d", (int)told_signal);
  say(v, "again %s", outcome(mq_notify(queue, &event)));
  say(v, "away %s", outcome(mq_notify(queue, NULL)));
  event.sigev_notify = 77;
  say(v, "kind %s", outcome(mq_notify(queue, &event)));
  event = (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = 900};
  say(v, "signal %s", outcome(mq_notify(queue, &event)));
  say(v, "closed %s", outcome(mq_notify((mqd_t)900, NULL)));
  end();
}

// A notice is asked for by a process, and goes with any descriptor of the queue that it closes.
static void case_notice_ends(struct verdict* v) {
  if (!begin(v, O_NONBLOCK, 5, 64)) return;
  struct sigevent event = {.sigev_notify = SIGEV_NONE};
  say(v, "%s", outcome(mq_notify(queue, &event)));
  mq_close(mq_open(name, O_RDONLY));
  say(v, "closed %s", outcome(mq_notify(queue, &event)));
  const pid_t child = fork();
  if (child == 0) _exit(mq_notify(queue, &event) == 0);
  say(v, "%s", wait_text(child));
  say(v, "own %s", outcome(mq_notify(queue, &event)));
  mq_notify(queue, NULL);
  const pid_t other = fork();
  if (other == 0) _exit(mq_notify(queue, &event) == 0);
  say(v, "%s", wait_text(other));
  say(v, "after it %s", outcome(mq_notify(queue, &event)));
  end();
}

// RLIMIT_MSGQUEUE.
static void case_bytes_in_all(struct verdict* v) {
  if (!begin(v, 0, 10, 8192)) return;
  const struct rlimit none = {0, 0};
  say(v, "%s", outcome(setrlimit(RLIMIT_MSGQUEUE, &none)));
  say(v, "%s", outcome(mq_open("/faultline-more", O_RDWR | O_CREAT, 0600, NULL)));
  say(v, "there %s", outcome(mq_open(name, O_RDWR)));
  end();
}

static void case_bytes_by_default(struct verdict* v) {
  struct rlimit most;
  getrlimit(RLIMIT_MSGQUEUE, &most);
  say(v, "%d", most.rlim_cur == 819200);
}

static const struct conformance_case cases[] = {
    {"priorities", case_priorities},
    {"open_errors", case_open_errors},
    {"message_errors", case_message_errors},
    {"waits", case_waits},
    {"notice", case_notice},
    {"notice_ends", case_notice_ends},
    {"bytes_in_all", case_bytes_in_all},
    {"bytes_by_default", case_bytes_by_default},
};

CONFORMANCE_MAIN(cases)
