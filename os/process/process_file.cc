#include "os/process/process_file.h"

#include "os/kernel.h"

namespace faultline::os {

ProcessFile::ProcessFile(Kernel& kernel, const Vfs::Unnamed& place)
    : Inode(place.mount, InodeType::unnamed, place.number, place.attributes), kernel_(kernel) {}

Process* ProcessFile::process() const { return handle_.find(kernel_.processes()); }

uint32_t ProcessFile::poll_says() const {
  const Process* const there = process();
  return there && there->life != Process::Life::zombie ? 0u : uint32_t{kPollIn};
}

uint32_t ProcessFile::poll(const OpenFile&) const { return poll_says(); }

std::pair<OpenFilePtr, ProcessFile*> make_process_file(Kernel& kernel, uint32_t flags) {
  auto inode = std::make_shared<ProcessFile>(kernel, kernel.vfs().new_unnamed());
  ProcessFile* const made = inode.get();
  return {Vfs::open_unnamed(std::move(inode), flags, "anon_inode:[pidfd]"), made};
}

ProcessFile* as_process_file(const OpenFile& file) { return dynamic_cast<ProcessFile*>(&file.inode()); }

}  // namespace faultline::os
