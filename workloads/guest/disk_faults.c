// What a program meets when its disk fails (disk.fault_*), and that nothing else
// is damaged. Without faults it says that all is well.
// Arguments: read FILE | map FILE | write FILE | swap MEGABYTES | exec PROGRAM [ARGUMENT].
// Binds: FILE (writable for write).
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "guest.h"

static const char* outcome(long result) {
  static char text[32];
  if (result >= 0) {
    snprintf(text, sizeof text, "%ld", result);
    return text;
  }
  return errno == EIO ? "EIO" : errno == EFAULT ? "EFAULT" : errno == ENOEXEC ? "ENOEXEC" : strerror(errno);
}

static char* buffer_of(size_t bytes) {
  char* buffer = malloc(bytes);
  if (!buffer) die("malloc");
  memset(buffer, 1, bytes);
  return buffer;
}

// The whole file at once, then page by page, then from behind.
static void read_file(const char* path) {
  int fd = open(path, O_RDONLY);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) die("open %s", path);
  size_t bytes = (size_t)status.st_size;
  char* buffer = buffer_of(bytes);
  printf("read of all: %s\n", outcome(read(fd, buffer, bytes)));
  printf("and on: %s\n", outcome(read(fd, buffer, bytes)));
  int bad = 0, good = 0;
  for (off_t at = (off_t)bytes - 4096; at >= 0; at -= 4096) {
    long got = pread(fd, buffer, 4096, at);
    if (got == 4096) {
      ++good;
    } else {
      ++bad;
      printf("page %ld: %s\n", (long)(at / 4096), outcome(got));
    }
  }
  printf("%d pages read, %d not\n", good, bad);
}

static sigjmp_buf escape;
static void* fault_address;
static int fault_code;

static void on_bus(int signal, siginfo_t* info, void* context) {
  (void)signal, (void)context;
  fault_address = info->si_addr;
  fault_code = info->si_code;
  siglongjmp(escape, 1);
}

static void catch_bus(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = on_bus;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGBUS, &action, NULL);
}

static void map_file(const char* path) {
  int fd = open(path, O_RDONLY);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) die("open %s", path);
  long pages = status.st_size / 4096;
  volatile char* map = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_SHARED, fd, 0);
  char* copy = mmap(NULL, (size_t)status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (map == MAP_FAILED || copy == MAP_FAILED) die("mmap");
  // Somebody who catches nothing dies of it, and only he.
  pid_t child = fork_flushed();
  if (child == 0) {
    int sum = 0;
    for (long i = 0; i < pages; ++i) sum += map[i * 4096];
    exit(sum & 1);
  }
  int status_of_child = wait_for(child);
  printf("a child that touches all of it: %s\n", status_of_child < 128 ? "lives" : strsignal(status_of_child - 128));
  catch_bus();
  for (volatile int how = 0; how < 2; ++how) {
    volatile long good = 0;
    for (volatile long i = 0; i < pages; ++i) {
      if (sigsetjmp(escape, 1) == 0) {
        if (how == 0) {
          (void)map[i * 4096];
        } else {
          copy[i * 4096] = 1;
        }
        ++good;
      } else {
        printf("page %ld: SIGBUS, %s, at the page: %s\n", i, fault_code == BUS_ADRERR ? "BUS_ADRERR" : "another code",
               yes_no((char*)fault_address == (how == 0 ? (char*)map : copy) + i * 4096));
      }
    }
    printf("%s: %ld pages\n", how == 0 ? "read" : "written privately", good);
  }
  // The kernel meets it on the program's behalf.
  int out = open("/dev/shm/out", O_RDWR | O_CREAT, 0600);
  long written = 0, refused = 0;
  for (long i = 0; i < pages; ++i) {
    if (write(out, (char*)map + i * 4096, 16) == 16) {
      ++written;
    } else {
      ++refused;
      printf("write from page %ld: %s\n", i, outcome(-1));
    }
  }
  printf("%ld writes, %ld refused\n", written, refused);
}

static void write_file(const char* path) {
  int a = open(path, O_RDWR), b = open(path, O_RDWR), c = open(path, O_RDWR);
  struct stat status;
  if (a < 0 || b < 0 || c < 0 || fstat(a, &status) != 0) die("open %s", path);
  size_t bytes = (size_t)status.st_size;
  char* map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, c, 0);
  if (map == MAP_FAILED) die("mmap");
  int dup_of_a = dup(a);
  char* buffer = buffer_of(bytes);
  memset(buffer, 'n', bytes);
  printf("write: %s\n", outcome(pwrite(a, buffer, bytes, 0) == (long)bytes ? 0 : -1));
  printf("fsync a: %s\n", outcome(fsync(a)));
  printf("fsync a again: %s\n", outcome(fsync(a)));
  printf("fsync of its duplicate: %s\n", outcome(fsync(dup_of_a)));
  printf("fdatasync b: %s\n", outcome(fdatasync(b)));
  printf("fdatasync b again: %s\n", outcome(fdatasync(b)));
  printf("msync of the mapping of c: %s\n", outcome(msync(map, bytes, MS_SYNC)));
  printf("msync again: %s\n", outcome(msync(map, bytes, MS_SYNC)));
  printf("fsync c: %s\n", outcome(fsync(c)));
  int late = open(path, O_RDWR);
  printf("fsync by one who came later: %s\n", outcome(fsync(late)));
  map[0] = 'm';
  printf("msync after a change: %s\n", outcome(msync(map, bytes, MS_SYNC)));
  printf("syncfs: %s\n", outcome(syncfs(late)));
  printf("syncfs again: %s\n", outcome(syncfs(late)));
  int direct = open(path, O_RDWR | O_DSYNC);
  printf("a write with O_DSYNC: %s\n", outcome(pwrite(direct, buffer, 4096, 4096)));
}

// Two processes, each with a memory of its own: what is read back is right, or
// SIGBUS; and one of them may die without the other.
static int swap_worker(size_t pages, unsigned seed) {
  uint64_t* memory = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) die("mmap");
  for (size_t i = 0; i < pages; ++i) memory[i * 512 + i % 512] = i * 7919 + seed;
  for (size_t i = 0; i < pages; ++i) {
    if (memory[i * 512 + i % 512] != i * 7919 + seed) return 1;
  }
  return 0;
}

static void swap_memory(uint64_t megabytes) {
  int wrong = 0, lost = 0, whole = 0;
  for (unsigned n = 0; n < 4; ++n) {
    pid_t child = fork_flushed();
    if (child == 0) exit(swap_worker(megabytes * 256, n));
    int status = wait_for(child);
    if (status == 0) {
      ++whole;
    } else if (status == 128 + SIGBUS) {
      ++lost;
    } else {
      ++wrong;
    }
  }
  printf("%d whole, %d ended by SIGBUS, %d otherwise\n", whole, lost, wrong);
}

static void execute(char** argv) {
  pid_t child = fork_flushed();
  if (child == 0) {
    execv(argv[0], argv);
    printf("execve: %s\n", outcome(-1));
    exit(0);
  }
  int status = wait_for(child);
  if (status >= 128) {
    printf("ended by %s\n", strsignal(status - 128));
  } else {
    printf("ended with %d\n", status);
  }
}

int main(int argc, char** argv) {
  if (argc < 3) die("usage: disk_faults read|map|write|swap|exec ...");
  if (strcmp(argv[1], "read") == 0) {
    read_file(argv[2]);
  } else if (strcmp(argv[1], "map") == 0) {
    map_file(argv[2]);
  } else if (strcmp(argv[1], "write") == 0) {
    write_file(argv[2]);
  } else if (strcmp(argv[1], "swap") == 0) {
    swap_memory(number_argument(argc, argv, 2, 4));
  } else if (strcmp(argv[1], "exec") == 0) {
    execute(argv + 2);
  } else {
    die("unknown: %s", argv[1]);
  }
  return 0;
}
