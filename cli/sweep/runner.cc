#include "cli/sweep/runner.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "cli/config/user_error.h"

namespace faultline::cli {
namespace {

constexpr int kTickMilliseconds = 250;

bool readable(int descriptor) {
  pollfd entry{.fd = descriptor, .events = POLLIN, .revents = 0};
  return poll(&entry, 1, 0) == 1;
}

}  // namespace

Runner::Runner(std::string folder, unsigned jobs, uint64_t timeout_seconds)
    : folder_(std::move(folder)), jobs_(jobs), timeout_seconds_(timeout_seconds) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, &old_mask_);
  signals_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals_ >= 0) return;
  const int error = errno;
  sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
  throw UserError(fmt::format("signalfd: {}", std::strerror(error)));
}

Runner::~Runner() {
  running_.clear();
  // A signal that was heard must not end the process when it is let through.
  signalfd_siginfo heard;
  while (read(signals_, &heard, sizeof heard) == sizeof heard) continue;
  close(signals_);
  sigprocmask(SIG_SETMASK, &old_mask_, nullptr);
}

bool Runner::run(std::deque<const Point*> waiting, const Listener& listener) {
  while (!waiting.empty() || !running_.empty()) {
    while (!waiting.empty() && running_.size() < jobs_) {
      running_.push_back(std::make_unique<PointProcess>(*waiting.front(), folder_));
      waiting.pop_front();
    }
    listener.tick(running_.size());
    wait_for_news();
    if (interrupted()) {
      running_.clear();
      return false;
    }
    reap(listener);
  }
  return true;
}

bool Runner::interrupted() const { return readable(signals_); }

void Runner::wait_for_news() {
  std::vector<pollfd> entries = {{.fd = signals_, .events = POLLIN, .revents = 0}};
  for (const auto& process : running_) {
    entries.push_back({.fd = process->process_descriptor(), .events = POLLIN, .revents = 0});
    // poll passes over descriptors below 0.
    entries.push_back({.fd = process->error_descriptor(), .events = POLLIN, .revents = 0});
  }
  poll(entries.data(), entries.size(), kTickMilliseconds);
}

void Runner::reap(const Listener& listener) {
  for (auto it = running_.begin(); it != running_.end();) {
    PointProcess& process = **it;
    if (process.error_descriptor() >= 0) process.read_error();
    const bool late = timeout_seconds_ != 0 && process.seconds() > static_cast<double>(timeout_seconds_);
    if (readable(process.process_descriptor())) {
      listener.finished(process.point(), process.finish());
    } else if (late) {
      listener.finished(process.point(), process.give_up(timeout_seconds_));
    } else {
      ++it;
      continue;
    }
    it = running_.erase(it);
  }
}

}  // namespace faultline::cli
