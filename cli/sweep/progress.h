// How far a sweep is, on standard error: a bar where that is a terminal, else a
// line now and then.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace faultline::cli {

// "1:05" of 65 seconds, "2:00:05" of two hours and five.
std::string clock_text(double seconds);

class Progress {
 public:
  // `done` points of `total` need no run.
  Progress(size_t total, size_t done, bool terminal, unsigned width);

  void finished(bool failed);
  void tick(size_t running);
  // A line that stays, above the bar.
  void say(std::string_view line);
  // Takes the bar away.
  void end();

 private:
  using Clock = std::chrono::steady_clock;

  std::string summary(size_t running) const;
  std::string bar() const;

  size_t total_, done_;
  size_t finished_here_ = 0, failed_ = 0;
  bool terminal_;
  unsigned width_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_line_ = begin_;
  size_t last_done_;
};

}  // namespace faultline::cli
