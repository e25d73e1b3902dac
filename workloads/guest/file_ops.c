// What files and directories do: each call's result by name.
// Arguments: none. Binds: the current directory, rw (it makes and removes its
// own files there).
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "guest.h"

static void result(const char* what, long value) {
  if (value < 0)
    printf("%-34s %s\n", what, strerrorname_np(errno));
  else
    printf("%-34s %ld\n", what, value);
}

static void reading_and_writing(void) {
  char buffer[64] = "";
  int fd = open("a.txt", O_RDWR | O_CREAT | O_EXCL, 0640);
  result("open O_CREAT|O_EXCL", fd < 0 ? -1 : 0);
  result("open it so again", open("a.txt", O_RDWR | O_CREAT | O_EXCL, 0640));
  result("write 11", write(fd, "hello world", 11));
  result("lseek SEEK_SET 6", lseek(fd, 6, SEEK_SET));
  result("read 64", read(fd, buffer, sizeof buffer));
  printf("  \"%s\"\n", buffer);
  result("read at the end", read(fd, buffer, sizeof buffer));
  result("lseek SEEK_END -5", lseek(fd, -5, SEEK_END));
  result("lseek SEEK_CUR 2", lseek(fd, 2, SEEK_CUR));
  result("lseek before the start", lseek(fd, -1, SEEK_SET));
  result("lseek by an unknown rule", lseek(fd, 0, 77));
  result("lseek past the end", lseek(fd, 9000, SEEK_SET));
  result("write there", write(fd, "end", 3));
  struct stat status;
  result("fstat", fstat(fd, &status));
  printf("  size %ld, mode %o, regular %s, links %ld\n", (long)status.st_size, status.st_mode & 07777,
         yes_no(S_ISREG(status.st_mode)), (long)status.st_nlink);
  result("pread in the hole", pread(fd, buffer, 8, 5000));
  printf("  zeros: %s\n", yes_no(memcmp(buffer, "\0\0\0\0\0\0\0\0", 8) == 0));
  result("pwrite", pwrite(fd, "HELLO", 5, 0));
  result("ftruncate 7", ftruncate(fd, 7));
  result("pread after it", pread(fd, buffer, sizeof buffer, 0));
  printf("  \"%.7s\"\n", buffer);
  result("ftruncate -1", ftruncate(fd, -1));
  result("close", close(fd));
  result("close it again", close(fd));
  fd = open("a.txt", O_WRONLY | O_APPEND);
  result("append", write(fd, "!", 1));
  result("read from a write-only file", read(fd, buffer, 1));
  result("where am I", lseek(fd, 0, SEEK_CUR));
  close(fd);
  fd = open("a.txt", O_RDONLY);
  result("write to a read-only file", write(fd, "x", 1));
  result("ftruncate a read-only file", ftruncate(fd, 0));
  close(fd);
}

static void descriptors(void) {
  char a = 0, b = 0;
  int fd = open("a.txt", O_RDONLY), copy = dup(fd), other = open("a.txt", O_RDONLY);
  printf("descriptors are the lowest free: %s\n", yes_no(fd == 3 && copy == 4 && other == 5));
  if (read(fd, &a, 1) != 1 || read(copy, &b, 1) != 1) die("read");
  printf("a dup shares the offset: %s\n", yes_no(a == 'H' && b == 'E'));
  if (read(other, &b, 1) != 1) die("read");
  printf("another open does not: %s\n", yes_no(b == 'H'));
  result("dup2 to 9", dup2(fd, 9));
  result("dup3 to itself", dup3(fd, fd, 0));
  result("dup of nothing", dup(77));
  result("fcntl F_DUPFD 20", fcntl(fd, F_DUPFD, 20));
  result("fcntl F_GETFD", fcntl(fd, F_GETFD));
  result("fcntl F_SETFD", fcntl(fd, F_SETFD, FD_CLOEXEC));
  result("fcntl F_GETFD", fcntl(fd, F_GETFD));
  result("fcntl F_GETFD of the dup", fcntl(copy, F_GETFD));
  result("fcntl F_GETFL accmode", fcntl(fd, F_GETFL) & O_ACCMODE);
  for (int i = 3; i <= 20; ++i) close(i);
}

static int by_name(const struct dirent** left, const struct dirent** right) {
  return strcmp((*left)->d_name, (*right)->d_name);
}

static int ours(const struct dirent* entry) { return strcmp(entry->d_name, "a.txt") == 0 || entry->d_name[0] == 'n'; }

static void list_directory(const char* path) {
  struct dirent** entries;
  int count = scandir(path, &entries, ours, by_name);
  result("scandir", count);
  for (int i = 0; i < count; ++i) {
    printf("  %s%s\n", entries[i]->d_name, entries[i]->d_type == DT_DIR ? "/" : "");
    free(entries[i]);
  }
  if (count >= 0) free(entries);
}

static void names(void) {
  struct stat status;
  char path[512], buffer[64];
  result("mkdir n1", mkdir("n1", 0755));
  result("mkdir n1 again", mkdir("n1", 0755));
  result("rename a.txt n1/b.txt", rename("a.txt", "n1/b.txt"));
  result("stat a.txt", stat("a.txt", &status));
  result("stat n1/b.txt", stat("n1/b.txt", &status));
  result("stat n1/b.txt/c", stat("n1/b.txt/c", &status));
  result("rmdir of what is not empty", rmdir("n1"));
  result("unlink a directory", unlink("n1") < 0 && (errno == EISDIR || errno == EPERM) ? 0 : 1);
  result("rename to ../n2", rename("n1/b.txt", "n1/../n2"));
  list_directory(".");
  result("link", link("n2", "n3"));
  result("symlink", symlink("n2", "n4"));
  memset(buffer, 0, sizeof buffer);
  result("readlink", readlink("n4", buffer, sizeof buffer));
  printf("  \"%s\"\n", buffer);
  result("stat through the link", stat("n4", &status));
  printf("  size %ld, links %ld\n", (long)status.st_size, (long)status.st_nlink);
  result("lstat of the link", lstat("n4", &status));
  printf("  is a link: %s\n", yes_no(S_ISLNK(status.st_mode)));
  result("open O_NOFOLLOW", open("n4", O_RDONLY | O_NOFOLLOW));
  result("readlink of a file", readlink("n2", buffer, sizeof buffer));
  result("access R_OK", access("n2", R_OK));
  result("access of nothing", access("n9", F_OK));
  result("open a missing directory's file", open("n9/x", O_RDONLY));
  result("open O_DIRECTORY on a file", open("n2", O_RDONLY | O_DIRECTORY));
  result("open a directory to write", open("n1", O_WRONLY));
  result("chdir n1", chdir("n1"));
  const char* end = getcwd(path, sizeof path) ? strrchr(path, '/') : "?";
  printf("getcwd ends in %s\n", end ? end : "?");
  result("stat ../n2", stat("../n2", &status));
  result("chdir ..", chdir(".."));
  result("chdir to a file", chdir("n2"));
  result("unlink n4", unlink("n4"));
  result("unlink n3", unlink("n3"));
  result("unlink n3 again", unlink("n3"));
  result("rmdir n1", rmdir("n1"));
  list_directory(".");
}

static void unlinked_file(void) {
  char buffer[16] = "";
  int fd = open("n2", O_RDWR);
  result("unlink an open file", unlink("n2"));
  result("write to it", pwrite(fd, "still here", 10, 0));
  result("read from it", pread(fd, buffer, 10, 0));
  printf("  \"%s\"\n", buffer);
  result("open it by name", open("n2", O_RDONLY));
  close(fd);
}

int main(void) {
  reading_and_writing();
  descriptors();
  names();
  unlinked_file();
  return 0;
}
