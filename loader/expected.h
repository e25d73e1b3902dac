// A value, or why the program cannot be loaded.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace faultline::loader {

// What execve() answers to the guest, by the names that Linux uses.
enum class Failure {
  not_executable,      // ENOEXEC: no program for this machine
  invalid,             // EINVAL: a program, with segments that cannot be mapped
  truncated,           // EIO: the file ends inside something that it promises
  arguments_too_long,  // E2BIG
};

struct LoadError {
  Failure failure = Failure::not_executable;
  // One line without the file's name: what is wrong, at which offset of the
  // file, and what was expected there.
  std::string what;

  // The Linux errno, positive.
  int error_number() const;
};

template <class T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::move(value)) {}
  Expected(LoadError error) : state_(std::move(error)) {}

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
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  const LoadError& error() const {
    assert(!ok());
    return std::get<1>(state_);
  }

 private:
  std::variant<T, LoadError> state_;
};

}  // namespace faultline::loader
