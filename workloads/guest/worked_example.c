// The program that docs/worked-example.md works out by hand: twelve
// instructions without a C library, one page of code, one of data.
// Arguments: none. Binds: none. RISC-V only; built with -nostdlib.
//
// Each instruction has four bytes. The first store is the first touch of the
// data page.
__asm__(
    ".option norvc\n.option norelax\n"
    ".section .text\n.globl _start\n.balign 64\n"
    "_start:\n"
    "  auipc t0, %pcrel_hi(cell)\n"
    "  addi  t0, t0, %pcrel_lo(_start)\n"
    "  li    t1, 5\n"
    "  sd    t1, 0(t0)\n"
    "  ld    t2, 0(t0)\n"
    "  add   t2, t2, t1\n"
    "  sd    t2, 8(t0)\n"
    "  ld    a0, 8(t0)\n"
    "  addi  a0, a0, -10\n"
    "  li    a7, 93\n"  // exit(0)
    "  nop\n"
    "  ecall\n"
    ".section .bss\n.balign 4096\n"
    "cell: .zero 4096\n");
