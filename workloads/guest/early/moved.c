/* A program that is moved while it runs. It keeps a list with pointers in its heap,
 * and begins other programs that lie behind it in memory, so that each time it
 * wants more it has to go somewhere else. All its pointers still hold, because
 * every one counts from the base register.
 *
 *     moved            grows eight times, with a neighbour behind it each time
 *     moved sleep      a neighbour: yields a few times, and ends
 */
#include "early.h"

enum { kRounds = 8, kNodes = 200, kYields = 6 };

struct node {
  struct node* next;
  long value;
};

static struct node* head;
static long nodes;

static int add_nodes(void) {
  struct node* fresh = early_sbrk((long)(kNodes * sizeof(struct node)));
  if (fresh == (void*)-1) return 0;
  for (int i = 0; i < kNodes; ++i) {
    fresh[i].value = ++nodes;
    fresh[i].next = head;
    head = &fresh[i];
  }
  return 1;
}

/* Whether every node is there, in order. */
static int intact(void) {
  long wanted = nodes;
  for (struct node* at = head; at; at = at->next)
    if (at->value != wanted--) return 0;
  return wanted == 0;
}

int main(int argc, char** argv) {
  if (argc > 1) {
    for (int i = 0; i < kYields; ++i) early_yield();
    return 7;
  }
  char* const neighbour[] = {argv[0], "sleep", 0};
  int sum = 0;
  for (int round = 1; round <= kRounds; ++round) {
    if (early_spawn(argv[0], neighbour) < 0) print("no room for a neighbour\n");
    if (!add_nodes()) {
      print("no room to grow\n");
      return 1;
    }
    print_line("nodes: ", nodes, intact() ? ", all in their place" : ", DAMAGED");
    if (round % 2 == 0) {
      int status = 0;
      while (early_wait(&status) > 0) sum += status >> 8;
    }
  }
  print_line("neighbours said ", sum, "");
  return intact() ? 0 : 1;
}
