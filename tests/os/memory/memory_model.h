// What a process's memory must be: byte arrays, page by page.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {

inline constexpr uint64_t kArena = 0x10000000;
inline constexpr uint64_t kPage = 4096;
inline constexpr uint64_t kMostLocked = 6;  // pages of one process

using Bytes = std::vector<uint8_t>;

struct ModelFile {
  std::shared_ptr<FakeFile> file;
  std::shared_ptr<Bytes> bytes;  // whole pages; beyond size() zeros that may be written
};

struct ModelPage {
  void copy() {
    if (own) return;
    own = std::make_shared<Bytes>(kPage, uint8_t{0});
    if (shared) std::copy_n(shared->begin() + static_cast<ptrdiff_t>(offset), kPage, own->begin());
  }

  int protection = 0;
  bool may_write = true;
  std::shared_ptr<Bytes> shared;       // the object that it shows, if any
  uint64_t offset = 0;                 // of the page in it
  uint64_t limit = uint64_t{1} << 40;  // bytes of the file: beyond its pages SIGBUS
  bool is_private = true;
  std::shared_ptr<Bytes> own;  // a private page once written
};

class Model {
 public:
  std::map<uint64_t, ModelPage> pages;  // by number

  FaultReply::Kind expect(uint64_t address, Access access) const {
    const auto page = pages.find(address / kPage);
    if (page == pages.end()) return FaultReply::Kind::segv_maperr;
    const ModelPage& here = page->second;
    const bool permitted = access == Access::store ? (here.protection & kProtWrite) != 0 : here.protection != 0;
    if (!permitted) return FaultReply::Kind::segv_accerr;
    if (!here.own && here.offset >= (here.limit + kPage - 1) / kPage * kPage) return FaultReply::Kind::bus_adrerr;
    return FaultReply::Kind::resolved;
  }
  uint8_t read(uint64_t address) const {
    const ModelPage& here = pages.at(address / kPage);
    if (here.own) return (*here.own)[address % kPage];
    return here.shared ? (*here.shared)[here.offset + address % kPage] : 0;
  }
  bool beyond_end(uint64_t address) const {
    const ModelPage& here = pages.at(address / kPage);
    return !here.is_private && here.offset + address % kPage >= here.limit;
  }
  void write(uint64_t address, uint8_t value) {
    ModelPage& here = pages.at(address / kPage);
    if (!here.is_private) {
      (*here.shared)[here.offset + address % kPage] = value;
      return;
    }
    here.copy();
    (*here.own)[address % kPage] = value;
  }
  Model forked() const {
    Model child = *this;
    for (auto& [number, page] : child.pages) {
      if (page.own) page.own = std::make_shared<Bytes>(*page.own);
    }
    return child;
  }
};

}  // namespace faultline::os::test
