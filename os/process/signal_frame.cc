#include "os/process/signal_frame.h"

#include <cstring>
#include <span>

namespace faultline::os {

namespace {

// Offsets in siginfo_t.
constexpr size_t kInfoSigno = 0;
constexpr size_t kInfoCode = 8;
constexpr size_t kInfoFields = 16;  // the union

// Offsets in ucontext_t: flags, link, stack, mask (1024 bits), then the machine
// context, which is aligned to 16.
constexpr size_t kContextStack = 16;
constexpr size_t kContextMask = 40;
constexpr size_t kContextRegisters = 176;  // pc, x1 .. x31
constexpr size_t kContextFloat = kContextRegisters + 32 * 8;
constexpr size_t kContextFcsr = kContextFloat + 32 * 8;  // union __riscv_fp_state, the D member

static_assert(kUcontextOffset + kContextFloat + 528 == kSignalFrameBytes);

template <class T>
void put(std::span<uint8_t> bytes, size_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof(T));
}

template <class T>
T get(std::span<const uint8_t> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

bool carries_address(const SignalInfo& info) {
  if (info.code <= 0) return false;  // sent by a process
  return info.signal == kSigSegv || info.signal == kSigBus || info.signal == kSigIll || info.signal == kSigTrap ||
         info.signal == kSigFpe;
}

}  // namespace

StackRecord describe(const AlternateStack& stack, uint64_t sp) {
  StackRecord record{.base = stack.base, .flags = 0, .padding = 0, .size = stack.size};
  if (stack.size == 0) {
    record.flags = StackRecord::kDisabled;
  } else if (stack.in_use(sp)) {
    record.flags = StackRecord::kOnStack;
  }
  if (stack.disarms_itself) record.flags |= StackRecord::kAutoDisarm;
  return record;
}

AlternateStack alternate_stack_of(const StackRecord& record) {
  return {.base = record.base, .size = record.size, .disarms_itself = (record.flags & StackRecord::kAutoDisarm) != 0};
}

SigInfoBytes encode_siginfo(const SignalInfo& info) {
  SigInfoBytes bytes{};
  put<int32_t>(bytes, kInfoSigno, info.signal);
  put<int32_t>(bytes, kInfoCode, info.code);
  if (carries_address(info)) {
    put(bytes, kInfoFields, info.address);
    return bytes;
  }
  put(bytes, kInfoFields, info.pid);
  put(bytes, kInfoFields + 4, info.uid);
  if (info.signal == kSigChld && info.code > 0) {
    put(bytes, kInfoFields + 8, info.status);
    put(bytes, kInfoFields + 16, info.user_ticks);
    put(bytes, kInfoFields + 24, info.system_ticks);
  } else {
    put(bytes, kInfoFields + 8, info.value);
  }
  return bytes;
}

SignalInfo decode_siginfo(const SigInfoBytes& bytes) {
  SignalInfo info;
  info.signal = get<int32_t>(bytes, kInfoSigno);
  info.code = get<int32_t>(bytes, kInfoCode);
  info.pid = get<int32_t>(bytes, kInfoFields);
  info.uid = get<uint32_t>(bytes, kInfoFields + 4);
  info.value = get<uint64_t>(bytes, kInfoFields + 8);
  return info;
}

SignalFrame encode_frame(const SignalInfo& info, const hw::HartState& state, SignalSet mask, const StackRecord& stack) {
  SignalFrame frame{};
  const SigInfoBytes head = encode_siginfo(info);
  std::memcpy(frame.data(), head.data(), head.size());

  const std::span<uint8_t> context = std::span(frame).subspan(kUcontextOffset);
  std::memcpy(context.data() + kContextStack, &stack, sizeof(stack));
  put(context, kContextMask, mask.bits());
  put(context, kContextRegisters, state.pc);
  std::memcpy(context.data() + kContextRegisters + 8, &state.x[1], 31 * 8);
  std::memcpy(context.data() + kContextFloat, state.f.data(), 32 * 8);
  put<uint32_t>(context, kContextFcsr, static_cast<uint32_t>(state.frm) << 5 | state.fflags);
  return frame;
}

DecodedFrame decode_frame(const SignalFrame& frame) {
  const std::span<const uint8_t> context = std::span(frame).subspan(kUcontextOffset);
  DecodedFrame decoded;
  std::memcpy(&decoded.stack, context.data() + kContextStack, sizeof(decoded.stack));
  decoded.mask = SignalSet(get<uint64_t>(context, kContextMask)) & ~kUnblockable;
  // Instructions lie at even addresses; a hart ignores bit 0 of an epc.
  decoded.state.pc = get<uint64_t>(context, kContextRegisters) & ~uint64_t{1};
  std::memcpy(&decoded.state.x[1], context.data() + kContextRegisters + 8, 31 * 8);
  std::memcpy(decoded.state.f.data(), context.data() + kContextFloat, 32 * 8);
  const uint32_t fcsr = get<uint32_t>(context, kContextFcsr);
  decoded.state.fflags = static_cast<uint8_t>(fcsr & 0x1f);
  decoded.state.frm = static_cast<uint8_t>((fcsr >> 5) & 0x7);
  return decoded;
}

}  // namespace faultline::os
