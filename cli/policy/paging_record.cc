#include "cli/policy/paging_record.h"

namespace faultline::cli {

using Kind = os::PolicyEvent::Kind;

void PagingRecorder::policy(std::string_view name, const os::PolicySettings& settings) {
  writer_.policy_name(name);
  writer_.policy_setting(kFrames, settings.frames);
  writer_.policy_setting(kHandSpread, settings.hand_spread);
  writer_.policy_setting(kSeed, settings.seed);
  writer_.policy_setting(kAgingBits, settings.aging_bits);
}

void PagingRecorder::event(const os::PolicyEvent& event) {
  const uint64_t frame = event.frame.value;
  const unsigned answer = event.answer ? 1 : 0;
  switch (event.kind) {
    case Kind::came:
      return writer_.paging(kPageCame, frame);
    case Kind::left:
      return writer_.paging(kPageLeft, frame);
    case Kind::tick:
      return writer_.paging(kPolicyTick);
    case Kind::step:
      return writer_.paging(kPolicyStep);
    case Kind::returned:
      return writer_.paging(kPolicyReturned);
    case Kind::looked:
      return writer_.paging(static_cast<uint8_t>(kPolicyLooked | (event.hand == os::Hand::back ? 2 : 0) | answer),
                            frame);
    case Kind::asked:
      return writer_.paging(static_cast<uint8_t>(kPolicyAsked | answer), frame);
    case Kind::cleared:
      return writer_.paging(kPolicyCleared, frame);
    case Kind::taken:
      return writer_.paging(kPolicyTook, frame);
  }
}

os::PolicyEvent event_of(uint8_t op, std::optional<uint64_t> frame) {
  const Pfn pfn(frame.value_or(0));
  switch (op) {
    case kPageCame:
      return {.kind = Kind::came, .frame = pfn};
    case kPageLeft:
      return {.kind = Kind::left, .frame = pfn};
    case kPolicyTick:
      return {.kind = Kind::tick};
    case kPolicyStep:
      return {.kind = Kind::step};
    case kPolicyReturned:
      return {.kind = Kind::returned};
    case kPolicyCleared:
      return {.kind = Kind::cleared, .frame = pfn};
    case kPolicyTook:
      return {.kind = Kind::taken, .frame = pfn};
    case kPolicyAsked:
    case kPolicyAsked + 1:
      return {.kind = Kind::asked, .frame = pfn, .answer = op != kPolicyAsked};
    default:
      return {.kind = Kind::looked,
              .frame = pfn,
              .hand = (op & 2) != 0 ? os::Hand::back : os::Hand::front,
              .answer = (op & 1) != 0};
  }
}

}  // namespace faultline::cli
