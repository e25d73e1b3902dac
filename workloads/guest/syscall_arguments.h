// Arguments for random system calls: some that a call may take, some at the
// edge of what it may take, some that mean nothing.
#ifndef FAULTLINE_SYSCALL_ARGUMENTS_H
#define FAULTLINE_SYSCALL_ARGUMENTS_H

#include <stddef.h>
#include <stdint.h>

// Maps the memory that pointers point into, with a page behind it that cannot
// be touched, and starts the random numbers. Returns 0 without memory.
int prepare_arguments(uint64_t seed);

// Below n.
uint64_t random_below(uint64_t n);

// Chooses a call by its number on RISC-V Linux and sets all six arguments.
uint64_t random_call(uint64_t arguments[6]);

#endif
