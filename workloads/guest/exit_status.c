// Ends as it is told to: with a status, or by a signal that it sends itself.
// Arguments: exit N | signal N | abort | stdout. Binds: none.
#include <signal.h>

#include "guest.h"

int main(int argc, char** argv) {
  if (argc == 3 && strcmp(argv[1], "exit") == 0) exit(atoi(argv[2]));
  if (argc == 3 && strcmp(argv[1], "signal") == 0) {
    raise(atoi(argv[2]));
    return 0;  // the signal was ignored by default
  }
  if (argc == 2 && strcmp(argv[1], "abort") == 0) abort();
  if (argc == 2 && strcmp(argv[1], "stdout") == 0) {
    char line[256];
    while (fgets(line, sizeof line, stdin)) fputs(line, stdout);
    fputs("to standard error\n", stderr);
    return 0;
  }
  die("usage: exit_status exit N | signal N | abort | stdout");
}
