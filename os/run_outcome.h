// What a run begins with and how it ended. Plain data, for whoever starts it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "os/process/process.h"

namespace faultline::os {

// Paths are of the guest's name space.
struct RunRequest {
  std::string program;
  std::vector<std::string> arguments;    // argv, argv[0] included
  std::vector<std::string> environment;  // NAME=VALUE
};

// A process that died of an instruction of its own.
struct CrashReport {
  int32_t pid = 0;
  std::string command;
  int signal = 0;
  uint64_t pc = 0;
  uint64_t address = 0;      // that it could not use; of an illegal instruction its own
  uint32_t instruction = 0;  // bits at pc, 16 of a compressed one; 0 where they cannot be read
};

struct RunOutcome {
  enum class Reason : uint8_t {
    exited,       // `status` is the first process's
    killed,       // `signal` ended the first process
    interrupted,  // the host's stop flag
    deadlock,     // every process sleeps and nothing can wake one; `message` says what each waits for
    time_over,    // the guest outlived the simulated clock; `message` says when
    not_started,  // the first program cannot be run; `message` says why
  };
  Reason reason = Reason::exited;
  int status = 0;
  int signal = 0;
  std::string message;               // one line where the reason needs one, else empty
  std::optional<CrashReport> crash;  // of the first process
};

struct ProcessRecord {
  int32_t pid = 0;
  std::string command;
  ExitStatus exit;
  bool ended = true;  // false: the run was stopped before
  Usage usage;
};

}  // namespace faultline::os
