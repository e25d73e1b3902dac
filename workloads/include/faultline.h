/* Marks a program's region of interest for faultline: what it counts is then
 * that of the region alone.
 *
 *     warm_up();
 *     faultline_region_begin();
 *     work();
 *     faultline_region_end();
 *
 * Several regions add up. A program whose warm-up is everything up to some
 * point may say so instead: faultline_warmup_end() forgets what was counted and
 * begins a region, which lasts to faultline_region_end() or the end of the run.
 * A begin within a region and an end without one change nothing.
 *
 * Each mark is one instruction, slti x0, x0, IMMEDIATE, a HINT that RISC-V
 * leaves to custom use: hardware and other simulators execute it as a
 * no-operation. On other architectures a mark is nothing at all. C and C++; no
 * library.
 */
#ifndef FAULTLINE_H
#define FAULTLINE_H

/* The compiler moves no access to memory across a mark. */
#if defined(__riscv)
#define FAULTLINE_MARK(immediate) __asm__ volatile("slti x0, x0, " #immediate ::: "memory")
#else
#define FAULTLINE_MARK(immediate) __asm__ volatile("" ::: "memory")
#endif

static inline void faultline_region_begin(void) { FAULTLINE_MARK(0x4f1); }
static inline void faultline_region_end(void) { FAULTLINE_MARK(0x4f2); }
static inline void faultline_warmup_end(void) { FAULTLINE_MARK(0x4f3); }

#endif
