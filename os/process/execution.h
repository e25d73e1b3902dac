// A process runs a program file: as long as it does, nobody may write to it.
#pragma once

#include <utility>

#include "os/files/inode.h"

namespace faultline::os {

class Execution {
 public:
  explicit Execution(InodePtr file) : file_(std::move(file)) { ++file_->executions; }
  ~Execution() { --file_->executions; }
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

 private:
  InodePtr file_;
};

}  // namespace faultline::os
