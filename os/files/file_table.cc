#include "os/files/file_table.h"

#include <algorithm>
#include <cerrno>

#include "os/files/posix_queue.h"

namespace faultline::os {

void FileTable::drop_locks(const OpenFile& file) const {
  if (file.inode().record_locks) file.inode().record_locks->clear_all(this);
  if (auto* const queue = dynamic_cast<PosixQueue*>(&file.inode())) queue->descriptor_closed(*this);
}

FileTable::~FileTable() {
  for (const Slot& slot : slots_) {
    if (slot.file) drop_locks(*slot.file);
  }
}

Result<int> FileTable::add(OpenFilePtr file, bool close_on_exec, uint64_t limit, int lowest) {
  if (lowest < 0 || static_cast<uint64_t>(lowest) >= limit) return Errno{EINVAL};
  size_t at = static_cast<size_t>(lowest);
  while (at < slots_.size() && slots_[at].file) ++at;
  if (at >= limit) return Errno{EMFILE};
  if (at >= slots_.size()) slots_.resize(at + 1);
  slots_[at] = {std::move(file), close_on_exec};
  return static_cast<int>(at);
}

Result<> FileTable::place(int descriptor, OpenFilePtr file, bool close_on_exec, uint64_t limit) {
  if (descriptor < 0 || static_cast<uint64_t>(descriptor) >= limit) return Errno{EBADF};
  const auto at = static_cast<size_t>(descriptor);
  if (valid(descriptor)) (void)close(descriptor).ok();
  if (at >= slots_.size()) slots_.resize(at + 1);
  slots_[at] = {std::move(file), close_on_exec};
  return Unit{};
}

Result<OpenFilePtr> FileTable::get(int descriptor) const {
  if (!valid(descriptor)) return Errno{EBADF};
  return slots_[static_cast<size_t>(descriptor)].file;
}

Result<> FileTable::close(int descriptor) {
  if (!valid(descriptor)) return Errno{EBADF};
  // Emptied first: closing may wake others, who must find the slot free.
  OpenFilePtr file = std::move(slots_[static_cast<size_t>(descriptor)].file);
  slots_[static_cast<size_t>(descriptor)] = {};
  drop_locks(*file);
  return Unit{};
}

void FileTable::close_range(unsigned first, unsigned last) {
  for (size_t at = first; at < slots_.size() && at <= last; ++at) (void)close(static_cast<int>(at)).ok();
}

Result<bool> FileTable::close_on_exec(int descriptor) const {
  if (!valid(descriptor)) return Errno{EBADF};
  return slots_[static_cast<size_t>(descriptor)].close_on_exec;
}

Result<> FileTable::set_close_on_exec(int descriptor, bool value) {
  if (!valid(descriptor)) return Errno{EBADF};
  slots_[static_cast<size_t>(descriptor)].close_on_exec = value;
  return Unit{};
}

void FileTable::set_close_on_exec_range(unsigned first, unsigned last) {
  for (size_t at = first; at < slots_.size() && at <= last; ++at) slots_[at].close_on_exec = true;
}

void FileTable::exec() {
  for (size_t at = 0; at < slots_.size(); ++at) {
    if (slots_[at].close_on_exec) (void)close(static_cast<int>(at)).ok();
  }
}

std::shared_ptr<FileTable> FileTable::duplicate() const {
  auto copy = std::make_shared<FileTable>();
  copy->slots_ = slots_;
  return copy;
}

void FileTable::for_each(const std::function<void(int, const OpenFilePtr&)>& visit) const {
  for (size_t at = 0; at < slots_.size(); ++at) {
    if (slots_[at].file) visit(static_cast<int>(at), slots_[at].file);
  }
}

}  // namespace faultline::os
