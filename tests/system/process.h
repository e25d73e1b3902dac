// Runs a command of the host and collects what it says.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace faultline::system_test {

struct CommandOptions {
  std::string directory = ".";                // the command's current directory
  std::string input = {};                     // its standard input
  std::vector<std::string> environment = {};  // NAME=VALUE, beside PATH and HOME
  std::chrono::seconds limit{60};             // killed after it
};

struct Outcome {
  int status = -1;  // exit status, or 128 + signal
  bool timed_out = false;
  std::string out, err;
  double seconds = 0;       // of the host's clock
  double cpu_seconds = 0;   // of the host's processors, for the command and the children that it waited for
  uint64_t peak_bytes = 0;  // of the host's memory, of the largest of these
};

// A command that runs. What it prints is collected by wait_for_output and
// finish; whoever starts one must finish it.
class Process {
 public:
  Process(const std::vector<std::string>& command, const CommandOptions& options);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Waits until standard output holds `text`; false if the command ends or the
  // limit passes first.
  bool wait_for_output(const std::string& text);
  void send_signal(int number);
  Outcome finish();

 private:
  bool pump();  // moves what is there; false when both outputs are closed or time is up
  void collect(int& fd, std::string& into);

  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
  std::chrono::steady_clock::time_point start_, deadline_;
  Outcome outcome_;
};

// Starts a command and waits for its end.
Outcome run(const std::vector<std::string>& command, const CommandOptions& options = {});

// The command as a line for a failure's message.
std::string command_line(const std::vector<std::string>& command);

}  // namespace faultline::system_test
