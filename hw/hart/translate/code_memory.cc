#include "hw/hart/translate/code_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

namespace faultline::hw {

std::shared_ptr<CodeMemory> CodeMemory::create(size_t bytes) {
  const int file = memfd_create("faultline-host-code", MFD_CLOEXEC);
  if (file < 0) return nullptr;
  void* write = MAP_FAILED;
  void* run = MAP_FAILED;
  if (ftruncate(file, static_cast<off_t>(bytes)) == 0) {
    write = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    run = mmap(nullptr, bytes, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
  }
  close(file);
  if (write != MAP_FAILED && run != MAP_FAILED) {
    return std::shared_ptr<CodeMemory>(
        new CodeMemory(static_cast<uint8_t*>(write), reinterpret_cast<uint64_t>(run), bytes));
  }
  if (write != MAP_FAILED) munmap(write, bytes);
  if (run != MAP_FAILED) munmap(run, bytes);
  return nullptr;
}

CodeMemory::~CodeMemory() {
  munmap(write_, bytes_);
  munmap(reinterpret_cast<void*>(run_), bytes_);
}

uint64_t CodeMemory::take() {
  if (!free_.empty()) {
    const uint64_t chunk = free_.back();
    free_.pop_back();
    return chunk;
  }
  if (bytes_ - used_ < kChunkBytes) return 0;
  used_ += kChunkBytes;
  return run_ + used_ - kChunkBytes;
}

uint64_t HostCode::reserve(size_t bytes) {
  if (room_ < bytes) {
    const uint64_t chunk = memory_->take();
    if (chunk == 0) return 0;
    chunks_.push_back(chunk);
    next_ = chunk;
    room_ = CodeMemory::kChunkBytes;
  }
  return next_;
}

void HostCode::connect(const Block* block, uint64_t target, uint64_t target_in_line) {
  std::erase_if(waiting_, [&](const Waiting& jump) {
    if (*jump.link != block) return false;
    const auto displacement = static_cast<uint32_t>((jump.in_line ? target_in_line : target) - (jump.place + 4));
    std::memcpy(memory_->writable(jump.place), &displacement, sizeof(displacement));
    return true;
  });
}

}  // namespace faultline::hw
