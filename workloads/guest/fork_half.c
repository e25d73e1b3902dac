// A process that owns more than half of memory forks; then both sides write
// all of it and check every word: more than fits, so swap must carry the rest.
// Arguments: [MIB = 8]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

static void write_all(uint64_t* memory, size_t words, uint64_t factor) {
  for (size_t i = 0; i < words; ++i) memory[i] = (i + 1) * factor;
}

static uint64_t count_wrong(const uint64_t* memory, size_t words, uint64_t factor) {
  uint64_t wrong = 0;
  for (size_t i = 0; i < words; ++i) wrong += memory[i] != (i + 1) * factor;
  return wrong;
}

int main(int argc, char** argv) {
  size_t bytes = number_argument(argc, argv, 1, 8) << 20, words = bytes / sizeof(uint64_t);
  uint64_t* memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  write_all(memory, words, 3);
  pid_t child = fork_flushed();
  uint64_t wrong = count_wrong(memory, words, 3);
  write_all(memory, words, child == 0 ? 5 : 7);
  wrong += count_wrong(memory, words, child == 0 ? 5 : 7);
  if (child == 0) exit(wrong ? 1 : 0);
  int status = wait_for(child);
  wrong += count_wrong(memory, words, 7);
  printf("parent: %llu words wrong; child: %s\n", (unsigned long long)wrong, status == 0 ? "all right" : "wrong");
  return wrong || status ? 1 : 0;
}
