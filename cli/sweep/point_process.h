// One point as a process of its own: `faultline run` of this same executable.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "cli/sweep/points.h"
#include "cli/sweep/result_store.h"

namespace faultline::cli {

// What a point writes; an empty name: it does not.
struct PointFiles {
  std::string statistics;
  std::string series;
};

// The arguments of `faultline` that run the point, without the command's name.
std::vector<std::string> point_command(const Point& point, const PointFiles& files);

// What a point's end means. `said`: the end of what it wrote to standard error.
StoredResult judge(const Point& point, int wait_status, const std::string& said, std::string statistics);

// A point that runs. Its process dies with this one, whatever kills this one.
class PointProcess {
 public:
  // Statistics, and a time series where the point's machine has an interval for
  // one, go to files in `folder`. UserError when no process can be made.
  PointProcess(const Point& point, const std::string& folder);
  ~PointProcess();  // kills it if it still runs, and waits for that
  PointProcess(const PointProcess&) = delete;
  PointProcess& operator=(const PointProcess&) = delete;

  const Point& point() const { return point_; }
  int process_descriptor() const { return process_; }  // readable once the process has ended
  int error_descriptor() const { return error_; }      // what it says; -1 when it is closed
  double seconds() const;

  // Takes what there is to read from its standard error.
  void read_error();
  // After process_descriptor() was readable. Once.
  StoredResult finish();
  // Ends it now; the result says that it took too long.
  StoredResult give_up(uint64_t limit_seconds);

 private:
  StoredResult collect(int wait_status);
  int stop();
  void start(const std::vector<std::string>& command);

  const Point& point_;
  PointFiles files_;
  std::string said_;  // the last few kilobytes
  std::chrono::steady_clock::time_point begin_;
  pid_t pid_ = -1;
  int process_ = -1;
  int error_ = -1;
};

}  // namespace faultline::cli
