#include "cli/policy/recorded_paging.h"

#include <fmt/format.h>

#include "cli/policy/paging_record.h"
#include "cli/report/say.h"

namespace faultline::cli {
namespace {
constexpr uint64_t kMostFrames = uint64_t{1} << 26;
constexpr uint64_t kMostBits = 64;
}  // namespace

void RecordedPaging::policy_name(std::string_view name) {
  if (!policy_.empty()) reader_.fail("a second policy");
  if (name.empty()) reader_.fail("a policy without a name");
  policy_ = printable(name);
}

void RecordedPaging::policy_setting(uint64_t which, uint64_t value) {
  switch (which) {
    case kFrames:
      if (value == 0 || value > kMostFrames) reader_.fail("page-out with no frames, or too many");
      settings_.frames = value;
      break;
    case kHandSpread:
      settings_.hand_spread = value;
      break;
    case kSeed:
      settings_.seed = value;
      break;
    case kAgingBits:
      if (value == 0 || value > kMostBits) reader_.fail("counters of no bits, or more than 64");
      settings_.aging_bits = static_cast<unsigned>(value);
      break;
    default:
      break;
  }
}

void RecordedPaging::paging(uint8_t op, std::optional<uint64_t> frame) {
  if (!replay_) {
    if (policy_.empty() || settings_.frames == 0) reader_.fail("page-out without a policy, or without frames");
    replay_.emplace(policy_, settings_);
    if (!replay_->usable()) reader_.fail(fmt::format("there is no policy {} that can be replayed", policy_));
  }
  replay_->event(event_of(op, frame));
}

}  // namespace faultline::cli
