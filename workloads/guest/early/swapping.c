/* More programs than memory: a parent and its children, each with a table of its
 * own, take turns. A child fills its table, then goes through it again and
 * again with a yield between, and answers with what it found.
 *
 *     swapping [CHILDREN]         4 of them
 *     swapping child NUMBER
 */
#include "early.h"

enum { kWords = 5000, kPasses = 4 };

static uint64_t table[kWords];

static int child(unsigned number) {
  uint64_t seed = number + 1;
  for (int i = 0; i < kWords; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    table[i] = seed;
  }
  for (int pass = 0; pass < kPasses; ++pass) {
    early_yield();
    for (int i = 0; i < kWords; ++i) table[i] = table[i] * 3 + (uint64_t)pass;
  }
  uint64_t sum = 0;
  for (int i = 0; i < kWords; ++i) sum ^= table[i];
  return (int)((sum >> 32) % 100);
}

int main(int argc, char** argv) {
  if (argc > 2) return child((unsigned)number_of(argv[2]));
  const long children = argc > 1 ? number_of(argv[1]) : 4;
  for (int i = 0; i < kWords; ++i) table[i] = (uint64_t)i;
  long sum = 0, ended = 0;
  for (long n = 0; n < children && n < 10; ++n) {
    char digit[2] = {(char)('0' + n), 0};
    char* const arguments[] = {argv[0], "child", digit, 0};
    if (early_spawn(argv[0], arguments) < 0) print_line("child ", n, " finds no room");
  }
  int status = 0;
  while (early_wait(&status) > 0) {
    sum += status >> 8;
    ++ended;
  }
  for (int i = 0; i < kWords; ++i)
    if (table[i] != (uint64_t)i) return 1;
  print_line("children: ", ended, "");
  print_line("sum of their answers: ", sum, "");
  return 0;
}
