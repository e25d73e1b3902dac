#include "hw/devices/disk.h"

#include <algorithm>
#include <span>

namespace faultline::hw {
namespace {

// What the DMA engine moves in one access: a burst of a 64-bit DDR channel.
constexpr unsigned kBurstBytes = 64;

constexpr uint64_t kNever = ~uint64_t{0};

uint64_t now_fs() { return sc_core::sc_time_stamp().value(); }

}  // namespace

Disk::Disk(sc_core::sc_module_name name, const DiskConfig& config, const Clock& clock, BackingStore& memory,
           BlockStorage& storage)
    : sc_module(name),
      config_(config),
      clock_(clock),
      memory_(memory),
      storage_(storage),
      dma_("dma", clock),
      mechanism_(make_disk_mechanism(config)),
      waiting_(config, memory.page()) {
  SC_HAS_PROCESS(Disk);
  SC_THREAD(run);
}

void Disk::submit(DiskRequest request) {
  waiting_.add(std::move(request));
  statistics_.queued_peak = std::max(statistics_.queued_peak, queued());
  take_up();
  submitted_.notify(sc_core::SC_ZERO_TIME);
}

void Disk::submit_at(uint64_t at_fs, DiskRequest request) {
  later_.emplace(at_fs, std::move(request));
  submitted_.notify(sc_core::SC_ZERO_TIME);
}

std::optional<sc_core::sc_time> Disk::next_completion() const {
  std::optional<uint64_t> soonest;
  for (const auto& [key, service] : in_service_) soonest = std::min(soonest.value_or(service.end_fs), service.end_fs);
  if (!soonest) return std::nullopt;
  return sc_core::sc_time::from_value(*soonest);
}

DiskStatistics Disk::statistics() const {
  DiskStatistics statistics = statistics_;
  if (!in_service_.empty()) statistics.busy_fs += now_fs() - busy_since_fs_;
  return statistics;
}

// The pages of a transfer pass at equal distances, the last one at the end.
uint64_t Disk::InService::next_step_fs() const {
  const uint64_t pages = valid ? frames.size() : 0;
  if (pages_passed + 1 >= pages) return end_fs;
  return end_fs - transfer_fs / pages * (pages - 1 - pages_passed);
}

uint64_t Disk::next_moment_fs() const {
  const uint64_t step = in_service_.empty() ? kNever : in_service_.begin()->first.first;
  return later_.empty() ? step : std::min(step, later_.begin()->first);
}

// The disk's thread: sleeps to the next step. A request that is submitted
// meanwhile may come to its own earlier (on an SSD), so that wakes it too.
void Disk::run() {
  for (;;) {
    const uint64_t next = next_moment_fs();
    if (next == kNever) {
      wait(submitted_);
    } else if (next > now_fs()) {
      wait(sc_core::sc_time::from_value(next - now_fs()), submitted_);
    } else if (!later_.empty() && later_.begin()->first <= now_fs()) {
      waiting_.add(std::move(later_.extract(later_.begin()).mapped()));
      statistics_.queued_peak = std::max(statistics_.queued_peak, queued());
      take_up();
    } else {
      auto node = in_service_.extract(in_service_.begin());
      step(node.key().second, std::move(node.mapped()));
    }
  }
}

// Moves requests from the queue into service while slots are free.
void Disk::take_up() {
  while (!waiting_.empty() && in_service_.size() < mechanism_->slots()) {
    std::vector<DiskRequest> requests = waiting_.take(mechanism_->position());
    statistics_.merged += requests.size() - 1;
    std::vector<Pfn> frames;
    for (const DiskRequest& request : requests)
      frames.insert(frames.end(), request.frames.begin(), request.frames.end());
    const uint64_t bytes = frames.size() * memory_.page().bytes();
    const bool can_be = std::all_of(requests.begin(), requests.end(), [this](const auto& r) { return valid(r); });
    DiskService time{.end_fs = now_fs()};
    if (can_be) time = mechanism_->serve(now_fs(), {requests.front().sector, bytes, requests.front().write});
    statistics_.seek_fs += time.seek_fs;
    statistics_.rotation_fs += time.rotation_fs;
    statistics_.transfer_fs += time.transfer_fs;
    if (in_service_.empty()) busy_since_fs_ = now_fs();
    InService service{std::move(requests), std::move(frames), can_be, time.end_fs, time.transfer_fs};
    const uint64_t first_step = service.next_step_fs();
    in_service_.emplace(ServiceKey{first_step, taken_up_++}, std::move(service));
  }
}

// One page has passed: its DMA is posted. After the last the request is done.
void Disk::step(uint64_t number, InService service) {
  const bool passing = service.valid && service.pages_passed < service.frames.size();
  // A disk write reads memory, and the other way round.
  if (passing) post_dma(service.frames[service.pages_passed++], !service.requests.front().write);
  if (service.valid && service.pages_passed < service.frames.size()) {
    const uint64_t next = service.next_step_fs();
    in_service_.emplace(ServiceKey{next, number}, std::move(service));
    return;
  }
  if (in_service_.empty()) statistics_.busy_fs += now_fs() - busy_since_fs_;
  complete(std::move(service));
}

void Disk::complete(InService service) {
  // The mechanism turns to the next request while the bytes of this one move.
  take_up();
  ++(service.requests.front().write ? statistics_.writes : statistics_.reads);
  bool ok = true;
  for (const DiskRequest& request : service.requests) {
    const TransferOutcome outcome = service.valid ? move(request) : TransferOutcome::all_failed();
    ok = ok && outcome.ok();
    if (request.done) request.done(outcome);
  }
  if (!ok) ++statistics_.errors;
}

bool Disk::valid(const DiskRequest& request) const {
  const uint64_t length = request.frames.size() * (memory_.page().bytes() / kSectorBytes);
  if (request.sector > sectors() || length > sectors() - request.sector) return false;
  return std::all_of(request.frames.begin(), request.frames.end(),
                     [this](Pfn frame) { return frame.value < memory_.frames(); });
}

// All frames of the request, in order.
TransferOutcome Disk::move(const DiskRequest& request) {
  TransferOutcome outcome;
  const uint64_t sectors_of_page = memory_.page().bytes() / kSectorBytes;
  uint64_t sector = request.sector;
  for (size_t i = 0; i < request.frames.size(); ++i, sector += sectors_of_page) {
    const Pfn frame = request.frames[i];
    if (request.write ? drain(frame, sector) : fill(frame, sector)) continue;
    outcome.fail(i);
    ++statistics_.failed_pages;
  }
  return outcome;
}

bool Disk::fill(Pfn frame, uint64_t sector) {
  const PageSize page = memory_.page();
  const PhysAddr address = page.address(frame);
  const bool ok = storage_.read(sector, std::span<uint8_t>(memory_.at(address), page.bytes()));
  // A medium that failed may have left some bytes behind all the same.
  memory_.wrote_frame(frame);
  for (const auto& listener : dma_listeners_) listener(address, page.bytes());
  if (ok) statistics_.bytes_read += page.bytes();
  return ok;
}

bool Disk::drain(Pfn frame, uint64_t sector) {
  const PageSize page = memory_.page();
  const bool ok = storage_.write(sector, std::span<const uint8_t>(memory_.at(page.address(frame)), page.bytes()));
  if (ok) statistics_.bytes_written += page.bytes();
  return ok;
}

void Disk::post_dma(Pfn frame, bool write) {
  const PageSize page = memory_.page();
  const PhysAddr address = page.address(frame);
  Cycles at = clock_.cycles(sc_core::sc_time_stamp());
  for (uint64_t offset = 0; offset < page.bytes(); offset += kBurstBytes)
    at = dma_.access(address + offset, kBurstBytes, write, Requester::dma, at);
}

}  // namespace faultline::hw
