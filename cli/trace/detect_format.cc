#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "cli/trace/compact_format.h"
#include "cli/trace/trace_error.h"
#include "cli/trace/trace_reader.h"

namespace faultline::cli {
namespace {

constexpr size_t kLooked = 4096;

bool is_text(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return (c >= ' ' && c <= '~') || c == '\n' || c == '\t' || c == '\r'; });
}

// The first line that is no banner of valgrind's, and not empty.
std::string_view first_line(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.find_first_not_of(" \t\r") != std::string_view::npos && !line.starts_with("==") && !line.starts_with("--"))
      return line;
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
  return {};
}

std::string_view without_compression(std::string_view name) {
  for (const std::string_view ending : {".xz", ".gz", ".zst"})
    if (name.ends_with(ending)) name.remove_suffix(ending.size());
  return name;
}

// A ChampSim record begins with an instruction pointer of x86-64, and few other
// files begin with the like of it.
bool is_canonical(std::string_view bytes) {
  int64_t pointer = 0;
  std::memcpy(&pointer, bytes.data(), sizeof(pointer));
  return pointer >> 47 == 0 || pointer >> 47 == -1;
}

}  // namespace

TraceFormat detect_trace_format(TraceInput& input) {
  const auto bytes = input.window(kLooked);
  const std::string_view begin(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), kLooked));
  if (begin.starts_with(kCompactMagic)) return TraceFormat::faultline;
  const std::string_view name = without_compression(input.name());
  if (name.ends_with(".lackey")) return TraceFormat::lackey;
  if (name.ends_with(".din")) return TraceFormat::din;
  if (name.ends_with(".champsim") || name.ends_with(".champsimtrace")) return TraceFormat::champsim;
  if (begin.starts_with("==") || begin.starts_with("--")) return TraceFormat::lackey;
  if (is_text(begin)) {
    const std::string_view line = first_line(begin);
    if (line.size() > 3 && (line.starts_with("I  ") || (line[0] == ' ' && line[2] == ' ')) &&
        line.find(',') != std::string_view::npos)
      return TraceFormat::lackey;
    if (line.size() > 2 && std::string_view("012345rwimcvRWIMCV").find(line[0]) != std::string_view::npos &&
        (line[1] == ' ' || line[1] == '\t'))
      return TraceFormat::din;
  } else if (begin.size() >= 64 && bytes[8] <= 1 && bytes[9] <= 1 && is_canonical(begin)) {
    return TraceFormat::champsim;
  }
  throw TraceError(
      fmt::format("{}: cannot tell what trace this is; say --format lackey, din, champsim or faultline", input.name()));
}

}  // namespace faultline::cli
