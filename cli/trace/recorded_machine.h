// What a recording says of the machine that it was made on, and the machine that
// it can be replayed on.
#pragma once

#include <string>
#include <vector>

#include "cli/config/loader.h"
#include "cli/trace/compact_format.h"

namespace faultline::cli {

RecordingHeader recording_header(const Configuration& configuration, const std::string& program);

// The machine that `machine` and `settings` (as load_configuration takes them)
// describe, with the memory in which the recorded tables lie. Throws TraceError
// where its tables have another format, or `settings` ask for other memory;
// UserError as load_configuration does. `file`: the recording's name, for these.
LoadedConfiguration machine_for(const RecordingHeader& header, const std::string& file, const std::string& machine,
                                const std::vector<std::string>& settings);

}  // namespace faultline::cli
