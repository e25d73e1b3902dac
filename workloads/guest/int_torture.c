// Every integer, multiply, atomic and compressed instruction with edge and
// random operands; prints a hash of the results of each.
// Arguments: [RANDOM = 200 operand pairs] [SEED = 1]. Binds: none. RISC-V only.
#include "torture.h"

static const uint64_t kEdges[] = {
    0,
    1,
    2,
    3,
    7,
    63,
    64,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    1ull << 32,
    0x7fffffffffffffff,
    1ull << 63,
    -1ull,
    -2ull,
    -128ull,
    0xffffffff80000000,
    0xffffffff00000000,
    0x5555555555555555,
    0xaaaaaaaaaaaaaaaa,
};
enum { kEdgeCount = sizeof kEdges / sizeof kEdges[0] };

static uint64_t random_pairs = 200, seed = 1;

// Calls with every pair of edges, then with random pairs of random widths.
static void for_pairs(const char* name, uint64_t (*operation)(uint64_t, uint64_t)) {
  struct group group = start_group(name, 0);
  for (int i = 0; i < kEdgeCount; ++i)
    for (int j = 0; j < kEdgeCount; ++j) add_result(&group, operation(kEdges[i], kEdges[j]), 0);
  uint64_t state = seed;
  for (uint64_t i = 0; i < random_pairs; ++i) {
    uint64_t a = next_random(&state), b = next_random(&state);
    a >>= b & 63;
    b = next_random(&state) >> (a & 63);
    add_result(&group, operation(a, b), 0);
  }
  end_group(&group);
}

// One function an instruction: two registers in, one out.
#define REGISTER_OPERATION(name, text)                                    \
  static uint64_t name(uint64_t a, uint64_t b) {                          \
    uint64_t result;                                                      \
    __asm__ volatile(text " %0, %1, %2" : "=r"(result) : "r"(a), "r"(b)); \
    return result;                                                        \
  }
// An immediate has to stand in the instruction: several, folded with b.
// clang-format off
#define IMMEDIATE_CASE(text, immediate)                                        \
  __asm__ volatile(text " %0, %1, " #immediate : "=r"(result) : "r"(a ^ fold)); \
  fold = fold * 31 + result;
#define IMMEDIATE_OPERATION(name, text)                                                          \
  static uint64_t name(uint64_t a, uint64_t b) {                                                 \
    uint64_t result, fold = b;                                                                   \
    IMMEDIATE_CASE(text, 0) IMMEDIATE_CASE(text, 1) IMMEDIATE_CASE(text, -1)                     \
    IMMEDIATE_CASE(text, 2047) IMMEDIATE_CASE(text, -2048) IMMEDIATE_CASE(text, 0x155)           \
    return fold;                                                                                 \
  }
#define SHIFT_OPERATION(name, text, most)                                                        \
  static uint64_t name(uint64_t a, uint64_t b) {                                                 \
    uint64_t result, fold = b;                                                                   \
    IMMEDIATE_CASE(text, 0) IMMEDIATE_CASE(text, 1)                                              \
    IMMEDIATE_CASE(text, 13) IMMEDIATE_CASE(text, most)                                          \
    return fold;                                                                                 \
  }
// clang-format on
#define BRANCH(name)                                                                                       \
  static uint64_t name(uint64_t a, uint64_t b) {                                                           \
    uint64_t result;                                                                                       \
    __asm__ volatile("li %0, 1\n\t" #name " %1, %2, 1f\n\tli %0, 0\n1:" : "=&r"(result) : "r"(a), "r"(b)); \
    return result;                                                                                         \
  }
#define SAME_NAME(name) REGISTER_OPERATION(op_##name, #name)
#define EACH_REGISTER_OPERATION(apply)                                                                              \
  apply(add) apply(sub) apply(sll) apply(slt) apply(sltu) apply(xor) apply(srl) apply(sra) apply(or) apply(and)     \
      apply(addw) apply(subw) apply(sllw) apply(srlw) apply(sraw) apply(mul) apply(mulh) apply(mulhsu) apply(mulhu) \
          apply(div) apply(divu) apply(rem) apply(remu) apply(mulw) apply(divw) apply(divuw) apply(remw) apply(remuw)
EACH_REGISTER_OPERATION(SAME_NAME)
IMMEDIATE_OPERATION(op_addi, "addi")
IMMEDIATE_OPERATION(op_addiw, "addiw")
IMMEDIATE_OPERATION(op_slti, "slti")
IMMEDIATE_OPERATION(op_sltiu, "sltiu")
IMMEDIATE_OPERATION(op_xori, "xori")
IMMEDIATE_OPERATION(op_ori, "ori")
IMMEDIATE_OPERATION(op_andi, "andi")
SHIFT_OPERATION(op_slli, "slli", 63)
SHIFT_OPERATION(op_srli, "srli", 63)
SHIFT_OPERATION(op_srai, "srai", 63)
SHIFT_OPERATION(op_slliw, "slliw", 31)
SHIFT_OPERATION(op_srliw, "srliw", 31)
SHIFT_OPERATION(op_sraiw, "sraiw", 31)
BRANCH(beq)
BRANCH(bne)
BRANCH(blt)
BRANCH(bge)
BRANCH(bltu)
BRANCH(bgeu)

static void base_instructions(void) {
#define RUN(name) for_pairs(#name, op_##name);
#define RUN_BRANCH(name) for_pairs(#name, name);
  // clang-format off
  EACH_REGISTER_OPERATION(RUN)
  RUN(addi) RUN(addiw) RUN(slti) RUN(sltiu) RUN(xori) RUN(ori) RUN(andi)
  RUN(slli) RUN(srli) RUN(srai) RUN(slliw) RUN(srliw) RUN(sraiw)
  RUN_BRANCH(beq) RUN_BRANCH(bne) RUN_BRANCH(blt) RUN_BRANCH(bge) RUN_BRANCH(bltu) RUN_BRANCH(bgeu)
  // clang-format on
}

// lui, auipc, jal, jalr: relations of their results.
static void addresses_and_jumps(void) {
  uint64_t a, b, c;
  __asm__ volatile("lui %0, 0x80000\n\tlui %1, 0x7ffff\n\tlui %2, 1" : "=r"(a), "=r"(b), "=r"(c));
  printf("lui: %016llx %016llx %016llx\n", (unsigned long long)a, (unsigned long long)b, (unsigned long long)c);
  __asm__ volatile(
      ".option push\n.option norvc\n1: auipc %0, 0\n\tauipc %1, 0x12345\n\tjal %2, 2f\n\tnop\n2:\n.option pop"
      : "=r"(a), "=r"(b), "=r"(c));
  printf("auipc and jal: %llx %llx\n", (unsigned long long)(b - a), (unsigned long long)(c - a));
  // jalr clears the lowest bit of its target; the link may be its own base.
  __asm__ volatile(
      ".option push\n.option norvc\n"
      "1: auipc t0, 0\n\taddi t0, t0, 17\n\tli %0, 5\n\tjalr t0, 4(t0)\n\tli %0, 6\n\taddi %0, %0, 100\n"
      "\tauipc %1, 0\n\tsub %1, %1, t0\n.option pop"
      : "=&r"(a), "=&r"(b)::"t0");
  printf("jalr: %llu %llx\n", (unsigned long long)a, (unsigned long long)b);
}

static uint64_t cell[4] __attribute__((aligned(64)));

// Loads and stores of every width, signed and not, with offsets of both signs.
static void loads_and_stores(void) {
  struct group group = start_group("load and store", 0);
  unsigned char area[64];
  uint64_t state = seed, value;
  for (uint64_t round = 0; round < random_pairs; ++round) {
    for (int i = 0; i < 64; ++i) area[i] = (unsigned char)(next_random(&state) >> 40);
    unsigned char* at = area + 16 + next_random(&state) % 24;
#define LOAD(text)                                           \
  __asm__ volatile(text : "=r"(value) : "r"(at) : "memory"); \
  add_result(&group, value, 0);
    LOAD("lb %0, 0(%1)")
    LOAD("lbu %0, -1(%1)")
    LOAD("lh %0, -16(%1)")
    LOAD("lhu %0, 7(%1)")
    LOAD("lw %0, -8(%1)")
    LOAD("lwu %0, 12(%1)") LOAD("ld %0, 3(%1)") LOAD("ld %0, -16(%1)") value = next_random(&state);
    __asm__ volatile("sb %0, 3(%1)\n\tsh %0, -7(%1)\n\tsw %0, 9(%1)\n\tsd %0, -16(%1)" ::"r"(value), "r"(at)
                     : "memory");
    for (int i = 0; i < 64; i += 8) {
      memcpy(&value, area + i, 8);
      add_result(&group, value, 1);
    }
  }
  end_group(&group);
}

#define ATOMIC(name, text)                                                                  \
  static uint64_t name(uint64_t a, uint64_t b) {                                            \
    uint64_t old;                                                                           \
    cell[0] = a;                                                                            \
    __asm__ volatile(text " %0, %1, (%2)" : "=&r"(old) : "r"(b), "r"(&cell[0]) : "memory"); \
    return old * 31 + cell[0];                                                              \
  }
#define EACH_ATOMIC(apply)                                                                                         \
  apply(amoswap) apply(amoadd) apply(amoxor) apply(amoand) apply(amoor) apply(amomin) apply(amomax) apply(amominu) \
      apply(amomaxu)
#define BOTH_WIDTHS(name) ATOMIC(name##_w, #name ".w") ATOMIC(name##_d, #name ".d") ATOMIC(name##_aqrl, #name ".w.aqrl")
EACH_ATOMIC(BOTH_WIDTHS)

static uint64_t reserve_and_store(uint64_t a, uint64_t b) {
  uint64_t loaded, failed;
  cell[0] = a;
  __asm__ volatile("1: lr.d %0, (%2)\n\tsc.d %1, %3, (%2)\n\tbnez %1, 1b"
                   : "=&r"(loaded), "=&r"(failed)
                   : "r"(&cell[0]), "r"(b)
                   : "memory");
  uint64_t fold = loaded * 31 + failed + cell[0];
  __asm__ volatile("1: lr.w.aq %0, (%2)\n\tsc.w.rl %1, %3, (%2)\n\tbnez %1, 1b"
                   : "=&r"(loaded), "=&r"(failed)
                   : "r"(&cell[0]), "r"(a)
                   : "memory");
  return fold * 31 + loaded * 7 + failed + cell[0];
}

// A store-conditional without a reservation fails and stores nothing, and one
// uses the reservation up.
static uint64_t store_without_reservation(uint64_t a, uint64_t b) {
  uint64_t loaded, first, second;
  cell[0] = a;
  cell[1] = b;
  __asm__ volatile("1: lr.d %0, (%3)\n\tsc.d %1, %4, (%3)\n\tbnez %1, 1b\n\tsc.d %2, zero, (%3)"
                   : "=&r"(loaded), "=&r"(first), "=&r"(second)
                   : "r"(&cell[0]), "r"(b)
                   : "memory");
  return loaded * 31 + first * 7 + (second != 0) * 3 + cell[0];
}

static void atomics(void) {
#define RUN_ATOMIC(name) \
  for_pairs(#name ".w", name##_w), for_pairs(#name ".d", name##_d), for_pairs(#name ".w.aqrl", name##_aqrl);
  EACH_ATOMIC(RUN_ATOMIC)
  for_pairs("lr and sc", reserve_and_store);
  for_pairs("sc alone", store_without_reservation);
}

#define COMPRESSED_TWO(name, text)                                                       \
  static uint64_t name(uint64_t a, uint64_t b) {                                         \
    register uint64_t left __asm__("a0") = a;                                            \
    register uint64_t right __asm__("a1") = b;                                           \
    __asm__ volatile(text : "+r"(left) : "r"(right) : "a2", "a3", "a4", "a5", "memory"); \
    return left;                                                                         \
  }
COMPRESSED_TWO(
    c_alu,
    "c.add a0, a1\n\tc.sub a0, a1\n\tc.xor a0, a1\n\tc.or a0, a1\n\tc.addw a0, a1\n\tc.subw a0, a1\n\tc.and a0, a1")
COMPRESSED_TWO(
    c_shift,
    "c.slli a0, 5\n\tc.add a0, a1\n\tc.srli a0, 3\n\tc.xor a0, a1\n\tc.srai a0, 2\n\tc.slli a0, 40\n\tc.srai a0, 33")
COMPRESSED_TWO(c_immediate,
               "c.addi a0, -32\n\tc.addi a0, 31\n\tc.xor a0, a1\n\tc.andi a0, -7\n\tc.add a0, a1\n\tc.addiw a0, "
               "17\n\tc.addiw a0, 0")
COMPRESSED_TWO(
    c_move, "c.mv a2, a1\n\tc.li a3, -32\n\tc.lui a4, 0xfffe1\n\tc.add a0, a2\n\tc.add a0, a3\n\tc.add a0, a4\n\tc.nop")
COMPRESSED_TWO(c_branch,
               "c.li a2, 0\n\tc.beqz a0, 1f\n\tc.addi a2, 1\n1:\tc.bnez a1, 2f\n\tc.addi a2, 2\n2:\tc.j 3f\n\tc.addi "
               "a2, 4\n3:\tc.add a0, a2")
COMPRESSED_TWO(
    c_stack,
    "c.addi16sp sp, -64\n\tc.sdsp a0, 8(sp)\n\tc.swsp a1, 20(sp)\n\tc.ldsp a2, 8(sp)\n\tc.lwsp a3, 20(sp)\n\t"
    "c.addi4spn a4, sp, 8\n\tc.ld a5, 0(a4)\n\tc.lw a4, 12(a4)\n\tc.xor a0, a2\n\tc.add a0, a3\n\tc.add a0, "
    "a4\n\tc.xor a0, a5\n\tc.addi16sp sp, 64")
COMPRESSED_TWO(c_calls,
               "c.mv a4, ra\n\tla a2, 1f\n\tc.jalr a2\n\tc.addi a0, 3\n\tla a2, 2f\n\tc.jr a2\n1:\tc.add a0, "
               "a1\n\tc.jr ra\n2:\tc.mv ra, a4")

static void compressed(void) {
#define RUN_COMPRESSED(name) for_pairs(#name, name);
  RUN_COMPRESSED(c_alu)
  RUN_COMPRESSED(c_shift)
  RUN_COMPRESSED(c_immediate)
  RUN_COMPRESSED(c_move) RUN_COMPRESSED(c_branch) RUN_COMPRESSED(c_stack) RUN_COMPRESSED(c_calls)
}

int main(int argc, char** argv) {
  random_pairs = number_argument(argc, argv, 1, 200);
  seed = number_argument(argc, argv, 2, 1) * 2 + 1;
  base_instructions();
  addresses_and_jumps();
  loads_and_stores();
  atomics();
  compressed();
  return 0;
}
