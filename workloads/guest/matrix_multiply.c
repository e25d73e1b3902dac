// Multiplies two matrices of doubles, by rows and columns as the definition
// says and in the loop order that walks memory in sequence.
// Arguments: [N = 64]. Binds: none.
#include "guest.h"

static double* matrix(size_t n) {
  double* m = malloc(n * n * sizeof *m);
  if (!m) die("malloc");
  return m;
}

int main(int argc, char** argv) {
  size_t n = number_argument(argc, argv, 1, 64);
  double *a = matrix(n), *b = matrix(n), *by_definition = matrix(n), *by_row = matrix(n);
  for (size_t i = 0; i < n * n; ++i) {
    a[i] = 1.0 / (1 + i % 17);
    b[i] = (double)(i % 13) - 6;
    by_row[i] = 0;
  }
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j) {
      double sum = 0;
      for (size_t k = 0; k < n; ++k) sum += a[i * n + k] * b[k * n + j];
      by_definition[i * n + j] = sum;
    }
  for (size_t i = 0; i < n; ++i)
    for (size_t k = 0; k < n; ++k)
      for (size_t j = 0; j < n; ++j) by_row[i * n + j] += a[i * n + k] * b[k * n + j];

  uint64_t hash = HASH_START;
  double trace = 0;
  for (size_t i = 0; i < n * n; ++i) {
    uint64_t bits;
    memcpy(&bits, &by_definition[i], sizeof bits);
    hash = hash_word(hash, bits);
  }
  for (size_t i = 0; i < n; ++i) trace += by_definition[i * n + i];
  printf("both orders agree: %s\n", yes_no(memcmp(by_definition, by_row, n * n * sizeof(double)) == 0));
  printf("trace %.12g, hash %016llx\n", trace, (unsigned long long)hash);
  return 0;
}
