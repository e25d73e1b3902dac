// What the memory side keeps of an open file description: how far it was told
// of failed writes, and how it is being read. Areas share it with the
// description that was mapped, which may be closed meanwhile.
#pragma once

#include "os/memory/read_ahead.h"
#include "os/memory/write_errors.h"

namespace faultline::os {

struct FileUse {
  explicit FileUse(WriteErrors::Mark told) : write_errors(told) {}

  WriteErrors::Mark write_errors;
  WriteErrors::Mark all_write_errors = 0;  // of all files: syncfs(2)
  ReadAdvice advice = ReadAdvice::normal;  // posix_fadvise(2)
  ReadAhead ahead;
};

}  // namespace faultline::os
