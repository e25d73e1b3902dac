#include "os/memory/anon_map.h"

#include <algorithm>

#include "os/memory/frame_allocator.h"
#include "os/reclaim/swap_area.h"

namespace faultline::os {

Anon& Anons::new_place() {
  if (places_.empty()) {
    blocks_.push_back(std::make_unique<std::array<Anon, kBlock>>());
    places_.reserve(blocks_.size() * kBlock);
    for (size_t i = kBlock; i-- > 0;) places_.push_back(&(*blocks_.back())[i]);
  }
  Anon& place = *places_.back();
  places_.pop_back();
  return place;
}

Anon* Anons::create(Pfn frame) {
  ++live_;
  Anon& anon = new_place();
  anon = Anon{.references = 1, .frame = frame.value};
  Frame& record = frames_[frame];
  record.anon = &anon;
  record.dirty = true;
  return &anon;
}

void Anons::drop_reference(Anon& anon) {
  if (--anon.references == 0 && !anon.under_io) destroy(anon);
}

bool Anons::end_io(Anon& anon) {
  anon.under_io = false;
  if (anon.references != 0) return true;
  destroy(anon);
  return false;
}

void Anons::drop_slot(Anon& anon) {
  if (anon.slot == Anon::kNone) return;
  swap_.release(anon.slot);
  anon.slot = Anon::kNone;
  if (anon.in_memory()) frames_[Pfn(anon.frame)].dirty = true;
}

void Anons::free_run(Pfn first, unsigned order) {
  for (uint64_t i = 0; i < uint64_t{1} << order; ++i) frames_.free(first + i);
}

void Anons::destroy(Anon& anon) {
  if (anon.slot != Anon::kNone) swap_.release(anon.slot);
  if (anon.in_memory()) frames_.free(Pfn(anon.frame));
  --live_;
  places_.push_back(&anon);
}

AnonMap::Chunk* AnonMap::find_chunk(uint64_t number) const {
  if (recent_ != nullptr && recent_number_ == number) return recent_;
  const auto chunk = chunks_.find(number);
  if (chunk == chunks_.end()) return nullptr;
  recent_number_ = number;
  recent_ = chunk->second.get();
  return recent_;
}

Anon* AnonMap::find(uint64_t page) const {
  const Chunk* const chunk = find_chunk(page / kChunk);
  return chunk == nullptr ? nullptr : chunk->anons[page % kChunk];
}

void AnonMap::set(uint64_t page, Anon& anon) {
  Chunk* chunk = find_chunk(page / kChunk);
  if (chunk == nullptr) chunk = (chunks_[page / kChunk] = std::make_unique<Chunk>()).get();
  Anon*& place = chunk->anons[page % kChunk];
  Anon* before = place;
  place = &anon;
  if (before) {
    anons_.drop_reference(*before);
  } else {
    ++chunk->used;
    ++pages_;
  }
}

void AnonMap::move(uint64_t from, uint64_t to) {
  Anon* anon = find(from);
  if (!anon) return;
  anons_.add_reference(*anon);
  set(to, *anon);
  erase(from, from + 1);
}

std::optional<Pfn> AnonMap::take_reserved(uint64_t page) {
  const auto run = reserved_.find(page);
  if (run == reserved_.end()) return std::nullopt;
  const Pfn first = run->second.first;
  reserved_.erase(run);
  return first;
}

void AnonMap::move_reserved(uint64_t first, uint64_t end, uint64_t to) {
  std::map<uint64_t, Run> moved;
  for (auto run = reserved_.lower_bound(first); run != reserved_.end() && run->first < end;) {
    moved[to + (run->first - first)] = run->second;
    run = reserved_.erase(run);
  }
  reserved_.merge(moved);
}

void AnonMap::erase(uint64_t first, uint64_t end) {
  for (auto run = reserved_.lower_bound(first); run != reserved_.end() && run->first < end;) {
    anons_.free_run(run->second.first, run->second.order);
    run = reserved_.erase(run);
  }
  recent_ = nullptr;
  auto chunk = chunks_.lower_bound(first / kChunk);
  while (chunk != chunks_.end() && chunk->first * kChunk < end) {
    const uint64_t base = chunk->first * kChunk;
    const uint64_t from = std::max(first, base) - base;
    const uint64_t to = std::min(end - base, kChunk);
    for (uint64_t i = from; i < to; ++i) {
      Anon*& place = chunk->second->anons[i];
      if (!place) continue;
      anons_.drop_reference(*place);
      place = nullptr;
      --chunk->second->used;
      --pages_;
    }
    chunk = chunk->second->used == 0 ? chunks_.erase(chunk) : std::next(chunk);
  }
}

void AnonMap::for_each(uint64_t first, uint64_t end, const std::function<void(uint64_t, Anon&)>& visit) const {
  for (auto chunk = chunks_.lower_bound(first / kChunk); chunk != chunks_.end(); ++chunk) {
    const uint64_t base = chunk->first * kChunk;
    if (base >= end) return;
    for (uint64_t i = std::max(first, base) - base; i < std::min(end - base, kChunk); ++i) {
      if (Anon* anon = chunk->second->anons[i]) visit(base + i, *anon);
    }
  }
}

bool AnonMap::any(uint64_t first, uint64_t end) const {
  for (auto chunk = chunks_.lower_bound(first / kChunk); chunk != chunks_.end(); ++chunk) {
    const uint64_t base = chunk->first * kChunk;
    if (base >= end) return false;
    const auto& anons = chunk->second->anons;
    const uint64_t from = std::max(first, base) - base;
    const uint64_t to = std::min(end - base, kChunk);
    if (std::any_of(anons.begin() + from, anons.begin() + to, [](const Anon* anon) { return anon != nullptr; })) {
      return true;
    }
  }
  return false;
}

}  // namespace faultline::os
