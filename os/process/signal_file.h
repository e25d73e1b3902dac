// What signalfd(2) opens: the signals of a set that wait for whoever reads, one
// record each.
#pragma once

#include "os/files/vfs.h"
#include "os/process/signal.h"

namespace faultline::os {

class Kernel;
class Task;

class SignalFile final : public Inode {
 public:
  SignalFile(Kernel& kernel, const Vfs::Unnamed& place, SignalSet wanted);

  void want(SignalSet wanted) { wanted_ = wanted; }

  // EINVAL when there is not room for one record.
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  uint32_t poll(const OpenFile& file) const override;
  uint64_t activity(uint32_t events) const override;

 private:
  Task& reader() const;

  Kernel& kernel_;
  WaitQueue& poll_changes_;
  SignalSet wanted_;
};

}  // namespace faultline::os
