#include "os/files/posix_queue.h"

#include <cerrno>
#include <utility>

#include "os/config.h"
#include "os/cpu.h"

namespace faultline::os {

namespace {

Attributes with_permissions(Attributes given, uint32_t permissions) {
  given.permissions = permissions;
  return given;
}

Co<Result<>> wait(IoContext& io, WaitQueue& queue, bool waits, Cycles until) {
  if (!waits) co_return Errno{EAGAIN};
  const Wake wake = co_await io.sleeper.sleep_until(queue, until);
  if (wake == Wake::timeout) co_return Errno{ETIMEDOUT};
  if (wake == Wake::interrupted) co_return kInterruptedBySignal;
  co_return Unit{};
}

}  // namespace

PosixQueue::PosixQueue(const Vfs::Unnamed& place, uint32_t permissions, int64_t messages, int64_t bytes)
    : Inode(place.mount, InodeType::regular, place.number, with_permissions(place.attributes, permissions)),
      services_(place.services),
      receivers_(place.services.executor),
      senders_(place.services.executor),
      most_(messages),
      bytes_most_(bytes) {
  services_.queue_bytes += cost(messages, bytes);
}

void PosixQueue::changed(WaitQueue& sleepers) {
  ++changes_;
  sleepers.wake_all();
  services_.poll_changes.wake_all();
}

Co<Result<bool>> PosixQueue::send(IoContext& io, Message message, bool waits, Cycles until) {
  io.cpu.charge(Cycles(io.costs.pipe));
  while (count_ >= most_) {
    auto slept = co_await wait(io, senders_, waits, until);
    if (!slept) co_return slept.error();
  }
  // Who waits already takes it, and nobody is told.
  const bool news = count_ == 0 && receivers_.empty();
  messages_[message.priority].push_back(std::move(message));
  ++count_;
  changed(receivers_);
  co_return news;
}

Co<Result<PosixQueue::Message>> PosixQueue::receive(IoContext& io, bool waits, Cycles until) {
  io.cpu.charge(Cycles(io.costs.pipe));
  while (count_ == 0) {
    auto slept = co_await wait(io, receivers_, waits, until);
    if (!slept) co_return slept.error();
  }
  const auto first = messages_.begin();
  Message message = std::move(first->second.front());
  first->second.erase(first->second.begin());
  if (first->second.empty()) messages_.erase(first);
  --count_;
  changed(senders_);
  co_return message;
}

}  // namespace faultline::os
