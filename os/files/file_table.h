// The descriptors of a process.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "os/files/open_file.h"
#include "os/result.h"

namespace faultline::os {

class FileTable {
 public:
  FileTable() = default;
  ~FileTable();
  FileTable(const FileTable&) = delete;
  FileTable& operator=(const FileTable&) = delete;

  // Puts the file under the lowest free descriptor from `lowest` on. EMFILE at
  // `limit` (RLIMIT_NOFILE), EINVAL when `lowest` is not below it.
  Result<int> add(OpenFilePtr file, bool close_on_exec, uint64_t limit, int lowest = 0);
  // dup3: closes what was there. EBADF when `descriptor` is not below the limit.
  Result<> place(int descriptor, OpenFilePtr file, bool close_on_exec, uint64_t limit);
  Result<OpenFilePtr> get(int descriptor) const;  // EBADF
  Result<> close(int descriptor);                 // EBADF
  void close_range(unsigned first, unsigned last);

  Result<bool> close_on_exec(int descriptor) const;  // EBADF
  Result<> set_close_on_exec(int descriptor, bool value);
  void set_close_on_exec_range(unsigned first, unsigned last);

  // execve: closes what is marked so.
  void exec();
  // fork: the same open files under the same descriptors.
  std::shared_ptr<FileTable> duplicate() const;

  // In order of descriptor.
  void for_each(const std::function<void(int, const OpenFilePtr&)>& visit) const;

 private:
  // A process that closes any descriptor of a file loses all its record locks
  // on it (fcntl(2)).
  void drop_locks(const OpenFile& file) const;

  struct Slot {
    OpenFilePtr file;
    bool close_on_exec = false;
  };
  bool valid(int descriptor) const {
    return descriptor >= 0 && static_cast<size_t>(descriptor) < slots_.size() &&
           slots_[static_cast<size_t>(descriptor)].file;
  }

  std::vector<Slot> slots_;
};

}  // namespace faultline::os
