// Sockets with local names, for the cases about sockets.
#pragma once

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "support.h"

static struct sockaddr_un local;
static socklen_t local_bytes;

// A path, or an abstract name where it begins with '@'.
static inline struct sockaddr* local_name(const char* name) {
  memset(&local, 0, sizeof local);
  local.sun_family = AF_UNIX;
  strncpy(local.sun_path, name, sizeof local.sun_path - 1);
  local_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + 1);
  if (name[0] == '@') local.sun_path[0] = 0, --local_bytes;
  return (struct sockaddr*)&local;
}

static inline int bind_local(int fd, const char* name) {
  struct sockaddr* at = local_name(name);
  return bind(fd, at, local_bytes);
}
static inline int connect_local(int fd, const char* name) {
  struct sockaddr* at = local_name(name);
  return connect(fd, at, local_bytes);
}

static inline int listener(const char* name, int type, int backlog) {
  const int fd = socket(AF_UNIX, type, 0);
  if (fd < 0 || bind_local(fd, name) || listen(fd, backlog)) abort();
  return fd;
}
