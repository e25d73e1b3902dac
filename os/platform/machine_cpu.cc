#include "os/platform/machine_cpu.h"

#include <algorithm>
#include <utility>

#include "hw/machine/machine.h"
#include "hw/mmu/recorder.h"

namespace faultline::os {
namespace {

// What the OS layer moves in one access.
constexpr uint64_t kWordBytes = 8;
constexpr size_t kAsids = size_t{1} << 16;

// Aligned words that the bytes touch.
uint64_t words(PhysAddr address, uint64_t bytes) {
  return (address.value + bytes + kWordBytes - 1) / kWordBytes - address.value / kWordBytes;
}

}  // namespace

MachineCpu::MachineCpu(hw::Machine& machine, const OsConfig& config, hw::Recorder* recorder)
    : machine_(machine), recorder_(recorder), translated_(config.translated), costs_(config.costs) {
  ports_.reserve(machine.harts());
  for (size_t n = 0; n < machine.harts(); ++n) {
    Port& port = ports_.emplace_back(Port{machine.hart(n), static_cast<unsigned>(n)});
    if (machine.config().tlb.asids) port.seen.resize(kAsids);
  }
  here_ = ports_.data();
}

void MachineCpu::power_on(unsigned hart) {
  here_ = &ports_[hart];
  powered_ = true;
}

Cycles MachineCpu::now() const { return powered_ ? here_->hart.now() : Cycles(0); }
Cycles MachineCpu::now_on(unsigned hart) const { return powered_ ? ports_[hart].hart.now() : Cycles(0); }
void MachineCpu::interrupt(unsigned hart) { ports_[hart].hart.wake(); }
uint64_t MachineCpu::clock_hz() const { return machine_.clock().mhz() * 1'000'000; }
// SystemC counts femtoseconds in 64 bits. The second before the end leaves room
// for what is under way.
Cycles MachineCpu::end_of_time() const {
  return machine_.clock().cycles(sc_core::sc_max_time() - sc_core::sc_time(1, sc_core::SC_SEC));
}
void MachineCpu::charge(Cycles cycles) {
  if (powered_) here_->hart.spend(here_->account, cycles);
}
CycleAccount MachineCpu::set_account(CycleAccount account) { return std::exchange(here_->account, account); }

// What a task slept through on its way may have been booked on another hart.
void MachineCpu::rebook(CycleAccount from, CycleAccount to, Cycles cycles) {
  if (!several()) return here_->hart.ledger().rebook(from, to, cycles);
  uint64_t left = cycles.value;
  for (size_t n = 0; n < ports_.size() && left != 0; ++n) {
    CycleLedger& ledger = ports_[(here_->index + n) % ports_.size()].hart.ledger();
    const uint64_t part = std::min(left, ledger[from]);
    ledger.rebook(from, to, Cycles(part));
    left -= part;
  }
}

void MachineCpu::access(PhysAddr address, unsigned bytes, bool write) {
  if (!powered_) return;
  ++(write ? accesses_.writes : accesses_.reads);
  if (translated_ && here_->has_tables) translate(address, write);
  if (here_->hart.kernel_flat(here_->account, 1, write)) return;
  here_->hart.kernel_access(here_->account, address, bytes, write);
}

// The kernel's part maps all of memory for good, so the translation cannot
// fault; what a walk takes is the account's.
void MachineCpu::translate(PhysAddr address, bool write) {
  hw::Hart& hart = here_->hart;
  Cycles now = hart.now();
  const VirtAddr va = machine_.format().kernel_begin() + address.value;
  here_->hart.mmu().translate_kernel(va, write, now);
  if (recorder_ != nullptr) recorder_->kernel(write, va);
  hart.spend(here_->account, now - hart.now());
}

void MachineCpu::load_each(std::span<const PhysAddr> addresses, unsigned bytes) {
  const bool physical = powered_ && !(translated_ && here_->has_tables);
  if (physical && here_->hart.kernel_flat(here_->account, addresses.size(), false)) {
    accesses_.reads += addresses.size();
    return;
  }
  for (const PhysAddr address : addresses) access(address, bytes, false);
}

uint64_t MachineCpu::load(PhysAddr address, unsigned bytes) {
  access(address, bytes, false);
  if (bytes == sizeof(uint64_t)) return memory().load<uint64_t>(address);
  uint64_t value = 0;
  std::memcpy(&value, memory().at(address), bytes);
  return value;
}

void MachineCpu::store(PhysAddr address, unsigned bytes, uint64_t value) {
  access(address, bytes, true);
  if (bytes == sizeof(uint64_t)) return memory().store(address, value);
  std::memcpy(memory().at(address), &value, bytes);
  memory().wrote_frame(memory().page().pfn(address));
}

void MachineCpu::zero_frames(Pfn first, uint64_t count) {
  const PageSize page = memory().page();
  memory().zero(page.address(first), count << page.shift);
  for (uint64_t i = 0; i < count; ++i) touch(page.address(first + i), page.bytes(), true);
}

void MachineCpu::copy_frame(Pfn to, Pfn from) {
  const PageSize page = memory().page();
  touch(page.address(from), page.bytes(), false);
  std::memcpy(memory().at(page.address(to)), memory().at(page.address(from)), page.bytes());
  touch(page.address(to), page.bytes(), true);
}

void MachineCpu::touch(PhysAddr address, uint64_t bytes, bool write) {
  if (translated_ || !powered_) {
    const uint64_t end = address.value + bytes;
    for (uint64_t at = address.value; at < end; at = (at | (kWordBytes - 1)) + 1)
      access(PhysAddr(at), static_cast<unsigned>(std::min(end, (at | (kWordBytes - 1)) + 1) - at), write);
  } else {
    (write ? accesses_.writes : accesses_.reads) += words(address, bytes);
    here_->hart.kernel_sweep(here_->account, address, bytes, write);
  }
  if (write) memory().wrote_frame(memory().page().pfn(address));
}

hw::BackingStore& MachineCpu::memory() { return machine_.memory(); }
uint64_t MachineCpu::frames() { return machine_.guest_memory() >> memory().page().shift; }

void MachineCpu::set_address_space(PhysAddr root, Asid asid) {
  here_->has_tables = true;
  here_->asid = asid;
  if (!here_->seen.empty()) here_->seen[asid] = true;
  here_->hart.mmu().set_address_space(root, asid);
  if (recorder_ != nullptr) recorder_->address_space(root, asid);
}
void MachineCpu::leave_address_space(unsigned hart) { ports_[hart].has_tables = false; }

// A hart that runs in the address space is interrupted, once for all that this
// hart flushes before it lets another one run. One that does not needs no
// interrupt: it flushes before it runs there again (Linux does so on x86 with
// lazy TLBs, arch/x86/mm/tlb.c), which here happens at once.
template <class Flush>
void MachineCpu::flush_others(Asid asid, uint64_t& flushed, Cycles cost, Flush flush) {
  for (Port& port : ports_) {
    if (&port == here_ || !port.may_hold(asid)) continue;
    flush(port);
    if (!port.in_user || port.asid != asid) {
      ++shootdowns_.deferred;
      continue;
    }
    ++flushed;
    if (!std::exchange(shooting_, true)) {
      ++shootdowns_.sent;
      charge(Cycles(costs_.shootdown));
    }
    if (!std::exchange(port.shot, true)) {
      ++shootdowns_.received;
      port.hart.spend(CycleAccount::interrupt, Cycles(costs_.interrupt));
    }
    port.hart.spend(CycleAccount::interrupt, cost);
  }
}

void MachineCpu::flush_page_here(Asid asid, VirtAddr address) {
  here_->hart.mmu().flush_page(asid, address);
  if (recorder_ != nullptr) recorder_->flush_page(asid, address);
}
void MachineCpu::flush_page(Asid asid, VirtAddr address) {
  flush_page_here(asid, address);
  if (!several()) return;
  flush_others(asid, shootdowns_.pages, Cycles(costs_.tlb_flush_page),
               [&](Port& port) { port.hart.mmu().flush_page(asid, address); });
}
void MachineCpu::flush_asid(Asid asid) {
  here_->hart.mmu().flush_asid(asid);
  if (recorder_ != nullptr) recorder_->flush_asid(asid);
  if (!several()) return;
  flush_others(asid, shootdowns_.spaces, Cycles(0), [=](Port& port) { port.hart.mmu().flush_asid(asid); });
  for (Port& port : ports_) {
    if (!port.seen.empty() && port.asid != asid) port.seen[asid] = false;
  }
}

void MachineCpu::page_table_changed(PhysAddr begin, uint64_t bytes) {
  if (recorder_ == nullptr) return;
  const uint64_t entry_bytes = machine_.format().entry_bytes();
  const bool one = bytes == entry_bytes;
  for (uint64_t at = 0; at < bytes; at += entry_bytes) {
    const PhysAddr entry = begin + at;
    if (!one && memory().page().aligned(entry.value)) recorder_->table_zero(entry, memory().page().bytes());
    uint64_t raw = 0;
    std::memcpy(&raw, memory().at(entry), entry_bytes);
    if (one || raw != 0) recorder_->table_write(entry, raw);
  }
}

void MachineCpu::enter_process(int pid) {
  here_->hart.mmu().set_process(static_cast<uint32_t>(pid));
  if (recorder_ == nullptr || pid == recorded_process_) return;
  recorded_process_ = pid;
  recorder_->process(static_cast<uint64_t>(pid));
}

void MachineCpu::back_on(Port& port) {
  here_ = &port;
  shooting_ = false;
  for (Port& each : ports_) each.shot = false;
}

hw::Trap MachineCpu::run_user(hw::HartState& state, Cycles until) {
  if (!several()) return here_->hart.run(state, until);
  Port& port = *here_;
  port.in_user = true;
  const hw::Trap trap = port.hart.run(state, until);
  // It is still the program's time when the OS's turn comes.
  port.hart.meet();
  port.in_user = false;
  back_on(port);
  return trap;
}

uint64_t MachineCpu::instructions() const {
  uint64_t sum = 0;
  for (const Port& port : ports_) sum += port.hart.statistics().instructions;
  return sum;
}
uint64_t MachineCpu::instructions_here() const { return here_->hart.statistics().instructions; }

bool MachineCpu::idle(Cycles until) {
  Port& port = *here_;
  const bool going_on = !port.completions.empty() || port.hart.idle(until);
  back_on(port);
  return going_on;
}

void MachineCpu::deliver_interrupts() {
  here_->hart.take_interrupt();
  while (!here_->completions.empty()) {
    const Completion completion = std::move(here_->completions.front());
    here_->completions.pop_front();
    const AccountScope scope(*this, CycleAccount::interrupt);
    charge(Cycles(costs_.interrupt));
    completion.done(completion.outcome);
  }
}

// The hart that asked for the transfer hears of its end, as with a queue of the
// device for each processor. With several harts the OS's turn must not end here:
// the request reaches the disk when the machine's time has come up to the hart's.
void MachineCpu::submit(BlockRequest request) {
  Port* const port = here_;
  if (!several()) port->hart.synchronise();
  hw::DiskRequest transfer{.sector = request.sector,
                           .frames = std::move(request.frames),
                           .write = request.write,
                           .done = [port, done = std::move(request.done)](const hw::TransferOutcome& outcome) {
                             port->completions.push_back({done, outcome});
                             port->hart.wake();
                           }};
  if (several()) {
    machine_.disk().submit_at(machine_.clock().time(now()).value(), std::move(transfer));
  } else {
    machine_.disk().submit(std::move(transfer));
  }
}

uint64_t MachineCpu::sectors() const { return machine_.config().disk.size / hw::kSectorBytes; }

}  // namespace faultline::os
