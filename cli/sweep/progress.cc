#include "cli/sweep/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace faultline::cli {
namespace {

constexpr auto kBetweenLines = std::chrono::seconds(10);

// fmt::print would throw where standard error is closed or full.
void write(const std::string& text) { std::fputs(text.c_str(), stderr); }

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = static_cast<uint64_t>(std::llround(std::max(0.0, seconds)));
  const uint64_t hours = whole / 3600, minutes = whole / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, whole % 60);
  return fmt::format("{}:{:02}", minutes, whole % 60);
}

Progress::Progress(size_t total, size_t done, bool terminal, unsigned width)
    : total_(total), done_(done), terminal_(terminal), width_(width), last_done_(done) {}

void Progress::finished(bool failed) {
  ++done_;
  ++finished_here_;
  failed_ += failed;
}

std::string Progress::summary(size_t running) const {
  std::string text = fmt::format("{} of {} points", done_, total_);
  if (failed_ > 0) text += fmt::format(", {} failed", failed_);
  if (running > 0) text += fmt::format(", {} running", running);
  if (finished_here_ > 0 && done_ < total_) {
    const double each = seconds_since(begin_) / static_cast<double>(finished_here_);
    text += fmt::format(", {} left", clock_text(each * static_cast<double>(total_ - done_)));
  }
  return text;
}

std::string Progress::bar() const {
  const size_t cells = std::clamp<size_t>(width_ > 60 ? width_ - 55 : 10, 10, 40);
  const size_t full = total_ == 0 ? cells : cells * done_ / total_;
  return "[" + std::string(full, '#') + std::string(cells - full, '.') + "]";
}

void Progress::tick(size_t running) {
  if (terminal_) return write(fmt::format("\r\033[K{} {}", bar(), summary(running)));
  const auto now = Clock::now();
  if (done_ == last_done_ || (now - last_line_ < kBetweenLines && done_ < total_)) return;
  last_line_ = now;
  last_done_ = done_;
  write(fmt::format("faultline: {}\n", summary(running)));
}

void Progress::say(std::string_view line) {
  write(fmt::format("{}faultline: {}\n", terminal_ ? "\r\033[K" : "", line));
}

void Progress::end() {
  if (terminal_) write("\r\033[K");
}

}  // namespace faultline::cli
