// A file for tests: its size, and a place on the fake disk.
#pragma once

#include <cstdint>
#include <string>

#include "os/memory/file_backing.h"

namespace faultline::os::test {

class FakeFile final : public FileBacking {
 public:
  // `sector` begins at a page's worth of sectors.
  FakeFile(std::string name, uint64_t size, uint64_t first_sector, PageSize page = {})
      : name_(std::move(name)), size_(size), first_sector_(first_sector), page_(page) {}

  uint64_t size() const override { return size_; }
  void resize(uint64_t size) { size_ = size; }
  uint64_t sector(uint64_t index) override { return first_sector_ + index * (page_.bytes() / 512); }
  const char* name() const override { return name_.c_str(); }

 private:
  std::string name_;
  uint64_t size_;
  uint64_t first_sector_;
  PageSize page_;
};

}  // namespace faultline::os::test
