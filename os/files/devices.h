// The nodes of /dev (null(4), full(4), random(4), tty(4)).
#pragma once

#include <cstdint>

#include "os/files/inode.h"

namespace faultline::os {

class NullDevice final : public Inode {
 public:
  NullDevice(const Mount& mount, uint64_t number, Attributes given)
      : Inode(mount, InodeType::character, number, given) {}
  bool seekable() const override { return true; }
  Co<Result<uint64_t>> read(IoContext&, OpenFile&, uint64_t, VirtAddr, uint64_t) override { co_return uint64_t{0}; }
  Co<Result<uint64_t>> write(IoContext&, OpenFile&, uint64_t&, VirtAddr, uint64_t bytes) override { co_return bytes; }
};

// /dev/zero, and /dev/full, to which nothing can be written.
class ZeroDevice final : public Inode {
 public:
  ZeroDevice(const Mount& mount, uint64_t number, Attributes given, bool full)
      : Inode(mount, InodeType::character, number, given), full_(full) {}
  bool seekable() const override { return true; }
  Mapping mapping() const override { return full_ ? Mapping::none : Mapping::anonymous; }
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  Co<Result<uint64_t>> write(IoContext&, OpenFile&, uint64_t&, VirtAddr, uint64_t bytes) override {
    if (full_) co_return Errno{ENOSPC};
    co_return bytes;
  }

 private:
  bool full_;
};

// /dev/random and /dev/urandom: a seeded generator (splitmix64), so that equal
// runs read equal bytes.
class RandomDevice final : public Inode {
 public:
  RandomDevice(const Mount& mount, uint64_t number, Attributes given, uint64_t seed)
      : Inode(mount, InodeType::character, number, given), state_(seed) {}
  bool seekable() const override { return true; }
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  Co<Result<uint64_t>> write(IoContext&, OpenFile&, uint64_t&, VirtAddr, uint64_t bytes) override { co_return bytes; }

 private:
  uint64_t next();
  uint64_t state_;
};

// /dev/tty when there is no terminal.
class NoTerminal final : public Inode {
 public:
  NoTerminal(const Mount& mount, uint64_t number, Attributes given)
      : Inode(mount, InodeType::character, number, given) {}
  Co<Result<>> open(OpenFile&, Sleeper&) override { co_return Errno{ENXIO}; }
};

}  // namespace faultline::os
