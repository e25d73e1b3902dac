// Every F and D instruction with special and random operands, in every
// rounding mode, static and dynamic; prints results and exception flags,
// hashed by instruction, and the first few raw.
// Arguments: [RANDOM = 300 operand sets] [SEED = 1]. Binds: none. RISC-V only.
#include "torture.h"

static const uint64_t kDoubles[] = {
    0x0000000000000000, 0x8000000000000000, 0x3ff0000000000000, 0xbff0000000000000, 0x7ff0000000000000,
    0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000001, 0x7ff0000000000001, 0xfff4000000000000,
    0x0000000000000001, 0x800fffffffffffff, 0x0010000000000000, 0x7fefffffffffffff, 0xffefffffffffffff,
    0x3fefffffffffffff, 0x3ff0000000000001, 0x4000000000000000, 0x3fe0000000000000, 0x3ff8000000000000,
    0xc004000000000000, 0x41dfffffffc00000, 0x41e0000000000000, 0x43e0000000000000, 0xc3e0000000000000,
    0x43f0000000000000, 0x41efffffffe00000, 0x36a0000000000000, 0x380fffffe0000000, 0x47efffffe0000001,
};
static const uint32_t kFloats[] = {
    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001,
    0x7f800001, 0xffa00000, 0x00000001, 0x807fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f7fffff,
    0x3f800001, 0x40000000, 0x3f000000, 0x3fc00000, 0xc0200000, 0x4effffff, 0x4f000000, 0x5f000000,
    0xdf000000, 0x5f800000, 0x4f7fffff, 0x33800000, 0x0c000000, 0x7effffff,
};
enum { kSpecial = sizeof kDoubles / sizeof kDoubles[0] };

static uint64_t random_sets = 300, seed = 1;

struct operands {
  uint64_t a, b, c;
};

struct outcome {
  uint64_t value, flags;
};

typedef struct outcome operation(const struct operands*);

// A single lies in the low half under ones; one that does not is a NaN. Some
// operands are left wrong on purpose.
static uint64_t boxed(uint32_t bits, uint64_t choice) {
  return choice % 37 == 5 ? bits | 0x12345678ull << 32 : bits | 0xffffffffull << 32;
}

static uint64_t random_double(uint64_t* state) {
  uint64_t bits = next_random(state), how = next_random(state);
  if (how % 8 == 0) return kDoubles[how / 8 % kSpecial];
  if (how % 2) bits = (bits & 0x800fffffffffffff) | (1023 - 32 + (how >> 8) % 64) << 52;  // near one
  if (how % 16 == 3) bits &= ~0xffffffffull;                                              // short fractions round less
  return bits;
}

static uint64_t random_single(uint64_t* state) {
  uint32_t bits = (uint32_t)(next_random(state) >> 20);
  uint64_t how = next_random(state);
  if (how % 8 == 0) bits = kFloats[how / 8 % kSpecial];
  if (how % 2) bits = (bits & 0x807fffff) | (uint32_t)(127 - 16 + (how >> 8) % 32) << 23;
  return boxed(bits, how >> 40);
}

// Runs an operation over special and random operands. `single`: operands are
// singles; an integer operand uses the same bits.
static void run(const char* name, operation* operation, int single) {
  struct group group = start_group(name, 2);
  for (int i = 0; i < kSpecial; ++i)
    for (int j = 0; j < kSpecial; ++j) {
      int k = (i * 7 + j) % kSpecial;
      struct operands in = {kDoubles[i], kDoubles[j], kDoubles[k]};
      if (single) in = (struct operands){boxed(kFloats[i], 0), boxed(kFloats[j], 0), boxed(kFloats[k], 0)};
      struct outcome out = operation(&in);
      add_result(&group, out.value, out.flags);
    }
  uint64_t state = seed;
  for (uint64_t i = 0; i < random_sets; ++i) {
    struct operands in = {random_double(&state), random_double(&state), random_double(&state)};
    if (single) in = (struct operands){random_single(&state), random_single(&state), random_single(&state)};
    struct outcome out = operation(&in);
    add_result(&group, out.value, out.flags);
  }
  end_group(&group);
}

// Each instruction becomes one function: flags cleared, operands moved in as
// bits, the result moved out as bits, flags read.
#define OPERATION(name, text)                                                                    \
  static struct outcome name(const struct operands* in) {                                        \
    struct outcome out;                                                                          \
    __asm__ volatile(                                                                            \
        "fsflags zero\n\tfmv.d.x ft0, %2\n\tfmv.d.x ft1, %3\n\tfmv.d.x ft2, %4\n\tmv t1, %2\n\t" \
        "li t0, 0\n\t" text "\n\tfrflags %1"                                                     \
        : "=&r"(out.value), "=&r"(out.flags)                                                     \
        : "r"(in->a), "r"(in->b), "r"(in->c)                                                     \
        : "t0", "t1", "ft0", "ft1", "ft2", "ft3");                                               \
    return out;                                                                                  \
  }
#define TO_FLOAT(instruction) instruction "\n\tfmv.x.d %0, ft3"
#define TO_INTEGER(instruction) instruction

#define WITH_MODES(apply, id, before, after)                                                                        \
  apply(id##_rne, before ", rne" after) apply(id##_rtz, before ", rtz" after) apply(id##_rdn, before ", rdn" after) \
      apply(id##_rup, before ", rup" after) apply(id##_rmm, before ", rmm" after)                                   \
          apply(id##_dyn, before ", dyn" after)
#define OUT "\n\tfmv.x.d %0, ft3"

// Arithmetic and conversions that round, for both widths.
#define ROUNDED(w)                                                          \
  WITH_MODES(OPERATION, add_##w, "fadd." #w " ft3, ft0, ft1", OUT)          \
  WITH_MODES(OPERATION, sub_##w, "fsub." #w " ft3, ft0, ft1", OUT)          \
  WITH_MODES(OPERATION, mul_##w, "fmul." #w " ft3, ft0, ft1", OUT)          \
  WITH_MODES(OPERATION, div_##w, "fdiv." #w " ft3, ft0, ft1", OUT)          \
  WITH_MODES(OPERATION, sqrt_##w, "fsqrt." #w " ft3, ft0", OUT)             \
  WITH_MODES(OPERATION, madd_##w, "fmadd." #w " ft3, ft0, ft1, ft2", OUT)   \
  WITH_MODES(OPERATION, msub_##w, "fmsub." #w " ft3, ft0, ft1, ft2", OUT)   \
  WITH_MODES(OPERATION, nmsub_##w, "fnmsub." #w " ft3, ft0, ft1, ft2", OUT) \
  WITH_MODES(OPERATION, nmadd_##w, "fnmadd." #w " ft3, ft0, ft1, ft2", OUT) \
  WITH_MODES(OPERATION, to_w_##w, "fcvt.w." #w " %0, ft0", "")              \
  WITH_MODES(OPERATION, to_wu_##w, "fcvt.wu." #w " %0, ft0", "")            \
  WITH_MODES(OPERATION, to_l_##w, "fcvt.l." #w " %0, ft0", "")              \
  WITH_MODES(OPERATION, to_lu_##w, "fcvt.lu." #w " %0, ft0", "")            \
  WITH_MODES(OPERATION, from_l_##w, "fcvt." #w ".l ft3, t1", OUT)           \
  WITH_MODES(OPERATION, from_lu_##w, "fcvt." #w ".lu ft3, t1", OUT)
ROUNDED(s)
ROUNDED(d)
WITH_MODES(OPERATION, from_w_s, "fcvt.s.w ft3, t1", OUT)
WITH_MODES(OPERATION, from_wu_s, "fcvt.s.wu ft3, t1", OUT)
WITH_MODES(OPERATION, narrow, "fcvt.s.d ft3, ft0", OUT)

// The rest never rounds.
#define EXACT(w)                                                \
  OPERATION(sgnj_##w, TO_FLOAT("fsgnj." #w " ft3, ft0, ft1"))   \
  OPERATION(sgnjn_##w, TO_FLOAT("fsgnjn." #w " ft3, ft0, ft1")) \
  OPERATION(sgnjx_##w, TO_FLOAT("fsgnjx." #w " ft3, ft0, ft1")) \
  OPERATION(min_##w, TO_FLOAT("fmin." #w " ft3, ft0, ft1"))     \
  OPERATION(max_##w, TO_FLOAT("fmax." #w " ft3, ft0, ft1"))     \
  OPERATION(eq_##w, TO_INTEGER("feq." #w " %0, ft0, ft1"))      \
  OPERATION(lt_##w, TO_INTEGER("flt." #w " %0, ft0, ft1"))      \
  OPERATION(le_##w, TO_INTEGER("fle." #w " %0, ft0, ft1"))      \
  OPERATION(class_##w, TO_INTEGER("fclass." #w " %0, ft0"))
EXACT(s)
EXACT(d)
OPERATION(move_out_s, TO_INTEGER("fmv.x.w %0, ft0"))
OPERATION(move_in_s, TO_FLOAT("fmv.w.x ft3, t1"))
OPERATION(widen, TO_FLOAT("fcvt.d.s ft3, ft0"))
OPERATION(from_w_d, TO_FLOAT("fcvt.d.w ft3, t1"))
OPERATION(from_wu_d, TO_FLOAT("fcvt.d.wu ft3, t1"))

static void set_mode(uint64_t mode) { __asm__ volatile("fsrm %0" ::"r"(mode)); }

// The five static modes, then the dynamic one under each mode of the register.
#define RUN_MODES(id, single)                                           \
  run(#id " rne", id##_rne, single), run(#id " rtz", id##_rtz, single); \
  run(#id " rdn", id##_rdn, single), run(#id " rup", id##_rup, single); \
  run(#id " rmm", id##_rmm, single);                                    \
  for (uint64_t mode = 0; mode < 5; ++mode) {                           \
    set_mode(mode);                                                     \
    run(#id " dyn", id##_dyn, single);                                  \
  }                                                                     \
  set_mode(0);
#define RUN(id, single) run(#id, id, single);
// A list, which the formatter would indent without end.
// clang-format off
#define RUN_WIDTH(w, single)                                                                           \
  RUN_MODES(add_##w, single) RUN_MODES(sub_##w, single) RUN_MODES(mul_##w, single)                     \
  RUN_MODES(div_##w, single) RUN_MODES(sqrt_##w, single) RUN_MODES(madd_##w, single)                   \
  RUN_MODES(msub_##w, single) RUN_MODES(nmsub_##w, single) RUN_MODES(nmadd_##w, single)                \
  RUN_MODES(to_w_##w, single) RUN_MODES(to_wu_##w, single) RUN_MODES(to_l_##w, single)                 \
  RUN_MODES(to_lu_##w, single) RUN_MODES(from_l_##w, single) RUN_MODES(from_lu_##w, single)            \
  RUN(sgnj_##w, single) RUN(sgnjn_##w, single) RUN(sgnjx_##w, single) RUN(min_##w, single)             \
  RUN(max_##w, single) RUN(eq_##w, single) RUN(lt_##w, single) RUN(le_##w, single) RUN(class_##w, single)
// clang-format on

static void singles(void) {
  RUN_WIDTH(s, 1)
  RUN_MODES(from_w_s, 1)
  RUN_MODES(from_wu_s, 1)
  RUN(move_out_s, 1) RUN(move_in_s, 1) RUN(widen, 1) RUN(from_w_d, 1) RUN(from_wu_d, 1)
}

static void doubles(void) {
  RUN_WIDTH(d, 0)
  RUN_MODES(narrow, 0)
}

// Flags stay until cleared; frm and fflags are parts of fcsr.
static void control_register(void) {
  uint64_t a, b, c, d;
  __asm__ volatile(
      "fscsr zero\n\tli t0, 1\n\tfcvt.d.l ft0, t0\n\tfmv.d.x ft1, zero\n\tfdiv.d ft2, ft0, ft1\n\tli t0, 3\n\tfcvt.d.l "
      "ft1, t0\n\t"
      "fdiv.d ft2, ft0, ft1\n\tfrflags %0\n\tfsrmi 3\n\tfrcsr %1\n\tli t0, 0xe7\n\tfscsr %2, t0\n\tfrrm %3\n\tfscsr "
      "zero"
      : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d)::"t0", "ft0", "ft1", "ft2");
  printf("flags %llx, fcsr %llx, before %llx, mode %llx\n", (unsigned long long)a, (unsigned long long)b,
         (unsigned long long)c, (unsigned long long)d);
  __asm__ volatile(
      "li t0, 0x1f\n\tfscsr t0\n\tcsrrci %0, fflags, 0x5\n\tcsrrsi %1, frm, 2\n\tcsrrwi %2, fcsr, 0\n\tfrcsr %3"
      : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d)::"t0");
  printf("csrrci %llx, csrrsi %llx, csrrwi %llx, then %llx\n", (unsigned long long)a, (unsigned long long)b,
         (unsigned long long)c, (unsigned long long)d);
}

// Loads and stores of both widths, compressed ones among them.
static void memory(void) {
  uint64_t cells[4] = {0x3ff123456789abcd, 0x40abcdef01234567, 0, 0}, a, b;
  register uint64_t* base __asm__("a0") = cells;
  __asm__ volatile(
      "c.fld fa0, 0(a0)\n\tflw fa1, 8(a0)\n\tfmv.x.d %0, fa0\n\tfmv.x.d %1, fa1\n\tc.fsd fa0, 16(a0)\n\tfsw fa0, "
      "24(a0)\n\t"
      "fsd fa1, -16(sp)\n\taddi sp, sp, -16\n\tc.fldsp fa2, 0(sp)\n\tc.fsdsp fa2, 8(sp)\n\taddi sp, sp, 16"
      : "=&r"(a), "=&r"(b)
      : "r"(base)
      : "fa0", "fa1", "fa2", "memory");
  printf("loads %016llx %016llx, stores %016llx %016llx\n", (unsigned long long)a, (unsigned long long)b,
         (unsigned long long)cells[2], (unsigned long long)cells[3]);
}

int main(int argc, char** argv) {
  random_sets = number_argument(argc, argv, 1, 300);
  seed = number_argument(argc, argv, 2, 1) * 2 + 1;
  singles();
  doubles();
  control_register();
  memory();
  return 0;
}
