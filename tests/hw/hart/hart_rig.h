// A machine without an operating system, for tests of the hart: a flat image
// mapped at kImageBase on frames in no order, a stack, and two system calls
// (write to standard output, exit), as Linux numbers them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/config/machine_config.h"
#include "hw/hart/hart_state.h"
#include "hw/hart/trap.h"
#include "hw/machine/machine.h"

namespace faultline::hw {

inline constexpr uint64_t kImageBase = 0x10000;
inline constexpr uint64_t kStackTop = 0x40000000;

// The result of a run, as text that can be compared.
struct RunResult {
  std::string output;      // what the guest wrote
  std::string statistics;  // every count, every account, the registers
  Trap trap;               // the last one
  HartState state;
  uint64_t cycles = 0;
  HartStatistics hart;
};

class HartRig {
 public:
  // `image_bytes`: mapped beyond the image, and zero.
  HartRig(const MachineConfig& config, std::span<const uint8_t> image, uint64_t image_bytes);
  ~HartRig();

  // Runs from `entry` to exit or to the first trap that is no system call.
  // `until` bounds each call of Hart::run, counted from its start (0: no bound). Once per process.
  RunResult run(uint64_t entry = kImageBase, uint64_t until = 0);

  // From now on run() asks at every trap that is no system call of its own
  // whether to go on, where state().pc says.
  void on_trap(std::function<bool(const Trap&)> ask) { on_trap_ = std::move(ask); }

  // For tests that do not use run(): from the hart's thread, loads the root.
  void use_tables();

  Machine& machine() { return *machine_; }
  HartState& state() { return state_; }
  // The frame behind a mapped address; unmaps a page.
  PhysAddr physical(uint64_t va) const;
  void unmap(uint64_t va);
  // Maps it again, to the frame that it had.
  void map_again(uint64_t va);
  uint64_t budgets() const { return budgets_; }  // returns of Hart::run because of `until`

 private:
  class NoStorage;
  void map(uint64_t va, Pfn frame);
  bool system_call(std::string& output);
  std::string statistics() const;

  std::unique_ptr<NoStorage> storage_;
  std::unique_ptr<Machine> machine_;
  std::unique_ptr<class PageTableBuilder> tables_;
  std::vector<std::pair<uint64_t, Pfn>> frames_;  // va, frame
  HartState state_;
  uint64_t budgets_ = 0;
  std::function<bool(const Trap&)> on_trap_;
};

// The default machines of the tests: flat memory; with L1, L2 and banked DRAM.
MachineConfig flat_machine();
// Flat, where what may take cycles of its own does, and misaligned accesses take the slow way.
MachineConfig flat_machine_with_costs();
MachineConfig cached_machine();

// SystemC can be elaborated once in a process: runs `body` in a child and
// answers what it returned.
std::string in_child(const std::function<std::string()>& body);

std::vector<uint8_t> read_file(const std::string& path);
// Instructions as bytes: 16-bit ones where `is_compressed` says so.
std::vector<uint8_t> assemble(std::initializer_list<uint32_t> instructions);

}  // namespace faultline::hw
