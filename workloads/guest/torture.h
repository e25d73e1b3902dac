// What the instruction tests share: operands, and results that are folded into
// one hash for each instruction, with the first few printed raw.
#ifndef FAULTLINE_TORTURE_H
#define FAULTLINE_TORTURE_H

#include "guest.h"

struct group {
  const char* name;
  uint64_t hash;
  unsigned count, raw;  // results so far; how many of them to print
};

static inline struct group start_group(const char* name, unsigned raw) {
  return (struct group){.name = name, .hash = HASH_START, .count = 0, .raw = raw};
}

static inline void add_result(struct group* group, uint64_t value, uint64_t flags) {
  if (group->count < group->raw)
    printf("  %s %016llx %02llx\n", group->name, (unsigned long long)value, (unsigned long long)flags);
  group->hash = hash_word(hash_word(group->hash, value), flags);
  ++group->count;
}

static inline void end_group(const struct group* group) {
  printf("%-16s %7u results %016llx\n", group->name, group->count, (unsigned long long)group->hash);
}

#endif
