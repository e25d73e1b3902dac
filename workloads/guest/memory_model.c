// Processes that fork, map, write, truncate, unmap, protect, move, sync, exec
// and exit at random, and know all the while what every page must hold: each
// its own arena, and all together three files and shared anonymous memory.
// Whatever is not as it must be ends the program with status 1.
// Arguments: [SEED = 1] [ROUNDS = 2000, of each worker] [WORKERS = 3]. Binds:
// none (it makes and unlinks memory_model.dat).
#include "memory_model.h"

#include <fcntl.h>

#include "guest.h"

enum { kDepthMost = 2 };

static void work(uint64_t rounds, unsigned depth);

// A child goes on with all that its parent had; what both share is locked.
static void fork_and_wait(uint64_t rounds, unsigned depth) {
  const pid_t child = fork_flushed();
  if (child == 0) {
    random_state ^= 0x9e3779b97f4a7c15ull * (depth + 1);
    work(rounds, depth + 1);
    check_whole_arena();
    _exit(0);
  }
  for (int i = 0; i < 10; ++i) change_arena();
  if (wait_for(child) != 0) die("a child of depth %u failed", depth);
}

// The program once more, as a process that has nothing but the descriptors.
static void run_anew(void) {
  const pid_t child = fork_flushed();
  if (child == 0) {
    execl("/proc/self/exe", "memory_model", "again", NULL);
    die("execl");
  }
  if (wait_for(child) != 0) die("the program, run anew, failed");
}

static void work(uint64_t rounds, unsigned depth) {
  for (uint64_t round = 0; round < rounds; ++round) {
    switch (below(100)) {
      case 0:
      case 1:
        if (depth < kDepthMost) fork_and_wait(20 + below(40), depth);
        break;
      case 2:
        run_anew();
        break;
      case 3:
      case 4:
        truncate_object();
        break;
      case 5:
      case 6:
      case 7:
        write_object();
        break;
      case 8:
      case 9:
        read_object();
        break;
      case 10:
        if (fsync(descriptors[below(kFiles)]) < 0) die("fsync");
        break;
      default:
        change_arena();
    }
  }
}

// What exec leaves: descriptors, and they are still the same files.
static int run_again(void) {
  for (int descriptor = 3; descriptor < 3 + kFiles; ++descriptor) {
    char byte;
    if (lseek(descriptor, 0, SEEK_END) < 0 || pread(descriptor, &byte, 1, 0) < 0) return 1;
  }
  // Memory of its own, and an end with all of it in use.
  const size_t bytes = 64 * (size_t)sysconf(_SC_PAGESIZE);
  char* memory = malloc(bytes);
  memset(memory, 1, bytes);
  return memory[bytes / 2] == 1 ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "again") == 0) return run_again();
  const uint64_t seed = number_argument(argc, argv, 1, 1), rounds = number_argument(argc, argv, 2, 2000);
  const uint64_t workers = number_argument(argc, argv, 3, 3);
  page_bytes = sysconf(_SC_PAGESIZE);
  make_objects();
  pid_t children[64];
  for (uint64_t i = 0; i < workers && i < 64; ++i) {
    children[i] = fork_flushed();
    if (children[i] != 0) continue;
    random_state = (seed * 1000003 + i) * 2 + 1;
    make_arena();
    work(rounds, 0);
    check_whole_arena();
    _exit(0);
  }
  int failed = 0;
  for (uint64_t i = 0; i < workers && i < 64; ++i) failed += wait_for(children[i]) != 0;
  if (failed == 0) check_all_objects();
  printf("%llu workers, %llu rounds each: %d failed\n", (unsigned long long)workers, (unsigned long long)rounds,
         failed);
  return failed != 0;
}
