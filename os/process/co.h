// Co<T>: a kernel function that may sleep. Its type says so: `co_await f()`.
//
// A Co starts at once, on the stack of its caller; when it ends without having
// slept, awaiting it does not suspend anything. When it sleeps, every frame
// above it suspends too, and the executor goes on with another task.
//
// Keep to `auto x = co_await f(args);` as a statement of its own: g++ 12 has
// bugs with co_await inside conditional expressions and with temporaries that
// are not trivially destructible in the arguments.
#pragma once

#include <coroutine>
#include <cstdlib>
#include <optional>
#include <utility>

namespace faultline::os {

namespace detail {

template <class Promise>
struct ResumeContinuation {
  bool await_ready() const noexcept { return false; }
  // The frame is suspended here, so the continuation may destroy it.
  void await_suspend(std::coroutine_handle<Promise> self) const noexcept {
    if (std::coroutine_handle<> continuation = self.promise().continuation) continuation.resume();
  }
  void await_resume() const noexcept {}
};

struct PromiseBase {
  std::coroutine_handle<> continuation;
  std::suspend_never initial_suspend() const noexcept { return {}; }
  // The OS layer throws nothing; what arrives here is a fault of faultline.
  void unhandled_exception() const noexcept { std::abort(); }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] Co {
 public:
  struct promise_type : detail::PromiseBase {
    std::optional<T> value;
    Co get_return_object() { return Co(std::coroutine_handle<promise_type>::from_promise(*this)); }
    detail::ResumeContinuation<promise_type> final_suspend() const noexcept { return {}; }
    template <class U>
    void return_value(U&& v) {
      value.emplace(std::forward<U>(v));
    }
  };

  Co(Co&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Co& operator=(Co&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Co() {
    if (handle_) handle_.destroy();
  }

  bool done() const { return handle_.done(); }
  // The result; only when done.
  T& result() { return *handle_.promise().value; }

  bool await_ready() const noexcept { return handle_.done(); }
  void await_suspend(std::coroutine_handle<> caller) noexcept { handle_.promise().continuation = caller; }
  T await_resume() { return std::move(*handle_.promise().value); }

 private:
  explicit Co(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

template <>
class [[nodiscard]] Co<void> {
 public:
  struct promise_type : detail::PromiseBase {
    Co get_return_object() { return Co(std::coroutine_handle<promise_type>::from_promise(*this)); }
    detail::ResumeContinuation<promise_type> final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
  };

  Co() = default;  // of nothing: done
  Co(Co&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Co& operator=(Co&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Co() {
    if (handle_) handle_.destroy();
  }

  bool done() const { return !handle_ || handle_.done(); }

  bool await_ready() const noexcept { return done(); }
  void await_suspend(std::coroutine_handle<> caller) noexcept { handle_.promise().continuation = caller; }
  void await_resume() const noexcept {}

 private:
  explicit Co(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace faultline::os
