// A connected pair of local stream sockets (unix(7), socketpair(2)): a pipe each way.
#pragma once

#include <memory>

#include "os/files/open_file.h"
#include "os/files/pipe.h"

namespace faultline::os {

class StreamSocket final : public Inode {
 public:
  // Reads from `in` and writes to `out`; the other end of the pair has them the
  // other way round.
  StreamSocket(const Mount& mount, uint64_t number, Attributes given, std::shared_ptr<Pipe> in,
               std::shared_ptr<Pipe> out);

  void close(OpenFile& file) override;

  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes) override;
  uint32_t poll(const OpenFile& file) const override;
  uint64_t activity(uint32_t events) const override { return in_->activity(events) + out_->activity(events); }
  std::optional<uint64_t> readable_bytes(const OpenFile& file) const override { return in_->readable_bytes(file); }

  // recv(2) and send(2): `waits` false is MSG_DONTWAIT.
  Co<Result<uint64_t>> receive(IoContext& io, VirtAddr to, uint64_t bytes, bool waits);
  Co<Result<uint64_t>> send(IoContext& io, VirtAddr from, uint64_t bytes, bool waits);

  // MSG_PEEK: what comes next, which stays.
  Co<Result<uint64_t>> look(IoContext& io, VirtAddr to, uint64_t bytes, bool waits);

  // shutdown(2): what has arrived can still be read.
  void shut_reading() { in_->shut(); }
  void shut_writing() { out_->shut(); }

 private:
  std::shared_ptr<Pipe> in_;
  std::shared_ptr<Pipe> out_;
  // That this end is there, for as long as it is.
  OpenFilePtr in_end_;
  OpenFilePtr out_end_;
};

}  // namespace faultline::os
