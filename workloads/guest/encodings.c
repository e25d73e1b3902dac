// Executes instructions one by one, each between a signal before and behind it:
// all 16-bit encodings, or random 32-bit ones of every major opcode. Prints for
// every group how many are instructions, how many are illegal, how many end in
// other signals, and a checksum of the registers and the memory behind them.
// Left out are jumps back to themselves, what writes over its own code, what
// reads clocks, and the vector extension's loads and stores.
// Arguments: compressed, or random COUNT SEED. Binds: none. RISC-V only.
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "guest.h"

enum { kData = 8192, kMiddle = 4096, kCode = 4096, kBreak = 0x00100073 };

static uint8_t* code;
static uint8_t* data;
static uint64_t start[64];    // x0 to x31, f0 to f31
uint64_t kept_registers[32];  // of the C program
static volatile int signal_taken;
static ucontext_t behind;

void run_code(void* at, uint64_t* registers);
extern char code_left[];

// Into the registers but x0, from `registers`, and to the code.
asm(".option push\n.option norelax\n"
    "run_code:\n"
    "  la t0, kept_registers\n"
    "  .irp n,1,2,3,4,8,9,18,19,20,21,22,23,24,25,26,27\n  sd x\\n, (8*\\n)(t0)\n  .endr\n"
    "  fscsr zero\n  mv x31, a0\n  mv x30, a1\n"
    "  .irp n,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31\n"
    "  fld f\\n, (256+8*\\n)(x30)\n  .endr\n"
    "  .irp n,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29\n"
    "  ld x\\n, (8*\\n)(x30)\n  .endr\n"
    "  ld x30, 240(x30)\n  jr x31\n"
    "code_left:\n  ret\n"
    // The global pointer is one of the registers that the code had.
    "handler:\n  la gp, __global_pointer$\n  j note_signal\n"
    ".option pop\n");
void handler(int number);

__attribute__((used)) static void note_signal(int number, siginfo_t* info, void* context) {
  ucontext_t* user = context;
  (void)info;
  signal_taken = number;
  behind = *user;
  user->uc_mcontext.__gregs[REG_PC] = (unsigned long)code_left;
  for (int x = 1; x < 32; ++x) user->uc_mcontext.__gregs[x] = kept_registers[x];
  user->uc_mcontext.__fpregs.__d.__fcsr = 0;
}

static uint64_t mixed(uint64_t hash, uint64_t value) { return (hash ^ value) * 1099511628211u; }

// Addresses as offsets, so that they are the same everywhere.
static uint64_t plain(uint64_t value) {
  if (value - (uint64_t)data < kData) return value - (uint64_t)data + 7;
  if (value - (uint64_t)code < kCode) return value - (uint64_t)code + 9;
  return value;
}

static void prepare(uint32_t bits, unsigned length) {
  for (uint64_t i = 0; i < kData; i += 8) *(uint64_t*)(data + i) = 0x0123456789abcdefu * (i + 1);
  for (uint64_t i = 0; i < 32; ++i) {
    start[i] = (uint64_t)data + kMiddle + 64 * i % 512;
    start[32 + i] = i % 2 != 0 ? 0x3ff0000000000000u + (i << 40) : 0xffffffff3f800000u + (i << 8);
  }
  for (int i = 0; i < kCode / 4; ++i) ((uint32_t*)code)[i] = kBreak;
  const uint32_t end[2] = {kBreak, kBreak};
  memcpy(code + kCode / 2, &bits, length);
  memcpy(code + kCode / 2 + length, end, sizeof(end));
  __builtin___clear_cache((char*)code, (char*)code + kCode);
}

struct group {
  unsigned instructions, illegal, others;
  uint64_t hash;
};

static void execute(uint32_t bits, unsigned length, struct group* group) {
  prepare(bits, length);
  signal_taken = 0;
  run_code(code + kCode / 2, start);
  uint64_t hash = mixed(group->hash, (uint64_t)signal_taken);
  hash = mixed(hash, bits);
  if (signal_taken == SIGILL) {
    ++group->illegal;
  } else if (signal_taken == SIGTRAP) {
    ++group->instructions;
  } else {
    ++group->others;
  }
  if (signal_taken == SIGTRAP || signal_taken == SIGILL) {
    for (int x = 0; x < 32; ++x) hash = mixed(hash, plain(behind.uc_mcontext.__gregs[x]));
    for (int f = 0; f < 32; ++f) hash = mixed(hash, behind.uc_mcontext.__fpregs.__d.__f[f]);
    hash = mixed(hash, behind.uc_mcontext.__fpregs.__d.__fcsr);
    for (uint64_t i = 0; i < kData; i += 8) hash = mixed(hash, plain(*(uint64_t*)(data + i)));
  }
  group->hash = hash;
}

static void print(const char* name, uint32_t number, const struct group* group) {
  printf("%s %04x: %u instructions, %u illegal, %u others, %016llx\n", name, number, group->instructions,
         group->illegal, group->others, (unsigned long long)group->hash);
}

static int repeats_itself(uint32_t bits) {
  const uint32_t kind = bits & 0xe003;
  if (bits == 0xa001) return 1;                                              // c.j
  if ((kind == 0xc001 || kind == 0xe001) && (bits & 0x1c7c) == 0) return 1;  // c.beqz, c.bnez
  return (bits & 0xe07f) == 0x8002 && (bits >> 7 & 31) == 31;                // c.jr, c.jalr to the code
}

static void compressed(void) {
  for (uint32_t first = 0; first < 0x10000; first += 0x400) {
    struct group group = {0};
    for (uint32_t bits = first; bits < first + 0x400; ++bits) {
      if ((bits & 3) != 3 && !repeats_itself(bits)) execute(bits, 2, &group);
    }
    print("compressed", first, &group);
  }
}

static uint64_t state = 88172645463325252u;
static uint64_t random_bits(void) {  // xorshift
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

static int left_out(uint32_t bits) {
  const uint32_t opcode = bits & 0x7f, funct3 = bits >> 12 & 7, rs1 = bits >> 15 & 31, csr = bits >> 20;
  const int memory = opcode == 0x23 || opcode == 0x27 || opcode == 0x2f;
  if (opcode == 0x63 || opcode == 0x67 || opcode == 0x6f || opcode == 0x57) return 1;
  if (memory && rs1 == 31) return 1;
  if ((opcode == 0x07 || opcode == 0x27) && (funct3 == 0 || funct3 > 4)) return 1;
  return opcode == 0x73 && ((funct3 % 4 != 0 && csr >= 0xc00 && csr <= 0xc02) || (funct3 == 0 && csr == 0));
}

static void random_words(unsigned long count, uint64_t seed) {
  // Of those that instructions of few encodings have, and their neighbours.
  static const uint8_t kFunct7[] = {0x00, 0x01, 0x20, 0x21, 0x02, 0x04, 0x05, 0x08, 0x09, 0x0c, 0x0d, 0x2c, 0x2d, 0x10,
                                    0x11, 0x14, 0x15, 0x50, 0x51, 0x60, 0x61, 0x68, 0x69, 0x70, 0x71, 0x78, 0x79, 0x22};
  static const uint16_t kCsr[] = {1, 2, 3, 0, 4, 5, 8, 0x100, 0x300, 0xb00, 0xc00, 0xc02, 0xc03, 0xc1f, 0xc80, 0xc20};
  state += seed * 7046029254386353131u;
  for (uint32_t major = 0; major < 32; ++major) {
    struct group group = {0};
    for (unsigned long i = 0; i < count; ++i) {
      uint32_t bits = ((uint32_t)random_bits() & ~0x7fu) | major << 2 | 3;
      const uint64_t choice = random_bits();
      if (choice % 4 == 0) bits = (bits & 0x1ffffff) | (uint32_t)kFunct7[(choice >> 8) % sizeof(kFunct7)] << 25;
      if (choice % 4 == 1) bits = (bits & 0xfffff) | (uint32_t)kCsr[(choice >> 8) % (sizeof(kCsr) / 2)] << 20;
      if (choice % 4 == 2) bits = (bits & ~(31u << 20)) | (uint32_t)((choice >> 8) % 4) << 20;
      if (choice >> 60 != 0) bits = (bits & ~(31u << 15)) | (uint32_t)(8 + (choice >> 32) % 8) << 15;
      if (!left_out(bits)) execute(bits, 4, &group);
    }
    print("major opcode", major << 2 | 3, &group);
  }
}

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) return 2;
  code = mmap((void*)0x50000000, kCode, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
              0);
  data = mmap((void*)0x60000000, kData, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  if (code == MAP_FAILED || data == MAP_FAILED) die("mmap");
  static char stack[65536];
  sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof(stack)}, NULL);
  const struct sigaction action = {.sa_handler = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  for (int i = 0; i < 4; ++i) sigaction((int[]){SIGILL, SIGTRAP, SIGSEGV, SIGBUS}[i], &action, NULL);
  if (argc == 2) {
    compressed();
  } else {
    random_words(strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
  }
  return 0;
}
