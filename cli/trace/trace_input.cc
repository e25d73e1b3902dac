#include "cli/trace/trace_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "cli/trace/trace_error.h"

namespace faultline::cli {

TraceInput::TraceInput(std::string name, std::unique_ptr<ByteSource> source)
    : name_(std::move(name)), source_(std::move(source)), buffer_(kWindowBytes) {}

std::span<const uint8_t> TraceInput::window(size_t wanted) {
  wanted = std::min(wanted, buffer_.size());
  if (end_ - begin_ < wanted && !ended_) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    base_ += begin_;
    end_ -= begin_;
    begin_ = 0;
  }
  while (end_ - begin_ < wanted && !ended_) {
    size_t got = 0;
    try {
      got = source_->read(std::span(buffer_).subspan(end_));
    } catch (const TraceError& error) {
      fail_at(base_ + end_, error.what());
    }
    ended_ = got == 0;
    end_ += got;
  }
  return std::span<const uint8_t>(buffer_).subspan(begin_, end_ - begin_);
}

void TraceInput::fail_at(uint64_t offset, const std::string& what) const {
  throw TraceError(fmt::format("{}: byte {}: {}", name_, offset, what));
}

void TraceInput::fail_in_line(uint64_t line, const std::string& what) const {
  throw TraceError(fmt::format("{}:{}: {}", name_, line, what));
}

}  // namespace faultline::cli
