// What the guest programs share: giving up with a reason, forking without
// printing twice, waiting, random numbers and a hash. Plain C, no state.
#ifndef FAULTLINE_GUEST_H
#define FAULTLINE_GUEST_H

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

// Ends the program with status 1 and a line on standard error.
__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fflush(stdout);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, " (errno %d: %s)\n", errno, strerror(errno));
  va_end(arguments);
  exit(1);
}

// fork with empty output buffers, so that nothing is printed by both sides.
static inline pid_t fork_flushed(void) {
  fflush(NULL);
  pid_t child = fork();
  if (child < 0) die("fork");
  return child;
}

// Waits for this child and gives its exit status, or 128 + the signal's number.
static inline int wait_for(pid_t child) {
  int status = 0;
  pid_t got;
  do {
    got = waitpid(child, &status, 0);
  } while (got < 0 && errno == EINTR);
  if (got != child) die("waitpid");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline const char* yes_no(int truth) { return truth ? "yes" : "no"; }

// The n-th argument as a number, or the default.
static inline uint64_t number_argument(int argc, char** argv, int n, uint64_t default_value) {
  return n < argc ? strtoull(argv[n], NULL, 0) : default_value;
}

// xorshift64* (Vigna, 2016). The state must not be zero.
static inline uint64_t next_random(uint64_t* state) {
  uint64_t x = *state;
  x ^= x >> 12;
  x ^= x << 25;
  x ^= x >> 27;
  *state = x;
  return x * 0x2545F4914F6CDD1Dull;
}

// FNV-1a over the eight bytes of a word, to fold many results into one number.
#define HASH_START 0xcbf29ce484222325ull
static inline uint64_t hash_word(uint64_t hash, uint64_t word) {
  for (int i = 0; i < 8; ++i) {
    hash = (hash ^ (word & 0xff)) * 0x100000001b3ull;
    word >>= 8;
  }
  return hash;
}

#endif
