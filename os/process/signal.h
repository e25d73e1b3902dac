// Signals as data: sets, actions, what is pending. Numbers, flags and codes
// are riscv64 Linux's (asm-generic/signal.h, siginfo.h).
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>

namespace faultline::os {

// Signal numbers; those of <csignal> are the host's, which may differ.
enum Signal : int {
  kSigHup = 1,
  kSigInt = 2,
  kSigQuit = 3,
  kSigIll = 4,
  kSigTrap = 5,
  kSigAbrt = 6,
  kSigBus = 7,
  kSigFpe = 8,
  kSigKill = 9,
  kSigUsr1 = 10,
  kSigSegv = 11,
  kSigUsr2 = 12,
  kSigPipe = 13,
  kSigAlrm = 14,
  kSigTerm = 15,
  kSigStkflt = 16,
  kSigChld = 17,
  kSigCont = 18,
  kSigStop = 19,
  kSigTstp = 20,
  kSigTtin = 21,
  kSigTtou = 22,
  kSigUrg = 23,
  kSigXcpu = 24,
  kSigXfsz = 25,
  kSigVtalrm = 26,
  kSigProf = 27,
  kSigWinch = 28,
  kSigIo = 29,
  kSigPwr = 30,
  kSigSys = 31,
};

inline constexpr int kSignals = 64;
inline constexpr int kFirstRealTimeSignal = 32;

// "SIGSEGV" and so on, "SIGRT2" beyond; empty for a number that is none.
std::string_view signal_name(int signal);

class SignalSet {
 public:
  constexpr SignalSet() = default;
  constexpr explicit SignalSet(uint64_t bits) : bits_(bits) {}
  static constexpr SignalSet of(int signal) { return SignalSet(uint64_t{1} << (signal - 1)); }

  constexpr bool has(int signal) const { return (bits_ >> (signal - 1)) & 1; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr uint64_t bits() const { return bits_; }
  constexpr SignalSet operator|(SignalSet other) const { return SignalSet(bits_ | other.bits_); }
  constexpr SignalSet operator&(SignalSet other) const { return SignalSet(bits_ & other.bits_); }
  constexpr SignalSet operator~() const { return SignalSet(~bits_); }
  constexpr bool operator==(const SignalSet&) const = default;
  // The lowest signal of the set, which must not be empty.
  int first() const;

 private:
  uint64_t bits_ = 0;
};

// SIGKILL and SIGSTOP can be neither blocked nor caught nor ignored.
inline constexpr SignalSet kUnblockable = SignalSet::of(kSigKill) | SignalSet::of(kSigStop);

// si_code values (asm-generic/siginfo.h).
enum SignalCode : int32_t {
  kCodeUser = 0,       // SI_USER: kill
  kCodeKernel = 0x80,  // SI_KERNEL
  kCodeQueue = -1,     // SI_QUEUE: rt_sigqueueinfo
  kCodeTimer = -2,     // SI_TIMER: `pid` is the timer's id, `uid` its overruns
  kCodeTkill = -6,     // SI_TKILL: tkill, tgkill
  kCodeSegvMapErr = 1,
  kCodeSegvAccErr = 2,
  kCodeBusAdrAln = 1,
  kCodeBusAdrErr = 2,
  kCodeIllOpc = 1,
  kCodeTrapBrkpt = 1,
  kCodeChildExited = 1,
  kCodeChildKilled = 2,
  kCodeChildDumped = 3,
  kCodeChildStopped = 5,
  kCodeChildContinued = 6,
};

// What a siginfo_t carries; which fields mean something depends on the signal.
struct SignalInfo {
  static constexpr int32_t kNoTimer = -1;
  static constexpr int32_t kIntervalTimer = -2;

  int signal = 0;
  int32_t code = 0;
  int32_t pid = 0;  // sender, or the child of SIGCHLD
  uint32_t uid = 0;
  int32_t status = 0;    // SIGCHLD
  uint64_t address = 0;  // SIGSEGV, SIGBUS, SIGILL, SIGTRAP
  uint64_t value = 0;    // sigqueue
  // User and system time of a child, in clock ticks.
  int64_t user_ticks = 0;
  int64_t system_ticks = 0;
  // Which timer sent it: an id of timer_create, or one of setitimer. No program
  // can claim it by rt_sigqueueinfo, as it can the code.
  int32_t timer = kNoTimer;
};

inline constexpr uint64_t kHandlerDefault = 0;
inline constexpr uint64_t kHandlerIgnore = 1;

inline constexpr uint64_t kSaNoChildStop = 0x1;
inline constexpr uint64_t kSaNoChildWait = 0x2;
inline constexpr uint64_t kSaSigInfo = 0x4;
inline constexpr uint64_t kSaOnStack = 0x08000000;
inline constexpr uint64_t kSaRestart = 0x10000000;
inline constexpr uint64_t kSaNoDefer = 0x40000000;
inline constexpr uint64_t kSaResetHand = 0x80000000;

// Also the layout of the kernel's struct sigaction on riscv64.
struct SignalAction {
  uint64_t handler = kHandlerDefault;
  uint64_t flags = 0;
  uint64_t mask = 0;

  bool catches() const { return handler != kHandlerDefault && handler != kHandlerIgnore; }
};

enum class DefaultAction : uint8_t { terminate, core, ignore, stop, resume };
DefaultAction default_action(int signal);

// Signals sent and not yet delivered, to a process or to one task.
class PendingSignals {
 public:
  // A standard signal that is pending already is not queued again; a real-time
  // signal is, and each timer of timer_create has a place of its own, whatever
  // its signal. False when `most` are pending already (EAGAIN for sigqueue); one
  // sent by kill(2) is then there once, and never refused.
  bool add(const SignalInfo& info, size_t most = kMost);
  // A bound on what a process can make the kernel remember, whatever RLIMIT_SIGPENDING says.
  static constexpr size_t kMost = 1024;
  // Takes the next signal of `wanted`: those that the program caused itself by
  // an instruction first, then the lowest number, the oldest of its kind.
  std::optional<SignalInfo> take(SignalSet wanted);
  void discard(SignalSet signals);
  SignalSet set() const { return set_; }
  bool has(int signal) const { return set_.has(signal); }
  // The signal of a timer of timer_create.
  bool has_timer(int32_t id) const;
  void discard_timer(int32_t id);

 private:
  std::list<SignalInfo> queue_;  // oldest first
  SignalSet set_;
};

struct SignalActions {
  SignalAction& operator[](int signal) { return actions[static_cast<size_t>(signal) - 1]; }
  const SignalAction& operator[](int signal) const { return actions[static_cast<size_t>(signal) - 1]; }
  // True when sending `signal` has no effect at all.
  bool ignores(int signal) const;
  // execve: caught signals fall back to their default, ignored ones stay.
  void reset_for_exec();

  std::array<SignalAction, kSignals> actions{};
};

// sigaltstack(2).
struct AlternateStack {
  uint64_t base = 0;
  uint64_t size = 0;            // 0: none
  bool disarms_itself = false;  // SS_AUTODISARM: none while a handler runs on it
  bool contains(uint64_t sp) const { return size != 0 && sp > base && sp - base <= size; }
  bool in_use(uint64_t sp) const { return !disarms_itself && contains(sp); }
};

}  // namespace faultline::os
