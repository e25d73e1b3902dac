// Integer work for the hart's benchmark: matrix multiply, list walk,
// quicksort, and a state machine over 256 KB.
#ifndef ROUNDS
#define ROUNDS 60
#endif

typedef unsigned long u64;

struct node {
  struct node* next;
  u64 value;
};

static struct node nodes[4096];
static int left[64][64], right[64][64], product[64][64];
static int numbers[8192];
static unsigned char text[256 * 1024];
static u64 state = 88172645463325252ul;

static u64 random64(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static void multiply(int round) {
  for (int i = 0; i < 64; i++) {
    for (int j = 0; j < 64; j++) {
      int sum = 0;
      for (int k = 0; k < 64; k++) sum += left[i][k] * right[k][j];
      product[i][j] = sum;
      left[i][j] += round + i;
      right[j][i] += j;
    }
  }
}

static void sort(int* a, int low, int high) {
  while (low < high) {
    int pivot = a[(low + high) / 2], i = low, j = high;
    while (i <= j) {
      while (a[i] < pivot) i++;
      while (a[j] > pivot) j--;
      if (i <= j) {
        int t = a[i];
        a[i++] = a[j];
        a[j--] = t;
      }
    }
    if (j - low < high - i) {
      sort(a, low, j);
      low = i;
    } else {
      sort(a, i, high);
      high = j;
    }
  }
}

static u64 scan(void) {
  u64 sum = 0;
  int at = 0;
  for (u64 i = 0; i < sizeof text; i++) {
    unsigned char c = text[i];
    switch (at) {
      case 0:
        at = c < 128 ? 1 : 2;
        break;
      case 1:
        at = c & 1 ? 0 : 3;
        break;
      case 2:
        at = c > 200 ? 0 : c & 2 ? 1 : 3;
        break;
      default:
        at = c & 3 ? 0 : 2;
        sum += c;
    }
  }
  return sum;
}

int main(void) {
  u64 sum = 0;
  for (int i = 0; i < NODES; i++) {
    nodes[i].next = &nodes[(i * 1237 + 11) % NODES];
    nodes[i].value = (u64)i;
  }
  for (u64 i = 0; i < sizeof text; i++) text[i] = (unsigned char)random64();
  for (int round = 0; round < ROUNDS; round++) {
    multiply(round);
    struct node* n = nodes;
    for (int i = 0; i < 400000; i++, n = n->next) sum += n->value;
    for (int i = 0; i < 8192; i++) numbers[i] = (int)random64();
    sort(numbers, 0, 8191);
    sum += (u64)(product[3][5] + numbers[77]) + scan();
  }
  return (int)(sum & 63);
}
