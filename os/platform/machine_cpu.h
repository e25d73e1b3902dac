// The OS layer on the SystemC machine: Cpu and BlockDevice over hw::Machine.
// The only part of the OS layer that knows real harts and a real disk.
#pragma once

#include <deque>
#include <vector>

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

// TLB shoot-downs. All that one hart flushes between two runs of user code is
// one: the others are interrupted once, for all of it.
struct ShootdownStatistics {
  uint64_t sent = 0;
  uint64_t received = 0;  // interrupts: one for each other hart that ran in the address space
  uint64_t pages = 0;     // flushed there
  uint64_t spaces = 0;    // address spaces flushed there
  uint64_t deferred = 0;  // flushes of harts that did not run in it, which need no interrupt
};

class MachineCpu final : public Cpu, public BlockDevice {
 public:
  // With config.translated accesses of the OS layer go through kernel addresses
  // and the data TLB of the hart; otherwise they use physical addresses.
  // `recorder`, if there is one, is told of what becomes of page tables, of the
  // MMU and of processes, and of look-ups of kernel addresses; with one hart only.
  MachineCpu(hw::Machine& machine, const OsConfig& config, hw::Recorder* recorder = nullptr);

  // Nothing more is told.
  void stop_recording() { recorder_ = nullptr; }

  // Called first on each hart's thread. What the OS layer does before the first
  // one is powered on (making its own tables, the guest's name space) is set-up
  // and takes no time.
  void power_on(unsigned hart);

  unsigned harts() const override { return static_cast<unsigned>(ports_.size()); }
  unsigned hart() const override { return here_->index; }
  Cycles now_on(unsigned hart) const override;
  void interrupt(unsigned hart) override;

  Cycles now() const override;
  uint64_t clock_hz() const override;
  Cycles end_of_time() const override;
  void charge(Cycles cycles) override;
  CycleAccount set_account(CycleAccount account) override;
  void rebook(CycleAccount from, CycleAccount to, Cycles cycles) override;

  uint64_t load(PhysAddr address, unsigned bytes) override;
  void load_each(std::span<const PhysAddr> addresses, unsigned bytes) override;
  void store(PhysAddr address, unsigned bytes, uint64_t value) override;
  void zero_frame(Pfn frame) override { zero_frames(frame, 1); }
  void zero_frames(Pfn first, uint64_t count) override;
  void copy_frame(Pfn to, Pfn from) override;
  void touch(PhysAddr address, uint64_t bytes, bool write) override;
  hw::BackingStore& memory() override;
  uint64_t frames() override;

  void set_address_space(PhysAddr root, Asid asid) override;
  void leave_address_space(unsigned hart) override;
  void flush_page(Asid asid, VirtAddr address) override;
  void flush_page_here(Asid asid, VirtAddr address) override;
  void flush_asid(Asid asid) override;
  void page_table_changed(PhysAddr begin, uint64_t bytes) override;

  void enter_process(int pid) override;
  hw::Trap run_user(hw::HartState& state, Cycles until) override;
  uint64_t instructions() const override;
  uint64_t instructions_here() const override;
  bool idle(Cycles until) override;
  void deliver_interrupts() override;

  void submit(BlockRequest request) override;
  uint64_t sectors() const override;

  const KernelAccessStatistics& accesses() const { return accesses_; }
  const ShootdownStatistics& shootdowns() const { return shootdowns_; }

 private:
  struct Completion {
    std::function<void(const hw::TransferOutcome&)> done;
    hw::TransferOutcome outcome;
  };
  // A hart, and what belongs to it of the OS layer's side.
  struct Port {
    hw::Hart& hart;
    unsigned index;
    CycleAccount account = CycleAccount::syscall;
    bool has_tables = false;               // an address space is in use
    bool in_user = false;                  // it stands in the middle of a program
    bool shot = false;                     // interrupted since the OS's turn began
    Asid asid = 0;                         // loaded last
    std::vector<bool> seen{};              // by ASID, where TLBs keep them apart: it may hold entries
    std::deque<Completion> completions{};  // ended, not yet delivered here

    bool may_hold(Asid other) const { return seen.empty() ? asid == other : seen[other]; }
  };

  bool several() const { return ports_.size() > 1; }
  // After another hart may have had its turn.
  void back_on(Port& port);
  template <class Flush>
  void flush_others(Asid asid, uint64_t& flushed, Cycles cost, Flush flush);
  // One access of at most 8 bytes.
  void access(PhysAddr address, unsigned bytes, bool write);
  void translate(PhysAddr address, bool write);

  hw::Machine& machine_;
  std::vector<Port> ports_;
  Port* here_;              // where the OS layer runs now
  hw::Recorder* recorder_;  // null: nobody writes the run down
  int recorded_process_ = 0;
  bool translated_;
  const OsCosts costs_;
  bool powered_ = false;
  bool shooting_ = false;  // other harts were interrupted since the OS's turn began
  KernelAccessStatistics accesses_;
  ShootdownStatistics shootdowns_;
};

}  // namespace faultline::os
