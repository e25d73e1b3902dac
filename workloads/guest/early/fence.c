/* A program above a fence. It prints what it finds in its own memory, and then does
 * what the argument says with an address that it should not use:
 *
 *     fence                     nothing of the kind
 *     fence store|load|jump N   at address N
 *
 * Addresses are those of memory, so that N below the fence is the operating
 * system's, and N above the program is memory that nothing guards.
 */
#include "early.h"

static long words[512];

static long sum_of_squares(void) {
  long sum = 0;
  for (long i = 0; i < 512; ++i) words[i] = i * i;
  for (long i = 0; i < 512; ++i) sum += words[i];
  return sum;
}

int main(int argc, char** argv) {
  print_line("squares: ", sum_of_squares(), "");
  if (argc < 3) return 0;
  volatile long* at = (volatile long*)number_of(argv[2]);
  if (same_text(argv[1], "store")) {
    *at = 42;
    print_line("stored ", *at, "");
  } else if (same_text(argv[1], "load")) {
    print_line("loaded ", *at != 0, "");
  } else {
    ((void (*)(void))at)();
  }
  return 0;
}
