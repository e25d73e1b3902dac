#include "cli/sweep/sweep_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <set>
#include <string_view>
#include <thread>

#include "cli/config/sysroot.h"
#include "cli/config/user_error.h"
#include "cli/report/say.h"
#include "cli/sweep/figure.h"
#include "cli/sweep/fingerprint.h"
#include "cli/sweep/progress.h"
#include "cli/sweep/results.h"
#include "cli/sweep/runner.h"

namespace faultline::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kGuestFailedStatus = 1;
constexpr int kOwnErrorStatus = 2;
constexpr int kInterruptedStatus = 130;

// DIR, held by this sweep alone.
class ResultFolder {
 public:
  ResultFolder(const fs::path& path, bool resume) : path_(path) {
    std::error_code error;
    const bool used = fs::exists(path, error) && !fs::is_empty(path, error);
    if (used && !resume)
      throw UserError(
          fmt::format("{}: not empty; --resume goes on with a sweep, or name another folder with --out", text()));
    if (used && !fs::exists(store_file(), error))
      throw UserError(fmt::format("{}: holds no sweep to resume (no results.sqlite)", text()));
    fs::create_directories(running(), error);
    if (error) throw UserError(fmt::format("{}: {}", text(), error.message()));
    lock_ = open((path / "running").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock_ < 0 || flock(lock_, LOCK_EX | LOCK_NB) != 0) {
      const bool taken = lock_ >= 0 && errno == EWOULDBLOCK;
      throw UserError(fmt::format("{}: {}", text(), taken ? "another sweep writes here" : std::strerror(errno)));
    }
    for (const auto& left_over : fs::directory_iterator(running(), error)) fs::remove(left_over, error);
  }
  ~ResultFolder() {
    std::error_code ignored;
    fs::remove(running(), ignored);
    close(lock_);
  }
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  std::string text() const { return path_.string(); }
  std::string running() const { return path_ / "running"; }  // statistics of points under way
  std::string store_file() const { return path_ / "results.sqlite"; }

 private:
  fs::path path_;
  int lock_ = -1;
};

unsigned terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void enter(const fs::path& folder) {
  std::error_code error;
  fs::current_path(folder.empty() ? fs::path(".") : folder, error);
  if (error) throw UserError(fmt::format("{}: {}", folder.string(), error.message()));
}

// Which parameters a point has, for a message.
std::string name_of(const Study& study, const Point& point) {
  std::string text = fmt::format("point {}", point.number);
  for (size_t i = 0; i < study.axes.size(); ++i)
    text += fmt::format(", {} {}", study.axes[i].name, study.axes[i].choices[point.choices[i]].label);
  if (!study.seeds.empty()) text += fmt::format(", seed {}", point.seed);
  return text;
}

class Sweep {
 public:
  Sweep(const SweepOptions& options, const fs::path& folder) : options_(options), study_(read_study(options.study)) {
    const fs::path self = fs::read_symlink("/proc/self/exe");
    enter(fs::path(options.study).parent_path());
    points_ = expand(study_, {.guest_folder = self.parent_path() / "workloads"});
    check_charts_tell_points_apart(study_, points_);
    Fingerprints fingerprints("/proc/self/exe", ".", kDefaultSysroot);
    for (Point& point : points_) point.key = fingerprints.of(point);
    folder_.emplace(folder, options.resume);
    store_.emplace(folder_->store_file());
  }

  int run() {
    store_->set_points(study_, points_);
    if (const int64_t others = store_->strangers(); others != 0) {
      say(fmt::format(
          "{} stored results are of no point as it is now: the study, a file beside it, a program or faultline "
          "itself has changed",
          others));
    }
    const bool finished = run_missing();
    if (!finished) {
      say(fmt::format("interrupted; what has finished is kept. To go on: faultline sweep {} --out {} --resume",
                      options_.study, folder_->text()));
      return kInterruptedStatus;
    }
    write_results(study_, points_, *store_, folder_->text());
    return summarise();
  }

 private:
  // Points that failed are tried again; what two points share runs once.
  std::deque<const Point*> missing() const {
    std::deque<const Point*> all;
    std::set<std::string> seen;
    for (const Point& point : points_) {
      if (!seen.insert(point.key).second) continue;
      const std::optional<StoredResult> known = store_->find(point.key);
      if (!known || known->failed()) all.push_back(&point);
    }
    return all;
  }

  size_t distinct_points() const {
    std::set<std::string> keys;
    for (const Point& point : points_) keys.insert(point.key);
    return keys.size();
  }

  bool run_missing() {
    const std::deque<const Point*> waiting = missing();
    const unsigned jobs = options_.jobs != 0 ? options_.jobs : std::max(1U, std::thread::hardware_concurrency());
    const size_t total = distinct_points();
    Progress progress(total, total - waiting.size(), isatty(STDERR_FILENO) != 0, terminal_width());
    if (options_.resume && waiting.size() < total)
      progress.say(fmt::format("{} of {} points are there already", total - waiting.size(), total));
    Runner runner(folder_->running(), jobs, study_.timeout_seconds);
    const bool finished =
        runner.run(waiting, {.finished =
                                 [&](const Point& point, const StoredResult& result) {
                                   store_->add(study_, point, result);
                                   progress.finished(result.failed());
                                   if (result.failed())
                                     progress.say(fmt::format("{}: {}", name_of(study_, point), result.failure));
                                 },
                             .tick = [&](size_t running) { progress.tick(running); }});
    progress.end();
    return finished;
  }

  int summarise() const {
    size_t failed = 0;
    bool own_error = false;
    for (const Point& point : points_) {
      const std::optional<StoredResult> result = store_->find(point.key);
      failed += result->failed();
      own_error |= result->failed() && result->own_error;
    }
    say(fmt::format("{} points{}: {}/report.html, results.csv, results.json, results.sqlite", points_.size(),
                    failed > 0 ? fmt::format(", {} of them failed", failed) : "", folder_->text()));
    if (own_error) return kOwnErrorStatus;
    return failed > 0 ? kGuestFailedStatus : 0;
  }

  const SweepOptions& options_;
  Study study_;
  std::vector<Point> points_;
  std::optional<ResultFolder> folder_;
  std::optional<ResultStore> store_;
};

}  // namespace

int sweep_command(const SweepOptions& options) {
  const fs::path out =
      options.out ? fs::path(*options.out) : fs::path(fs::path(options.study).stem().string() + ".results");
  return Sweep(options, fs::absolute(out).lexically_normal()).run();
}

}  // namespace faultline::cli
