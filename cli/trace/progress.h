// How far a long trace has come, on standard error if that is a terminal.
#pragma once

#include <chrono>
#include <cstdint>

#include "cli/trace/byte_source.h"

namespace faultline::cli {

class Progress {
 public:
  // `shown` false: says nothing. `source` is the file behind the trace.
  Progress(const ByteSource& source, bool shown);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Called every now and then; shows something a few times a second.
  void tell(uint64_t references) {
    if (shown_) show(references);
  }

 private:
  using Clock = std::chrono::steady_clock;
  void show(uint64_t references);

  const ByteSource& source_;
  const bool shown_;
  bool drawn_ = false;  // a line stands there
  Clock::time_point begin_ = Clock::now();
  Clock::time_point next_;
};

}  // namespace faultline::cli
