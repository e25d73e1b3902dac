#include "cli/sweep/point_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "cli/config/settings.h"
#include "cli/config/user_error.h"
#include "cli/report/say.h"
#include "cli/sweep/series_rows.h"

namespace faultline::cli {
namespace {

constexpr int kOwnErrorStatus = 2;
constexpr int kSignalStatus = 128;
constexpr int kCannotStart = 127;
constexpr size_t kKept = 4096;  // of standard error
constexpr std::string_view kOwnLine = "faultline: ";

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The last line that is faultline's own, else the last of all.
std::string telling_line(std::string_view said) {
  std::string last, own;
  while (!said.empty()) {
    const std::string_view line = said.substr(0, said.find('\n'));
    if (!line.empty()) last = line;
    if (line.starts_with(kOwnLine)) own = line.substr(kOwnLine.size());
    said.remove_prefix(std::min(said.size(), line.size() + 1));
  }
  return printable(own.empty() ? last : own);
}

// Status 2 is a guest's right too: only its own record tells whose it was.
bool guest_exited_with(const std::string& statistics, int status) {
  const Json json = Json::parse(statistics, nullptr, false);
  if (!json.is_object() || !json.contains("exit")) return false;
  const Json& exit = json["exit"];
  return exit.value("reason", "") == "exited" && exit.value("status", -1) == status;
}

// A part of the run was asked for, and the program ended before it (docs/timing.md): all counters are zero.
bool measured_nothing(const std::string& statistics) {
  const Json json = Json::parse(statistics, nullptr, false);
  return json.is_object() && json.contains("part") && !json["part"].value("measured", true);
}

// Where observe.interval says how long one row of a time series is.
bool wants_series(const Point& point) {
  for (size_t i = 0; i < settings().size(); ++i) {
    if (settings()[i].path == "observe.interval") return point.configuration[i] != Value(uint64_t{0});
  }
  return false;
}

// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* arguments, int error, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(kCannotStart);  // it died before the line above
  setpgid(0, 0);                                 // a Ctrl-C is for the sweep to hear
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = open("/dev/null", O_RDWR);
  dup2(nothing, STDIN_FILENO);
  dup2(nothing, STDOUT_FILENO);
  dup2(error, STDERR_FILENO);
  close_range(STDERR_FILENO + 1, ~0U, 0);
  // The file that this process was started from, even if a build has replaced it.
  execv("/proc/self/exe", arguments);
  _exit(kCannotStart);
}

}  // namespace

std::vector<std::string> point_command(const Point& point, const PointFiles& files) {
  std::vector<std::string> command = {"run", "-m", point.machine};
  for (const std::string& setting : point.overrides) command.insert(command.end(), {"-s", setting});
  for (const std::string& bind : point.workload->binds) command.insert(command.end(), {"--bind", bind});
  for (const std::string& variable : point.workload->environment) command.insert(command.end(), {"--env", variable});
  command.push_back("--quiet");
  if (!files.statistics.empty()) command.insert(command.end(), {"--stats", files.statistics});
  if (!files.series.empty()) command.insert(command.end(), {"--series", files.series});
  command.insert(command.end(), {"--", point.program});
  command.insert(command.end(), point.arguments.begin(), point.arguments.end());
  return command;
}

StoredResult judge(const Point& point, int wait_status, const std::string& said, std::string statistics) {
  StoredResult result;
  result.statistics = std::move(statistics);
  const std::string line = telling_line(said);
  if (WIFSIGNALED(wait_status)) {
    result.status = kSignalStatus + WTERMSIG(wait_status);
    result.own_error = true;
    result.failure =
        fmt::format("faultline was killed by signal {} ({})", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    return result;
  }
  result.status = WEXITSTATUS(wait_status);
  if (result.status == kOwnErrorStatus) {
    result.own_error = !guest_exited_with(result.statistics, kOwnErrorStatus) ||
                       said.find("faultline: internal error") != std::string::npos;
  }
  if (result.own_error) {
    result.failure = line.empty() ? "faultline ended with an error and no word" : line;
  } else if (result.status != point.workload->exit) {
    result.failure = fmt::format("exit status {}, expected {}{}{}", result.status, point.workload->exit,
                                 line.empty() ? "" : ": ", line);
  } else if (result.statistics.empty()) {
    result.own_error = true;
    result.failure = line.empty() ? "faultline wrote no statistics" : line;
  } else if (measured_nothing(result.statistics)) {
    result.failure = line.empty() ? "nothing was measured" : line;
  }
  return result;
}

PointProcess::PointProcess(const Point& point, const std::string& folder)
    : point_(point),
      files_{.statistics = fmt::format("{}/{}.json", folder, point.number),
             .series = wants_series(point) ? fmt::format("{}/{}.csv", folder, point.number) : ""},
      begin_(std::chrono::steady_clock::now()) {
  std::vector<std::string> command = point_command(point, files_);
  command.insert(command.begin(), "faultline");
  start(command);
}

void PointProcess::start(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2> pipe{};
  if (pipe2(pipe.data(), O_CLOEXEC) != 0) throw UserError(fmt::format("pipe: {}", std::strerror(errno)));
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ == 0) become(arguments.data(), pipe[1], parent);
  const int fork_error = errno;
  close(pipe[1]);
  error_ = pipe[0];
  fcntl(error_, F_SETFL, O_NONBLOCK);
  if (pid_ < 0) {
    close(error_);
    throw UserError(fmt::format("fork: {}", std::strerror(fork_error)));
  }
  process_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (process_ < 0) {
    const int open_error = errno;
    stop();
    close(error_);
    throw UserError(fmt::format("pidfd_open: {}", std::strerror(open_error)));
  }
}

PointProcess::~PointProcess() {
  if (pid_ > 0) stop();
  if (process_ >= 0) close(process_);
  if (error_ >= 0) close(error_);
  std::error_code ignored;
  std::filesystem::remove(files_.statistics, ignored);
  if (!files_.series.empty()) std::filesystem::remove(files_.series, ignored);
}

int PointProcess::stop() {
  kill(pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return status;
}

double PointProcess::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
}

void PointProcess::read_error() {
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t count = read(error_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;  // nothing more for now
    if (count == 0) {
      close(error_);
      error_ = -1;
      return;
    }
    said_.append(buffer.data(), static_cast<size_t>(count));
    if (said_.size() > 2 * kKept) said_.erase(0, said_.size() - kKept);
  }
}

StoredResult PointProcess::finish() {
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return collect(status);
}

StoredResult PointProcess::give_up(uint64_t limit_seconds) {
  StoredResult result = collect(stop());
  result.own_error = false;
  result.failure = fmt::format("took longer than {} seconds (timeout_seconds)", limit_seconds);
  return result;
}

StoredResult PointProcess::collect(int wait_status) {
  if (error_ >= 0) read_error();
  StoredResult result = judge(point_, wait_status, said_, read_whole(files_.statistics));
  result.host_seconds = seconds();
  if (files_.series.empty() || result.statistics.empty() || result.failed()) return result;
  try {
    result.statistics = with_series(result.statistics, read_whole(files_.series));
  } catch (const UserError& error) {
    result.failure = error.what();
  }
  return result;
}

}  // namespace faultline::cli
