// Connections between sockets, and what poll(2) says of them.
#include "os/files/socket.h"

#include <cerrno>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"
#include "os/files/tree_services.h"
#include "os/process/timekeeping.h"

namespace faultline::os {

Socket::Socket(TreeServices& services, const Mount& mount, uint64_t number, Attributes given, uint16_t family,
               SocketKind kind)
    : Inode(mount, InodeType::socket, number, given),
      services_(services),
      family_(family),
      kind_(kind),
      arrivals_wait_(services.executor),
      room_wait_(services.executor) {}

void Socket::changed(WaitQueue& sleepers) {
  sleepers.wake_all();
  services_.poll_changes.wake_all();
}

// EAGAIN where it may not wait any longer.
Co<Result<>> Socket::wait(IoContext& io, WaitQueue& queue, bool waits, uint64_t timeout) {
  if (!waits) co_return Errno{EAGAIN};
  const Cycles until = timeout == 0 ? WaitQueue::kNever : Timekeeping(io.cpu).after(timeout);
  const Wake wake = co_await io.sleeper.sleep_until(queue, until);
  if (wake == Wake::timeout) co_return Errno{EAGAIN};
  // A call with a time limit does not begin again (signal(7)).
  if (wake == Wake::interrupted) co_return timeout == 0 ? kInterruptedBySignal : Errno{EINTR};
  co_return Unit{};
}

// --- connections ---------------------------------------------------------------------

void Socket::join(const std::shared_ptr<Socket>& a, const std::shared_ptr<Socket>& b, SocketCredentials who) {
  for (const auto& [one, other] : {std::pair(a, b), std::pair(b, a)}) {
    one->peer_ = other;
    one->connected_ = true;
    one->peer_name_ = other->name_;
    one->peer_credentials_ = who;
  }
}

void Socket::listen(uint32_t backlog, SocketCredentials who) {
  listening_ = true;
  backlog_most_ = backlog;
  own_credentials_ = who;
  changed(room_wait_);
}

Co<Result<>> Socket::connect(IoContext& io, std::shared_ptr<Socket> to, bool waits, SocketCredentials who) {
  io.cpu.charge(Cycles(io.costs.pipe));
  while (to->listening_ && to->backlog_.size() > to->backlog_most_) {
    auto slept = co_await wait(io, to->room_wait_, waits, options.send_timeout);
    if (!slept) co_return slept;
  }
  if (!to->listening_ || to->ended()) co_return Errno{ECONNREFUSED};
  if (connected_ || listening_) co_return Errno{connected_ ? EISCONN : EINVAL};  // another thread was quicker
  auto other =
      std::make_shared<Socket>(services_, to->mount(), services_.next_number(), to->attributes, to->family_, to->kind_);
  other->options = to->options;
  other->name_ = to->name_;
  join(std::static_pointer_cast<Socket>(shared_from_this()), other, who);
  // Who listens is who the other end is, as it was then (unix(7), SO_PEERCRED).
  peer_credentials_ = to->own_credentials_;
  shut_ = 0;
  ++ends_;
  to->backlog_.push_back(std::move(other));
  ++to->arrivals_;
  to->changed(to->arrivals_wait_);
  co_return Unit{};
}

Result<> Socket::point_at(const std::shared_ptr<Socket>& to, SocketName name) {
  const std::shared_ptr<Socket> itself = std::static_pointer_cast<Socket>(shared_from_this());
  if (to && family_ == kFamilyLocal) {
    const std::shared_ptr<Socket> theirs = to->peer_.lock();
    if (to->connected_ && theirs != itself) return Errno{EPERM};
  }
  peer_ = to;
  peer_name_ = std::move(name);
  connected_ = !peer_name_.empty() || to != nullptr;
  ++ends_;
  changed(room_wait_);
  return Unit{};
}

Co<Result<std::shared_ptr<Socket>>> Socket::accept(IoContext& io, bool waits) {
  io.cpu.charge(Cycles(io.costs.pipe));
  while (backlog_.empty()) {
    if (!listening_ || ended()) co_return Errno{EINVAL};
    auto slept = co_await wait(io, arrivals_wait_, waits, options.receive_timeout);
    if (!slept) co_return slept.error();
  }
  std::shared_ptr<Socket> next = std::move(backlog_.front());
  backlog_.pop_front();
  ++departures_;
  changed(room_wait_);
  co_return next;
}

void Socket::shut(uint32_t directions) {
  shut_ |= directions;
  ++ends_;
  changed(arrivals_wait_);
  changed(room_wait_);
  const std::shared_ptr<Socket> other = peer_.lock();
  if (!other || !connects()) return;
  // The other side of the same coin; a reader on the internet may still be written to.
  uint32_t theirs = (directions & kWriting) ? kReading : 0u;
  if ((directions & kReading) && family_ == kFamilyLocal) theirs |= kWriting;
  other->shut_ |= theirs;
  ++other->ends_;
  other->changed(other->arrivals_wait_);
  other->changed(other->room_wait_);
}

void Socket::close(OpenFile&) { end(false); }

// The other end reads what it has, and then hears of the end: a reset where bytes
// were lost (Linux, unix_release_sock).
void Socket::end(bool reset) {
  closed_ = true;
  listening_ = false;
  services_.sockets.forget(*this);
  const std::shared_ptr<Socket> other = peer_.lock();
  if (other && connects() && other->peer_.lock().get() == this) {
    if (reset || !queue_.empty()) other->error_ = ECONNRESET;
    other->shut_ = kReading | kWriting;
    ++other->ends_;
    other->changed(other->arrivals_wait_);
    other->changed(other->room_wait_);
  }
  while (!backlog_.empty()) {
    const std::shared_ptr<Socket> waiting = std::move(backlog_.front());
    backlog_.pop_front();
    waiting->end(true);
  }
  drop_queue();
  ++ends_;
  changed(arrivals_wait_);
  changed(room_wait_);
}

// --- what poll tells --------------------------------------------------------------------

// As Linux's unix_poll and unix_dgram_poll: a sender has room while its bytes take no
// more than a quarter.
uint32_t Socket::poll(const OpenFile&) const {
  uint32_t events = 0;
  if (error_ != 0) events |= kPollError;
  if (listening_) return events | (backlog_.empty() ? 0u : uint32_t{kPollIn});
  const std::shared_ptr<Socket> other = peer_.lock();
  if (shut_ == (kReading | kWriting)) events |= kPollHangUp;
  if (ended()) events |= kPollReadHangUp | kPollIn;
  if (!queue_.empty()) events |= kPollIn;
  if (connects() && !connected_) events |= kPollHangUp;
  bool writable = true;
  if (other && connects()) writable = other->queued_ * 4 <= kBuffer;
  if (other && !connects() && family_ == kFamilyLocal) {
    const bool pair = other->peer_.lock().get() == this;
    writable = pair ? other->queued_ * 4 <= kBuffer : other->queue_.size() <= kDatagramsMost;
  }
  if (writable) events |= kPollOut;
  return events;
}

// Room comes where what was sent is received.
uint64_t Socket::activity(uint32_t events) const {
  uint64_t count = ends_;
  if (events & kPollIn) count += arrivals_;
  if (events & kPollOut) {
    const std::shared_ptr<Socket> other = peer_.lock();
    count += other ? other->departures_ : departures_;
  }
  return count;
}

std::optional<uint64_t> Socket::readable_bytes(const OpenFile&) const {
  if (listening_) return std::nullopt;
  if (kind_ == SocketKind::stream || queue_.empty()) return readable_;
  return queue_.front().left();
}

}  // namespace faultline::os
