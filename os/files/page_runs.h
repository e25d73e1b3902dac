// A set of pages of a file, as runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <optional>

namespace faultline::os {

class PageRuns {
 public:
  void add(uint64_t begin, uint64_t end) {
    if (begin >= end) return;
    auto next = runs_.upper_bound(begin);
    if (next != runs_.begin() && std::prev(next)->second >= begin) {
      --next;
      begin = next->first;
    }
    while (next != runs_.end() && next->first <= end) {
      end = std::max(end, next->second);
      count_ -= next->second - next->first;
      next = runs_.erase(next);
    }
    runs_.emplace(begin, end);
    count_ += end - begin;
  }

  // Takes out all pages from `first` on.
  void cut(uint64_t first) {
    auto from = runs_.lower_bound(first);
    if (from != runs_.begin() && std::prev(from)->second > first) {
      auto across = std::prev(from);
      count_ -= across->second - first;
      across->second = first;
    }
    while (from != runs_.end()) {
      count_ -= from->second - from->first;
      from = runs_.erase(from);
    }
  }

  void remove(uint64_t begin, uint64_t end) {
    if (begin >= end) return;
    std::map<uint64_t, uint64_t> after;
    for (auto run = runs_.lower_bound(begin); run != runs_.end(); ++run) {
      if (run->second > end) after.emplace(std::max(run->first, end), run->second);
    }
    const auto before = runs_.lower_bound(begin);
    if (before != runs_.begin() && std::prev(before)->second > end) after.emplace(end, std::prev(before)->second);
    cut(begin);
    for (const auto& [first, last] : after) add(first, last);
  }

  // The first page from `first` on that is in it, or that is not.
  std::optional<uint64_t> next_in(uint64_t first) const {
    const auto next = runs_.upper_bound(first);
    if (next != runs_.begin() && std::prev(next)->second > first) return first;
    return next == runs_.end() ? std::nullopt : std::optional(next->first);
  }
  uint64_t next_out(uint64_t first) const {
    const auto next = runs_.upper_bound(first);
    return next != runs_.begin() ? std::max(first, std::prev(next)->second) : first;
  }

  uint64_t count() const { return count_; }

 private:
  std::map<uint64_t, uint64_t> runs_;  // first page -> page after the last
  uint64_t count_ = 0;
};

}  // namespace faultline::os
