#include "cli/sweep/result_store.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <filesystem>

#include "cli/config/user_error.h"
#include "cli/sweep/metrics.h"

namespace faultline::cli {
namespace {

// `study_results` is what people ask: the points of the study with their results.
constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS study (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS points (number INTEGER PRIMARY KEY, key TEXT NOT NULL, parameters TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS results (
  key TEXT PRIMARY KEY, parameters TEXT NOT NULL, metrics TEXT NOT NULL, exit_status INTEGER NOT NULL,
  failure TEXT NOT NULL, own_error INTEGER NOT NULL, statistics TEXT NOT NULL, host_seconds REAL NOT NULL);
CREATE VIEW IF NOT EXISTS study_results AS
  SELECT number, points.parameters, metrics, exit_status, failure, statistics, host_seconds
  FROM points JOIN results USING (key) ORDER BY number;
)sql";

constexpr int kBusyMilliseconds = 10'000;  // somebody may be reading

}  // namespace

// A prepared statement; columns and parameters by number, from 0 and from 1.
class ResultStore::Statement {
 public:
  Statement(const ResultStore& store, const char* sql) : store_(store) {
    if (sqlite3_prepare_v2(store.database_, sql, -1, &statement_, nullptr) != SQLITE_OK) store.fail();
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int parameter, const std::string& text) {
    sqlite3_bind_text(statement_, parameter, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
  }
  Statement& bind(int parameter, int64_t number) {
    sqlite3_bind_int64(statement_, parameter, number);
    return *this;
  }
  Statement& bind(int parameter, double number) {
    sqlite3_bind_double(statement_, parameter, number);
    return *this;
  }

  // True while there is a row.
  bool step() {
    const int code = sqlite3_step(statement_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) store_.fail();
    return code == SQLITE_ROW;
  }
  void again() {
    step();
    sqlite3_reset(statement_);
  }

  std::string text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return {bytes ? bytes : "", static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }
  int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  double real(int column) const { return sqlite3_column_double(statement_, column); }

 private:
  const ResultStore& store_;
  sqlite3_stmt* statement_ = nullptr;
};

ResultStore::ResultStore(const std::string& path) : path_(path) {
  if (sqlite3_open(path.c_str(), &database_) != SQLITE_OK) {
    const std::string reason = sqlite3_errmsg(database_);
    sqlite3_close(database_);
    throw UserError(fmt::format("{}: {}", path, reason));
  }
  try {
    sqlite3_busy_timeout(database_, kBusyMilliseconds);
    execute("PRAGMA journal_mode = WAL");
    execute("PRAGMA synchronous = FULL");
    execute(kSchema);
  } catch (...) {
    sqlite3_close(database_);
    throw;
  }
}

ResultStore::~ResultStore() { sqlite3_close(database_); }

void ResultStore::fail() const { throw UserError(fmt::format("{}: {}", path_, sqlite3_errmsg(database_))); }

void ResultStore::execute(const char* sql) const {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

void ResultStore::require_same(const Study& study) const {
  Statement select(*this, "SELECT value FROM study WHERE name = 'file'");
  if (!select.step()) return;
  const std::string held = std::filesystem::path(select.text(0)).filename().string();
  if (held == std::filesystem::path(study.file).filename().string()) return;
  throw UserError(fmt::format("{}: holds the results of {}; choose another folder by --out", path_, held));
}

void ResultStore::set_points(const Study& study, const std::vector<Point>& points) {
  require_same(study);
  execute("BEGIN IMMEDIATE");
  execute("DELETE FROM points");
  Statement name(*this, "INSERT OR REPLACE INTO study VALUES (?, ?)");
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"schema", "faultline.sweep/1"},
                                   {"title", study.title},
                                   {"question", study.question},
                                   {"file", study.file}}) {
    name.bind(1, key).bind(2, value).again();
  }
  Statement insert(*this, "INSERT INTO points VALUES (?, ?, ?)");
  for (const Point& point : points) {
    insert.bind(1, static_cast<int64_t>(point.number)).bind(2, point.key).bind(3, parameters_json(study, point).dump());
    insert.again();
  }
  execute("COMMIT");
}

int64_t ResultStore::strangers() const {
  Statement select(*this, "SELECT COUNT(*) FROM results WHERE key NOT IN (SELECT key FROM points)");
  return select.step() ? select.integer(0) : 0;
}

std::optional<StoredResult> ResultStore::find(const std::string& key) const {
  Statement select(*this,
                   "SELECT exit_status, failure, own_error, statistics, host_seconds FROM results WHERE key = ?");
  if (!select.bind(1, key).step()) return std::nullopt;
  return StoredResult{.status = static_cast<int>(select.integer(0)),
                      .failure = select.text(1),
                      .own_error = select.integer(2) != 0,
                      .statistics = select.text(3),
                      .host_seconds = select.real(4)};
}

void ResultStore::add(const Study& study, const Point& point, const StoredResult& result) {
  const Json statistics = result.statistics.empty() ? Json() : Json::parse(result.statistics, nullptr, false);
  Json metrics = Json::object();
  const std::vector<Json> values = metric_values(study, point, statistics);
  for (size_t i = 0; i < values.size(); ++i) metrics[study.metrics[i].name] = values[i];
  Statement insert(*this, "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(1, point.key)
      .bind(2, parameters_json(study, point).dump())
      .bind(3, metrics.dump())
      .bind(4, int64_t{result.status})
      .bind(5, result.failure)
      .bind(6, int64_t{result.own_error})
      .bind(7, result.statistics)
      .bind(8, result.host_seconds);
  insert.step();
}

Json parameters_json(const Study& study, const Point& point) {
  Json json = Json::object();
  for (size_t i = 0; i < study.axes.size(); ++i)
    json[study.axes[i].name] = study.axes[i].choices[point.choices[i]].label;
  json["workload"] = point.workload->name;
  json["machine"] = point.machine;
  json["seed"] = point.seed;
  return json;
}

}  // namespace faultline::cli
