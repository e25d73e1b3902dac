/* The program whose ELF file the loader's tests read and damage: some code, some
   data, some bss, from an ordinary compiler. */
#include <stdio.h>

static int zeroed[5000];
static int counted[] = {1, 2, 3};

int main(int argc, char** argv) {
  for (int i = 0; i < argc; ++i) zeroed[i] = counted[i % 3];
  printf("%s %d\n", argv[0], zeroed[0]);
  return 0;
}
