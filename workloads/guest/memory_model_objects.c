// The objects of memory_model: files, and what must be in them.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest.h"
#include "memory_model.h"

struct object* objects;
int descriptors[kFiles];
char* shared_memory;
size_t page_bytes;
uint64_t random_state;

uint64_t below(uint64_t limit) { return (next_random(&random_state) >> 16) % limit; }

struct contents fresh_contents(void) {
  struct contents made;
  for (int i = 0; i < kWords; ++i) made.word[i] = next_random(&random_state);
  return made;
}

// Whoever gives up may hold a lock.
static atomic_int* somebody_gave_up;

static void note_giving_up(void) { atomic_store(somebody_gave_up, 1); }

void lock_object(unsigned object) {
  while (atomic_exchange(&objects[object].lock, 1)) {
    if (atomic_load(somebody_gave_up)) _exit(3);
    usleep(300);
  }
}

void unlock_object(unsigned object) { atomic_store(&objects[object].lock, 0); }

static uint64_t* word_at(const char* page, int i) {
  const size_t words = page_bytes / sizeof(uint64_t), at[kWords] = {0, words / 2 + 5, words - 1};
  return (uint64_t*)page + at[i];
}

void put_words(char* page, const struct contents* contents) {
  for (int i = 0; i < kWords; ++i) *(volatile uint64_t*)word_at(page, i) = contents->word[i];
}

void get_words(const char* page, struct contents* contents) {
  for (int i = 0; i < kWords; ++i) contents->word[i] = *(volatile uint64_t*)word_at(page, i);
}

int same_contents(const struct contents* a, const struct contents* b) { return memcmp(a, b, sizeof *a) == 0; }

static int make_file(const char* name) {
  const int file = open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (file < 0 || unlink(name) < 0) die("%s", name);
  return file;
}

void make_objects(void) {
  const int flags = MAP_SHARED | MAP_ANONYMOUS;
  objects = mmap(NULL, (kObjects + 1) * sizeof *objects, PROT_READ | PROT_WRITE, flags, -1, 0);
  shared_memory = mmap(NULL, kObjectPages * page_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (objects == MAP_FAILED || shared_memory == MAP_FAILED) die("mmap");
  somebody_gave_up = &objects[kObjects].lock;
  atexit(note_giving_up);
  descriptors[0] = make_file("memory_model.dat");
  descriptors[1] = make_file("/dev/shm/memory_model");
  descriptors[2] = memfd_create("memory_model", 0);
  if (descriptors[2] < 0) die("memfd_create");
  for (int i = 0; i < kFiles; ++i) {
    objects[i].size = kObjectPages / 2;
    if (ftruncate(descriptors[i], objects[i].size * page_bytes) < 0) die("ftruncate");
  }
  objects[kAnonymousObject].size = kObjectPages;
}

static void set_size(unsigned object, uint64_t pages) {
  struct object* const o = &objects[object];
  if (ftruncate(descriptors[object], pages * page_bytes) < 0) die("ftruncate");
  for (uint64_t i = pages; i < o->size; ++i) {
    ++o->cuts[i];
    memset(&o->pages[i], 0, sizeof o->pages[i]);
  }
  o->size = pages;
}

// Longer, shorter, or shorter by most of a page and back, which leaves zeros.
void truncate_object(void) {
  const unsigned object = below(kFiles);
  struct object* const o = &objects[object];
  lock_object(object);
  if (below(4) != 0 || o->size == 0) {
    set_size(object, below(kObjectPages + 1));
  } else {
    const uint64_t last = o->size - 1;
    if (ftruncate(descriptors[object], last * page_bytes + 100) < 0) die("ftruncate");
    if (ftruncate(descriptors[object], o->size * page_bytes) < 0) die("ftruncate");
    o->pages[last].word[1] = o->pages[last].word[2] = 0;
  }
  struct stat status;
  if (fstat(descriptors[object], &status) < 0 || status.st_size != (off_t)(o->size * page_bytes)) die("fstat");
  unlock_object(object);
}

// A page through write, which may make the file longer.
void write_object(void) {
  const unsigned object = below(kFiles), at = below(kObjectPages);
  struct object* const o = &objects[object];
  char* const buffer = calloc(1, page_bytes);
  lock_object(object);
  o->pages[at] = fresh_contents();
  put_words(buffer, &o->pages[at]);
  if (pwrite(descriptors[object], buffer, page_bytes, at * page_bytes) != (ssize_t)page_bytes) die("pwrite");
  if (o->size <= at) o->size = at + 1;
  unlock_object(object);
  free(buffer);
}

static void check_page(unsigned object, unsigned at, char* buffer) {
  const struct object* const o = &objects[object];
  const ssize_t expected = at < o->size ? (ssize_t)page_bytes : 0;
  const ssize_t got = pread(descriptors[object], buffer, page_bytes, at * page_bytes);
  if (got != expected) die("pread of page %u of object %u: %zd, not %zd", at, object, got, expected);
  struct contents found;
  get_words(buffer, &found);
  if (got != 0 && !same_contents(&found, &o->pages[at])) die("page %u of object %u, read: wrong", at, object);
}

void read_object(void) {
  const unsigned object = below(kFiles);
  char* const buffer = malloc(page_bytes);
  lock_object(object);
  check_page(object, below(kObjectPages), buffer);
  unlock_object(object);
  free(buffer);
}

void check_all_objects(void) {
  char* const buffer = malloc(page_bytes);
  for (unsigned object = 0; object < kFiles; ++object)
    for (unsigned at = 0; at < kObjectPages; ++at) {
      lock_object(object);
      check_page(object, at, buffer);
      unlock_object(object);
    }
  for (unsigned at = 0; at < kObjectPages; ++at) {
    struct contents found;
    lock_object(kAnonymousObject);
    get_words(shared_memory + at * page_bytes, &found);
    if (!same_contents(&found, &objects[kAnonymousObject].pages[at])) die("page %u of shared memory: wrong", at);
    unlock_object(kAnonymousObject);
  }
  free(buffer);
}
