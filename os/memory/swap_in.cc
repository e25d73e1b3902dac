// Swap as faults see it: pages that come back, and their neighbours with them.
#include <algorithm>
#include <utility>

#include "os/memory/memory_manager.h"

namespace faultline::os {

bool MemoryManager::start_swap_in(Anon& anon, Urgency urgency) {
  const std::optional<Pfn> pfn = frames_.allocate(FrameKind::anonymous, urgency);
  if (!pfn) return false;
  SlotRun run = read_around(anon, *pfn);
  for (size_t i = 0; i < run.frames.size(); ++i) {
    Frame& frame = frames_[run.frames[i]];
    frame.anon = run.anons[i];
    frame.reading = true;
    frame.ahead = run.anons[i] != &anon;
    run.anons[i]->frame = run.frames[i].value;
    run.anons[i]->under_io = true;
  }
  ++swap_ins_in_flight_;
  swap_.count_read(run.frames.size() - 1);
  cpu_.charge(Cycles(config_.costs.disk_submit));
  std::vector<Pfn> frames = run.frames;
  disk_.submit({.sector = swap_.sector(run.first),
                .frames = std::move(frames),
                .write = false,
                .done = [this, &anon, run = std::move(run)](const hw::TransferOutcome& outcome) {
                  end_swap_in(run, anon, outcome);
                }});
  return true;
}

bool MemoryManager::may_read_around(uint64_t slot) const {
  const Anon* anon = swap_.owner(slot);
  return anon && !anon->in_memory() && !anon->under_io && frames_.free_frames() > frames_.thresholds().desfree;
}

// The slots next to the wanted one, on both sides of it up to the borders of an
// aligned piece of vm.swap_readaround: those that went out with it, as a rule.
MemoryManager::SlotRun MemoryManager::read_around(Anon& wanted, Pfn frame) {
  SlotRun run{wanted.slot, {frame}, {&wanted}};
  const uint64_t around = config_.vm.swap_readaround;
  if (around < 2) return run;
  const uint64_t begin = wanted.slot / around * around;
  const uint64_t end = std::min(begin + around, swap_.slots());
  const auto add = [&](uint64_t slot, bool before) {
    const std::optional<Pfn> pfn =
        may_read_around(slot) ? frames_.allocate(FrameKind::anonymous, Urgency::user) : std::nullopt;
    if (!pfn) return false;
    run.frames.insert(before ? run.frames.begin() : run.frames.end(), *pfn);
    run.anons.insert(before ? run.anons.begin() : run.anons.end(), swap_.owner(slot));
    return true;
  };
  for (uint64_t slot = wanted.slot + 1; slot < end && add(slot, false); ++slot) {
  }
  while (run.first > begin && add(run.first - 1, true)) --run.first;
  return run;
}

// The transfer kept the anons alive, whoever gave them up meanwhile.
void MemoryManager::end_swap_in(const SlotRun& run, const Anon& wanted, const hw::TransferOutcome& outcome) {
  --swap_ins_in_flight_;
  for (size_t i = 0; i < run.frames.size(); ++i) {
    end_swap_in_page(*run.anons[i], run.frames[i], outcome.ok(i), run.anons[i] == &wanted);
  }
}

void MemoryManager::end_swap_in_page(Anon& anon, Pfn pfn, bool ok, bool wanted) {
  frames_[pfn].reading = false;
  if (ok) {
    swap_.count_in();
    swap_.note_copy();
  } else {
    anon.frame = Anon::kNone;
    // Only who touches this page learns of it. A neighbour's is tried again when
    // somebody wants it.
    if (wanted) {
      swap_.count_read_error();
      anon.damaged = true;
      swap_.retire(anon.slot);
      anon.slot = Anon::kNone;
    }
    frames_.free(pfn);
  }
  anons_.end_io(anon);
  waits_.wake(pfn);
}

}  // namespace faultline::os
