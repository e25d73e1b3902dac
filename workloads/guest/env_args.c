// What a program finds on its stack at the start: arguments, environment and
// auxiliary vector, and how they lie to one another.
// Arguments: any. Binds: none.
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include "guest.h"

int main(int argc, char** argv, char** envp) {
  printf("argc %d\n", argc);
  for (int i = 1; i < argc; ++i) printf("argv[%d] = \"%s\" (%zu)\n", i, argv[i], strlen(argv[i]));
  printf("argv ends with a null pointer: %s\n", yes_no(argv[argc] == NULL));
  printf("envp follows it: %s\n", yes_no(envp == argv + argc + 1));
  int ordered = 1;
  for (int i = 1; i < argc; ++i) ordered &= argv[i] == argv[i - 1] + strlen(argv[i - 1]) + 1;
  printf("the strings lie one after another: %s\n", yes_no(ordered));
  const char* greeting = getenv("GREETING");
  printf("GREETING is %s\n", greeting ? greeting : "not set");

  printf("AT_PAGESZ is the page size: %s\n", yes_no(getauxval(AT_PAGESZ) == (unsigned long)sysconf(_SC_PAGESIZE)));
  printf("AT_PHENT is the size of a program header: %s\n", yes_no(getauxval(AT_PHENT) == sizeof(ElfW(Phdr))));
  const ElfW(Phdr)* headers = (const void*)getauxval(AT_PHDR);
  unsigned loads = 0;
  int entry_inside = 0;
  for (unsigned long i = 0; i < getauxval(AT_PHNUM); ++i)
    if (headers[i].p_type == PT_LOAD) {
      ++loads;
      unsigned long entry = getauxval(AT_ENTRY);
      entry_inside |=
          (headers[i].p_flags & PF_X) && entry >= headers[i].p_vaddr && entry - headers[i].p_vaddr < headers[i].p_memsz;
    }
  printf("there are segments: %s\n", yes_no(loads > 0));
  printf("AT_ENTRY is inside an executable one: %s\n", yes_no(entry_inside));
  printf("AT_RANDOM is there: %s\n", yes_no(getauxval(AT_RANDOM) != 0));
  printf("AT_SECURE is zero: %s\n", yes_no(getauxval(AT_SECURE) == 0));
  printf("AT_UID and getuid agree: %s\n", yes_no(getauxval(AT_UID) == getuid() && getauxval(AT_EGID) == getegid()));
  const char* path = (const char*)getauxval(AT_EXECFN);
  printf("AT_EXECFN is set: %s\n", yes_no(path && *path));
  return argc;
}
