#include "tests/os/support/fake_machine.h"

#include <algorithm>
#include <cstring>

namespace faultline::os::test {

FakeMachine::FakeMachine(uint64_t memory_bytes, uint64_t disk_bytes, const hw::PageTableFormat& format)
    : memory_(memory_bytes, format.page()), told_(memory_bytes, format.page()), format_(format), disk_(disk_bytes) {}

void FakeMachine::advance(uint64_t cycles) {
  now_ += Cycles(cycles);
  ledger.book(account_, Cycles(cycles));
}

uint64_t FakeMachine::load(PhysAddr address, unsigned bytes) {
  advance(1);
  uint64_t value = 0;
  std::memcpy(&value, memory_.at(address), bytes);
  return value;
}

void FakeMachine::store(PhysAddr address, unsigned bytes, uint64_t value) {
  advance(1);
  std::memcpy(memory_.at(address), &value, bytes);
}

void FakeMachine::zero_frame(Pfn frame) {
  const PageSize page = memory_.page();
  std::memset(memory_.at(page.address(frame)), 0, page.bytes());
  advance(page.bytes() / 64);
}

void FakeMachine::copy_frame(Pfn to, Pfn from) {
  const PageSize page = memory_.page();
  std::memcpy(memory_.at(page.address(to)), memory_.at(page.address(from)), page.bytes());
  advance(page.bytes() / 32);
}

void FakeMachine::touch(PhysAddr, uint64_t bytes, bool) { advance(bytes / 64 + 1); }

void FakeMachine::set_address_space(PhysAddr, Asid) {}

void FakeMachine::flush_page(Asid asid, VirtAddr address) {
  const uint64_t page = memory_.page().vpn(address).value;
  const auto here = tlb_.find({asid, page});
  if (here != tlb_.end() && here->second.pages == 1) {
    tlb_.erase(here);
    return;
  }
  // Pieces of a large page go together.
  std::erase_if(tlb_, [&](const auto& item) {
    const TlbEntry& entry = item.second;
    return item.first.first == asid && entry.first <= page && page < entry.first + entry.pages;
  });
}

void FakeMachine::flush_asid(Asid asid) {
  tlb_.erase(tlb_.lower_bound({asid, 0}), tlb_.upper_bound({asid, ~uint64_t{0}}));
}

void FakeMachine::page_table_changed(PhysAddr begin, uint64_t bytes) {
  std::memcpy(told_.at(begin), memory_.at(begin), bytes);
}

uint64_t FakeMachine::untold_bytes(PhysAddr table, unsigned level) const {
  uint64_t differ = 0;
  for (uint64_t at = 0; at < format_.table_bytes(level); ++at)
    differ += *memory_.at(table + at) != *told_.at(table + at);
  for (uint64_t i = 0; level != 0 && i < format_.entries(level); ++i) {
    uint64_t raw = 0;
    std::memcpy(&raw, memory_.at(table + i * format_.entry_bytes()), format_.entry_bytes());
    if (format_.points_at_table(raw, level)) differ += untold_bytes(format_.table_of(raw), level - 1);
  }
  return differ;
}

std::optional<PhysAddr> FakeMachine::access(PhysAddr root, Asid asid, VirtAddr address, Access access) {
  const PageSize page = memory_.page();
  const uint64_t offset = address.value & page.mask();
  const auto permits = [&](const hw::Permissions& p) {
    return p.user && (access == Access::store ? p.write : access == Access::fetch ? p.execute : p.read);
  };
  const auto cached = tlb_.find({asid, page.vpn(address).value});
  if (cached != tlb_.end()) {
    if (!permits(cached->second.permissions)) return std::nullopt;
    if (access != Access::store || cached->second.modified) {
      ++instructions_;
      return page.address(cached->second.pfn) + offset;
    }
  }
  PhysAddr table = root;
  for (unsigned level = format_.root_level();; --level) {
    const PhysAddr at = format_.entry_address(table, address, level);
    uint64_t raw = 0;
    std::memcpy(&raw, memory_.at(at), format_.entry_bytes());
    const hw::Entry entry = format_.decode(raw, level);
    if (!entry.valid) return std::nullopt;
    table = page.address(entry.pfn);
    if (!entry.leaf) continue;
    if (!permits(entry.permissions())) return std::nullopt;
    raw |= format_.referenced_bit() | (access == Access::store ? format_.modified_bit() : 0);
    std::memcpy(memory_.at(at), &raw, format_.entry_bytes());
    std::memcpy(told_.at(at), &raw, format_.entry_bytes());
    ++instructions_;
    return fill(asid, address, entry, level, access == Access::store) + offset;
  }
}

PhysAddr FakeMachine::fill(Asid asid, VirtAddr address, const hw::Entry& entry, unsigned level, bool modified) {
  const PageSize page = memory_.page();
  const uint64_t number = page.vpn(address).value;
  const uint64_t pages = format_.entry_span(level) >> page.shift;
  const uint64_t inside = number & (pages - 1);
  tlb_[{asid, number}] = {entry.pfn + inside, entry.permissions(), modified, number - inside, pages};
  return page.address(entry.pfn + inside);
}

// --- the disk --------------------------------------------------------------------

void FakeMachine::submit(BlockRequest request) {
  ++requests;
  transfers_.push_back({now_ + disk_delay, std::move(request)});
}

void FakeMachine::deliver_interrupts() {
  while (!transfers_.empty() && transfers_.front().when <= now_) {
    const BlockRequest request = std::move(transfers_.front().request);
    transfers_.pop_front();
    const uint64_t bytes = memory_.page().bytes();
    hw::TransferOutcome outcome;
    for (size_t i = 0; i < request.frames.size(); ++i) {
      if (fails && fails(request.sector + i * bytes / 512, request.write)) {
        outcome.fail(i);
        continue;
      }
      uint8_t* in_memory = memory_.at(memory_.page().address(request.frames[i]));
      uint8_t* on_disk = disk_.data() + request.sector * 512 + i * bytes;
      if (request.write) {
        std::memcpy(on_disk, in_memory, bytes);
      } else {
        std::memcpy(in_memory, on_disk, bytes);
      }
    }
    request.done(outcome);
  }
}

// --- strands -----------------------------------------------------------------------

void FakeMachine::set_timeout(Strand& strand, Cycles when) {
  timers_.emplace(when.value, std::pair{&strand, strand.sleeping_on});
}

bool FakeMachine::fire_timers() {
  bool fired = false;
  while (!timers_.empty() && timers_.begin()->first <= now_.value) {
    const auto [strand, queue] = timers_.begin()->second;
    timers_.erase(timers_.begin());
    // One that woke before and sleeps again elsewhere has lost this timer; a
    // wake too many does no harm.
    if (strand->sleeping_on == queue) {
      queue->end_sleep(*strand, Wake::timeout);
      fired = true;
    }
  }
  return fired;
}

std::optional<Cycles> FakeMachine::next_event() const {
  std::optional<Cycles> next;
  if (!transfers_.empty()) next = transfers_.front().when;
  if (!timers_.empty() && (!next || timers_.begin()->first < next->value)) next = Cycles(timers_.begin()->first);
  return next;
}

bool FakeMachine::idle(Cycles until) {
  const std::optional<Cycles> next = next_event();
  if (!next && until == kForever) return false;
  const Cycles wake = next ? std::min(*next, until) : until;
  if (wake > now_) now_ = wake;
  return true;
}

Co<> FakeMachine::run_body(Life& life) { co_await life.make(); }

void FakeMachine::start(std::function<Co<>()> body) {
  Life& life = lives_.emplace_back();
  life.make = std::move(body);
  Strand* before = std::exchange(current_, &life.strand);
  life.body = run_body(life);
  current_ = before;
}

bool FakeMachine::run(const std::function<bool()>& done, uint64_t steps) {
  for (; steps > 0; --steps) {
    if (done()) return true;
    deliver_interrupts();
    fire_timers();
    if (!ready_.empty()) {
      current_ = ready_.front();
      ready_.pop_front();
      current_->resume_point.resume();
      current_ = nullptr;
    } else if (!idle(kForever)) {
      return done();
    }
  }
  return false;
}

void FakeMachine::complete(std::function<Co<>()> body) {
  bool ended = false;
  start([&ended, body = std::move(body)]() -> Co<> {
    co_await body();
    ended = true;
  });
  run([&] { return ended; });
}

}  // namespace faultline::os::test
