// The guest's standard streams: faultline's own. They look like pipes, or with
// --tty like a terminal of 24 lines and 80 columns.
#pragma once

#include <atomic>

#include "os/files/inode.h"

namespace faultline::os {

class HostStream final : public Inode {
 public:
  // The host's descriptors to read from and to write to stay open. `stop` may be null.
  HostStream(const Mount& mount, uint64_t number, Attributes given, int input, int output, bool terminal,
             const std::atomic<bool>* stop);

  // A terminal answers with what one read of the host gives; anything else is
  // read to the length asked or its end, so that equal input gives equal reads.
  // The simulated clock stands still meanwhile.
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  // Goes to the host at once, in order.
  Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes) override;
  bool is_terminal() const override { return terminal_; }
  std::optional<uint64_t> readable_bytes(const OpenFile&) const override { return 0; }

 private:
  int input_;
  int output_;
  bool terminal_;
  const std::atomic<bool>* stop_;
};

}  // namespace faultline::os
