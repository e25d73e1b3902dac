#include "os/files/devices.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

constexpr uint64_t kPiece = 4096;

}  // namespace

Co<Result<uint64_t>> ZeroDevice::read(IoContext& io, OpenFile&, uint64_t, VirtAddr to, uint64_t bytes) {
  uint64_t done = 0;
  while (done < bytes) {
    const uint64_t piece = std::min(bytes - done, kPiece - (to.value + done) % kPiece);
    auto zeroed = co_await io.user.zero(to + done, piece);
    if (!zeroed) {
      if (done != 0) break;
      co_return zeroed.error();
    }
    done += piece;
  }
  co_return done;
}

uint64_t RandomDevice::next() {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

Co<Result<uint64_t>> RandomDevice::read(IoContext& io, OpenFile&, uint64_t, VirtAddr to, uint64_t bytes) {
  uint64_t done = 0;
  std::array<uint8_t, kPiece> random;
  while (done < bytes) {
    const uint64_t piece = std::min(bytes - done, kPiece - (to.value + done) % kPiece);
    for (uint64_t i = 0; i < piece; i += 8) {
      const uint64_t word = next();
      std::memcpy(random.data() + i, &word, std::min<uint64_t>(8, piece - i));
    }
    auto copied = co_await io.user.write(to + done, std::span<const uint8_t>(random.data(), piece));
    if (!copied) {
      if (done != 0) break;
      co_return copied.error();
    }
    done += piece;
  }
  co_return done;
}

}  // namespace faultline::os
