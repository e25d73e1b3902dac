// What goes through sockets: bytes of streams, datagrams and packets, with the files
// and credentials that travel with them.
#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/files/socket.h"
#include "os/files/tree_services.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

constexpr uint64_t kPiece = 4096;  // that is moved at once

uint64_t total_bytes(std::span<const UserPiece> pieces) {
  uint64_t total = 0;
  for (const UserPiece& piece : pieces) total += std::min(piece.bytes, ~uint64_t{0} - total);
  return total;
}

// Goes through the program's pieces byte for byte.
class Cursor {
 public:
  explicit Cursor(std::span<const UserPiece> pieces) : pieces_(pieces) {}
  // The next place and how many bytes it has; 0 at the end.
  UserPiece next() {
    while (!pieces_.empty() && done_ == pieces_.front().bytes) {
      pieces_ = pieces_.subspan(1);
      done_ = 0;
    }
    if (pieces_.empty()) return {};
    return {pieces_.front().at + done_, pieces_.front().bytes - done_};
  }
  void advance(uint64_t bytes) { done_ += bytes; }

 private:
  std::span<const UserPiece> pieces_;
  uint64_t done_ = 0;
};

// EFAULT where nothing could be delivered.
Co<Result<uint64_t>> deliver(IoContext& io, Cursor& cursor, std::span<const uint8_t> bytes) {
  uint64_t done = 0;
  while (done < bytes.size()) {
    const UserPiece place = cursor.next();
    if (place.bytes == 0) break;
    const uint64_t count = std::min<uint64_t>(place.bytes, bytes.size() - done);
    auto put = co_await io.user.write(place.at, bytes.subspan(done, count));
    if (!put) co_return put.error();
    cursor.advance(count);
    done += count;
  }
  co_return done;
}

}  // namespace

// --- the queue ---------------------------------------------------------------------------

bool Socket::enough_memory(uint64_t bytes) const {
  return services_.pipe_bytes + bytes + kOverhead <= TreeServices::kPipeBytesMost;
}

void Socket::enqueue(Message message) {
  const uint64_t cost = message.bytes.size() + kOverhead;
  queued_ += cost;
  services_.pipe_bytes += cost;
  readable_ += message.bytes.size();
  if (!message.files.empty()) services_.sockets.note_files(std::static_pointer_cast<Socket>(shared_from_this()));
  queue_.push_back(std::move(message));
  ++arrivals_;
  changed(arrivals_wait_);
}

// Bytes of one sender grow together, so that a stream of single bytes costs no more.
void Socket::append(std::span<const uint8_t> bytes, const SocketCredentials& sender, std::vector<OpenFilePtr>& files) {
  const bool grows = !queue_.empty() && files.empty() && queue_.back().files.empty() &&
                     queue_.back().sender.pid == sender.pid && queue_.back().bytes.size() + bytes.size() <= kPiece;
  if (!grows) {
    enqueue({.bytes = {bytes.begin(), bytes.end()}, .sender = sender, .files = std::exchange(files, {})});
    return;
  }
  queue_.back().bytes.insert(queue_.back().bytes.end(), bytes.begin(), bytes.end());
  queued_ += bytes.size();
  services_.pipe_bytes += bytes.size();
  readable_ += bytes.size();
  ++arrivals_;
  changed(arrivals_wait_);
}

void Socket::take_front() {
  Message& front = queue_.front();
  const uint64_t cost = front.bytes.size() + kOverhead;
  queued_ -= cost;
  services_.pipe_bytes -= cost;
  readable_ -= front.left();
  if (!front.files.empty()) services_.sockets.release(std::move(front.files));
  queue_.pop_front();
  ++departures_;
  changed(room_wait_);
}

void Socket::drop_queue() {
  std::deque<Message> dropped = std::exchange(queue_, {});
  services_.pipe_bytes -= queued_;
  queued_ = readable_ = 0;
  for (Message& message : dropped) {
    if (!message.files.empty()) services_.sockets.release(std::move(message.files));
  }
}

void Socket::fill(const Message& message, Incoming& to) {
  to.from = message.from;
  to.sender = message.sender;
  for (const OpenFilePtr& file : message.files) to.files.push_back(file);
}

// --- sending --------------------------------------------------------------------------------

Result<> Socket::may_send(IoContext& io) const {
  if (shut_ & kWriting) {
    io.reader_gone = connects();
    return Errno{EPIPE};
  }
  if (connects() && !connected_) {
    // tcp(7) has it as the end of a connection that never was.
    const bool internet = is_internet(family_);
    io.reader_gone = internet;
    return Errno{internet ? EPIPE : ENOTCONN};
  }
  return Unit{};
}

Co<Result<uint64_t>> Socket::send(IoContext& io, Outgoing& message) {
  io.cpu.charge(Cycles(io.costs.pipe));
  if (error_ != 0) co_return Errno{take_error()};
  if (Result<> allowed = may_send(io); !allowed) co_return allowed.error();
  if (kind_ == SocketKind::stream) {
    auto moved = co_await send_stream(io, message);
    co_return moved;
  }
  auto moved = co_await send_packet(io, message);
  co_return moved;
}

Co<Result<uint64_t>> Socket::send_stream(IoContext& io, Outgoing& message) {
  Cursor cursor(message.pieces);
  std::array<uint8_t, kPiece> piece;
  uint64_t done = 0;
  for (UserPiece place = cursor.next(); place.bytes != 0; place = cursor.next()) {
    const std::span<uint8_t> wanted(piece.data(), std::min(place.bytes, kPiece));
    auto copied = co_await io.user.read(place.at, wanted);
    Result<> ready = copied;
    std::shared_ptr<Socket> to;
    while (ready) {
      ready = may_send(io);
      if (!ready) break;
      to = peer_.lock();
      if (!to) ready = Errno{EPIPE};
      if (!ready || to->room() > kOverhead) break;
      ready = co_await wait(io, to->room_wait_, message.waits, options.send_timeout);
    }
    if (ready && !enough_memory(wanted.size())) ready = Errno{ENOBUFS};
    if (!ready && done == 0) co_return ready.error();
    if (!ready) break;
    const auto part = wanted.first(std::min<uint64_t>(wanted.size(), to->room() - kOverhead));
    services_.sockets.files_under_way += message.files.size();
    to->append(part, message.sender, message.files);
    cursor.advance(part.size());
    done += part.size();
  }
  co_return done;
}

// Where a datagram or a packet goes: ENOTCONN, ECONNREFUSED, EPERM. None: it is lost.
Result<std::shared_ptr<Socket>> Socket::receiver(IoContext& io, const Outgoing& message) {
  if (Result<> allowed = may_send(io); !allowed) return allowed.error();
  const bool local = family_ == kFamilyLocal;
  std::shared_ptr<Socket> to = message.to ? message.to : peer_.lock();
  if (!message.to && !connected_) return Errno{local ? ENOTCONN : EDESTADDRREQ};
  if (!to || to->closed_) {
    if (!local) {
      // The news comes back, and is told by the next call.
      if (connected_) error_ = ECONNREFUSED;
      return std::shared_ptr<Socket>();
    }
    if (connects()) {
      io.reader_gone = true;
      return Errno{EPIPE};
    }
    if (!message.to) {
      connected_ = false;
      peer_name_ = {};
    }
    return Errno{ECONNREFUSED};
  }
  if (local && !connects() && to->connected_ && to->peer_.lock().get() != this) return Errno{EPERM};
  if (to->shut_ & kReading) {
    io.reader_gone = connects();
    return Errno{EPIPE};
  }
  return to;
}

Co<Result<uint64_t>> Socket::send_packet(IoContext& io, Outgoing& message) {
  const uint64_t total = total_bytes(message.pieces);
  const uint64_t most = family_ == kFamilyLocal ? kBuffer - kOverhead : 65507;  // udp(7): what an IPv4 packet takes
  if (total > most) co_return Errno{EMSGSIZE};
  std::vector<uint8_t> bytes(total);
  uint64_t at = 0;
  for (const UserPiece& piece : message.pieces) {
    auto copied = co_await io.user.read(piece.at, std::span(bytes).subspan(at, piece.bytes));
    if (!copied) co_return copied.error();
    at += piece.bytes;
  }
  for (;;) {
    auto to = receiver(io, message);
    if (!to) co_return to.error();
    if (!*to) co_return total;
    const std::shared_ptr<Socket> target = *to;
    // Two that are connected to each other are bounded by bytes alone.
    const bool pair = target.get() == this || target->peer_.lock().get() == this;
    const bool full = target->room() < total + kOverhead || (!pair && target->queue_.size() > kDatagramsMost);
    if (full && target->queue_.empty()) co_return Errno{EMSGSIZE};
    if (full && is_internet(family_)) co_return total;  // lost, as UDP may
    if (!full) {
      if (!enough_memory(total)) co_return Errno{ENOBUFS};
      services_.sockets.files_under_way += message.files.size();
      target->enqueue({.bytes = std::move(bytes),
                       .from = name_,
                       .sender = message.sender,
                       .files = std::exchange(message.files, {})});
      co_return total;
    }
    auto slept = co_await wait(io, target->room_wait_, message.waits, options.send_timeout);
    if (!slept) co_return slept.error();
  }
}

// --- receiving -------------------------------------------------------------------------------

// Until there is a message. EOF is an empty queue afterwards.
Co<Result<>> Socket::wait_for_message(IoContext& io, bool waits) {
  while (queue_.empty()) {
    if (error_ != 0) co_return Errno{take_error()};
    if (connects() && !connected_) co_return Errno{is_internet(family_) ? ENOTCONN : EINVAL};
    if (ended()) co_return Unit{};
    auto slept = co_await wait(io, arrivals_wait_, waits, options.receive_timeout);
    if (!slept) co_return slept;
  }
  co_return Unit{};
}

Co<Result<uint64_t>> Socket::receive(IoContext& io, Incoming& message) {
  io.cpu.charge(Cycles(io.costs.pipe));
  if (connects() && !connected_ && error_ == 0) co_return Errno{is_internet(family_) ? ENOTCONN : EINVAL};
  if (kind_ != SocketKind::stream) {
    auto moved = co_await receive_packet(io, message);
    co_return moved;
  }
  if (message.stays) {
    auto seen = co_await look_at_stream(io, message);
    co_return seen;
  }
  auto moved = co_await receive_stream(io, message);
  co_return moved;
}

Co<Result<uint64_t>> Socket::receive_stream(IoContext& io, Incoming& message) {
  Cursor cursor(message.pieces);
  uint64_t done = 0;
  std::array<uint8_t, kPiece> piece;
  for (UserPiece place = cursor.next(); place.bytes != 0; place = cursor.next()) {
    if (queue_.empty() && done != 0 && !message.all) break;
    auto there = co_await wait_for_message(io, message.waits);
    if (!there && done == 0) co_return there.error();
    if (!there || queue_.empty()) break;
    Message& front = queue_.front();
    // Bytes of two senders do not come together where it matters who sent them.
    if (options.pass_credentials && done != 0 && front.sender.pid != message.sender.pid) break;
    fill(front, message);
    const bool with_files = !front.files.empty();
    services_.sockets.release(std::exchange(front.files, {}));
    const uint64_t count = std::min({place.bytes, front.left(), kPiece});
    std::copy_n(front.bytes.begin() + static_cast<ptrdiff_t>(front.taken), count, piece.begin());
    front.taken += count;
    readable_ -= count;
    const bool whole = front.left() == 0;
    if (whole) take_front();
    auto put = co_await io.user.write(place.at, std::span<const uint8_t>(piece.data(), count));
    if (!put && done == 0) co_return put.error();
    if (!put) break;
    cursor.advance(count);
    done += count;
    if (with_files && whole) break;
  }
  co_return done;
}

Co<Result<uint64_t>> Socket::look_at_stream(IoContext& io, Incoming& message) {
  const uint64_t wanted = total_bytes(message.pieces);
  if (wanted == 0) co_return uint64_t{0};
  auto there = co_await wait_for_message(io, message.waits);
  if (!there) co_return there.error();
  std::vector<uint8_t> seen;
  for (const Message& one : queue_) {
    const uint64_t count = std::min<uint64_t>(one.left(), wanted - seen.size());
    const auto from = one.bytes.begin() + static_cast<ptrdiff_t>(one.taken);
    seen.insert(seen.end(), from, from + static_cast<ptrdiff_t>(count));
    if (message.files.empty()) fill(one, message);
    if (seen.size() == wanted || !message.files.empty()) break;
  }
  Cursor cursor(message.pieces);
  auto put = co_await deliver(io, cursor, seen);
  co_return put;
}

Co<Result<uint64_t>> Socket::receive_packet(IoContext& io, Incoming& message) {
  auto there = co_await wait_for_message(io, message.waits);
  if (!there) co_return there.error();
  if (queue_.empty()) co_return uint64_t{0};
  fill(queue_.front(), message);
  std::vector<uint8_t> bytes = message.stays ? queue_.front().bytes : std::move(queue_.front().bytes);
  if (!message.stays) {
    const uint64_t cost = bytes.size();
    queued_ -= cost;
    services_.pipe_bytes -= cost;
    readable_ -= cost;
    take_front();
  }
  message.whole = bytes.size();
  Cursor cursor(message.pieces);
  auto put = co_await deliver(io, cursor, bytes);
  co_return put;
}

// --- read(2) and write(2) ----------------------------------------------------------------------

Co<Result<uint64_t>> Socket::read(IoContext& io, OpenFile& file, uint64_t, VirtAddr to, uint64_t bytes) {
  const UserPiece piece{to, bytes};
  Incoming message{.pieces = {&piece, 1}, .waits = !file.nonblocking()};
  if (bytes == 0 && kind_ == SocketKind::stream) co_return uint64_t{0};
  auto moved = co_await receive(io, message);
  co_return moved;
}

Co<Result<uint64_t>> Socket::write(IoContext& io, OpenFile& file, uint64_t&, VirtAddr from, uint64_t bytes) {
  const UserPiece piece{from, bytes};
  Outgoing message{.pieces = {&piece, 1}, .sender = io.caller, .waits = !file.nonblocking()};
  auto moved = co_await send(io, message);
  co_return moved;
}

}  // namespace faultline::os
