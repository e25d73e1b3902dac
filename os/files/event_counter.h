// The counter behind eventfd(2).
#pragma once

#include "os/files/inode.h"

namespace faultline::os {

struct TreeServices;

class EventCounter final : public Inode {
 public:
  static constexpr uint64_t kMost = ~uint64_t{0} - 1;

  // `semaphore`: a read takes one, not all.
  EventCounter(TreeServices& services, const Mount& mount, uint64_t number, Attributes given, uint64_t first,
               bool semaphore);

  // Both move one word of eight bytes: EINVAL for a smaller buffer.
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes) override;
  uint32_t poll(const OpenFile& file) const override;
  uint64_t activity(uint32_t) const override { return changes_; }

 private:
  void changed();

  TreeServices& services_;
  WaitQueue sleepers_;
  uint64_t count_;
  uint64_t changes_ = 0;
  const bool semaphore_;
};

}  // namespace faultline::os
