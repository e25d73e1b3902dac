// What a signal handler finds on the stack, byte for byte as Linux for RISC-V
// lays it out: siginfo_t, then ucontext_t (arch/riscv/kernel/signal.c and
// include/uapi/asm/{ucontext,sigcontext,ptrace}.h of Linux 6.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "hw/hart/hart_state.h"
#include "os/process/signal.h"

namespace faultline::os {

inline constexpr size_t kSigInfoBytes = 128;
inline constexpr size_t kSignalFrameBytes = 1088;  // siginfo 128 + ucontext 960
inline constexpr size_t kUcontextOffset = kSigInfoBytes;

using SigInfoBytes = std::array<uint8_t, kSigInfoBytes>;
using SignalFrame = std::array<uint8_t, kSignalFrameBytes>;

// stack_t as sigaltstack(2) and the frame hold it.
struct StackRecord {
  static constexpr int32_t kOnStack = 1;
  static constexpr int32_t kDisabled = 2;
  static constexpr int32_t kAutoDisarm = INT32_MIN;
  uint64_t base = 0;
  int32_t flags = 0;
  int32_t padding = 0;
  uint64_t size = 0;
};
static_assert(sizeof(StackRecord) == 24);

// How sigaltstack reports the stack to a program whose stack pointer is `sp`.
StackRecord describe(const AlternateStack& stack, uint64_t sp);
// The one that a record, not a disabled one, asks for.
AlternateStack alternate_stack_of(const StackRecord& record);

SigInfoBytes encode_siginfo(const SignalInfo& info);
SignalInfo decode_siginfo(const SigInfoBytes& bytes);  // of rt_sigqueueinfo

SignalFrame encode_frame(const SignalInfo& info, const hw::HartState& state, SignalSet mask, const StackRecord& stack);

struct DecodedFrame {
  hw::HartState state;
  SignalSet mask;
  StackRecord stack;
};
// A frame may hold anything: every value in it is legal for a user context.
DecodedFrame decode_frame(const SignalFrame& frame);

}  // namespace faultline::os
