/* A storage allocator with boundary tags (Knuth, The Art of Computer Programming,
 * volume 1, 2.5). Every block has its size at both ends, and in the size's lowest
 * bit whether it is allocated:
 *
 *     | size+bit | next | previous | ....... | size+bit |      free
 *     | size+bit | what the caller has ...... | size+bit |     allocated
 *
 * so that a block that is freed sees at once, without a search, whether the blocks
 * before and behind it are free too, and joins them. Free blocks hang in a circular
 * doubly linked list, whose head never goes.
 *
 *     boundary_tags [OPERATIONS]      a random trace of them, checked as it goes
 *
 * Built with -DMACROS what reads and writes the fields of a block are macros, else
 * functions: the same code otherwise, to see what the calls cost.
 */
#include <stdint.h>
#include <stdlib.h>

#include "../include/faultline.h"
#include "guest.h"

enum {
  kWord = 8,
  kHeapWords = 40 * 1024,
  kLeastBlock = 4 * kWord, /* two tags and two links */
  kSlots = 512,
  kLargestRequest = 2000,
};

/* A block, as its first tag. */
typedef uint64_t block;

static uint64_t heap[kHeapWords];
static block* rover; /* where the next search begins: the list has no other head */

/* ---- fields of a block ------------------------------------------------------ */

#if defined(MACROS)

#define tag_of(size, allocated) ((uint64_t)(size) | (uint64_t)(allocated))
#define size_of(b) (*(b) & ~(uint64_t)(kWord - 1))
#define is_allocated(b) (*(b)&1)
#define last_tag(b) ((b) + size_of(b) / kWord - 1)
#define set_tags(b, size, allocated) (*(b) = tag_of(size, allocated), *last_tag(b) = *(b))
#define behind(b) ((b) + size_of(b) / kWord)
#define before_is_allocated(b) ((b)[-1] & 1)
#define before(b) ((b) - ((b)[-1] & ~(uint64_t)(kWord - 1)) / kWord)
#define next_free(b) ((block*)(uintptr_t)(b)[1])
#define previous_free(b) ((block*)(uintptr_t)(b)[2])
#define set_next_free(b, to) ((b)[1] = (uint64_t)(uintptr_t)(to))
#define set_previous_free(b, to) ((b)[2] = (uint64_t)(uintptr_t)(to))
#define contents_of(b) ((void*)((b) + 1))
#define block_of(contents) ((block*)(contents)-1)

#else

static uint64_t tag_of(uint64_t size, uint64_t allocated) { return size | allocated; }
static uint64_t size_of(const block* b) { return *b & ~(uint64_t)(kWord - 1); }
static uint64_t is_allocated(const block* b) { return *b & 1; }
static block* last_tag(block* b) { return b + size_of(b) / kWord - 1; }
static void set_tags(block* b, uint64_t size, uint64_t allocated) {
  *b = tag_of(size, allocated);
  *last_tag(b) = *b;
}
static block* behind(block* b) { return b + size_of(b) / kWord; }
static uint64_t before_is_allocated(const block* b) { return b[-1] & 1; }
static block* before(block* b) { return b - (b[-1] & ~(uint64_t)(kWord - 1)) / kWord; }
static block* next_free(const block* b) { return (block*)(uintptr_t)b[1]; }
static block* previous_free(const block* b) { return (block*)(uintptr_t)b[2]; }
static void set_next_free(block* b, block* to) { b[1] = (uint64_t)(uintptr_t)to; }
static void set_previous_free(block* b, block* to) { b[2] = (uint64_t)(uintptr_t)to; }
static void* contents_of(block* b) { return b + 1; }
static block* block_of(void* contents) { return (block*)contents - 1; }

#endif

/* ---- the allocator ---------------------------------------------------------- */

/* A list head that is a block of the least size, allocated for good, and a tag at
 * either end of the heap that says allocated, so that nobody joins beyond it. */
static block* list_head(void) { return heap + 1; }
static block* first_block(void) { return list_head() + kLeastBlock / kWord; }
static block* end_of_heap(void) { return heap + kHeapWords - 1; }

static void insert(block* b) {
  block* const head = list_head();
  set_next_free(b, next_free(head));
  set_previous_free(b, head);
  set_previous_free(next_free(head), b);
  set_next_free(head, b);
}

static void unlink_free(block* b) {
  if (rover == b) rover = next_free(b);
  set_next_free(previous_free(b), next_free(b));
  set_previous_free(next_free(b), previous_free(b));
}

static void start(void) {
  block* const head = list_head();
  heap[0] = tag_of(0, 1);
  set_tags(head, kLeastBlock, 1);
  set_next_free(head, head);
  set_previous_free(head, head);
  block* const all = first_block();
  set_tags(all, (uint64_t)(end_of_heap() - all) * kWord, 0);
  *end_of_heap() = tag_of(0, 1);
  insert(all);
  rover = all;
}

/* The first free block that is large enough, from where the last search ended. */
static block* find_fit(uint64_t size) {
  block* b = rover;
  do {
    if (!is_allocated(b) && size_of(b) >= size) return b;
    b = next_free(b);
  } while (b != rover);
  return NULL;
}

static void* allocate(uint64_t bytes) {
  uint64_t size = (bytes + 2 * kWord + kWord - 1) / kWord * kWord;
  if (size < kLeastBlock) size = kLeastBlock;
  block* const b = find_fit(size);
  if (b == NULL) return NULL;
  const uint64_t rest = size_of(b) - size;
  rover = next_free(b);
  unlink_free(b);
  if (rest >= kLeastBlock) {
    set_tags(b, size, 1);
    set_tags(behind(b), rest, 0);
    insert(behind(b));
  } else {
    set_tags(b, size + rest, 1);
  }
  return contents_of(b);
}

static void release(void* contents) {
  block* b = block_of(contents);
  uint64_t size = size_of(b);
  if (!is_allocated(behind(b))) {
    unlink_free(behind(b));
    size += size_of(behind(b));
  }
  if (!before_is_allocated(b)) {
    b = before(b);
    unlink_free(b);
    size += size_of(b);
  }
  set_tags(b, size, 0);
  insert(b);
}

/* ---- checks ----------------------------------------------------------------- */

static void fail(const char* what) {
  printf("damaged: %s\n", what);
  exit(1);
}

struct walk {
  uint64_t blocks, free_blocks, free_bytes;
};

/* Every block in order: tags agree, no two free neighbours, no gap, no overlap; and
 * the list holds the free ones and no others, linked both ways. */
static struct walk check_heap(void) {
  struct walk seen = {0, 0, 0};
  int free_before = 0;
  block* b = first_block();
  for (; b < end_of_heap(); b = behind(b)) {
    if (size_of(b) < kLeastBlock || behind(b) > end_of_heap()) fail("a size");
    if (*last_tag(b) != *b) fail("the two tags of a block differ");
    const int free_now = !is_allocated(b);
    if (free_before && free_now) fail("two free neighbours");
    free_before = free_now;
    ++seen.blocks;
    if (free_now) {
      ++seen.free_blocks;
      seen.free_bytes += size_of(b);
    }
  }
  if (b != end_of_heap()) fail("the last block's end");
  uint64_t listed = 0;
  for (b = next_free(list_head()); b != list_head(); b = next_free(b)) {
    if (is_allocated(b)) fail("an allocated block in the list");
    if (next_free(previous_free(b)) != b || previous_free(next_free(b)) != b) fail("a link");
    ++listed;
  }
  if (listed != seen.free_blocks) fail("a free block is not in the list");
  return seen;
}

/* ---- the trace -------------------------------------------------------------- */

static struct slot {
  uint64_t* contents;
  uint64_t words, pattern;
} slots[kSlots];

static uint64_t seed = 1;
static uint64_t random_number(void) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return seed >> 33;
}

/* Only the ends are written: it is the allocator that is measured. */
static void take(struct slot* s, uint64_t pattern) {
  const uint64_t bytes = 16 + random_number() % kLargestRequest;
  s->words = bytes / kWord;
  s->pattern = pattern;
  s->contents = allocate(bytes);
  if (s->contents) s->contents[0] = s->contents[s->words - 1] = pattern;
}

static void give(struct slot* s) {
  if (s->contents[0] != s->pattern || s->contents[s->words - 1] != s->pattern) fail("a block's contents");
  release(s->contents);
  s->contents = NULL;
}

/* No page of code or heap is touched for the first time while it is measured. */
static void warm_up(void) {
  for (uint64_t i = 0; i < kHeapWords; i += 512) heap[i] = 1;
  start();
  for (struct slot* s = slots; s < slots + kSlots; ++s) take(s, 0);
  for (struct slot* s = slots; s < slots + kSlots; ++s)
    if (s->contents) give(s);
  if (check_heap().blocks != 1) fail("what was given back did not become one block");
}

int main(int argc, char** argv) {
  const uint64_t operations = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
  const uint64_t between_checks = operations / 8 + 1;
  uint64_t allocations = 0, refused = 0;
  warm_up();
  faultline_region_begin();
  for (uint64_t i = 0; i < operations; ++i) {
    struct slot* const s = &slots[random_number() % kSlots];
    if (s->contents) {
      give(s);
    } else {
      take(s, i);
      ++allocations;
      refused += s->contents == NULL;
    }
    if (i % between_checks == between_checks - 1) {
      faultline_region_end();
      const struct walk seen = check_heap();
      printf("after %lu: %lu blocks, %lu of them free, %lu bytes\n", (unsigned long)(i + 1), (unsigned long)seen.blocks,
             (unsigned long)seen.free_blocks, (unsigned long)seen.free_bytes);
      faultline_region_begin();
    }
  }
  faultline_region_end();
  for (struct slot* s = slots; s < slots + kSlots; ++s)
    if (s->contents) give(s);
  const struct walk seen = check_heap();
  printf("allocations %lu, refused %lu\n", (unsigned long)allocations, (unsigned long)refused);
  printf("at the end: %lu block, %lu of it free\n", (unsigned long)seen.blocks, (unsigned long)seen.free_blocks);
  return seen.blocks == 1 ? 0 : 1;
}
