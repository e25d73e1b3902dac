#include "os/memory/memory_manager.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "os/memory/internal_fragmentation.h"

namespace faultline::os {

namespace {

// Frame 0 and its neighbours stand for the kernel's text and data, and the
// kernel keeps a note of 64 bytes for each frame, as Linux's struct page.
constexpr uint64_t kKernelImageFrames = 4;
constexpr uint64_t kNoteBytes = 64;
constexpr Pfn kZeroPage{1};
// What a process and its tables need at the very least.
constexpr uint64_t kLeastUserFrames = 24;
constexpr uint64_t kWriteBehindPerSecond = 10;  // rounds at most

uint64_t own_frames(const hw::PageTableFormat& format, uint64_t frames) {
  return kKernelImageFrames + format.page().pages(frames * kNoteBytes);
}

uint64_t usable_frames(const Cpu& cpu, const hw::PageTableFormat& format) {
  const uint64_t limit = format.physical_limit();
  const uint64_t frames = const_cast<Cpu&>(cpu).frames();
  return limit == 0 ? frames : std::min(frames, limit >> format.page().shift);
}

// The frames in each large page that the format can map and memory can hold, as log2.
std::vector<unsigned> large_orders(const hw::PageTableFormat& format, uint64_t frames) {
  std::vector<unsigned> orders;
  for (unsigned level = 1; level < format.levels(); ++level) {
    const unsigned order = format.entry_shift(level) - format.page().shift;
    if (format.leaf_allowed(level) && order < 32 && uint64_t{1} << order <= frames) orders.push_back(order);
  }
  return orders;
}

}  // namespace

MemoryManager::MemoryManager(Cpu& cpu, BlockDevice& disk, Executor& executor, const hw::PageTableFormat& format,
                             const OsConfig& config)
    : cpu_(cpu),
      disk_(disk),
      executor_(executor),
      format_(format),
      config_(config),
      frames_(cpu, executor, config.costs, usable_frames(cpu, format),
              own_frames(format, usable_frames(cpu, format)) +
                  PageTables::kernel_tables(format, usable_frames(cpu, format)),
              pageout_thresholds(config.vm, format.page(), usable_frames(cpu, format)),
              large_orders(format, usable_frames(cpu, format))),
      waits_(executor),
      swap_(format.page(), config.swap.size, disk.sectors(), frames_),
      anons_(frames_, swap_),
      tables_(cpu, frames_, format, config.costs, config.vm.flush_on_clear, Pfn(own_frames(format, frames_.total()))),
      cache_({cpu, disk, executor, frames_, tables_, waits_, config, copies_, zeroed_}),
      commit_(config.vm, frames_.total(), swap_.slots()),
      laundry_({cpu, disk, frames_, tables_, swap_, anons_, cache_, waits_, config.costs}, config.vm.batch),
      daemon_(cpu, executor, frames_, tables_, laundry_, config, format.page()),
      zero_page_(kZeroPage),
      write_behind_wakeup_(executor),
      write_behind_pause_(executor),
      collapse_(*this, executor) {
  frames_.on_identity_lost([this](Pfn frame) { identity_lost(frame); });
  frames_.on_shortage([this](bool refused) { daemon_.shortage(refused); });
  frames_.on_page_moved([this](Pfn frame, bool came) { daemon_.page_moved(frame, came); });
  daemon_.on_look([this](Pfn frame) { return is_locked(frame); });
  laundry_.on_progress([this] { daemon_.disk_progress(); });
  cache_.on_written([this](Pfn frame) { laundry_.file_written(frame); });
  cache_.on_truncated([this](const FileBacking& file, uint64_t size) {
    for (const auto& [place, space] : file.mappings) space->drop_beyond_end(place.second, size);
  });
  cache_.on_dirtied([this] {
    const uint64_t dirty = cache_.dirty_pages();
    const bool many = dirty == cache_.dirty_background();
    if (dirty == 1 || many) write_behind_wakeup_.wake_all();
    if (many && cache_.drained()) write_behind_pause_.wake_all();
  });
  cache_.on_drained([this] { write_behind_pause_.wake_all(); });
  cache_.on_crowded([this] {
    crowded_ = true;
    write_behind_wakeup_.wake_all();
    write_behind_pause_.wake_all();
  });
}

MemoryManager::~MemoryManager() = default;

std::optional<std::string> MemoryManager::unusable() const {
  if (!daemon_.policy()) return fmt::format("vm.replacement: there is no policy \"{}\"", config_.vm.replacement);
  const uint64_t kernel = frames_.count(FrameKind::kernel);
  const uint64_t root = page_frames_of_root();
  const uint64_t least = kernel + root + kLeastUserFrames + frames_.thresholds().minfree;
  if (frames_.total() < least) {
    return fmt::format("{} frames of memory are too few: the kernel, one page table and a program need {}",
                       frames_.total(), least);
  }
  return std::nullopt;
}

uint64_t MemoryManager::page_frames_of_root() const {
  return format_.page().pages(format_.table_bytes(format_.root_level()));
}

Reply<std::unique_ptr<AddressSpace>> MemoryManager::create_address_space() {
  bool must_wait = false;
  std::unique_ptr<PageTable> table = tables_.create(must_wait);
  if (!table && must_wait) return frames_.available();
  if (!table) return Errno{ENOMEM};
  return std::make_unique<AddressSpace>(*this, std::move(table));
}

void MemoryManager::give_up() {
  for (const auto& [asid, space] : spaces_) space->set_dying();
  frames_.begin_emergency(true);
}

uint64_t MemoryManager::requests_in_flight() const {
  return cache_.requests_in_flight() + laundry_.requests_in_flight() + swap_ins_in_flight_;
}

// --- frames for faults -----------------------------------------------------------

std::optional<Pfn> MemoryManager::zeroed_frame(Urgency urgency) {
  const std::optional<Pfn> pfn = frames_.allocate(FrameKind::anonymous, urgency);
  if (!pfn) return std::nullopt;
  if (std::as_const(frames_)[*pfn].pristine) {
    cpu_.touch(page().address(*pfn), page().bytes(), true);
  } else {
    cpu_.zero_frame(*pfn);
  }
  fetch_next_frame();
  ++zeroed_.pages;
  return pfn;
}

// A fault that fills a frame waits for the host's memory more than for anything
// else, and mostly another such fault follows.
void MemoryManager::fetch_next_frame() {
  constexpr uint64_t kMost = 4096;
  const std::optional<Pfn> next = frames_.next();
  if (!next || std::as_const(frames_)[*next].pristine) return;
  cpu_.memory().will_write(page().address(*next), std::min(page().bytes(), kMost));
}

std::optional<Pfn> MemoryManager::zeroed_run(unsigned order, Urgency urgency) {
  const std::optional<Pfn> first = frames_.allocate_large(order, FrameKind::anonymous, urgency);
  if (!first) return std::nullopt;
  zero_run(*first, order);
  return first;
}

void MemoryManager::zero_run(Pfn first, unsigned order) {
  const uint64_t pages = uint64_t{1} << order;
  cpu_.zero_frames(first, pages);
  zeroed_.pages += pages;
}

std::optional<Pfn> MemoryManager::copied_frame(Pfn from, Urgency urgency) {
  std::optional<Pfn> pfn = frames_.allocate(FrameKind::anonymous, urgency, from);
  // The last frame is the one to be copied: whoever waits for a second one may
  // wait for ever, and its bytes are what is wanted.
  const bool only_one = !pfn && frames_[from].listed && frames_.free_frames() == 1;
  if (only_one) pfn = frames_.allocate(FrameKind::anonymous, urgency);
  if (!pfn || only_one) return pfn;
  copy_page(*pfn, from);
  fetch_next_frame();
  return pfn;
}

void MemoryManager::copy_page(Pfn to, Pfn from) {
  cpu_.copy_frame(to, from);
  ++copies_.pages;
  copies_.bytes += page().bytes();
}

void MemoryManager::identity_lost(Pfn pfn) {
  const Frame& frame = frames_[pfn];
  if (frame.kind == FrameKind::file) {
    cache_.identity_lost(pfn);
  } else if (frame.anon) {
    frame.anon->frame = Anon::kNone;
  }
}

// --- write-behind ------------------------------------------------------------------

Co<> MemoryManager::write_behind_daemon() {
  const Cycles expire = cpu_.clock_hz() >= 1000 ? Cycles(cpu_.clock_hz() / 1000 * config_.vm.dirty_expire_ms)
                                                : Cycles(cpu_.clock_hz() * config_.vm.dirty_expire_ms / 1000);
  for (;;) {
    const std::optional<Cycles> oldest = cache_.dirty_since();
    if (!config_.vm.writebehind || !oldest) {
      co_await write_behind_wakeup_.sleep();
      continue;
    }
    if (cache_.dirty_pages() < cache_.dirty_background() && cpu_.now() < *oldest + expire) {
      co_await write_behind_wakeup_.sleep_interruptibly(*oldest + expire);
    }
    const uint64_t begun = cache_.statistics().writebehind;
    write_behind(expire);
    const bool idle = cache_.statistics().writebehind == begun;
    // Pages that are written and dirtied all the time must not keep the hart: the
    // next round is due when the disk has done this one, or somebody waits for room. What page-out is writing
    // at this moment is not to be begun again.
    const Cycles pause = cpu_.now() + Cycles(cpu_.clock_hz() / kWriteBehindPerSecond);
    if (idle || !cache_.drained()) co_await write_behind_pause_.sleep_interruptibly(pause);
  }
}

void MemoryManager::write_behind(Cycles expire) {
  const AccountScope account(cpu_, CycleAccount::pageout);
  const bool many = crowded_ || cache_.dirty_pages() >= cache_.dirty_background();
  crowded_ = false;
  const Cycles now = cpu_.now();
  const uint64_t pages = many ? cache_.write_oldest(cache_.dirty_pages(), config_.vm.batch)
                              : cache_.write_expired(now >= expire ? now - expire : Cycles(0), config_.vm.batch);
  cache_.count_writebehind(pages);
}

// --- statistics ----------------------------------------------------------------------

HugeStatistics MemoryManager::huge() const {
  HugeStatistics result = huge_;
  result.leaves = tables_.large_leaves();
  return result;
}

FrameStatistics MemoryManager::frames() const {
  return {.total = frames_.total(),
          .free = frames_.free_frames(),
          .anonymous = frames_.count(FrameKind::anonymous),
          .file = frames_.count(FrameKind::file),
          .kernel = frames_.count(FrameKind::kernel),
          .page_tables = frames_.count(FrameKind::page_table),
          .peak_page_table_bytes = frames_.peak(FrameKind::page_table) * page().bytes(),
          .peak = frames_.peak_used()};
}

AreaStatistics MemoryManager::area_statistics() {
  InternalFragmentation fragmentation(*this);
  for (const auto& [asid, space] : spaces_) fragmentation.add(*space);
  return fragmentation.areas();
}

}  // namespace faultline::os
