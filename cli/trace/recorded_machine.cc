#include "cli/trace/recorded_machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/trace/trace_error.h"

namespace faultline::cli {
namespace {

constexpr const char* kMemoryKey = "dram.size";

// As settings, so that an error can say what to ask for.
std::string paging_text(const hw::MachineConfig& machine) {
  if (machine.paging_format != "custom") return machine.paging_format;
  const hw::CustomFormatConfig& custom = machine.paging_custom;
  return fmt::format(
      "custom -s paging.custom.page={} -s paging.custom.bits=[{}] -s paging.custom.entry_bytes={} "
      "-s paging.custom.leaves=[{}]",
      custom.page, fmt::join(custom.bits, ","), custom.entry_bytes, fmt::join(custom.leaves, ","));
}

// What a file says may hold anything.
std::string on_one_line(std::string text) {
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return text;
}

}  // namespace

RecordingHeader recording_header(const Configuration& configuration, const std::string& program) {
  const hw::MachineConfig& machine = configuration.machine;
  return {.paging = paging_text(machine),
          .page_bytes = configuration.page().bytes(),
          .memory_bytes = machine.dram.size,
          .clock_mhz = machine.hart.clock_mhz,
          .program = program};
}

LoadedConfiguration machine_for(const RecordingHeader& header, const std::string& file, const std::string& machine,
                                const std::vector<std::string>& settings) {
  const LoadedConfiguration asked = load_configuration(machine, settings);
  const std::string here = paging_text(asked.values.machine);
  if (here != header.paging) {
    throw TraceError(
        fmt::format("{}: the recorded tables have another format; ask for it with -s paging.format={} "
                    "(here it is {})",
                    file, on_one_line(header.paging), here));
  }
  if (asked.values.page().bytes() != header.page_bytes)
    throw TraceError(fmt::format("{}: recorded with pages of {} bytes, and {} has {}", file, header.page_bytes, here,
                                 asked.values.page().bytes()));
  const auto origin = asked.origins.find(kMemoryKey);
  if (origin != asked.origins.end() && origin->second.where.starts_with("-s ") &&
      asked.values.machine.dram.size != header.memory_bytes) {
    throw TraceError(fmt::format("{}: the recorded tables lie in a memory of {} bytes: leave {} away", file,
                                 header.memory_bytes, origin->second.where));
  }
  std::vector<std::string> with_memory = settings;
  with_memory.push_back(fmt::format("{}={}", kMemoryKey, header.memory_bytes));
  return load_configuration(machine, with_memory);
}

}  // namespace faultline::cli
