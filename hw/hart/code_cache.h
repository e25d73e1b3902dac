// Decoded blocks, kept by the physical memory that they were decoded from, so
// that processes share them and a switch of address space keeps them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include "hw/hart/op.h"
#include "hw/hart/translate/code_memory.h"
#include "hw/memory/backing_store.h"

namespace faultline::hw {

// The blocks of one 4 KB piece of memory.
class CodePage {
 public:
  Block* at(uint64_t offset) const { return blocks_[offset >> 1]; }
  void put(uint64_t offset, Block* block) { blocks_[offset >> 1] = block; }

  // Room for a block of `ops` operations, its links and infos; lives as long as the page.
  Block* allocate(size_t ops);

  // The instruction that straddles into the next piece: decoded for these bits.
  Block* straddling(uint32_t bits) const { return bits == straddling_bits_ ? straddling_ : nullptr; }
  void put_straddling(uint32_t bits, Block* block) {
    straddling_bits_ = bits;
    straddling_ = block;
  }

  size_t bytes() const { return bytes_; }

  // Where the pointers to blocks begin, one for every two bytes of code.
  Block* const* blocks() const { return blocks_.data(); }
  bool has_host_code() const { return host_code_ != nullptr; }
  // Made at the first call, in `memory`.
  HostCode& host_code(const std::shared_ptr<CodeMemory>& memory) {
    if (host_code_ == nullptr) host_code_ = std::make_unique<HostCode>(memory);
    return *host_code_;
  }

 private:
  std::array<Block*, kPieceBytes / 2> blocks_{};
  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::byte* free_ = nullptr;
  size_t free_bytes_ = 0;
  size_t bytes_ = 0;
  Block* straddling_ = nullptr;
  uint32_t straddling_bits_ = 0;
  std::unique_ptr<HostCode> host_code_;
};

class CodeCache {
 public:
  explicit CodeCache(BackingStore& memory);

  // By physical address >> TranslationFilter::kShift; null where nothing is decoded.
  CodePage* const* pages() const { return pages_.get(); }
  CodePage* page(PhysAddr address) const { return pages_.get()[address.value >> TranslationFilter::kShift]; }
  CodePage& make_page(PhysAddr address);

  // Takes the frame's blocks out of use. Their memory stays until collect(),
  // since one of them may be running.
  void drop(Pfn frame);
  // Frees what was dropped; no block may be running.
  void collect() { dropped_.clear(); }
  size_t dropped() const { return dropped_.size(); }

 private:
  struct Free {
    void operator()(CodePage** pages) const { std::free(pages); }
  };

  BackingStore& memory_;
  std::unique_ptr<CodePage*[], Free> pages_;  // calloc: untouched parts cost nothing
  std::vector<std::unique_ptr<CodePage>> live_;
  std::vector<std::unique_ptr<CodePage>> dropped_;
};

}  // namespace faultline::hw
