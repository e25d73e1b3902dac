// A list in private anonymous memory. After a fork both sides make it longer,
// each in its own copy of the pages, at the same addresses.
// Arguments: [NODES = 1000]. Binds: none.
#include <sys/mman.h>

#include "guest.h"

struct node {
  struct node* next;
  uint64_t value;
};

struct arena {
  struct node* nodes;
  size_t used;
  struct node* head;
};

static void push(struct arena* arena, uint64_t value) {
  struct node* node = &arena->nodes[arena->used++];
  node->value = value;
  node->next = arena->head;
  arena->head = node;
}

static uint64_t sum(const struct arena* arena, unsigned* length) {
  uint64_t total = 0;
  *length = 0;
  for (const struct node* node = arena->head; node; node = node->next) {
    total += node->value;
    ++*length;
  }
  return total;
}

static void print(const char* who, const struct arena* arena) {
  unsigned length;
  uint64_t total = sum(arena, &length);
  printf("%s: %u nodes, sum %llu\n", who, length, (unsigned long long)total);
}

int main(int argc, char** argv) {
  size_t count = number_argument(argc, argv, 1, 1000);
  struct arena arena = {.head = NULL};
  arena.nodes = mmap(NULL, 2 * count * sizeof(struct node), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (arena.nodes == MAP_FAILED) die("mmap");
  for (size_t i = 1; i <= count; ++i) push(&arena, i);
  print("before fork", &arena);

  pid_t child = fork_flushed();
  const char* who = child == 0 ? "child" : "parent";
  uint64_t step = child == 0 ? 1000 : 1;
  for (size_t i = 0; i < count; ++i) push(&arena, i * step);
  if (child == 0) {
    print(who, &arena);
    exit(0);
  }
  int status = wait_for(child);
  print(who, &arena);
  printf("the child left with %d\n", status);
  return 0;
}
