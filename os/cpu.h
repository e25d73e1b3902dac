// The OS layer's one door to the hardware. Everything that costs time goes
// through it; nothing of SystemC shows. Tests put a plain model in its place.
//
// With several harts it is the one that the OS layer runs on at this moment:
// another one's turn comes only in run_user() and idle(), so that what the OS
// layer does in between is undivided. Flushes reach every hart that may hold
// such an entry, however many are interrupted for it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hw/base/cycle_ledger.h"
#include "hw/base/types.h"
#include "hw/devices/disk_request.h"
#include "hw/hart/hart_state.h"
#include "hw/hart/trap.h"
#include "hw/memory/backing_store.h"

namespace faultline::os {

class Cpu {
 public:
  virtual ~Cpu() = default;

  // --- harts ----------------------------------------------------------------
  virtual unsigned harts() const { return 1; }
  // That this code runs on: 0 to harts() - 1.
  virtual unsigned hart() const { return 0; }
  virtual Cycles now_on(unsigned /*hart*/) const { return now(); }
  // Makes run_user() or idle() of another hart return soon.
  virtual void interrupt(unsigned /*hart*/) {}

  // --- time ---------------------------------------------------------------
  virtual Cycles now() const = 0;
  virtual uint64_t clock_hz() const = 0;
  // The last moment that the hardware can tell; a run must end by then.
  virtual Cycles end_of_time() const { return kForever; }
  // Spends cycles of OS work in the current account.
  virtual void charge(Cycles cycles) = 0;
  // The account that charge() and the timed accesses below book to. Returns
  // the one before; AccountScope puts it back.
  virtual CycleAccount set_account(CycleAccount account) = 0;
  // Moves cycles already booked (a minor fault that turns out to be major).
  virtual void rebook(CycleAccount from, CycleAccount to, Cycles cycles) = 0;

  // --- memory, timed: through the caches, counted as the kernel's -----------
  virtual uint64_t load(PhysAddr address, unsigned bytes) = 0;
  // Takes the time of loading each of these, one after the other; less work for the host.
  virtual void load_each(std::span<const PhysAddr> addresses, unsigned bytes) {
    for (const PhysAddr address : addresses) load(address, bytes);
  }
  virtual void store(PhysAddr address, unsigned bytes, uint64_t value) = 0;
  virtual void zero_frame(Pfn frame) = 0;
  // As many times zero_frame(); less work for the host.
  virtual void zero_frames(Pfn first, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) zero_frame(first + i);
  }
  virtual void copy_frame(Pfn to, Pfn from) = 0;
  // Takes the time of reading or writing these bytes and moves nothing: for
  // copies whose bytes the caller moves in memory() itself. Must not cross a
  // page. After a write it tells the hart that the frame changed.
  virtual void touch(PhysAddr address, uint64_t bytes, bool write) = 0;

  // --- memory, untimed: set-up before the first instruction, and looking ----
  virtual hw::BackingStore& memory() = 0;
  // Frames of it that the OS layer may use, the first ones. Where it runs as a
  // guest, a hypervisor's tables lie above.
  virtual uint64_t frames() { return memory().frames(); }

  // --- translation ----------------------------------------------------------
  virtual void set_address_space(PhysAddr root, Asid asid) = 0;
  // The tables of the address space that this hart has loaded, which runs no
  // program, are about to go: until its next set_address_space nothing is
  // translated there, as with satp.MODE = Bare.
  virtual void leave_address_space(unsigned /*hart*/) {}
  virtual void flush_page(Asid asid, VirtAddr address) = 0;
  // The same on this hart alone: for an entry that is valid, and wider than what
  // this hart may remember of it.
  virtual void flush_page_here(Asid asid, VirtAddr address) { flush_page(asid, address); }
  virtual void flush_asid(Asid asid) = 0;
  // For whoever writes the run down: the one entry in these bytes was written, or
  // these whole pages became tables; untimed.
  virtual void page_table_changed(PhysAddr /*begin*/, uint64_t /*bytes*/) {}

  // --- running and sleeping ---------------------------------------------------
  // Whose user code runs next, for whoever writes the run down or observes it.
  virtual void enter_process(int /*pid*/) {}
  // Runs user code until a trap, or (Cause::budget) about `until` or a device
  // interrupt. Books its cycles itself.
  virtual hw::Trap run_user(hw::HartState& state, Cycles until) = 0;
  // Instructions that user mode has retired so far, on all harts and on this one.
  virtual uint64_t instructions() const { return 0; }
  virtual uint64_t instructions_here() const { return instructions(); }
  // Lets the hart sleep to `until` or the next interrupt; books `idle`.
  // False when nothing is under way, on any hart, that could ever end the sleep
  // and `until` is the far end of time: a deadlock.
  virtual bool idle(Cycles until) = 0;
  // Moves the completions of devices into their callbacks (BlockDevice::done),
  // which then run here, on the OS's own thread, at now().
  virtual void deliver_interrupts() = 0;

  static constexpr Cycles kForever{~uint64_t{0}};
};

// Books OS work to an account while it lives.
class AccountScope {
 public:
  AccountScope(Cpu& cpu, CycleAccount account) : cpu_(cpu), before_(cpu.set_account(account)) {}
  ~AccountScope() { cpu_.set_account(before_); }
  AccountScope(const AccountScope&) = delete;
  AccountScope& operator=(const AccountScope&) = delete;

 private:
  Cpu& cpu_;
  CycleAccount before_;
};

// One transfer between whole frames and consecutive sectors.
struct BlockRequest {
  uint64_t sector = 0;  // of 512 bytes
  std::vector<Pfn> frames;
  bool write = false;
  // Runs in Cpu::deliver_interrupts.
  std::function<void(const hw::TransferOutcome&)> done;
};

class BlockDevice {
 public:
  virtual ~BlockDevice() = default;
  virtual void submit(BlockRequest request) = 0;
  virtual uint64_t sectors() const = 0;
};

}  // namespace faultline::os
