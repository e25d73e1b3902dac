#include "cli/trace/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace faultline::cli {
namespace {
constexpr std::chrono::milliseconds kFirst{1000};  // short traces show nothing
constexpr std::chrono::milliseconds kBetween{250};
}  // namespace

Progress::Progress(const ByteSource& source, bool shown)
    : source_(source), shown_(shown && isatty(STDERR_FILENO) != 0), next_(begin_ + kFirst) {}

// The line makes room for what comes.
Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::show(uint64_t references) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + kBetween;
  const std::chrono::duration<double> taken = now - begin_;
  const uint64_t length = source_.length();
  std::string part;
  if (length != 0)
    part = fmt::format("{:3.0f}%  ", 100.0 * static_cast<double>(source_.position()) / static_cast<double>(length));
  const double millions = static_cast<double>(references) / 1e6;
  std::fputs(fmt::format("\r{}{:.1f} million references, {:.1f} million a second\033[K", part, millions,
                         millions / taken.count())
                 .c_str(),
             stderr);
  drawn_ = true;
}

}  // namespace faultline::cli
