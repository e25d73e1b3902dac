// What the programs about memory share.
#pragma once

#include "../case.h"

HELPER size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

// Private anonymous pages; the case ends where there are none.
HELPER char* map_pages(size_t pages, int protection) {
  char* at = mmap(NULL, pages * page_bytes(), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) _exit(90);
  return at;
}

// The same between two pages where nothing is, so that nothing merges with them
// and what lies past them faults.
HELPER char* map_island(size_t pages, int protection) {
  const size_t page = page_bytes();
  char* at = map_pages(pages + 2, protection);
  munmap(at, page);
  munmap(at + (pages + 1) * page, page);
  return at + page;
}

// An unnamed file of `bytes` bytes: byte i is 'a' + i / page % 26, so that each page
// tells which it is. Opened with `flags`, in the current directory.
HELPER int make_file(size_t bytes, int flags) {
  static unsigned number;
  char name[32];
  snprintf(name, sizeof name, "file%u.%d", number++, (int)getpid());
  int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) _exit(91);
  char* text = malloc(bytes + 1);
  for (size_t at = 0, page = page_bytes(); at < bytes; at += page)
    memset(text + at, (int)('a' + at / page % 26), bytes - at < page ? bytes - at : page);
  if (write(fd, text, bytes) != (ssize_t)bytes) _exit(92);
  free(text);
  close(fd);
  fd = open(name, flags);
  if (fd < 0) _exit(93);
  unlink(name);
  return fd;
}

HELPER char* map_file(int fd, size_t pages, int protection, int flags) {
  char* at = mmap(NULL, pages * page_bytes(), protection, flags, fd, 0);
  if (at == MAP_FAILED) _exit(94);
  return at;
}

// Whether a page is in memory: 'y', 'n', or '?' for an error.
HELPER char resident(const void* at) {
  unsigned char present = 0;
  if (mincore((void*)(uintptr_t)at, page_bytes(), &present) < 0) return '?';
  return present & 1 ? 'y' : 'n';
}

// "yynn": the pages from `at` on.
HELPER void say_resident(struct verdict* v, const char* at, size_t pages) {
  char text[128] = "";
  for (size_t i = 0; i < pages && i + 1 < sizeof text; ++i) text[i] = resident(at + i * page_bytes());
  say(v, "%s", text);
}
