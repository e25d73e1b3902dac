// A machine for tests of the OS layer: plain memory, a TLB that holds on to
// entries until it is told to flush, a disk with a fixed delay, and a loop that
// runs strands. No SystemC; time moves when it is charged and when all sleep.
#pragma once

#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "hw/mmu/page_table_format.h"
#include "os/cpu.h"
#include "os/process/co.h"
#include "os/process/wait_queue.h"

namespace faultline::os::test {

class FakeMachine final : public Cpu, public BlockDevice, public Executor {
 public:
  explicit FakeMachine(uint64_t memory_bytes, uint64_t disk_bytes = uint64_t{64} << 20,
                       const hw::PageTableFormat& format = *hw::find_page_table_format("x86-64"));

  // --- Cpu --------------------------------------------------------------------
  Cycles now() const override { return now_; }
  uint64_t clock_hz() const override { return 1'000'000'000; }
  void charge(Cycles cycles) override { advance(cycles.value); }
  CycleAccount set_account(CycleAccount account) override { return std::exchange(account_, account); }
  void rebook(CycleAccount from, CycleAccount to, Cycles cycles) override { ledger.rebook(from, to, cycles); }
  uint64_t load(PhysAddr address, unsigned bytes) override;
  void store(PhysAddr address, unsigned bytes, uint64_t value) override;
  void zero_frame(Pfn frame) override;
  void copy_frame(Pfn to, Pfn from) override;
  void touch(PhysAddr address, uint64_t bytes, bool write) override;
  hw::BackingStore& memory() override { return memory_; }
  void set_address_space(PhysAddr root, Asid asid) override;
  void flush_page(Asid asid, VirtAddr address) override;
  void flush_asid(Asid asid) override;
  void page_table_changed(PhysAddr begin, uint64_t bytes) override;
  hw::Trap run_user(hw::HartState&, Cycles) override { return {}; }
  uint64_t instructions() const override { return instructions_; }
  bool idle(Cycles until) override;
  void deliver_interrupts() override;

  // --- BlockDevice ----------------------------------------------------------------
  void submit(BlockRequest request) override;
  uint64_t sectors() const override { return disk_.size() / 512; }

  // --- Executor -------------------------------------------------------------------
  Strand& current() override { return *current_; }
  void make_runnable(Strand& strand) override { ready_.push_back(&strand); }
  void set_timeout(Strand& strand, Cycles when) override;

  // --- for tests --------------------------------------------------------------------
  // The user's access of one byte as hardware does it: TLB, else a walk that
  // sets the bits. Nothing: a page fault.
  std::optional<PhysAddr> access(PhysAddr root, Asid asid, VirtAddr address, Access access);

  // Bytes of the tables below `root` that differ from what page_table_changed()
  // told of them and what access() itself set.
  uint64_t untold_bytes(PhysAddr root) const { return untold_bytes(root, format_.root_level()); }

  // Starts a strand; its coroutine begins at once and runs to its first sleep.
  void start(std::function<Co<>()> body);
  // Runs until no strand can run and no transfer or timer of a sleeper that is
  // not a daemon is under way. `done` may end it before. False: `steps` ran out.
  bool run(const std::function<bool()>& done, uint64_t steps = 10'000'000);
  // Runs a coroutine to its end, with everything else that can run.
  void complete(std::function<Co<>()> body);

  // Pages at a sector for which it answers true fail.
  std::function<bool(uint64_t sector, bool write)> fails;
  Cycles disk_delay{50'000};
  uint8_t* disk_bytes(uint64_t sector) { return disk_.data() + sector * 512; }
  uint64_t requests = 0;
  CycleLedger ledger;

 private:
  struct TlbEntry {
    Pfn pfn;
    hw::Permissions permissions;
    bool modified;
    uint64_t first;  // page of the leaf that it is from, which may be large
    uint64_t pages;
  };
  struct Transfer {
    Cycles when;
    BlockRequest request;
  };
  struct Life {
    Strand strand;
    Co<> body;
    std::function<Co<>()> make;
  };

  void advance(uint64_t cycles);
  uint64_t untold_bytes(PhysAddr table, unsigned level) const;
  PhysAddr fill(Asid asid, VirtAddr address, const hw::Entry& entry, unsigned level, bool modified);
  bool fire_timers();
  std::optional<Cycles> next_event() const;
  Co<> run_body(Life& life);

  hw::BackingStore memory_;
  hw::BackingStore told_;  // page tables as whoever writes a run down knows them
  const hw::PageTableFormat& format_;
  std::vector<uint8_t> disk_;
  Cycles now_{};
  uint64_t instructions_ = 0;  // accesses that succeeded
  CycleAccount account_ = CycleAccount::syscall;
  std::map<std::pair<Asid, uint64_t>, TlbEntry> tlb_;
  std::deque<Transfer> transfers_;
  std::multimap<uint64_t, std::pair<Strand*, WaitQueue*>> timers_;
  std::deque<Strand*> ready_;
  Strand* current_ = nullptr;
  std::deque<Life> lives_;
};

}  // namespace faultline::os::test
