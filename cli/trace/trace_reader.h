// Readers of other tools' traces: lists of references and nothing else.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cli/trace/trace_input.h"
#include "hw/base/types.h"

namespace faultline::cli {

enum class TraceFormat : uint8_t { lackey, din, champsim, faultline };

// By the names of --format, in the order of the enumeration.
inline constexpr std::string_view kTraceFormatNames[] = {"lackey", "din", "champsim", "faultline"};

// One reference as the trace has it; it may cross pages.
struct Reference {
  uint64_t address = 0;
  uint64_t position = 0;  // of its record: line from 1, or byte from 0
  uint32_t bytes = 0;     // 1 to kMaxReferenceBytes, and not beyond the last address
  Access access = Access::load;
};

// More than any instruction moves (XSAVE of everything: 11 KB).
inline constexpr uint64_t kMaxReferenceBytes = 64 << 10;

class TraceReader {
 public:
  virtual ~TraceReader() = default;

  // Puts the next references into `batch`, in place of what was there: some
  // thousands. False at the end of the trace, with none. Throws TraceError at a
  // record that is damaged; what came before it has been given.
  virtual bool read(std::vector<Reference>& batch) = 0;
  // Throws TraceError about the record at `position`.
  [[noreturn]] virtual void fail(uint64_t position, const std::string& what) const = 0;

  // Records read so far that were references or cache control.
  uint64_t records() const { return records_; }

 protected:
  uint64_t records_ = 0;
};

// `input` must outlive the reader. Not for TraceFormat::faultline.
std::unique_ptr<TraceReader> make_lackey_reader(TraceInput& input);
std::unique_ptr<TraceReader> make_din_reader(TraceInput& input);
std::unique_ptr<TraceReader> make_champsim_reader(TraceInput& input);

// What the trace is, from the end of its name (without .xz, .gz or .zst) and
// its first bytes. Throws TraceError when neither tells.
TraceFormat detect_trace_format(TraceInput& input);

}  // namespace faultline::cli
