// The arena of memory_model: a window of addresses in which one process maps,
// unmaps, protects and moves at random, page by page what must be seen there.
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#include "guest.h"
#include "memory_model.h"

static char* arena;
static struct page pages[kArenaPages];

struct range {
  unsigned first, count;
};

static char* at(unsigned page) { return arena + page * page_bytes; }

static struct range random_range(unsigned most) {
  struct range range = {.first = below(kArenaPages), .count = 1 + below(most)};
  if (range.count > kArenaPages - range.first) range.count = kArenaPages - range.first;
  return range;
}

static int has_hole(struct range range) {
  for (unsigned i = 0; i < range.count; ++i)
    if (pages[range.first + i].kind == hole) return 1;
  return 0;
}

// --- a touch, and the signal that it may end in --------------------------------

static sigjmp_buf after_signal;
static volatile int signal_code;

static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  signal_code = info->si_code;
  siglongjmp(after_signal, number);
}

void make_arena(void) {
  arena = mmap(NULL, kArenaPages * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (arena == MAP_FAILED || munmap(arena, kArenaPages * page_bytes) < 0) die("the arena");
  struct sigaction action = {.sa_flags = SA_SIGINFO | SA_NODEFER};
  action.sa_sigaction = on_signal;
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

// Truncation takes private pages away too.
static void forget_what_was_cut(struct page* page) {
  if (page->own && page->cuts != objects[page->object].cuts[page->offset]) page->own = 0;
}

static int beyond_end(const struct page* page) {
  return page->kind != anonymous && page->offset >= objects[page->object].size;
}

// The page is read, and then, if it is to be, written.
static int expected_signal(const struct page* page, int writes, int* code) {
  *code = page->kind == hole ? SEGV_MAPERR : SEGV_ACCERR;
  if (page->kind == hole || page->protection == no_access) return SIGSEGV;
  *code = BUS_ADRERR;
  if (beyond_end(page)) return SIGBUS;
  *code = SEGV_ACCERR;
  return writes && page->protection == read_only ? SIGSEGV : 0;
}

static struct contents* contents_of(struct page* page) {
  const int elsewhere = page->kind == shared_object || (page->kind == private_file && !page->own);
  return elsewhere ? &objects[page->object].pages[page->offset] : &page->contents;
}

static void touch(unsigned number, int writes) {
  struct page* const page = &pages[number];
  const int locks = page->kind == private_file || page->kind == shared_object;
  if (locks) lock_object(page->object);
  if (page->kind == private_file) forget_what_was_cut(page);
  int code;
  const int expected = expected_signal(page, writes, &code);
  static struct contents found, wanted;  // survive the jump
  wanted = fresh_contents();
  const int got = sigsetjmp(after_signal, 1);
  if (got == 0) {
    get_words(at(number), &found);
    if (writes) put_words(at(number), &wanted);
  }
  if (got != expected || (got != 0 && signal_code != code))
    die("page %u, kind %d, %s: signal %d code %d, not %d code %d", number, page->kind, writes ? "written" : "read", got,
        got ? signal_code : 0, expected, expected ? code : 0);
  if (got == 0 && !same_contents(&found, contents_of(page)))
    die("page %u, kind %d, object %u, offset %u, own %d: %llx %llx %llx", number, page->kind, page->object,
        page->offset, page->own, (unsigned long long)found.word[0], (unsigned long long)found.word[1],
        (unsigned long long)found.word[2]);
  if (got == 0 && writes) {
    if (page->kind == private_file) {
      page->own = 1;
      page->cuts = objects[page->object].cuts[page->offset];
    }
    *contents_of(page) = wanted;
  }
  if (locks) unlock_object(page->object);
}

void check_whole_arena(void) {
  for (unsigned i = 0; i < kArenaPages; ++i) touch(i, 0);
}

// --- operations -----------------------------------------------------------------

static const int kProtections[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};

static enum protection random_protection(void) { return below(3) == 0 ? below(3) : read_write; }

static void map_anonymous(void) {
  static const int kExtra[] = {0, 0, 0, MAP_POPULATE, MAP_NORESERVE};
  const struct range range = random_range(40);
  const enum protection protection = random_protection();
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | kExtra[below(5)];
  if (mmap(at(range.first), range.count * page_bytes, kProtections[protection], flags, -1, 0) == MAP_FAILED)
    die("mmap of anonymous memory");
  for (unsigned i = 0; i < range.count; ++i)
    pages[range.first + i] = (struct page){.kind = anonymous, .protection = protection};
}

static void map_object(void) {
  struct range range = random_range(40);
  const unsigned object = below(kObjects), offset = below(kObjectPages);
  if (range.count > kObjectPages - offset) range.count = kObjectPages - offset;
  const size_t bytes = range.count * page_bytes;
  struct page page = {.kind = shared_object, .protection = read_write, .object = object};
  if (object == kAnonymousObject) {
    // mremap of no bytes maps shared memory a second time.
    const char* from = shared_memory + offset * page_bytes;
    if (mremap((void*)from, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, at(range.first)) == MAP_FAILED) die("mremap of 0");
  } else {
    page.kind = below(2) ? shared_object : private_file;
    page.protection = random_protection();
    const int flags = MAP_FIXED | (page.kind == shared_object ? MAP_SHARED : MAP_PRIVATE);
    if (mmap(at(range.first), bytes, kProtections[page.protection], flags, descriptors[object], offset * page_bytes) ==
        MAP_FAILED)
      die("mmap of an object");
  }
  for (unsigned i = 0; i < range.count; ++i) {
    page.offset = offset + i;
    pages[range.first + i] = page;
  }
}

static void unmap(void) {
  const struct range range = random_range(24);
  if (munmap(at(range.first), range.count * page_bytes) < 0) die("munmap");
  memset(&pages[range.first], 0, range.count * sizeof *pages);
}

// Up to the first hole, where it ends with ENOMEM.
static void protect(void) {
  const struct range range = random_range(32);
  const enum protection protection = below(3);
  const int got = mprotect(at(range.first), range.count * page_bytes, kProtections[protection]);
  if (got < 0 ? !(errno == ENOMEM && has_hole(range)) : has_hole(range)) die("mprotect: %d", got);
  for (unsigned i = 0; i < range.count && pages[range.first + i].kind != hole; ++i)
    pages[range.first + i].protection = protection;
}

// Moves pages of one mapping, and may make it longer or shorter on the way.
static void move(void) {
  const struct range from = random_range(16), to = random_range(16);
  const unsigned end = from.first + from.count;
  if ((to.first < end && from.first < to.first + to.count) || has_hole(from)) return;
  struct page moved[16], last = pages[end - 1];
  for (unsigned i = 0; i < to.count; ++i) {
    moved[i] = i < from.count ? pages[from.first + i] : last;
    if (i < from.count) continue;
    moved[i].offset = last.offset + 1 + i - from.count;
    moved[i].own = 0;
    memset(&moved[i].contents, 0, sizeof moved[i].contents);
    if (moved[i].offset >= kObjectPages && last.kind != anonymous) return;
  }
  if (mremap(at(from.first), from.count * page_bytes, to.count * page_bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
             at(to.first)) == MAP_FAILED) {
    // Not one mapping. Kernels differ in what they have unmapped by then.
    if (errno != EFAULT) die("mremap");
    munmap(at(to.first), to.count * page_bytes);
    if (from.count > to.count) munmap(at(from.first + to.count), (from.count - to.count) * page_bytes);
    memset(&pages[to.first], 0, to.count * sizeof *pages);
    if (from.count > to.count) memset(&pages[from.first + to.count], 0, (from.count - to.count) * sizeof *pages);
    return;
  }
  memset(&pages[from.first], 0, from.count * sizeof *pages);
  memcpy(&pages[to.first], moved, to.count * sizeof *pages);
}

static void advise(void) {
  static const int kAdvice[] = {MADV_DONTNEED,
                                MADV_WILLNEED,
                                MADV_SEQUENTIAL,
                                MADV_RANDOM,
                                MADV_NORMAL,
                                20 /* MADV_COLD */,
                                21 /* MADV_PAGEOUT */};
  const struct range range = random_range(32);
  const int advice = kAdvice[below(7)];
  const int got = madvise(at(range.first), range.count * page_bytes, advice);
  if (got < 0 ? !(errno == ENOMEM && has_hole(range)) : has_hole(range)) die("madvise %d: %d", advice, got);
  if (advice != MADV_DONTNEED) return;
  for (unsigned i = range.first; i < range.first + range.count; ++i) {
    pages[i].own = 0;
    memset(&pages[i].contents, 0, sizeof pages[i].contents);
  }
}

static void synchronise(void) {
  static const int kHow[] = {MS_SYNC, MS_ASYNC, MS_SYNC | MS_INVALIDATE};
  const struct range range = random_range(32);
  const int got = msync(at(range.first), range.count * page_bytes, kHow[below(3)]);
  if (got < 0 ? !(errno == ENOMEM && has_hole(range)) : has_hole(range)) die("msync: %d", got);
}

static void ask_residence(void) {
  unsigned char bits[kArenaPages];
  const struct range range = random_range(32);
  const int got = mincore(at(range.first), range.count * page_bytes, bits);
  if (got < 0 ? !(errno == ENOMEM && has_hole(range)) : has_hole(range)) die("mincore: %d", got);
}

// The kernel reads the pages, through a pipe, and stops at what it may not read.
static void through_a_pipe(void) {
  struct range range = random_range(8);
  const size_t fits = 65536 / page_bytes;
  if (range.count > fits) range.count = fits;
  for (unsigned i = range.first; i < range.first + range.count; ++i)
    if (pages[i].kind != anonymous || pages[i].protection == no_access) return;
  int ends[2];
  if (pipe(ends) < 0) die("pipe");
  const ssize_t bytes = range.count * page_bytes;
  char* const buffer = malloc(bytes);
  if (write(ends[1], at(range.first), bytes) != bytes || read(ends[0], buffer, bytes) != bytes) die("through a pipe");
  for (unsigned i = 0; i < range.count; ++i) {
    struct contents found;
    get_words(buffer + i * page_bytes, &found);
    if (!same_contents(&found, &pages[range.first + i].contents))
      die("page %u, through a pipe: wrong", range.first + i);
  }
  free(buffer);
  close(ends[0]);
  close(ends[1]);
}

static void touch_some(void) {
  const struct range range = random_range(48);
  for (unsigned i = 0; i < range.count; ++i) touch(range.first + i, below(2));
}

void change_arena(void) {
  static void (*const kOperations[])(void) = {
      touch_some, touch_some, touch_some, touch_some, map_anonymous, map_anonymous, map_object,     map_object, unmap,
      protect,    move,       move,       advise,     synchronise,   ask_residence, through_a_pipe, advise};
  kOperations[below(sizeof kOperations / sizeof *kOperations)]();
}
