#include "hw/hart/code_cache.h"

#include <algorithm>
#include <new>

namespace faultline::hw {
namespace {
constexpr size_t kChunkBytes = 8 * 1024;
}

Block* CodePage::allocate(size_t ops) {
  const size_t bytes = sizeof(Block) + ops * sizeof(Op) + sizeof(Links) + ops * sizeof(OpInfo);
  const size_t rounded = (bytes + alignof(Block) - 1) / alignof(Block) * alignof(Block);
  if (rounded > free_bytes_) {
    free_bytes_ = std::max(kChunkBytes, rounded);
    chunks_.push_back(std::make_unique<std::byte[]>(free_bytes_));
    free_ = chunks_.back().get();
    bytes_ += free_bytes_;
  }
  std::byte* place = free_;
  free_ += rounded;
  free_bytes_ -= rounded;

  auto* block = new (place) Block;
  place += sizeof(Block);
  for (size_t i = 0; i < ops; ++i, place += sizeof(Op)) new (place) Op;
  new (place) Links;
  place += sizeof(Links);
  block->infos = reinterpret_cast<OpInfo*>(place);
  for (size_t i = 0; i < ops; ++i, place += sizeof(OpInfo)) new (place) OpInfo;
  return block;
}

CodeCache::CodeCache(BackingStore& memory) : memory_(memory) {
  const uint64_t pieces = (memory.size() + kPieceMask) >> TranslationFilter::kShift;
  pages_.reset(static_cast<CodePage**>(std::calloc(pieces, sizeof(CodePage*))));
  if (pages_ == nullptr) throw std::bad_alloc();
}

CodePage& CodeCache::make_page(PhysAddr address) {
  CodePage*& page = pages_[address.value >> TranslationFilter::kShift];
  if (page == nullptr) {
    live_.push_back(std::make_unique<CodePage>());
    page = live_.back().get();
  }
  return *page;
}

void CodeCache::drop(Pfn frame) {
  const uint64_t first = memory_.page().address(frame).value >> TranslationFilter::kShift;
  const uint64_t pieces = memory_.page().bytes() >> TranslationFilter::kShift;
  for (uint64_t piece = first; piece < first + pieces; ++piece) {
    CodePage* page = pages_[piece];
    if (page == nullptr) continue;
    pages_[piece] = nullptr;
    const auto owner = std::find_if(live_.begin(), live_.end(), [page](const auto& p) { return p.get() == page; });
    dropped_.push_back(std::move(*owner));
    *owner = std::move(live_.back());
    live_.pop_back();
  }
}

}  // namespace faultline::hw
