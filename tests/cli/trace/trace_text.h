// Traces of other tools, read out of memory.
#pragma once

#include <string>
#include <vector>

#include "cli/trace/trace_error.h"
#include "cli/trace/trace_reader.h"

namespace faultline::cli {

inline bool operator==(const Reference& a, const Reference& b) {
  return a.address == b.address && a.bytes == b.bytes && a.access == b.access && a.position == b.position;
}

using MakeReader = std::unique_ptr<TraceReader> (*)(TraceInput&);

struct ReadTrace {
  std::vector<Reference> references;
  uint64_t records = 0;
  std::string error;
};

inline TraceInput input_of(const std::string& bytes, const std::string& name = "t") {
  const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
  return TraceInput(name, decompress(read_memory({begin, bytes.size()})));
}

inline ReadTrace read_trace(MakeReader make, const std::string& bytes) {
  ReadTrace result;
  try {
    TraceInput input = input_of(bytes);
    const std::unique_ptr<TraceReader> reader = make(input);
    std::vector<Reference> batch;
    while (reader->read(batch)) result.references.insert(result.references.end(), batch.begin(), batch.end());
    result.records = reader->records();
  } catch (const TraceError& error) {
    result.error = error.what();
  }
  return result;
}

}  // namespace faultline::cli
