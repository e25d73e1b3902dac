// A dynamically linked program: its interpreter maps libc and libm. It starts
// copies of itself that run at the same time, so that the libraries' text is
// shared by all of them, and ends while they run.
// Arguments: [CHILDREN = 2]. Binds: none. "child" is for itself.
#include <fcntl.h>
#include <math.h>

#include "guest.h"

// Standard input is the end of the run, standard output says that it is ready.
static int child(void) {
  char byte = 'r';
  volatile double angle = 0.5;
  if (sin(angle) * sin(angle) + cos(angle) * cos(angle) < 0.999) return 1;
  if (write(STDOUT_FILENO, &byte, 1) != 1) return 2;
  return read(STDIN_FILENO, &byte, 1) == 0 ? 0 : 3;
}

static void start(char* program, int ready, int end) {
  if (fork_flushed() != 0) return;
  char* const arguments[] = {program, "child", NULL};
  dup2(end, STDIN_FILENO);
  dup2(ready, STDOUT_FILENO);
  execv(program, arguments);
  _exit(127);
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "child") == 0) return child();
  uint64_t children = number_argument(argc, argv, 1, 2);
  volatile double two = 2;
  printf("the square root of 2 is %.12f\n", sqrt(two));
  int ready[2], end[2];
  if (pipe2(ready, O_CLOEXEC) < 0 || pipe2(end, O_CLOEXEC) < 0) die("pipe2");
  for (uint64_t i = 0; i < children; ++i) start(argv[0], ready[1], end[0]);
  close(ready[1]);
  uint64_t running = 0;
  char byte;
  while (running < children && read(ready[0], &byte, 1) == 1) ++running;
  printf("%llu copies run\n", (unsigned long long)running);
  return 0;
}
