// A value or a Linux errno; and the same with a third case, "would sleep".
#pragma once

#include <cassert>
#include <cerrno>
#include <utility>
#include <variant>

namespace faultline::os {

class WaitQueue;

// A Linux errno, positive. RISC-V Linux uses the generic numbers, which are
// also those of <cerrno> on the hosts that faultline builds on.
struct Errno {
  int value = 0;
  constexpr bool operator==(const Errno&) const = default;
};

struct Unit {};

template <class T = Unit>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Errno error) : state_(error) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() {
    assert(ok());
    return std::get<0>(state_);
  }
  const T& value() const {
    assert(ok());
    return std::get<0>(state_);
  }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }
  Errno error() const {
    assert(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, Errno> state_;
};

// What a function answers that must not sleep itself: the caller (a coroutine)
// sleeps on the queue and calls again from the start, holding no state.
template <class T = Unit>
class [[nodiscard]] Reply {
 public:
  Reply(T value) : state_(std::move(value)) {}
  Reply(Errno error) : state_(error) {}
  Reply(WaitQueue& queue) : state_(&queue) {}

  bool ok() const { return state_.index() == 0; }
  bool failed() const { return state_.index() == 1; }
  bool must_sleep() const { return state_.index() == 2; }
  T& value() { return std::get<0>(state_); }
  const T& value() const { return std::get<0>(state_); }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }
  Errno error() const { return std::get<1>(state_); }
  WaitQueue& queue() const { return *std::get<2>(state_); }

 private:
  std::variant<T, Errno, WaitQueue*> state_;
};

}  // namespace faultline::os
