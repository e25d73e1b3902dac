// A policy's events in the records of faultline's trace format, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cli/trace/compact_writer.h"
#include "os/reclaim/policy_record.h"

namespace faultline::cli {

class PagingRecorder final : public os::PolicyRecorder {
 public:
  // Writes to `writer`, which outlives it.
  explicit PagingRecorder(CompactWriter& writer) : writer_(writer) {}

  void policy(std::string_view name, const os::PolicySettings& settings) override;
  void event(const os::PolicyEvent& event) override;

 private:
  CompactWriter& writer_;
};

// `op`: as CompactReader tells a sink's paging().
os::PolicyEvent event_of(uint8_t op, std::optional<uint64_t> frame);

}  // namespace faultline::cli
