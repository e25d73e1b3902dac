// A hart without hardware: time passes when it is charged or idled away, memory
// is bytes, and user code is a script.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <utility>

#include "hw/devices/block_storage.h"
#include "os/cpu.h"

namespace faultline::os {

class FakeCpu final : public Cpu, public BlockDevice {
 public:
  explicit FakeCpu(uint64_t memory_bytes = uint64_t{4} << 20) : memory_(memory_bytes, PageSize{}) {}

  // What user mode does: gets the registers and the moment to stop at.
  std::function<hw::Trap(hw::HartState&, Cycles)> user = [](hw::HartState&, Cycles) { return hw::Trap{}; };
  hw::BlockStorage* storage = nullptr;
  Cycles disk_time{1000};
  CycleLedger ledger;
  PhysAddr root{};
  uint64_t address_space_switches = 0;
  uint64_t retired = 0;

  // Time in user mode, from within `user`.
  void run_for(Cycles cycles) { advance(CycleAccount::compute, cycles); }

  Cycles now() const override { return now_; }
  uint64_t clock_hz() const override { return 1'000'000; }
  void charge(Cycles cycles) override { advance(account_, cycles); }
  CycleAccount set_account(CycleAccount account) override { return std::exchange(account_, account); }
  void rebook(CycleAccount from, CycleAccount to, Cycles cycles) override { ledger.rebook(from, to, cycles); }

  uint64_t load(PhysAddr address, unsigned bytes) override {
    uint64_t value = 0;
    std::memcpy(&value, memory_.at(address), bytes);
    return value;
  }
  void store(PhysAddr address, unsigned bytes, uint64_t value) override {
    std::memcpy(memory_.at(address), &value, bytes);
  }
  void zero_frame(Pfn frame) override {
    std::memset(memory_.at(memory_.page().address(frame)), 0, memory_.page().bytes());
  }
  void copy_frame(Pfn to, Pfn from) override {
    std::memcpy(memory_.at(memory_.page().address(to)), memory_.at(memory_.page().address(from)),
                memory_.page().bytes());
  }
  void touch(PhysAddr, uint64_t, bool) override {}
  hw::BackingStore& memory() override { return memory_; }

  void set_address_space(PhysAddr new_root, Asid) override {
    root = new_root;
    ++address_space_switches;
  }
  void flush_page(Asid, VirtAddr) override {}
  void flush_asid(Asid) override {}

  hw::Trap run_user(hw::HartState& state, Cycles until) override {
    const hw::Trap trap = user(state, until);
    state.x[0] = 0;
    return trap;
  }
  uint64_t instructions() const override { return retired; }

  bool idle(Cycles until) override {
    Cycles wake = until;
    if (!requests_.empty()) wake = std::min(wake, requests_.front().first);
    if (wake == kForever) return false;
    if (wake > now_) advance(CycleAccount::idle, wake - now_);
    return true;
  }
  void deliver_interrupts() override {
    while (!requests_.empty() && requests_.front().first <= now_) {
      BlockRequest request = std::move(requests_.front().second);
      requests_.pop_front();
      request.done(transfer(request));
    }
  }

  void submit(BlockRequest request) override {
    const Cycles begin = requests_.empty() ? now_ : std::max(now_, requests_.back().first);
    requests_.emplace_back(begin + disk_time, std::move(request));
  }
  uint64_t sectors() const override { return uint64_t{1} << 24; }

 private:
  void advance(CycleAccount account, Cycles cycles) {
    now_ += cycles;
    ledger.book(account, cycles);
  }
  hw::TransferOutcome transfer(const BlockRequest& request) {
    const PageSize page = memory_.page();
    hw::TransferOutcome outcome;
    uint64_t sector = request.sector;
    for (size_t i = 0; i < request.frames.size(); ++i) {
      const std::span<uint8_t> bytes(memory_.at(page.address(request.frames[i])), page.bytes());
      if (!storage || !(request.write ? storage->write(sector, bytes) : storage->read(sector, bytes))) outcome.fail(i);
      sector += page.bytes() / hw::kSectorBytes;
    }
    return outcome;
  }

  hw::BackingStore memory_;
  Cycles now_{};
  CycleAccount account_ = CycleAccount::syscall;
  std::deque<std::pair<Cycles, BlockRequest>> requests_;  // by the time of their end
};

}  // namespace faultline::os
