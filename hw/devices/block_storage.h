// What a disk holds. The disk model gives time and moves the bytes by DMA; the
// bytes themselves come from whoever owns the blocks.
#pragma once

#include <cstdint>
#include <span>

namespace faultline::hw {

inline constexpr uint64_t kSectorBytes = 512;

class BlockStorage {
 public:
  virtual ~BlockStorage() = default;

  // `bytes` is a whole number of sectors. False: the medium failed (an I/O error).
  // Called when the transfer takes place in simulated time.
  virtual bool read(uint64_t sector, std::span<uint8_t> bytes) = 0;
  virtual bool write(uint64_t sector, std::span<const uint8_t> bytes) = 0;
};

}  // namespace faultline::hw
