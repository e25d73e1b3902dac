// DIR/results.sqlite: every finished point, stored at once. Killing a sweep at
// any moment loses at most the points that were running.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/sweep/points.h"

struct sqlite3;

namespace faultline::cli {

struct StoredResult {
  int status = 0;          // of the point's process: exit status, or 128 + signal
  std::string failure;     // one line; empty when the point did what the study expects
  bool own_error = false;  // the failure is faultline's, not the guest's
  std::string statistics;  // JSON as --stats writes it; may be empty after a failure
  double host_seconds = 0;

  bool failed() const { return !failure.empty(); }
};

class ResultStore {
 public:
  // Opens or makes the file. UserError when it cannot be, or is no such store.
  explicit ResultStore(const std::string& path);
  ~ResultStore();
  ResultStore(const ResultStore&) = delete;
  ResultStore& operator=(const ResultStore&) = delete;

  // Which points the study has now, in the table `points`; results of others
  // stay in `results`, by their key. UserError where the store is another study's.
  void set_points(const Study& study, const std::vector<Point>& points);

  std::optional<StoredResult> find(const std::string& key) const;

  // Results that are no point's of the study as it is now.
  int64_t strangers() const;

  // One transaction, on disk when this returns. A second result for a key takes
  // the first one's place.
  void add(const Study& study, const Point& point, const StoredResult& result);

 private:
  void require_same(const Study& study) const;
  class Statement;
  void execute(const char* sql) const;
  [[noreturn]] void fail() const;

  std::string path_;
  sqlite3* database_ = nullptr;
};

// What varies in the study, and this point's share: an object.
Json parameters_json(const Study& study, const Point& point);

}  // namespace faultline::cli
