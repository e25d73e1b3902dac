// A bit of everything that a hart meets: used to compare ways of running it.
// No library: bare machine, two system calls.
typedef unsigned long u64;
typedef unsigned int u32;
typedef unsigned char u8;

static u64 write_out(const void* bytes, u64 n) {
  register u64 a0 __asm__("a0") = 1;
  register u64 a1 __asm__("a1") = (u64)bytes;
  register u64 a2 __asm__("a2") = n;
  register u64 a7 __asm__("a7") = 64;
  __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a7) : "memory");
  return a0;
}

static u8 arena[1 << 20] __attribute__((aligned(4096)));
static u64 sum;

static void mixin(u64 v) { sum = (sum ^ v) * 0x9e3779b97f4a7c15ul + (sum >> 29); }

static u64 state = 88172645463325252ul;
static u64 random64(void) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

static void walk_pages(void) {
  for (int round = 0; round < 3; ++round)
    for (u64 at = 0; at < sizeof(arena); at += 4096 + 64) arena[at % sizeof(arena)] += (u8)(at >> 12);
  for (int i = 0; i < 20000; ++i) {
    u64 r = random64() % (sizeof(arena) - 8);
    *(volatile u64*)(arena + (r & ~7ul)) += r;
  }
  for (u64 at = 0; at < sizeof(arena); at += 999) mixin(arena[at]);
}

// Misaligned, also across lines and pages.
static void misaligned(void) {
  for (u64 at = 1; at < 3 * 4096; at += 61) {
    *(volatile u64*)(arena + at) = at * 0x0101010101010101ul;
    mixin(*(volatile u32*)(arena + at + 3));
    *(volatile unsigned short*)(arena + at + 5) = (unsigned short)at;
  }
  for (u64 page = 4096; page < 64 * 4096; page += 4096) {
    *(volatile u64*)(arena + page - 3) = page;
    mixin(*(volatile u64*)(arena + page - 5));
  }
}

static double poly(double x, int n) {
  double r = 1;
  for (int i = 1; i < n; ++i) r = r * x / (double)i + 1.0 / (double)(i + (r > 2.0));
  return r;
}

static void floats(void) {
  float f = 1.5f;
  for (int i = 0; i < 200; ++i) {
    double d = poly((double)i * 0.37, 12);
    f = f * 0.75f + (float)d;
    union {
      double d;
      u64 u;
    } both = {d};
    mixin(both.u);
    mixin((u64)(long)(d * 1000.0));
  }
  union {
    float f;
    u32 u;
  } single = {f};
  mixin(single.u);
  u64 fcsr;
  __asm__ volatile("csrr %0, fcsr" : "=r"(fcsr));
  mixin(fcsr);
}

static void atomics(void) {
  u32* counter = (u32*)(arena + 128);
  u64* wide = (u64*)(arena + 8192);
  for (int i = 0; i < 100; ++i) {
    mixin(__atomic_fetch_add(counter, 3, __ATOMIC_SEQ_CST));
    mixin(__atomic_exchange_n(wide, random64(), __ATOMIC_SEQ_CST));
    u64 expected = *wide;
    mixin(__atomic_compare_exchange_n(wide, &expected, i, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  }
}

static int twice(int x) { return 2 * x; }
static int thrice(int x) { return 3 * x; }
static int square(int x) { return x * x; }

static void calls(void) {
  int (*volatile table[3])(int) = {twice, thrice, square};
  for (int i = 0; i < 3000; ++i) mixin((u64)table[random64() % 3](i));
  for (long i = 1; i < 500; ++i) mixin((u64)((long)random64() / i) + random64() % (u64)i);
}

// Writes small functions into memory that has just been run, and runs them:
// addi a0, a0, n; ret.
static void self_modifying(void) {
  u32* code = (u32*)(arena + 5 * 4096);
  for (int n = 0; n < 50; ++n) {
    code[0] = 0x00050513u | (u32)n << 20;
    code[1] = 0x00008067u;
    __asm__ volatile("fence.i" ::: "memory");
    mixin(((u64(*)(u64))code)(1000));
  }
  // A store that changes the instruction behind it: sw a1, 4(a0); the next
  // word is replaced by addi a0, zero, 7 before it is reached.
  code[0] = 0x00b52223u;
  code[1] = 0x00000513u;
  code[2] = 0x00008067u;
  for (int n = 0; n < 5; ++n) {
    code[1] = 0x00000513u;
    mixin(((u64(*)(u32*, u64))code)(code, 0x00700513u));
  }
}

// A chain of code that lies across a page boundary at every even offset, so
// that 4-byte instructions straddle it: addi a0,a0,1 thrice, ret.
static void straddling(void) {
  for (int round = 0; round < 3; ++round) {
    for (u64 offset = 0; offset <= 12; offset += 2) {
      u8* start = arena + 9 * 4096 - offset;
      for (int i = 0; i < 3; ++i)
        for (int b = 0; b < 4; ++b) start[4 * i + b] = (u8)(0x00150513u >> 8 * b);
      for (int b = 0; b < 4; ++b) start[12 + b] = (u8)(0x00008067u >> 8 * b);
      for (int i = 0; i < 10; ++i) mixin(((u64(*)(u64))start)(offset));
    }
  }
}

static void counters(void) {
  u64 cycle, instret, time;
  __asm__ volatile("rdcycle %0\n rdinstret %1\n rdtime %2" : "=r"(cycle), "=r"(instret), "=r"(time));
  mixin(cycle);
  mixin(instret);
  mixin(time);
}

int main(void) {
  for (int round = 0; round < 3; ++round) {
    calls();
    walk_pages();
    misaligned();
    floats();
    atomics();
    self_modifying();
    straddling();
    counters();
    write_out(&sum, 8);
  }
  return (int)(sum & 63);
}
