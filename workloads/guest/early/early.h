/* What a program without a C library needs: a few system calls and a way to print.
 * Built for RISC-V it is free-standing and small (a static C library alone takes
 * 500 KB), and runs below page tables as well as without them; built for the
 * host it is an ordinary program with the same output.
 */
#ifndef EARLY_H
#define EARLY_H

#include <stddef.h>
#include <stdint.h>

long early_write(int fd, const void* from, size_t bytes);
long early_read(int fd, void* to, size_t bytes);
long early_pread(int fd, void* to, size_t bytes, long offset);
long early_open(const char* path);
void early_exit(int status) __attribute__((noreturn));
int early_getpid(void);
int early_getppid(void);
void early_yield(void);
/* Makes the data segment longer; the old end, or (void*)-1. */
void* early_sbrk(long bytes);
/* A new program beside this one; its pid or less than 0. argv ends with 0. */
int early_spawn(const char* path, char* const argv[]);
/* Any child; its pid, or less than 0 where there is none. *status as wait(2) tells it. */
int early_wait(int* status);

void print(const char* text);
void print_number(long number);
/* Text, a number, text: most lines are that. */
void print_line(const char* before, long number, const char* after);
long number_of(const char* text);
int same_text(const char* a, const char* b);

#endif
