// Starts a program again and again, by fork, vfork or posix_spawn, from a process
// that has much memory or little.
// Arguments: HOW = fork | vfork | posix_spawn, MEGABYTES, TIMES.
// The starting is marked as a region.
#include <spawn.h>

#include "../include/faultline.h"
#include "guest.h"

extern char** environ;

static pid_t start(const char* how, char* self) {
  char* arguments[] = {self, "child", NULL};
  pid_t child;
  if (strcmp(how, "posix_spawn") == 0) {
    if (posix_spawn(&child, self, NULL, NULL, arguments, environ) != 0) die("posix_spawn");
    return child;
  }
  child = strcmp(how, "vfork") == 0 ? vfork() : fork();
  if (child < 0) die("%s", how);
  if (child == 0) {
    execv(self, arguments);
    _exit(127);
  }
  return child;
}

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[1], "child") == 0) _exit(7);
  const char* how = argc > 1 ? argv[1] : "fork";
  uint64_t bytes = number_argument(argc, argv, 2, 1) << 20, times = number_argument(argc, argv, 3, 3), right = 0;
  volatile char* memory = malloc(bytes + 1);
  if (!memory) die("malloc");
  for (uint64_t i = 0; i < bytes; i += 4096) memory[i] = (char)i;
  fflush(NULL);
  faultline_region_begin();
  for (uint64_t i = 0; i < times; ++i) {
    pid_t child = start(how, argv[0]);
    memory[i * 4096 % (bytes + 1)] = 1;  // as a shell goes on with its own affairs
    right += wait_for(child) == 7;
  }
  faultline_region_end();
  printf("%s: %llu of %llu children ended with 7\n", how, (unsigned long long)right, (unsigned long long)times);
  return 0;
}
