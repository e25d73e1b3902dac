// Says that it runs, and then never ends.
// Arguments: none. Binds: none.
#include "guest.h"

int main(void) {
  puts("spinning");
  fflush(stdout);
  for (volatile uint64_t i = 0;; ++i) continue;
}
