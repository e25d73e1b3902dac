// What the parts of memory_model share: the objects that all its processes see,
// what each page of them must hold, and the pages of one process's own arena.
#ifndef FAULTLINE_MEMORY_MODEL_H
#define FAULTLINE_MEMORY_MODEL_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

enum {
  kFiles = 3,    // on disk, in /dev/shm or the like, and a memfd
  kObjects = 4,  // ... and shared anonymous memory, which has no descriptor
  kAnonymousObject = 3,
  kObjectPages = 96,
  kArenaPages = 384,
  kWords = 3  // of a page that are looked at: the first, one in the middle, the last
};

// What a page holds in those words.
struct contents {
  uint64_t word[kWords];
};

// In shared memory. Whoever looks at `pages`, at `cuts`, or at the object itself
// through whatever door, holds the lock.
struct object {
  atomic_int lock;
  uint64_t size;  // in pages
  struct contents pages[kObjectPages];
  uint64_t cuts[kObjectPages];  // how often truncation took this page away
};

enum kind { hole, anonymous, private_file, shared_object };
enum protection { no_access, read_only, read_write };

// A page of the arena as this process must see it.
struct page {
  enum kind kind;
  enum protection protection;
  unsigned object, offset;   // in pages
  int own;                   // private_file: written, so no longer the file's ...
  uint64_t cuts;             // ... unless truncation took it away since
  struct contents contents;  // of anonymous pages, and of own ones
};

extern struct object* objects;
extern int descriptors[kFiles];
extern char* shared_memory;  // the anonymous object, as the first process mapped it
extern size_t page_bytes;
extern uint64_t random_state;

uint64_t below(uint64_t limit);  // a random number
struct contents fresh_contents(void);

void lock_object(unsigned object);
void unlock_object(unsigned object);

void make_objects(void);
// Each does something to an object, or looks at it, through its descriptor.
void truncate_object(void);
void write_object(void);
void read_object(void);
void check_all_objects(void);

void put_words(char* page, const struct contents* contents);
void get_words(const char* page, struct contents* contents);
int same_contents(const struct contents* a, const struct contents* b);

void make_arena(void);
// One random operation on the arena.
void change_arena(void);
void check_whole_arena(void);

#endif
