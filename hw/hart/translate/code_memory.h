// Memory for host code. It is mapped twice, once to be written and once to be
// executed, so that no page is ever both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace faultline::hw {

class CodeMemory {
 public:
  static constexpr size_t kChunkBytes = 64 * 1024;

  // Room for `bytes` of code; null where the host gives no such memory.
  static std::shared_ptr<CodeMemory> create(size_t bytes);
  ~CodeMemory();
  CodeMemory(const CodeMemory&) = delete;
  CodeMemory& operator=(const CodeMemory&) = delete;

  // A chunk's executable address; 0 where all are taken.
  uint64_t take();
  void give_back(uint64_t chunk) { free_.push_back(chunk); }

  // Where the byte that runs at `address` is written.
  uint8_t* writable(uint64_t address) const { return write_ + (address - run_); }

 private:
  CodeMemory(uint8_t* write, uint64_t run, size_t bytes) : write_(write), run_(run), bytes_(bytes) {}

  uint8_t* const write_;
  const uint64_t run_;
  const size_t bytes_;
  size_t used_ = 0;  // never given out lies behind it
  std::vector<uint64_t> free_;
};

struct Block;

// The host code of one piece of guest code; goes with its CodePage.
class HostCode {
 public:
  explicit HostCode(std::shared_ptr<CodeMemory> memory) : memory_(std::move(memory)) {}
  ~HostCode() {
    for (const uint64_t chunk : chunks_) memory_->give_back(chunk);
  }
  HostCode(const HostCode&) = delete;
  HostCode& operator=(const HostCode&) = delete;

  // An executable address with room for `bytes` (at most a chunk); 0: none.
  uint64_t reserve(size_t bytes);
  // Of these, so many are used.
  void use(size_t bytes) {
    next_ += bytes;
    room_ -= bytes;
  }

  // A jump to the block that `link` will name, whose displacement is at `place`;
  // `in_line`: from the block's own line.
  void wait_for(Block* const* link, uint64_t place, bool in_line) { waiting_.push_back({link, place, in_line}); }
  // The jumps that wait for a link to this block go to `target` from now on, or
  // to `target_in_line`.
  void connect(const Block* block, uint64_t target, uint64_t target_in_line);

 private:
  struct Waiting {
    Block* const* link;
    uint64_t place;
    bool in_line;
  };

  std::shared_ptr<CodeMemory> memory_;
  std::vector<uint64_t> chunks_;
  uint64_t next_ = 0;
  size_t room_ = 0;
  std::vector<Waiting> waiting_;
};

}  // namespace faultline::hw
