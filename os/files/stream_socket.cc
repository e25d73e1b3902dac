#include "os/files/stream_socket.h"

#include <algorithm>
#include <span>
#include <utility>
#include <vector>

#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

OpenFilePtr end_of(const std::shared_ptr<Pipe>& pipe, uint32_t mode) {
  auto end = std::make_shared<OpenFile>(pipe, mode);
  pipe->open_end(*end);
  end->opened = true;
  return end;
}

uint32_t with_waits(uint32_t mode, bool waits) { return waits ? mode : mode | kOpenNonBlocking; }

}  // namespace

StreamSocket::StreamSocket(const Mount& mount, uint64_t number, Attributes given, std::shared_ptr<Pipe> in,
                           std::shared_ptr<Pipe> out)
    : Inode(mount, InodeType::socket, number, given),
      in_(std::move(in)),
      out_(std::move(out)),
      in_end_(end_of(in_, kOpenReadOnly)),
      out_end_(end_of(out_, kOpenWriteOnly)) {}

void StreamSocket::close(OpenFile&) {
  in_end_.reset();
  out_end_.reset();
}

Co<Result<uint64_t>> StreamSocket::receive(IoContext& io, VirtAddr to, uint64_t bytes, bool waits) {
  OpenFile door(in_, with_waits(kOpenReadOnly, waits));
  auto moved = co_await in_->read(io, door, 0, to, bytes);
  co_return moved;
}

Co<Result<uint64_t>> StreamSocket::look(IoContext& io, VirtAddr to, uint64_t bytes, bool waits) {
  auto there = co_await in_->wait_for_bytes(io, waits);
  if (!there) co_return there;
  std::vector<uint8_t> seen(std::min(bytes, *there));
  const uint64_t count = in_->peek(seen);
  auto put = co_await io.user.write(to, std::span<const uint8_t>(seen.data(), count));
  if (!put) co_return put.error();
  co_return count;
}

Co<Result<uint64_t>> StreamSocket::send(IoContext& io, VirtAddr from, uint64_t bytes, bool waits) {
  OpenFile door(out_, with_waits(kOpenWriteOnly, waits));
  uint64_t offset = 0;
  auto moved = co_await out_->write(io, door, offset, from, bytes);
  co_return moved;
}

Co<Result<uint64_t>> StreamSocket::read(IoContext& io, OpenFile& file, uint64_t, VirtAddr to, uint64_t bytes) {
  return receive(io, to, bytes, !file.nonblocking());
}

Co<Result<uint64_t>> StreamSocket::write(IoContext& io, OpenFile& file, uint64_t&, VirtAddr from, uint64_t bytes) {
  return send(io, from, bytes, !file.nonblocking());
}

// As Linux's unix_poll: who writes to nobody does not wait either.
uint32_t StreamSocket::poll(const OpenFile& file) const {
  const bool ended = in_->ended();
  uint32_t events = 0;
  if (ended || *in_->readable_bytes(file) > 0) events |= kPollIn;
  if (ended) events |= kPollReadHangUp;
  if (ended && out_->unheard()) events |= kPollHangUp;
  if (out_->unheard() || out_->has_room()) events |= kPollOut;
  return events;
}

}  // namespace faultline::os
