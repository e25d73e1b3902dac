/* Five routines and their tables, 192 KB, in a tree of calls:
 *
 *             A  30 KB, the root           A              0 -  30   (and this manager)
 *            / \                           B | C         30 -  50 | 30 - 90
 *     20 KB B   C 60 KB                    D | E   |     50 -  92 | 50 - 90
 *          / \
 *   42 KB D   E 40 KB
 *
 * What is never needed together takes the same addresses (overlay.ld), and the root
 * reads from the program's own file what a call needs and is not there: by hand, by
 * a plan that somebody made. Built without -DOVERLAYS all lies side by side, and
 * paging does without the plan.
 *
 *     overlay_tree [ROUNDS]       8 of them
 *
 * What must last beyond a call lies in the root: an overlay comes back as it is
 * in the file.
 */
#include "early.h"

enum { kKilobyte = 1024, kWindow = 4 * kKilobyte };

/* Where the linker script puts what belongs to one routine. */
#define CODE_OF(routine) __attribute__((section(".overlay_" #routine ".text"), noinline))
#define DATA_OF(routine) __attribute__((section(".overlay_" #routine ".data")))

static volatile unsigned char table_a[30 * kKilobyte] = {[0 ... 30 * kKilobyte - 1] = 2};
DATA_OF(b) static volatile unsigned char table_b[20 * kKilobyte - 512] = {[0 ... 20 * kKilobyte - 513] = 3};
DATA_OF(c) static volatile unsigned char table_c[60 * kKilobyte - 512] = {[0 ... 60 * kKilobyte - 513] = 5};
DATA_OF(d) static volatile unsigned char table_d[42 * kKilobyte - 512] = {[0 ... 42 * kKilobyte - 513] = 7};
DATA_OF(e) static volatile unsigned char table_e[40 * kKilobyte - 512] = {[0 ... 40 * kKilobyte - 513] = 11};

enum overlay { kB, kC, kD, kE, kOverlays };
static long call(enum overlay which, long argument);

/* A part of the table, another one each time. */
static inline __attribute__((always_inline)) long sum_of(volatile unsigned char* table, long bytes, long argument) {
  const long from = argument * kWindow % (bytes - kWindow);
  long sum = 0;
  for (long i = from; i < from + kWindow; i += 8) sum += table[i];
  return sum;
}

CODE_OF(d) long routine_d(long argument) { return sum_of(table_d, sizeof table_d, argument); }
CODE_OF(e) long routine_e(long argument) { return sum_of(table_e, sizeof table_e, argument) + 1; }
CODE_OF(c) long routine_c(long argument) { return sum_of(table_c, sizeof table_c, argument); }
CODE_OF(b) long routine_b(long argument) {
  long sum = sum_of(table_b, sizeof table_b, argument);
  sum += call(kD, argument);
  if (argument % 2) sum += call(kE, argument);
  return sum;
}

typedef long routine(long);
static routine* const routines[kOverlays] = {routine_b, routine_c, routine_d, routine_e};

#if !defined(OVERLAYS)

static int prepare(const char* self) { return self != 0; }
static void need(enum overlay which) { (void)which; }

#else

/* An overlay in the program's file: a program header of a type of its own. */
struct part {
  long offset, address, bytes;
};
static struct part parts[kOverlays];
static int own_file;
static int present[2] = {-1, -1}; /* in the two regions; C takes both */

struct elf_header {
  unsigned char identity[16];
  uint16_t type, machine;
  uint32_t version;
  uint64_t entry, program_headers, section_headers;
  uint32_t flags;
  uint16_t size, entry_size, entries;
};
struct program_header {
  uint32_t type, flags;
  uint64_t offset, address, physical, file_bytes, memory_bytes, alignment;
};
enum { kOverlayType = 0x6f766c79 };

static int prepare(const char* self) {
  struct elf_header header;
  own_file = (int)early_open(self);
  if (own_file < 0 || early_pread(own_file, &header, sizeof header, 0) != sizeof header) return 0;
  int found = 0;
  for (int i = 0; i < header.entries && found < kOverlays; ++i) {
    struct program_header entry;
    const long at = (long)header.program_headers + i * (long)sizeof entry;
    if (early_pread(own_file, &entry, sizeof entry, at) != sizeof entry) return 0;
    if (entry.type != kOverlayType) continue;
    parts[found++] = (struct part){(long)entry.offset, (long)entry.address, (long)entry.file_bytes};
  }
  return found == kOverlays;
}

static void read_in(enum overlay which) {
  const struct part* part = &parts[which];
  if (early_pread(own_file, (void*)part->address, (size_t)part->bytes, part->offset) != part->bytes) {
    print("an overlay cannot be read\n");
    early_exit(1);
  }
  __asm__ volatile("fence.i" ::: "memory");
}

static void need(enum overlay which) {
  const int region = which == kD || which == kE;
  if (present[region] == (int)which) return;
  read_in(which);
  present[region] = (int)which;
  if (!region) present[1] = which == kC ? (int)kC : -1;
}

#endif

static long call(enum overlay which, long argument) {
  need(which);
  return routines[which](argument);
}

static long routine_a(long argument) {
  return sum_of(table_a, sizeof table_a, argument) + call(kB, argument) + call(kC, argument);
}

int main(int argc, char** argv) {
  const long rounds = argc > 1 ? number_of(argv[1]) : 8;
  if (!prepare(argv[0])) {
    print("cannot read its own file\n");
    return 1;
  }
  long sum = 0;
  for (long round = 0; round < rounds; ++round) {
    sum += routine_a(round);
    print_line("sum: ", sum, "");
  }
  return 0;
}
