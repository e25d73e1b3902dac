// What the guest is given of the host's files. Plain data; cli fills it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace faultline::os {

// One host path in the guest's name space (--bind HOST[:GUEST][:rw]).
struct Bind {
  std::string host;       // a directory or a regular file; relative to the host's current directory
  std::string guest;      // absolute; empty: the host's path made absolute
  bool writable = false;  // the guest's changes reach the host
};

struct NamespaceConfig {
  std::string program;  // as given: a host path, or with `root` a path inside it
  std::string root;     // host directory that becomes "/"; empty: see Vfs::build
  std::string sysroot = "/usr/riscv64-linux-gnu";
  bool sysroot_required = false;  // the user named it: an error when it is missing
  std::vector<Bind> binds;        // in order; a later one covers an earlier one at the same place
  bool terminal = false;          // --tty: the standard streams look like a terminal
  // Host file descriptors of the guest's standard streams.
  int input = 0;
  int output = 1;
  int error = 2;
  // Set by the host's Ctrl-C; a read of standard input gives up then. May be null.
  const std::atomic<bool>* stop = nullptr;
  // Who the guest is. The guest owns what is bound; root owns the rest.
  uint32_t uid = 1000;
  uint32_t gid = 1000;
};

}  // namespace faultline::os
