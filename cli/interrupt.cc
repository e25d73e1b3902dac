#include "cli/interrupt.h"

#include <csignal>

namespace faultline::cli {
namespace {

// A signal handler can reach nothing but an object of static life.
std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

void on_interrupt(int) { interrupted.store(true); }

}  // namespace

InterruptFlag::InterruptFlag() {
  interrupted.store(false);
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  // Not SA_RESTART: a read of standard input must end too.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

InterruptFlag::~InterruptFlag() { std::signal(SIGINT, SIG_DFL); }

const std::atomic<bool>* InterruptFlag::flag() const { return &interrupted; }

}  // namespace faultline::cli
