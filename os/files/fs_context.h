// What a process carries for path look-ups.
#pragma once

#include <cstdint>
#include <memory>

namespace faultline::os {

class Directory;

// Copied by fork (unless CLONE_FS shares it).
struct FsContext {
  std::shared_ptr<Directory> current;  // never null
  uint32_t umask = 022;
};

}  // namespace faultline::os
