// Asks for memory a MiB at a time and writes all of it until the machine says
// no. Every MiB that it got must keep its content. A small child waits beside
// it, to show that nothing else is damaged.
// Arguments: [MOST = 64 MiB]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

#define MIB (1u << 20)

static uint64_t content(size_t block, size_t word) { return (block * MIB + word) * 0x9E3779B97F4A7C15ull; }

// Takes and fills up to `most` MiB; how many it got.
static size_t take(uint64_t** blocks, size_t most) {
  for (size_t block = 0; block < most; ++block) {
    blocks[block] = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (blocks[block] == MAP_FAILED) {
      printf("eater: refused: %s\n", errno == ENOMEM ? "ENOMEM" : strerror(errno));
      return block;
    }
    for (size_t word = 0; word < MIB / sizeof(uint64_t); ++word) blocks[block][word] = content(block, word);
  }
  puts("eater: got all it wanted");
  return most;
}

static int eat(size_t most) {
  uint64_t** blocks = calloc(most, sizeof *blocks);
  if (!blocks) die("calloc");
  size_t got = take(blocks, most), wrong = 0;
  for (size_t block = 0; block < got; ++block)
    for (size_t word = 0; word < MIB / sizeof(uint64_t); ++word) wrong += blocks[block][word] != content(block, word);
  printf("eater: more than half was given: %s; %zu words wrong\n", yes_no(got > most / 2), wrong);
  return wrong ? 1 : 0;
}

int main(int argc, char** argv) {
  size_t most = number_argument(argc, argv, 1, 64);
  static uint64_t witness[4096];
  for (size_t i = 0; i < 4096; ++i) witness[i] = content(1, i);
  pid_t eater = fork_flushed();
  if (eater == 0) exit(eat(most));
  int status = wait_for(eater);
  size_t wrong = 0;
  for (size_t i = 0; i < 4096; ++i) wrong += witness[i] != content(1, i);
  printf("witness: the eater ended with %d; %zu words of mine wrong\n", status, wrong);
  return wrong ? 1 : 0;
}
