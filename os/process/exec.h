// Replacing a process's program: execve(2).
#pragma once

#include <string>
#include <vector>

#include "os/files/inode.h"
#include "os/process/co.h"
#include "os/process/task.h"
#include "os/result.h"

namespace faultline::os {

class Kernel;

struct ExecRequest {
  std::string path;
  std::vector<std::string> arguments;
  std::vector<std::string> environment;

  // execveat(2).
  std::shared_ptr<Directory> start{};  // where the path begins; null: the current directory
  InodePtr file{};                     // the program itself, whatever the path; null: by the path
  std::string name{};                  // what the program is told that it is; empty: the path
  bool keeps_link = false;             // a symbolic link is ELOOP
  bool closes = false;                 // the descriptor closes: an interpreter could not read the script
};

struct ExecFailure {
  int error = 0;     // Linux errno, positive; 0: none
  std::string what;  // one line for whoever started the run
};

// Puts the program in place of the process's own; its registers say where it
// begins. Nothing has changed on failure: the new address space is built beside
// the old one.
// `request` outlives the call; a script changes it into its interpreter's.
Co<ExecFailure> exec_program(Kernel& kernel, Task& task, ExecRequest& request);

}  // namespace faultline::os
