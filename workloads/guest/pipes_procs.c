// A line of processes joined by pipes: a source of numbers, a sieve of filters
// (each drops the multiples of the first number that it sees) and a sink.
// Arguments: [LIMIT = 120]. Binds: none.
#include "guest.h"

static int read_number(int fd, int* number) {
  ssize_t got = read(fd, number, sizeof *number);
  if (got < 0) die("read");
  return got == sizeof *number;
}

static void write_number(int fd, int number) {
  if (write(fd, &number, sizeof number) != sizeof number) die("write");
}

// A child that runs between `input` and the pipe whose read end is returned.
static int start_filter(int input, int prime, pid_t* child) {
  int channel[2];
  if (pipe(channel) < 0) die("pipe");
  *child = fork_flushed();
  if (*child == 0) {
    close(channel[0]);
    int number, passed = 0;
    while (read_number(input, &number))
      if (number % prime != 0) {
        write_number(channel[1], number);
        ++passed;
      }
    exit(passed > 200 ? 200 : passed);
  }
  close(channel[1]);
  close(input);
  return channel[0];
}

static int start_source(int limit, pid_t* child) {
  int channel[2];
  if (pipe(channel) < 0) die("pipe");
  *child = fork_flushed();
  if (*child == 0) {
    close(channel[0]);
    for (int number = 2; number <= limit; ++number) write_number(channel[1], number);
    exit(0);
  }
  close(channel[1]);
  return channel[0];
}

int main(int argc, char** argv) {
  int limit = (int)number_argument(argc, argv, 1, 120), count = 0, prime;
  pid_t children[64];
  int input = start_source(limit, &children[count++]);
  while (count < 64 && read_number(input, &prime)) {
    printf("%d ", prime);
    input = start_filter(input, prime, &children[count++]);
  }
  printf("\n");
  for (int i = 0; i < count; ++i) printf("process %d passed on %d\n", i, wait_for(children[i]));

  // A pipe without a reader: EPIPE where the signal is ignored.
  int channel[2];
  if (pipe(channel) < 0) die("pipe");
  pid_t child = fork_flushed();
  if (child == 0) {
    close(channel[0]);
    for (;;)
      if (write(channel[1], "x", 1) < 0) exit(1);
  }
  close(channel[0]);
  close(channel[1]);
  printf("a writer without a reader ends with %d\n", wait_for(child));
  return 0;
}
