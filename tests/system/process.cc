#include "process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>

namespace faultline::system_test {
namespace {

using Clock = std::chrono::steady_clock;

// Sanitizers take their time.
#if defined(__SANITIZE_ADDRESS__)
constexpr int kPatience = 10;
#else
constexpr int kPatience = 1;
#endif

// Standard input comes from an unnamed file: no pipe to feed beside the two to drain.
int input_file(const std::string& text) {
  std::FILE* file = std::tmpfile();
  if (!file) throw std::runtime_error("tmpfile failed");
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
  int fd = dup(fileno(file));
  std::fclose(file);
  lseek(fd, 0, SEEK_SET);
  return fd;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& string : strings) result.push_back(const_cast<char*>(string.c_str()));
  result.push_back(nullptr);
  return result;
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const CommandOptions& options)
    : start_(Clock::now()), deadline_(start_ + kPatience * options.limit) {
  std::array<int, 2> out{}, err{};
  if (pipe2(out.data(), O_CLOEXEC) < 0 || pipe2(err.data(), O_CLOEXEC) < 0) throw std::runtime_error("pipe failed");
  int input = input_file(options.input);
  std::vector<std::string> environment = options.environment;
  for (const char* name : {"PATH", "HOME"})
    if (const char* value = std::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  std::vector<char*> arguments = pointers(command), variables = pointers(environment);

  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    setpgid(0, 0);
    dup2(input, STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    dup2(err[1], STDERR_FILENO);
    // What a test runner left open is no business of the program's.
    close_range(STDERR_FILENO + 1, ~0u, 0);
    signal(SIGPIPE, SIG_DFL);
    if (chdir(options.directory.c_str()) == 0) execvpe(arguments[0], arguments.data(), variables.data());
    dprintf(STDERR_FILENO, "cannot start %s in %s\n", arguments[0], options.directory.c_str());
    _exit(127);
  }
  close(input);
  close(out[1]);
  close(err[1]);
  out_ = out[0];
  err_ = err[0];
}

Process::~Process() {
  if (pid_ > 0) {
    kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (out_ >= 0) close(out_);
  if (err_ >= 0) close(err_);
}

void Process::collect(int& fd, std::string& into) {
  std::array<char, 65536> buffer;
  ssize_t got = read(fd, buffer.data(), buffer.size());
  if (got > 0) {
    into.append(buffer.data(), static_cast<size_t>(got));
  } else if (got == 0 || errno != EINTR) {
    close(fd);
    fd = -1;
  }
}

bool Process::pump() {
  if (out_ < 0 && err_ < 0) return false;
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
  if (left <= 0) {
    outcome_.timed_out = true;
    return false;
  }
  std::array<pollfd, 2> files{{{out_, POLLIN, 0}, {err_, POLLIN, 0}}};
  poll(files.data(), files.size(), static_cast<int>(left));
  if (files[0].revents) collect(out_, outcome_.out);
  if (files[1].revents) collect(err_, outcome_.err);
  return true;
}

bool Process::wait_for_output(const std::string& text) {
  while (outcome_.out.find(text) == std::string::npos)
    if (!pump()) return false;
  return true;
}

void Process::send_signal(int number) { kill(pid_, number); }

Outcome Process::finish() {
  while (pump()) continue;
  if (outcome_.timed_out) kill(-pid_, SIGKILL);
  int status = 0;
  rusage usage{};
  wait4(pid_, &status, 0, &usage);
  pid_ = -1;
  outcome_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const auto seconds = [](const timeval& time) { return static_cast<double>(time.tv_sec) + time.tv_usec / 1e6; };
  outcome_.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  outcome_.peak_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  outcome_.seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  return outcome_;
}

Outcome run(const std::vector<std::string>& command, const CommandOptions& options) {
  return Process(command, options).finish();
}

std::string command_line(const std::vector<std::string>& command) {
  std::string line;
  for (const std::string& word : command)
    line += (line.empty() ? "" : " ") +
            (word.find_first_of(" \t\"'") == std::string::npos && !word.empty() ? word : "'" + word + "'");
  return line;
}

}  // namespace faultline::system_test
