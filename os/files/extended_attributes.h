// What xattr(7) lets programs hang on a file. It stays in memory.
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "os/result.h"

namespace faultline::os {

class ExtendedAttributes {
 public:
  // Bytes of one value, and of all that one file has; of all files together.
  static constexpr uint64_t kValueMost = 65536;
  static constexpr uint64_t kFileMost = 1 << 20;
  static constexpr uint64_t kAllMost = uint64_t{256} << 20;

  explicit ExtendedAttributes(uint64_t& all) : all_(all) {}
  ~ExtendedAttributes() { all_ -= bytes_; }
  ExtendedAttributes(const ExtendedAttributes&) = delete;
  ExtendedAttributes& operator=(const ExtendedAttributes&) = delete;

  const std::string* find(std::string_view name) const {
    const auto it = values_.find(name);
    return it == values_.end() ? nullptr : &it->second;
  }
  // ENOSPC.
  Result<> set(const std::string& name, std::string value) {
    const uint64_t cost = name.size() + value.size() + kOverhead;
    if (bytes_ + cost > kFileMost || all_ + cost > kAllMost) return Errno{ENOSPC};
    remove(name);
    count(cost);
    values_[name] = std::move(value);
    return Unit{};
  }
  bool remove(std::string_view name) {
    const auto it = values_.find(name);
    if (it == values_.end()) return false;
    count(-(it->first.size() + it->second.size() + kOverhead));
    values_.erase(it);
    return true;
  }
  // The names, each with a zero behind it.
  std::string names() const {
    std::string all;
    for (const auto& [name, value] : values_) all += name + '\0';
    return all;
  }

 private:
  static constexpr uint64_t kOverhead = 64;
  void count(uint64_t bytes) {
    bytes_ += bytes;
    all_ += bytes;
  }
  std::map<std::string, std::string, std::less<>> values_;
  uint64_t bytes_ = 0;
  uint64_t& all_;
};

}  // namespace faultline::os
