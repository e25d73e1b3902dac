#include "hw/devices/hdd_mechanism.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace faultline::hw {
namespace {

constexpr uint64_t kFsPerMinute = 60'000'000 * kFsPerUs;

__extension__ using Wide = unsigned __int128;

// a * b / c, rounded down, without overflow on the way.
uint64_t scale(uint64_t a, uint64_t b, uint64_t c) { return static_cast<uint64_t>(Wide{a} * b / c); }

// The whole part of the square root, bit by bit from the top.
uint64_t square_root(uint64_t n) {
  uint64_t root = 0;
  for (uint64_t bit = uint64_t{1} << 31; bit != 0; bit >>= 1) {
    const uint64_t candidate = root | bit;
    if (candidate <= n / candidate) root = candidate;
  }
  return root;
}

// sqrt(a / b) in units of 1/65536; a and b are cut to 32 bits first.
uint64_t square_root_of_ratio(uint64_t a, uint64_t b) {
  while (a >> 32 != 0 || b >> 32 != 0) {
    a >>= 1;
    b >>= 1;
  }
  return square_root((a << 32) / std::max<uint64_t>(b, 1));
}

void require(bool holds, const char* what) {
  if (!holds) throw std::invalid_argument(what);
}

}  // namespace

HddMechanism::HddMechanism(const DiskConfig& config)
    : track_bytes_(config.track_bytes), track_buffer_(config.track_buffer) {
  require(config.rpm > 0 && config.rpm <= 1'000'000, "disk.rpm: expected 1 to 1000000");
  require(track_bytes_ >= kSectorBytes && track_bytes_ % kSectorBytes == 0,
          "disk.track_bytes: expected a multiple of 512");
  require(config.size >= kSectorBytes, "disk.size: expected at least 512");
  require(config.seek_average_us >= config.seek_track_us, "disk.seek_average_us: expected at least disk.seek_track_us");
  require(config.seek_average_us <= 10'000'000, "disk.seek_average_us: expected at most 10000000");
  tracks_ = (config.size + track_bytes_ - 1) / track_bytes_;
  turn_fs_ = kFsPerMinute / config.rpm;
  seek_track_fs_ = config.seek_track_us * kFsPerUs;
  seek_average_fs_ = config.seek_average_us * kFsPerUs;
}

uint64_t HddMechanism::seek_fs(uint64_t tracks) const {
  if (tracks == 0) return 0;
  const uint64_t third = (tracks_ - 1) / 3;
  const uint64_t root = square_root_of_ratio(tracks - 1, third > 1 ? third - 1 : 1);
  return seek_track_fs_ + scale(seek_average_fs_ - seek_track_fs_, root, 65536);
}

uint64_t HddMechanism::along_track_fs(uint64_t offset) const { return scale(offset, turn_fs_, track_bytes_); }

uint64_t HddMechanism::rotation_fs(uint64_t now_fs, uint64_t track, uint64_t offset) const {
  const auto target = static_cast<uint64_t>((Wide{track} * seek_track_fs_ + along_track_fs(offset)) % turn_fs_);
  const uint64_t angle = now_fs % turn_fs_;
  return target >= angle ? target - angle : turn_fs_ - angle + target;
}

void HddMechanism::transfer(uint64_t now_fs, uint64_t byte, uint64_t bytes, DiskService& service) {
  const uint64_t target = byte / track_bytes_;
  const uint64_t seek = seek_fs(std::max(target, track_) - std::min(target, track_));
  uint64_t t = now_fs + seek;
  service.seek_fs += seek;
  track_ = target;
  for (uint64_t offset = byte % track_bytes_; bytes > 0; offset = 0) {
    const uint64_t chunk = std::min(bytes, track_bytes_ - offset);
    if (offset == 0 && track_ != target) {
      t += seek_track_fs_;
      service.seek_fs += seek_track_fs_;
    }
    const uint64_t rotation = rotation_fs(t, track_, offset);
    // As a difference of two places, so that requests that follow one another
    // leave no gap of a femtosecond, which would cost a turn.
    const uint64_t under_head = along_track_fs(offset + chunk) - along_track_fs(offset);
    t += rotation + under_head;
    service.rotation_fs += rotation;
    service.transfer_fs += under_head;
    bytes -= chunk;
    if (bytes > 0) ++track_;
  }
  service.end_fs = t;
}

uint64_t HddMechanism::read_ahead_reaches_fs(uint64_t byte) const {
  const uint64_t track_begin = read_ahead_->end - track_bytes_;
  return read_ahead_->begin_fs + along_track_fs(byte - track_begin) - along_track_fs(read_ahead_->begin - track_begin);
}

bool HddMechanism::serve_from_buffer(uint64_t now_fs, uint64_t byte, uint64_t bytes, DiskService& service) {
  if (!read_ahead_ || byte < read_ahead_->begin || byte > read_ahead_->end || read_ahead_reaches_fs(byte) > now_fs)
    return false;
  const uint64_t buffered = std::min(bytes, read_ahead_->end - byte);
  const uint64_t ready_fs = std::max(now_fs, read_ahead_reaches_fs(byte + buffered));
  service.transfer_fs += ready_fs - now_fs;
  service.end_fs = ready_fs;
  if (buffered < bytes) {
    transfer(ready_fs, byte + buffered, bytes - buffered, service);
  }
  return true;
}

DiskService HddMechanism::serve(uint64_t now_fs, const DiskTransfer& request) {
  DiskService service;
  const uint64_t byte = request.sector * kSectorBytes;
  const uint64_t end = byte + request.bytes;
  next_sector_ = end / kSectorBytes;
  const bool buffered = !request.write && serve_from_buffer(now_fs, byte, request.bytes, service);
  if (!buffered) transfer(now_fs, byte, request.bytes, service);
  if (request.write || !track_buffer_ || request.bytes == 0) {
    read_ahead_.reset();
  } else if (buffered && end <= read_ahead_->end) {
    read_ahead_ = ReadAhead{end, read_ahead_reaches_fs(end), read_ahead_->end};
  } else {
    read_ahead_ = ReadAhead{end, service.end_fs, (track_ + 1) * track_bytes_};
  }
  return service;
}

}  // namespace faultline::hw
