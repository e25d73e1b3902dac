// A mix of integer code: matrix multiply, list walk, qsort and a state machine
// over 256 KB of text. The benchmark of the interpreter's speed.
// Arguments: [REPEATS = 1]. Binds: none.
#include "guest.h"

enum { kMatrix = 96, kNodes = 8192, kSorted = 16384, kText = 256 * 1024 };

struct node {
  struct node* next;
  uint64_t value;
};

static int32_t a[kMatrix][kMatrix], b[kMatrix][kMatrix], c[kMatrix][kMatrix];
static struct node nodes[kNodes];
static uint32_t keys[kSorted];
static char text[kText];

static uint64_t multiply(uint64_t seed) {
  for (int i = 0; i < kMatrix; ++i)
    for (int j = 0; j < kMatrix; ++j) {
      a[i][j] = (int32_t)((i * 7 + j * 3 + seed) % 101) - 50;
      b[i][j] = (int32_t)((i * 5 + j * 11 + seed) % 89) - 44;
    }
  for (int i = 0; i < kMatrix; ++i)
    for (int j = 0; j < kMatrix; ++j) {
      int32_t sum = 0;
      for (int k = 0; k < kMatrix; ++k) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
  uint64_t hash = HASH_START;
  for (int i = 0; i < kMatrix; ++i) hash = hash_word(hash, (uint32_t)c[i][(i * 13) % kMatrix]);
  return hash;
}

static uint64_t walk(uint64_t* state) {
  for (int i = 0; i < kNodes; ++i) nodes[i] = (struct node){.next = NULL, .value = next_random(state) & 0xff};
  // 4801 is odd, so the steps visit every node once.
  for (int i = 0, at = 0; i < kNodes - 1; ++i) {
    int next = (at + 4801) % kNodes;
    nodes[at].next = &nodes[next];
    at = next;
  }
  uint64_t sum = 0;
  for (int round = 0; round < 40; ++round)
    for (const struct node* node = &nodes[0]; node; node = node->next) sum += node->value ^ (unsigned)round;
  return sum;
}

static int by_value(const void* left, const void* right) {
  uint32_t l = *(const uint32_t*)left, r = *(const uint32_t*)right;
  return (l > r) - (l < r);
}

static uint64_t sort(uint64_t* state) {
  for (int i = 0; i < kSorted; ++i) keys[i] = (uint32_t)next_random(state);
  qsort(keys, kSorted, sizeof keys[0], by_value);
  uint64_t hash = HASH_START;
  for (int i = 0; i < kSorted; i += 64) hash = hash_word(hash, keys[i]);
  return hash;
}

// Counts words, numbers and lines, as a scanner would.
static uint64_t scan(uint64_t* state) {
  static const char alphabet[] = "abcdefghijklmnop0123456789  \n.,;";
  for (int i = 0; i < kText; ++i) text[i] = alphabet[next_random(state) >> 59];
  uint64_t words = 0, numbers = 0, lines = 0, digits = 0;
  for (int round = 0; round < 4; ++round) {
    enum { outside, in_word, in_number } where = outside;
    for (int i = 0; i < kText; ++i) {
      char ch = text[i];
      int letter = ch >= 'a' && ch <= 'z', digit = ch >= '0' && ch <= '9';
      switch (where) {
        case outside:
          if (letter) where = in_word, ++words;
          if (digit) where = in_number, ++numbers, digits += (unsigned)(ch - '0');
          break;
        case in_word:
          if (!letter && !digit) where = outside;
          break;
        case in_number:
          if (letter) where = in_word, ++words;
          if (digit) digits += (unsigned)(ch - '0');
          if (!letter && !digit) where = outside;
          break;
      }
      if (ch == '\n') ++lines;
    }
  }
  return words * 1000003 + numbers * 10007 + lines * 101 + digits;
}

int main(int argc, char** argv) {
  uint64_t repeats = number_argument(argc, argv, 1, 1), state = 20240229, hash = HASH_START;
  for (uint64_t i = 0; i < repeats; ++i) {
    hash = hash_word(hash, multiply(i));
    hash = hash_word(hash, walk(&state));
    hash = hash_word(hash, sort(&state));
    hash = hash_word(hash, scan(&state));
  }
  printf("%llu repeats: %016llx\n", (unsigned long long)repeats, (unsigned long long)hash);
  return 0;
}
