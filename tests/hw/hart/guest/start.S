# Bare start of a guest test program: main's answer is the exit status.
  .option norelax
  .text
  .globl _start
_start:
  call main
  li a7, 93
  ecall
