#include "os/process/signal.h"

#include <algorithm>
#include <bit>

namespace faultline::os {

namespace {

constexpr std::array<std::string_view, 32> kNames = {
    "",          "SIGHUP",  "SIGINT",    "SIGQUIT", "SIGILL",   "SIGTRAP", "SIGABRT", "SIGBUS",
    "SIGFPE",    "SIGKILL", "SIGUSR1",   "SIGSEGV", "SIGUSR2",  "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP",  "SIGTTIN", "SIGTTOU", "SIGURG",
    "SIGXCPU",   "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO",   "SIGPWR",  "SIGSYS"};

constexpr std::array<std::string_view, 33> kRealTimeNames = {
    "SIGRT0",  "SIGRT1",  "SIGRT2",  "SIGRT3",  "SIGRT4",  "SIGRT5",  "SIGRT6",  "SIGRT7",  "SIGRT8",
    "SIGRT9",  "SIGRT10", "SIGRT11", "SIGRT12", "SIGRT13", "SIGRT14", "SIGRT15", "SIGRT16", "SIGRT17",
    "SIGRT18", "SIGRT19", "SIGRT20", "SIGRT21", "SIGRT22", "SIGRT23", "SIGRT24", "SIGRT25", "SIGRT26",
    "SIGRT27", "SIGRT28", "SIGRT29", "SIGRT30", "SIGRT31", "SIGRT32"};

// Those that an instruction of the program causes; delivered before others
// (Linux, kernel/signal.c, SYNCHRONOUS_MASK).
constexpr SignalSet kSynchronous = SignalSet::of(kSigSegv) | SignalSet::of(kSigBus) | SignalSet::of(kSigIll) |
                                   SignalSet::of(kSigTrap) | SignalSet::of(kSigFpe) | SignalSet::of(kSigSys);

}  // namespace

std::string_view signal_name(int signal) {
  if (signal >= 1 && signal < kFirstRealTimeSignal) return kNames[static_cast<size_t>(signal)];
  if (signal >= kFirstRealTimeSignal && signal <= kSignals) {
    return kRealTimeNames[static_cast<size_t>(signal - kFirstRealTimeSignal)];
  }
  return {};
}

int SignalSet::first() const { return std::countr_zero(bits_) + 1; }

// signal(7).
DefaultAction default_action(int signal) {
  switch (signal) {
    case kSigChld:
    case kSigUrg:
    case kSigWinch:
      return DefaultAction::ignore;
    case kSigCont:
      return DefaultAction::resume;
    case kSigStop:
    case kSigTstp:
    case kSigTtin:
    case kSigTtou:
      return DefaultAction::stop;
    case kSigQuit:
    case kSigIll:
    case kSigTrap:
    case kSigAbrt:
    case kSigBus:
    case kSigFpe:
    case kSigSegv:
    case kSigXcpu:
    case kSigXfsz:
    case kSigSys:
      return DefaultAction::core;
    default:
      return DefaultAction::terminate;
  }
}

bool PendingSignals::add(const SignalInfo& info, size_t most) {
  const bool has_place = info.timer >= 0;  // a timer's signal waits once at most
  if (!has_place && info.signal < kFirstRealTimeSignal && set_.has(info.signal)) return true;
  // A standard signal is never lost: there are at most 31 of them.
  if (!has_place && info.signal >= kFirstRealTimeSignal && queue_.size() >= most) {
    if (info.code != kCodeUser) return false;
    if (set_.has(info.signal)) return true;
  }
  queue_.push_back(info);
  set_ = set_ | SignalSet::of(info.signal);
  return true;
}

std::optional<SignalInfo> PendingSignals::take(SignalSet wanted) {
  SignalSet candidates = set_ & wanted;
  if (candidates.empty()) return std::nullopt;
  if (const SignalSet synchronous = candidates & kSynchronous; !synchronous.empty()) candidates = synchronous;
  const int signal = candidates.first();

  const auto of_signal = [signal](const SignalInfo& info) { return info.signal == signal; };
  const auto oldest = std::find_if(queue_.begin(), queue_.end(), of_signal);
  const SignalInfo info = *oldest;
  const auto rest = queue_.erase(oldest);
  if (std::none_of(rest, queue_.end(), of_signal)) set_ = set_ & ~SignalSet::of(signal);
  return info;
}

void PendingSignals::discard(SignalSet signals) {
  std::erase_if(queue_, [signals](const SignalInfo& info) { return signals.has(info.signal); });
  set_ = set_ & ~signals;
}

bool PendingSignals::has_timer(int32_t id) const {
  return std::any_of(queue_.begin(), queue_.end(), [id](const SignalInfo& info) { return info.timer == id; });
}

void PendingSignals::discard_timer(int32_t id) {
  std::erase_if(queue_, [id](const SignalInfo& info) { return info.timer == id; });
  set_ = {};
  for (const SignalInfo& info : queue_) set_ = set_ | SignalSet::of(info.signal);
}

bool SignalActions::ignores(int signal) const {
  if (kUnblockable.has(signal)) return false;
  const uint64_t handler = (*this)[signal].handler;
  if (handler == kHandlerIgnore) return true;
  return handler == kHandlerDefault && default_action(signal) == DefaultAction::ignore;
}

void SignalActions::reset_for_exec() {
  for (SignalAction& action : actions) {
    const bool ignored = action.handler == kHandlerIgnore;
    action = SignalAction{};
    if (ignored) action.handler = kHandlerIgnore;
  }
}

}  // namespace faultline::os
