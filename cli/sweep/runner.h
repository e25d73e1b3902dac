// Runs points side by side, each in a process of its own.
#pragma once

#include <signal.h>

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "cli/sweep/point_process.h"

namespace faultline::cli {

class Runner {
 public:
  struct Listener {
    std::function<void(const Point&, const StoredResult&)> finished;
    std::function<void(size_t running)> tick;  // a few times a second
  };

  // `jobs` at once; a point that takes longer than `timeout_seconds` (0: no
  // limit) is ended. While it lives, SIGINT, SIGTERM and SIGHUP end run().
  Runner(std::string folder, unsigned jobs, uint64_t timeout_seconds);
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // True when all have finished; false when a signal ended it, after which no
  // process of a point is left. The points must outlive the call.
  bool run(std::deque<const Point*> waiting, const Listener& listener);

 private:
  void wait_for_news();
  bool interrupted() const;
  void reap(const Listener& listener);

  std::string folder_;
  unsigned jobs_;
  uint64_t timeout_seconds_;
  int signals_ = -1;  // signalfd
  sigset_t old_mask_;
  std::list<std::unique_ptr<PointProcess>> running_;
};

}  // namespace faultline::cli
