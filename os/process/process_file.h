// What pidfd_open(2) opens: a process, readable once it has ended.
#pragma once

#include "os/files/vfs.h"
#include "os/process/process_handle.h"

namespace faultline::os {

class Kernel;

class ProcessFile final : public Inode {
 public:
  ProcessFile(Kernel& kernel, const Vfs::Unnamed& place);

  // Which process that is. Set once; without it, it stands for one that is gone.
  void stand_for(const Process& process) { handle_ = ProcessHandle(process); }
  // Null when it is gone.
  Process* process() const;

  uint32_t poll(const OpenFile& file) const override;
  uint64_t activity(uint32_t events) const override { return poll_says(); }

 private:
  uint32_t poll_says() const;

  Kernel& kernel_;
  ProcessHandle handle_;
};

// An open file of that kind, and it itself.
std::pair<OpenFilePtr, ProcessFile*> make_process_file(Kernel& kernel, uint32_t flags);
// The one that an open file is; null when it is another kind of file.
ProcessFile* as_process_file(const OpenFile& file);

}  // namespace faultline::os
