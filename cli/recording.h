// A file of `faultline run --record` or `--record-paging`.
#pragma once

#include <memory>
#include <string>

#include "cli/config/configuration.h"
#include "cli/report/statistics.h"
#include "cli/trace/compact_writer.h"

namespace faultline::cli {

class Recording {
 public:
  // Touches no file before there is something to write. `program` as the command
  // line names it; `option`: the one that asked, for errors.
  Recording(std::string option, const std::string& path, const Configuration& configuration,
            const std::string& program);
  ~Recording();
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  CompactWriter& writer() { return writer_; }

  // Ends the file. `made`: the references of the whole run, as far as they are recorded. Empty, or why the
  // file is not whole, one line: nothing has been written since that happened.
  std::string finish(const References& made);

 private:
  void open();
  void write(std::span<const uint8_t> bytes);

  std::string option_;
  std::string path_;
  int descriptor_ = -1;
  bool ended_ = false;  // what is told after the end, as memory is given back, is not written
  int error_ = 0;       // errno of the first write that failed
  CompactWriter writer_;
};

}  // namespace faultline::cli
