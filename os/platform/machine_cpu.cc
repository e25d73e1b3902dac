#include "os/platform/machine_cpu.h"

#include <algorithm>
#include <utility>

#include "hw/machine/machine.h"
#include "hw/mmu/recorder.h"

namespace faultline::os {
namespace {

// What the OS layer moves in one access.
constexpr uint64_t kWordBytes = 8;

// Aligned words that the bytes touch.
uint64_t words(PhysAddr address, uint64_t bytes) {
  return (address.value + bytes + kWordBytes - 1) / kWordBytes - address.value / kWordBytes;
}

}  // namespace

MachineCpu::MachineCpu(hw::Machine& machine, const OsConfig& config, hw::Recorder* recorder)
    : machine_(machine),
      hart_(machine.hart()),
      recorder_(recorder),
      translated_(config.translated),
      interrupt_cycles_(config.costs.interrupt) {}

Cycles MachineCpu::now() const { return powered_ ? hart_.now() : Cycles(0); }
uint64_t MachineCpu::clock_hz() const { return machine_.clock().mhz() * 1'000'000; }
// SystemC counts femtoseconds in 64 bits. The second before the end leaves room
// for what is under way.
Cycles MachineCpu::end_of_time() const {
  return machine_.clock().cycles(sc_core::sc_max_time() - sc_core::sc_time(1, sc_core::SC_SEC));
}
void MachineCpu::charge(Cycles cycles) {
  if (powered_) hart_.spend(account_, cycles);
}
CycleAccount MachineCpu::set_account(CycleAccount account) { return std::exchange(account_, account); }
void MachineCpu::rebook(CycleAccount from, CycleAccount to, Cycles cycles) { hart_.ledger().rebook(from, to, cycles); }

void MachineCpu::access(PhysAddr address, unsigned bytes, bool write) {
  if (!powered_) return;
  ++(write ? accesses_.writes : accesses_.reads);
  if (translated_ && has_tables_) translate(address, write);
  hart_.kernel_access(account_, address, bytes, write);
}

// The kernel's part maps all of memory for good, so the translation cannot
// fault; what a walk takes is the account's.
void MachineCpu::translate(PhysAddr address, bool write) {
  Cycles now = hart_.now();
  const VirtAddr va = machine_.format().kernel_begin() + address.value;
  machine_.mmu().translate_kernel(va, write, now);
  if (recorder_ != nullptr) recorder_->kernel(write, va);
  hart_.spend(account_, now - hart_.now());
}

uint64_t MachineCpu::load(PhysAddr address, unsigned bytes) {
  access(address, bytes, false);
  uint64_t value = 0;
  std::memcpy(&value, memory().at(address), bytes);
  return value;
}

void MachineCpu::store(PhysAddr address, unsigned bytes, uint64_t value) {
  access(address, bytes, true);
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
    hart_.kernel_sweep(account_, address, bytes, write);
  }
  if (write) memory().wrote_frame(memory().page().pfn(address));
}

hw::BackingStore& MachineCpu::memory() { return machine_.memory(); }
uint64_t MachineCpu::frames() { return machine_.guest_memory() >> memory().page().shift; }

void MachineCpu::set_address_space(PhysAddr root, Asid asid) {
  has_tables_ = true;
  machine_.mmu().set_address_space(root, asid);
  if (recorder_ != nullptr) recorder_->address_space(root, asid);
}
void MachineCpu::leave_address_space() { has_tables_ = false; }
void MachineCpu::flush_page(Asid asid, VirtAddr address) {
  machine_.mmu().flush_page(asid, address);
  if (recorder_ != nullptr) recorder_->flush_page(asid, address);
}
void MachineCpu::flush_asid(Asid asid) {
  machine_.mmu().flush_asid(asid);
  if (recorder_ != nullptr) recorder_->flush_asid(asid);
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
  machine_.mmu().set_process(static_cast<uint32_t>(pid));
  if (recorder_ == nullptr || pid == recorded_process_) return;
  recorded_process_ = pid;
  recorder_->process(static_cast<uint64_t>(pid));
}

hw::Trap MachineCpu::run_user(hw::HartState& state, Cycles until) { return hart_.run(state, until); }

uint64_t MachineCpu::instructions() const { return hart_.statistics().instructions; }

bool MachineCpu::idle(Cycles until) { return !completions_.empty() || hart_.idle(until); }

void MachineCpu::deliver_interrupts() {
  hart_.take_interrupt();
  while (!completions_.empty()) {
    const Completion completion = std::move(completions_.front());
    completions_.pop_front();
    const AccountScope scope(*this, CycleAccount::interrupt);
    charge(interrupt_cycles_);
    completion.done(completion.outcome);
  }
}

void MachineCpu::submit(BlockRequest request) {
  hart_.synchronise();
  machine_.disk().submit({.sector = request.sector,
                          .frames = std::move(request.frames),
                          .write = request.write,
                          .done = [this, done = std::move(request.done)](const hw::TransferOutcome& outcome) {
                            completions_.push_back({done, outcome});
                            hart_.wake();
                          }});
}

uint64_t MachineCpu::sectors() const { return machine_.config().disk.size / hw::kSectorBytes; }

}  // namespace faultline::os
