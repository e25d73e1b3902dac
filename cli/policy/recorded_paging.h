// What a recording holds for `faultline policy`: page-out as it was, or the pages
// that the run referred to. A sink of CompactReader's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/policy/reference_source.h"
#include "os/reclaim/policy_replay.h"

namespace faultline::cli {

class RecordedPaging : public RecordedPages {
 public:
  explicit RecordedPaging(CompactReader& reader) : RecordedPages(reader), reader_(reader) {}

  void policy_name(std::string_view name);
  void policy_setting(uint64_t which, uint64_t value);
  void paging(uint8_t op, std::optional<uint64_t> frame);

  // Empty: page-out was not recorded.
  const std::string& policy() const { return policy_; }
  const os::PolicySettings& settings() const { return settings_; }
  // Asked again of the same policy. Null where it was never heard of a page.
  const os::PolicyReplay* replay() const { return replay_ ? &*replay_ : nullptr; }

 private:
  CompactReader& reader_;
  std::string policy_;
  os::PolicySettings settings_;
  std::optional<os::PolicyReplay> replay_;
};

}  // namespace faultline::cli
