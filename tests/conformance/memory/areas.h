// What /proc/self/maps says, as relations.
#pragma once

#include "memory_case.h"

struct area {
  uintptr_t start, end;
  char rights[8];
  unsigned long offset, major, minor, inode;
  char name[256];
};

// A whole file of /proc in a buffer without the allocator, which would change
// what it tells of. The length, or -1 with errno.
HELPER ssize_t read_text(const char* path, char* buffer, size_t bytes) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  size_t length = 0;
  for (;;) {
    ssize_t got = read(fd, buffer + length, bytes - 1 - length);
    if (got <= 0) break;
    length += (size_t)got;
  }
  close(fd);
  buffer[length] = 0;
  return (ssize_t)length;
}

// Calls `visit` for each area, in order; how many there were.
HELPER int each_area(void (*visit)(const struct area*, void*), void* context) {
  static char text[1 << 17];
  if (read_text("/proc/self/maps", text, sizeof text) < 0) return -1;
  int count = 0;
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    struct area one = {0};
    int name = 0;
    if (sscanf(line, "%lx-%lx %7s %lx %lx:%lx %lu %n", &one.start, &one.end, one.rights, &one.offset, &one.major,
               &one.minor, &one.inode, &name) < 7)
      return -1;
    snprintf(one.name, sizeof one.name, "%s", line + name);
    visit(&one, context);
    ++count;
  }
  return count;
}

struct wanted_areas {
  struct verdict* v;
  uintptr_t start, end;
  int seen;
};

HELPER void say_one_area(const struct area* area, void* context) {
  struct wanted_areas* wanted = context;
  if (area->end <= wanted->start || area->start >= wanted->end) return;
  const uintptr_t page = page_bytes();
  const uintptr_t from = area->start > wanted->start ? area->start : wanted->start;
  const uintptr_t to = area->end < wanted->end ? area->end : wanted->end;
  say(wanted->v, "[%d-%d %s]", (int)((from - wanted->start) / page), (int)((to - wanted->start) / page), area->rights);
  ++wanted->seen;
}

// The areas among these pages: "[0-2 rw-p] [2-3 r--p]", in pages from `at` on.
HELPER void say_areas(struct verdict* v, const void* at, size_t pages) {
  struct wanted_areas wanted = {v, (uintptr_t)at, (uintptr_t)at + pages * page_bytes(), 0};
  if (each_area(say_one_area, &wanted) < 0) say(v, "maps cannot be read");
  if (wanted.seen == 0) say(v, "[]");
}

struct found_area {
  uintptr_t at;
  struct area area;
};

HELPER void keep_area(const struct area* area, void* context) {
  struct found_area* found = context;
  if (area->start <= found->at && found->at < area->end) found->area = *area;
}

// The area that holds an address; its end is 0 where there is none.
HELPER struct area area_of(const void* at) {
  struct found_area found = {(uintptr_t)at, {0}};
  each_area(keep_area, &found);
  return found.area;
}

// "Name:   123 kB" in a file of /proc: the number, or -1.
HELPER long field_of(const char* path, const char* name) {
  static char text[1 << 17];
  if (read_text(path, text, sizeof text) < 0) return -1;
  const size_t length = strlen(name);
  for (char* line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
    if (strncmp(line, name, length) == 0 && line[length] == ':') return atol(line + length + 1);
  return -1;
}

// A number of kilobytes in /proc/self/status, in pages.
HELPER long status_pages(const char* name) {
  const long kilobytes = field_of("/proc/self/status", name);
  return kilobytes < 0 ? -1 : kilobytes / (long)(page_bytes() / 1024);
}
