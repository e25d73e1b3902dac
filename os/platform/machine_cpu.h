// The OS layer on the SystemC machine: Cpu and BlockDevice over hw::Machine.
// The only part of the OS layer that knows a real hart and a real disk.
#pragma once

#include <deque>

#include "os/config.h"
#include "os/cpu.h"

namespace faultline::hw {
class Hart;
class Machine;
class Recorder;
}  // namespace faultline::hw

namespace faultline::os {

// The OS layer's own accesses to memory, counted apart from the program's.
struct KernelAccessStatistics {
  uint64_t reads = 0;  // accesses of at most 8 bytes
  uint64_t writes = 0;
};

class MachineCpu final : public Cpu, public BlockDevice {
 public:
  // With config.translated accesses of the OS layer go through kernel addresses
  // and the data TLB of the hart; otherwise they use physical addresses.
  // `recorder`, if there is one, is told of what becomes of page tables, of the
  // MMU and of processes, and of look-ups of kernel addresses.
  MachineCpu(hw::Machine& machine, const OsConfig& config, hw::Recorder* recorder = nullptr);

  // Nothing more is told.
  void stop_recording() { recorder_ = nullptr; }

  // Called first on the hart's thread. What the OS layer does before (making its
  // own tables, the guest's name space) is set-up and takes no time.
  void power_on() { powered_ = true; }

  Cycles now() const override;
  uint64_t clock_hz() const override;
  Cycles end_of_time() const override;
  void charge(Cycles cycles) override;
  CycleAccount set_account(CycleAccount account) override;
  void rebook(CycleAccount from, CycleAccount to, Cycles cycles) override;

  uint64_t load(PhysAddr address, unsigned bytes) override;
  void store(PhysAddr address, unsigned bytes, uint64_t value) override;
  void zero_frame(Pfn frame) override { zero_frames(frame, 1); }
  void zero_frames(Pfn first, uint64_t count) override;
  void copy_frame(Pfn to, Pfn from) override;
  void touch(PhysAddr address, uint64_t bytes, bool write) override;
  hw::BackingStore& memory() override;
  uint64_t frames() override;

  void set_address_space(PhysAddr root, Asid asid) override;
  void leave_address_space() override;
  void flush_page(Asid asid, VirtAddr address) override;
  void flush_asid(Asid asid) override;
  void page_table_changed(PhysAddr begin, uint64_t bytes) override;

  void enter_process(int pid) override;
  hw::Trap run_user(hw::HartState& state, Cycles until) override;
  uint64_t instructions() const override;
  bool idle(Cycles until) override;
  void deliver_interrupts() override;

  void submit(BlockRequest request) override;
  uint64_t sectors() const override;

  const KernelAccessStatistics& accesses() const { return accesses_; }

 private:
  // One access of at most 8 bytes.
  void access(PhysAddr address, unsigned bytes, bool write);
  void translate(PhysAddr address, bool write);

  struct Completion {
    std::function<void(const hw::TransferOutcome&)> done;
    hw::TransferOutcome outcome;
  };

  hw::Machine& machine_;
  hw::Hart& hart_;
  hw::Recorder* recorder_;  // null: nobody writes the run down
  int recorded_process_ = 0;
  bool translated_;
  Cycles interrupt_cycles_;  // of taking one completion
  bool powered_ = false;
  bool has_tables_ = false;  // an address space is in use
  CycleAccount account_ = CycleAccount::syscall;
  KernelAccessStatistics accesses_;
  std::deque<Completion> completions_;  // ended there, not yet delivered
};

}  // namespace faultline::os
