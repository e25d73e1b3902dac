// Pipes and FIFOs (pipe(7), fifo(7)).
#pragma once

#include <cstdint>
#include <vector>

#include "os/files/inode.h"

namespace faultline::os {

struct TreeServices;

class Pipe final : public Inode {
 public:
  // Bytes that fit, and that are written in one piece (pipe(7)).
  static constexpr uint64_t kCapacity = 65536;
  static constexpr uint64_t kAtomic = 4096;

  Pipe(TreeServices& services, const Mount& mount, uint64_t number, Attributes given);
  ~Pipe() override { drop_buffer(); }

  // Of a FIFO in the name space: waits for the other end. The ends of pipe(2)
  // are both there from the beginning: use open_end.
  Co<Result<>> open(OpenFile& file, Sleeper& sleeper) override;
  void open_end(OpenFile& file);
  void close(OpenFile& file) override;

  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  // EPIPE when nobody can read any more; the caller raises SIGPIPE. ENOMEM when
  // too many pipes hold bytes.
  Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes) override;
  uint32_t poll(const OpenFile& file) const override;
  std::optional<uint64_t> readable_bytes(const OpenFile&) const override { return used_; }

 private:
  uint64_t room() const { return kCapacity - used_; }
  uint64_t take(uint8_t* to, uint64_t bytes);
  void put(const uint8_t* from, uint64_t bytes);
  void put_back(const uint8_t* from, uint64_t bytes);
  void changed(WaitQueue& sleepers);
  bool have_buffer();
  void drop_buffer();

  TreeServices& services_;
  WaitQueue readers_wait_;  // for bytes, or for a writer
  WaitQueue writers_wait_;  // for room, or for a reader
  uint32_t readers_ = 0;
  uint32_t writers_ = 0;
  uint64_t readers_seen_ = 0;  // opened so far: a FIFO's open waits for the next
  uint64_t writers_seen_ = 0;
  std::vector<uint8_t> ring_;  // taken at the first write
  uint64_t first_ = 0;
  uint64_t used_ = 0;
};

}  // namespace faultline::os
