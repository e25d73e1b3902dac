// Signal actions, masks and frames: sigaction(2), sigprocmask(2), sigaltstack(2), signal(7).
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include "support.h"

static volatile int heard[65];
static volatile int order[32], heard_total;
static void count(int signal) {
  ++heard[signal];
  if (heard_total < 32) order[heard_total++] = signal;
}

static void case_action_errors(struct verdict* v) {
  struct sigaction action = {.sa_handler = SIG_IGN};
  say(v, "kill %s", outcome(sigaction(SIGKILL, &action, NULL)));
  say(v, "stop %s", outcome(sigaction(SIGSTOP, &action, NULL)));
  say(v, "look at kill %s", outcome(sigaction(SIGKILL, NULL, &action)));
  say(v, "zero %s", outcome(sigaction(0, NULL, &action)));
  say(v, "65 %s", outcome(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8)));
  say(v, "size %s", outcome(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4)));
  say(v, "address %s", outcome(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8)));
  say(v, "old address %s", outcome(syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8)));
}

static void case_action_comes_back(struct verdict* v) {
  struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART | SA_NODEFER}, old;
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaddset(&action.sa_mask, SIGKILL);
  sigaction(SIGUSR1, &action, NULL);
  sigaction(SIGUSR1, NULL, &old);
  say(v, "handler %d restart %d defer %d", old.sa_handler == count, (old.sa_flags & SA_RESTART) != 0,
      (old.sa_flags & SA_NODEFER) != 0);
  say(v, "mask %d %d", sigismember(&old.sa_mask, SIGUSR2), sigismember(&old.sa_mask, SIGKILL));
}

static void case_default_actions(struct verdict* v) {
  static const int signals[] = {SIGURG, SIGCHLD,   SIGCONT, SIGWINCH,  SIGIO,
                                SIGPWR, SIGVTALRM, SIGPROF, SIGSTKFLT, SIGUSR2};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      raise(signals[i]);
      _exit(0);
    }
    say(v, "%s", wait_text(child));
  }
}

static void case_ignored_stays_ignored(struct verdict* v) {
  catch_signal(SIGUSR1, SIG_IGN, 0);
  raise(SIGUSR1);
  block_signal(SIGUSR1);
  raise(SIGUSR1);
  sigset_t pending;
  sigpending(&pending);
  say(v, "kept while blocked %d", sigismember(&pending, SIGUSR1));
  unblock_signal(SIGUSR1);
  say(v, "alive");
}

static void case_ignoring_discards(struct verdict* v) {
  sigset_t pending;
  catch_signal(SIGUSR1, count, 0);
  block_signal(SIGUSR1);
  raise(SIGUSR1);
  catch_signal(SIGUSR1, SIG_IGN, 0);
  sigpending(&pending);
  say(v, "pending %d", sigismember(&pending, SIGUSR1));
  catch_signal(SIGUSR1, count, 0);
  unblock_signal(SIGUSR1);
  say(v, "heard %d", heard[SIGUSR1]);
}

static void case_mask_errors(struct verdict* v) {
  sigset_t set = set_of(SIGUSR1);
  say(v, "how %s", outcome(sigprocmask(77, &set, NULL)));
  say(v, "how unused %s", outcome(sigprocmask(77, NULL, &set)));
  say(v, "size %s", outcome(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 16)));
  say(v, "address %s", outcome(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8)));
  say(v, "old address %s", outcome(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, 8, 8)));
  say(v, "pending size %s", outcome(syscall(SYS_rt_sigpending, &set, 16)));
  say(v, "pending address %s", outcome(syscall(SYS_rt_sigpending, 8, 8)));
}

static void case_mask_operations(struct verdict* v) {
  const sigset_t one = set_of(SIGUSR1), two = set_of(SIGUSR2);
  sigset_t now, full;
  sigfillset(&full);
  sigprocmask(SIG_SETMASK, &one, NULL);
  sigprocmask(SIG_BLOCK, &two, NULL);
  sigprocmask(SIG_UNBLOCK, &one, &now);
  say(v, "before %d %d", sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2));
  sigprocmask(SIG_SETMASK, &full, &now);
  say(v, "after %d %d", sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2));
  sigprocmask(SIG_SETMASK, NULL, &now);
  say(v, "kill %d stop %d term %d", sigismember(&now, SIGKILL), sigismember(&now, SIGSTOP), sigismember(&now, SIGTERM));
}

static void case_standard_signals_merge(struct verdict* v) {
  catch_signal(SIGUSR1, count, 0);
  block_signal(SIGUSR1);
  for (int i = 0; i < 3; ++i) raise(SIGUSR1);
  for (int i = 0; i < 2; ++i) kill(getpid(), SIGUSR1);
  unblock_signal(SIGUSR1);
  say(v, "heard %d", heard[SIGUSR1]);  // the thread's and the process's
}

static void case_unblocked_before_return(struct verdict* v) {
  catch_signal(SIGUSR1, count, 0);
  block_signal(SIGUSR1);
  raise(SIGUSR1);
  say(v, "%d", heard[SIGUSR1]);
  unblock_signal(SIGUSR1);
  say(v, "%d", heard[SIGUSR1]);
}

static volatile int depth, deepest;
static void nest(int signal) {
  if (++depth > deepest) deepest = depth;
  if (heard[signal]++ == 0) raise(signal);
  --depth;
}

static void case_handler_defers_itself(struct verdict* v) {
  catch_signal(SIGUSR1, nest, 0);
  raise(SIGUSR1);
  say(v, "deepest %d heard %d", deepest, heard[SIGUSR1]);
}

static void case_no_defer(struct verdict* v) {
  catch_signal(SIGUSR1, nest, SA_NODEFER);
  raise(SIGUSR1);
  say(v, "deepest %d heard %d", deepest, heard[SIGUSR1]);
}

static void case_handler_mask(struct verdict* v) {
  struct sigaction action = {.sa_handler = nest};
  sigaddset(&action.sa_mask, SIGUSR2);
  sigaction(SIGUSR1, &action, NULL);
  catch_signal(SIGUSR2, count, 0);
  raise(SIGUSR1);
  sigset_t now;
  sigprocmask(SIG_BLOCK, NULL, &now);
  say(v, "afterwards %d %d", sigismember(&now, SIGUSR1), sigismember(&now, SIGUSR2));
}

static void case_reset_hand(struct verdict* v) {
  catch_signal(SIGUSR1, count, SA_RESETHAND);
  raise(SIGUSR1);
  struct sigaction now;
  sigaction(SIGUSR1, NULL, &now);
  say(v, "heard %d now %s flag %d", heard[SIGUSR1], now.sa_handler == SIG_DFL ? "default" : "caught",
      (now.sa_flags & (int)SA_RESETHAND) != 0);
}

static siginfo_t info_seen;
static int mask_in_handler;
static void keep_info(int signal, siginfo_t* info, void* context) {
  info_seen = *info;
  const ucontext_t* const saved = context;
  mask_in_handler = sigismember(&saved->uc_sigmask, signal);
  ++heard[signal];
}

static void catch_with_info(int signal, int flags) {
  struct sigaction action = {.sa_sigaction = keep_info, .sa_flags = SA_SIGINFO | flags};
  sigaction(signal, &action, NULL);
}

static void say_info(struct verdict* v) {
  say(v, "%s pid %s uid %s", signal_code_name(info_seen.si_signo, info_seen.si_code),
      info_seen.si_pid == getpid() ? "own" : "other", info_seen.si_uid == getuid() ? "own" : "other");
}

static void case_info_of_kill(struct verdict* v) {
  catch_with_info(SIGUSR1, 0);
  kill(getpid(), SIGUSR1);
  say_info(v);
  raise(SIGUSR1);
  say_info(v);
  sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 77});
  say_info(v);
  say(v, "value %d mask %d", info_seen.si_value.sival_int, mask_in_handler);
}

static void case_info_of_alarm(struct verdict* v) {
  catch_with_info(SIGALRM, 0);
  const struct itimerval soon = {.it_value = {0, 1000}};
  setitimer(ITIMER_REAL, &soon, NULL);
  pause();
  say(v, "%s", signal_code_name(SIGALRM, info_seen.si_code));
}

static sigjmp_buf jump;
static void jump_away(int signal, siginfo_t* info, void* context) {
  (void)context;
  info_seen = *info;
  ++heard[signal];
  siglongjmp(jump, 1);
}

static void case_fault_is_caught_again(struct verdict* v) {
  struct sigaction action = {.sa_sigaction = jump_away, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  volatile char* const bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  for (volatile int i = 0; i < 3; ++i) {
    if (sigsetjmp(jump, 1) == 0) *bad = 1;
  }
  say(v, "heard %d %s address %d", heard[SIGSEGV], signal_code_name(SIGSEGV, info_seen.si_code),
      info_seen.si_addr == (void*)bad);
}

static volatile char* volatile nowhere = (volatile char*)8;
static void case_fault_while_blocked_kills(struct verdict* v) {
  const pid_t child = fork();
  if (child == 0) {
    catch_signal(SIGSEGV, count, 0);
    block_signal(SIGSEGV);
    *nowhere = 1;
    _exit(0);
  }
  say(v, "%s", wait_text(child));
  const pid_t ignoring = fork();
  if (ignoring == 0) {
    catch_signal(SIGSEGV, SIG_IGN, 0);
    *nowhere = 1;
    _exit(0);
  }
  say(v, "%s", wait_text(ignoring));
}

// --- alternate stacks --------------------------------------------------------------------

static char room[65536];
static volatile int on_room;
static void look_where(int signal) {
  char here;
  ++heard[signal];
  on_room = &here >= room && &here < room + sizeof room;
}

static void case_alternate_stack(struct verdict* v) {
  const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
  say(v, "%s", outcome(sigaltstack(&stack, NULL)));
  catch_signal(SIGUSR1, look_where, 0);
  raise(SIGUSR1);
  say(v, "without flag %d", on_room);
  catch_signal(SIGUSR1, look_where, SA_ONSTACK);
  raise(SIGUSR1);
  say(v, "with flag %d", on_room);
  stack_t old;
  sigaltstack(NULL, &old);
  say(v, "flags %d same %d", old.ss_flags, old.ss_sp == room && old.ss_size == sizeof room);
}

static void case_alternate_stack_errors(struct verdict* v) {
  stack_t stack = {.ss_sp = room, .ss_size = 100};
  say(v, "small %s", outcome(sigaltstack(&stack, NULL)));
  stack.ss_size = sizeof room, stack.ss_flags = 0x40;
  say(v, "flags %s", outcome(sigaltstack(&stack, NULL)));
  say(v, "address %s", outcome(syscall(SYS_sigaltstack, 8, NULL)));
  stack.ss_flags = SS_DISABLE, stack.ss_size = 0;
  say(v, "off %s", outcome(sigaltstack(&stack, NULL)));
  stack_t now;
  sigaltstack(NULL, &now);
  say(v, "now %d", now.ss_flags == SS_DISABLE);
}

static volatile int change_error, flags_inside;
static void change_inside(int signal) {
  (void)signal;
  stack_t now, other = {.ss_sp = room, .ss_size = 30000};
  change_error = sigaltstack(&other, &now) == 0 ? 0 : errno;
  if (change_error) sigaltstack(NULL, &now);
  flags_inside = now.ss_flags;
}

static void case_alternate_stack_in_use(struct verdict* v) {
  const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
  sigaltstack(&stack, NULL);
  catch_signal(SIGUSR1, change_inside, SA_ONSTACK);
  raise(SIGUSR1);
  say(v, "%s flags %d", outcome_of(change_error), flags_inside);
}

// SS_AUTODISARM is 1 << 31.
static void case_alternate_stack_disarms_itself(struct verdict* v) {
  const stack_t stack = {.ss_sp = room, .ss_size = sizeof room, .ss_flags = (int)(1u << 31)};
  say(v, "%s", outcome(sigaltstack(&stack, NULL)));
  catch_signal(SIGUSR1, change_inside, SA_ONSTACK);
  raise(SIGUSR1);
  say(v, "%s flags %d", outcome_of(change_error), flags_inside);
  stack_t now;
  sigaltstack(NULL, &now);
  say(v, "afterwards %d", now.ss_size == sizeof room);
}

static void overflow(int depth_left) {
  volatile char page[4096];
  page[0] = (char)depth_left;
  if (depth_left > 0) overflow(depth_left - 1);
  page[1] = page[0];
}

static void case_stack_overflow_is_caught(struct verdict* v) {
  const stack_t stack = {.ss_sp = room, .ss_size = sizeof room};
  sigaltstack(&stack, NULL);
  struct sigaction action = {.sa_sigaction = jump_away, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &action, NULL);
  if (sigsetjmp(jump, 1) == 0) overflow(1 << 20);
  say(v, "heard %d", heard[SIGSEGV]);
  const pid_t child = fork();
  if (child == 0) {
    catch_signal(SIGSEGV, count, 0);
    overflow(1 << 20);
    _exit(0);
  }
  say(v, "without %s", wait_text(child));
}

static const struct conformance_case cases[] = {
    {"action_errors", case_action_errors},
    {"action_comes_back", case_action_comes_back},
    {"default_actions", case_default_actions},
    {"ignored_stays_ignored", case_ignored_stays_ignored},
    {"ignoring_discards", case_ignoring_discards},
    {"mask_errors", case_mask_errors},
    {"mask_operations", case_mask_operations},
    {"standard_signals_merge", case_standard_signals_merge},
    {"unblocked_before_return", case_unblocked_before_return},
    {"handler_defers_itself", case_handler_defers_itself},
    {"no_defer", case_no_defer},
    {"handler_mask", case_handler_mask},
    {"reset_hand", case_reset_hand},
    {"info_of_kill", case_info_of_kill},
    {"info_of_alarm", case_info_of_alarm},
    {"fault_is_caught_again", case_fault_is_caught_again},
    {"fault_while_blocked_kills", case_fault_while_blocked_kills},
    {"alternate_stack", case_alternate_stack},
    {"alternate_stack_errors", case_alternate_stack_errors},
    {"alternate_stack_in_use", case_alternate_stack_in_use},
    {"alternate_stack_disarms_itself", case_alternate_stack_disarms_itself},
    {"stack_overflow_is_caught", case_stack_overflow_is_caught},
};

CONFORMANCE_MAIN(cases)
