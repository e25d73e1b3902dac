#include "os/files/pipe.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <span>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/files/open_file.h"
#include "os/files/tree_services.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

Pipe::Pipe(TreeServices& services, const Mount& mount, uint64_t number, Attributes given)
    : Inode(mount, InodeType::fifo, number, given),
      services_(services),
      readers_wait_(services.executor),
      writers_wait_(services.executor) {}

void Pipe::changed(WaitQueue& sleepers) {
  sleepers.wake_all();
  services_.poll_changes.wake_all();
}

bool Pipe::have_buffer() {
  if (!ring_.empty()) return true;
  if (services_.pipe_bytes + capacity_ > TreeServices::kPipeBytesMost) return false;
  services_.pipe_bytes += capacity_;
  ring_.resize(capacity_);
  return true;
}

void Pipe::drop_buffer() {
  services_.pipe_bytes -= ring_.size();
  ring_ = {};
  used_ = 0;
  runs_.clear();
}

Result<uint64_t> Pipe::set_capacity(uint64_t bytes) {
  if (bytes > uint64_t{1} << 31) return Errno{EINVAL};
  const uint64_t wanted = std::bit_ceil(std::max(bytes, services_.disk.page().bytes()));
  if (wanted > capacity_ && wanted > kCapacityMost) return Errno{EPERM};
  if (wanted < used_) return Errno{EBUSY};
  if (!ring_.empty()) {
    if (services_.pipe_bytes - ring_.size() + wanted > TreeServices::kPipeBytesMost) return Errno{EPERM};
    std::vector<uint8_t> ring(wanted);
    const uint64_t kept = peek(ring);
    services_.pipe_bytes += wanted - ring_.size();
    ring_ = std::move(ring);
    first_ = 0;
    used_ = kept;
  }
  capacity_ = wanted;
  changed(writers_wait_);
  return capacity_;
}

void Pipe::open_end(OpenFile& file) {
  ++ends_;
  if (file.readable()) {
    ++readers_;
    ++readers_seen_;
    changed(writers_wait_);
  }
  if (file.writable()) {
    ++writers_;
    ++writers_seen_;
    changed(readers_wait_);
  }
}

Co<Result<>> Pipe::open(OpenFile& file, Sleeper& sleeper) {
  if (file.path_only()) co_return Unit{};
  const bool reads = file.readable(), writes = file.writable();
  if (writes && !reads && file.nonblocking() && readers_ == 0) co_return Errno{ENXIO};
  open_end(file);
  if (file.nonblocking() || (reads && writes)) co_return Unit{};
  const uint64_t seen = reads ? writers_seen_ : readers_seen_;
  while ((reads ? writers_ : readers_) == 0 && (reads ? writers_seen_ : readers_seen_) == seen) {
    const Wake wake = co_await sleeper.sleep(reads ? readers_wait_ : writers_wait_);
    if (wake == Wake::interrupted) {
      close(file);
      co_return kInterruptedBySignal;
    }
  }
  co_return Unit{};
}

void Pipe::close(OpenFile& file) {
  if (file.path_only()) return;
  ++ends_;
  if (file.readable() && --readers_ == 0) changed(writers_wait_);
  if (file.writable() && --writers_ == 0) changed(readers_wait_);
  if (readers_ == 0 && writers_ == 0) drop_buffer();
}

void Pipe::shut() {
  shut_ = true;
  ++ends_;
  changed(readers_wait_);
  changed(writers_wait_);
}

// --- the ring ---------------------------------------------------------------------

uint64_t Pipe::take(uint8_t* to, uint64_t bytes) {
  bytes = std::min(bytes, used_);
  for (uint64_t i = 0; i < bytes; ++i) to[i] = ring_[(first_ + i) % capacity_];
  first_ = (first_ + bytes) % capacity_;
  used_ -= bytes;
  note_taken(bytes);
  return bytes;
}

uint64_t Pipe::peek(std::span<uint8_t> to) const {
  const uint64_t bytes = std::min<uint64_t>(to.size(), used_);
  for (uint64_t i = 0; i < bytes; ++i) to[i] = ring_[(first_ + i) % capacity_];
  return bytes;
}

void Pipe::drop(uint64_t bytes) {
  bytes = std::min(bytes, used_);
  first_ = (first_ + bytes) % capacity_;
  used_ -= bytes;
  note_taken(bytes);
  ++departures_;
  changed(writers_wait_);
}

void Pipe::note_put(uint64_t bytes, bool packet) {
  if (!packet && runs_.empty()) return;
  if (runs_.empty() && used_ > 0) runs_.push_back({used_, false});
  if (!packet && !runs_.back().packet) {
    runs_.back().bytes += bytes;
  } else {
    runs_.push_back({bytes, packet});
  }
}

void Pipe::note_taken(uint64_t bytes) {
  while (!runs_.empty() && bytes >= runs_.front().bytes) {
    bytes -= runs_.front().bytes;
    runs_.pop_front();
  }
  if (!runs_.empty()) runs_.front().bytes -= bytes;
}

void Pipe::put(const uint8_t* from, uint64_t bytes) {
  for (uint64_t i = 0; i < bytes; ++i) ring_[(first_ + used_ + i) % capacity_] = from[i];
  used_ += bytes;
}

// Bytes that were taken and could not be delivered. Room for them may have
// gone to a writer meanwhile: what does not fit is lost with the bad buffer.
void Pipe::put_back(const uint8_t* from, uint64_t bytes) {
  const uint64_t kept = have_buffer() ? std::min(bytes, room()) : 0;
  if (!runs_.empty()) runs_.push_front({kept, false});
  first_ = (first_ + capacity_ - kept) % capacity_;
  for (uint64_t i = 0; i < kept; ++i) ring_[(first_ + i) % capacity_] = from[i];
  used_ += kept;
}

// --- reading and writing --------------------------------------------------------------

Co<Result<uint64_t>> Pipe::read(IoContext& io, OpenFile& file, uint64_t, VirtAddr to, uint64_t bytes) {
  io.cpu.charge(Cycles(io.costs.pipe));
  if (bytes == 0) co_return uint64_t{0};
  while (used_ == 0) {
    if (writers_ == 0 || shut_) co_return uint64_t{0};
    if (file.nonblocking()) co_return Errno{EAGAIN};
    const Wake wake = co_await io.sleeper.sleep(readers_wait_);
    if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  }
  uint64_t done = 0;
  std::array<uint8_t, kAtomic> piece;
  bool packet = false;
  while (done < bytes && used_ > 0 && !packet) {
    uint64_t wanted = std::min<uint64_t>(bytes - done, piece.size());
    if (!runs_.empty()) {
      packet = runs_.front().packet;
      if (packet && done != 0) break;
      wanted = std::min(wanted, runs_.front().bytes);
    }
    const uint64_t rest = packet ? runs_.front().bytes - wanted : 0;
    const uint64_t moved = take(piece.data(), wanted);
    drop(rest);
    auto copied = co_await io.user.write(to + done, std::span<const uint8_t>(piece.data(), moved));
    if (!copied) {
      put_back(piece.data(), moved);
      if (done != 0) break;
      co_return copied.error();
    }
    done += moved;
  }
  ++departures_;
  changed(writers_wait_);
  co_return done;
}

Co<Result<uint64_t>> Pipe::wait_for_bytes(IoContext& io, bool waits) {
  io.cpu.charge(Cycles(io.costs.pipe));
  while (used_ == 0 && !ended() && writers_ != 0) {
    if (!waits) co_return Errno{EAGAIN};
    const Wake wake = co_await io.sleeper.sleep(readers_wait_);
    if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  }
  co_return used_;
}

Co<Result<uint64_t>> Pipe::wait_for_room(IoContext& io, bool waits) {
  while (room() == 0 && !unheard()) {
    if (!waits) co_return Errno{EAGAIN};
    const Wake wake = co_await io.sleeper.sleep(writers_wait_);
    if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  }
  if (unheard()) {
    io.reader_gone = true;
    co_return Errno{EPIPE};
  }
  co_return room();
}

// No sleep lies between the last look at room() and put().
Co<Result<uint64_t>> Pipe::put_piece(IoContext& io, OpenFile& file, std::span<const uint8_t> bytes, bool whole) {
  const auto fits = [&] { return room() >= (whole ? bytes.size() : 1); };
  while (!unheard() && !fits() && !file.nonblocking()) {
    const Wake wake = co_await io.sleeper.sleep(writers_wait_);
    if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  }
  if (unheard()) {
    io.reader_gone = true;
    co_return Errno{EPIPE};
  }
  if (!have_buffer()) co_return Errno{ENOMEM};
  if (!fits()) co_return Errno{EAGAIN};
  const uint64_t moved = std::min<uint64_t>(bytes.size(), room());
  note_put(moved, (file.flags & kOpenDirect) != 0);
  put(bytes.data(), moved);
  ++arrivals_;
  changed(readers_wait_);
  co_return moved;
}

Co<Result<uint64_t>> Pipe::write(IoContext& io, OpenFile& file, uint64_t&, VirtAddr from, uint64_t bytes) {
  io.cpu.charge(Cycles(io.costs.pipe));
  uint64_t done = 0;
  std::array<uint8_t, kAtomic> piece;
  while (done < bytes) {
    const std::span<uint8_t> wanted(piece.data(), std::min<uint64_t>(bytes - done, piece.size()));
    auto copied = co_await io.user.read(from + done, wanted);
    Result<uint64_t> moved = uint64_t{0};
    if (copied) {
      moved = co_await put_piece(io, file, wanted, bytes <= kAtomic);
    } else {
      moved = copied.error();
    }
    if (!moved && done == 0) co_return moved.error();
    if (!moved) break;
    done += *moved;
  }
  co_return done;
}

Co<Result<uint64_t>> Pipe::write_atomically(IoContext& io, OpenFile& file, std::span<const UserPiece> pieces) {
  io.cpu.charge(Cycles(io.costs.pipe));
  std::array<uint8_t, kAtomic> gathered;
  uint64_t total = 0;
  for (const UserPiece& piece : pieces) {
    const std::span<uint8_t> to(gathered.data() + total, std::min<uint64_t>(piece.bytes, gathered.size() - total));
    auto copied = co_await io.user.read(piece.at, to);
    if (!copied) co_return copied.error();
    total += to.size();
  }
  if (total == 0) co_return uint64_t{0};
  auto moved = co_await put_piece(io, file, std::span<const uint8_t>(gathered.data(), total), true);
  co_return moved;
}

uint32_t Pipe::poll(const OpenFile& file) const {
  uint32_t events = 0;
  if (file.readable()) {
    if (used_ > 0) events |= kPollIn;
    if (ended()) events |= kPollHangUp;
  }
  if (file.writable()) {
    if (unheard()) events |= kPollError;
    if (has_room()) events |= kPollOut;
  }
  return events;
}

}  // namespace faultline::os
