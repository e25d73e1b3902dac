// What an open file keeps of a moment: the listing of a directory, a text of
// /proc. All of them together have a limit, so that a guest that opens many
// does not use up the host's memory.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

namespace faultline::os {

// How much the snapshots that are alive hold, in bytes or about.
struct SnapshotBudget {
  static constexpr uint64_t kMost = uint64_t{256} << 20;
  uint64_t used = 0;
};

template <class T>
class Snapshot {
 public:
  // Null when there is no room: ENOMEM.
  static std::shared_ptr<const Snapshot> take(const std::shared_ptr<SnapshotBudget>& budget, T value, uint64_t bytes) {
    if (budget->used + bytes > SnapshotBudget::kMost) return nullptr;
    return std::make_shared<const Snapshot>(budget, std::move(value), bytes);
  }
  Snapshot(std::shared_ptr<SnapshotBudget> budget, T given, uint64_t bytes)
      : value(std::move(given)), budget_(std::move(budget)), bytes_(bytes) {
    budget_->used += bytes_;
  }
  ~Snapshot() { budget_->used -= bytes_; }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  const T value;

 private:
  std::shared_ptr<SnapshotBudget> budget_;
  uint64_t bytes_;
};

}  // namespace faultline::os
