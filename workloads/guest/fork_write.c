// Copy on write between a parent, a child and a grandchild: each writes a
// third of the pages at its own time, nobody sees another's bytes, and the
// pages nobody wrote stay what they were.
// Arguments: [PAGES = 96]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

static size_t page_size, pages;

// Byte i of a page that `writer` wrote (0: before any fork).
static unsigned char content(size_t page, size_t i, unsigned writer) {
  return (unsigned char)(page * 31 + i * 7 + writer * 101);
}

static void write_page(unsigned char* memory, size_t page, unsigned writer) {
  for (size_t i = 0; i < page_size; ++i) memory[page * page_size + i] = content(page, i, writer);
}

// The pages that `writer` owns differ; the rest are as the ancestors left them.
static unsigned long wrong_bytes(const unsigned char* memory, const unsigned char* writers) {
  unsigned long wrong = 0;
  for (size_t page = 0; page < pages; ++page)
    for (size_t i = 0; i < page_size; ++i) wrong += memory[page * page_size + i] != content(page, i, writers[page]);
  return wrong;
}

static void write_third(unsigned char* memory, unsigned char* writers, size_t which, unsigned writer) {
  for (size_t page = which; page < pages; page += 4) {
    write_page(memory, page, writer);
    writers[page] = (unsigned char)writer;
  }
}

static int generation(unsigned char* memory, unsigned char* writers, unsigned depth) {
  pid_t child = 0;
  if (depth < 3) child = fork_flushed();
  if (depth < 3 && child == 0) {
    write_third(memory, writers, depth, depth);
    return generation(memory, writers, depth + 1);
  }
  int status = depth < 3 ? wait_for(child) : 0;
  write_third(memory, writers, 3 - depth, 10 + depth);
  unsigned long wrong = wrong_bytes(memory, writers);
  printf("generation %u: %lu bytes wrong, descendants %s\n", depth, wrong, status ? "wrong" : "right");
  fflush(stdout);
  return wrong || status ? 1 : 0;
}

int main(int argc, char** argv) {
  pages = number_argument(argc, argv, 1, 96);
  page_size = sysconf(_SC_PAGESIZE);
  unsigned char* memory = mmap(NULL, pages * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char* writers = calloc(pages, 1);
  if (memory == MAP_FAILED || !writers) die("memory");
  for (size_t page = 0; page < pages; ++page) write_page(memory, page, 0);
  return generation(memory, writers, 1);
}
