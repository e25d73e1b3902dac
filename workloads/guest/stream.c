// Copy, scale, add and triad over three arrays that are read and written in
// sequence, after McCalpin's STREAM.
// Arguments: [ELEMENTS = 65536] [ROUNDS = 4]. Binds: none.
#include "guest.h"

int main(int argc, char** argv) {
  size_t n = number_argument(argc, argv, 1, 65536);
  unsigned rounds = (unsigned)number_argument(argc, argv, 2, 4);
  double *a = malloc(n * sizeof *a), *b = malloc(n * sizeof *b), *c = malloc(n * sizeof *c);
  if (!a || !b || !c) die("malloc");
  for (size_t i = 0; i < n; ++i) {
    a[i] = 1.0;
    b[i] = 2.0;
    c[i] = 0.0;
  }
  const double factor = 0.5;
  for (unsigned round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < n; ++i) c[i] = a[i];
    for (size_t i = 0; i < n; ++i) b[i] = factor * c[i];
    for (size_t i = 0; i < n; ++i) c[i] = a[i] + b[i];
    for (size_t i = 0; i < n; ++i) a[i] = b[i] + factor * c[i];
  }
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += a[i] + b[i] + c[i];
  printf("%zu elements, %u rounds: sum %.17g\n", n, rounds, sum);
  return 0;
}
