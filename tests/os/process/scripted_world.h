// A whole kernel on a fake hart whose programs are scripts: one step at each
// address, an ELF file for each program, real system calls and real memory.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fake_cpu.h"
#include "os/files/namespace_config.h"
#include "os/files/vfs.h"
#include "os/kernel.h"
#include "os/memory/memory_manager.h"

namespace faultline::os {

using State = hw::HartState;
// What one instruction does. Nothing: on to the next one (or to where it set pc).
using Step = std::function<std::optional<hw::Trap>(State&)>;
// An argument: a number, or worked out from the registers.
using Value = std::function<uint64_t(const State&)>;

inline constexpr unsigned kSp = 2, kA0 = 10, kA1 = 11, kA2 = 12, kA7 = 17;
inline constexpr unsigned kS2 = 18, kS3 = 19;  // for scripts to keep values in

inline Value number(uint64_t value) {
  return [value](const State&) { return value; };
}
inline Value reg(unsigned index) {
  return [index](const State& state) { return state.x[index]; };
}

class ScriptedWorld {
 public:
  static constexpr uint64_t kEntry = 0x100;  // of a program, from its base
  static constexpr uint64_t kData = 0x2000;  // a page of zeros
  static constexpr uint64_t kSize = 0x4000;

  explicit ScriptedWorld(uint64_t memory_bytes = uint64_t{4} << 20, OsConfig given = {});
  ~ScriptedWorld();

  // A program file of that name; `base` must differ from other programs'.
  void program(const std::string& name, uint64_t base, std::vector<Step> steps);
  // Steps that are no program's: handlers.
  void code(uint64_t address, std::vector<Step> steps);
  RunOutcome run(const std::string& name, std::vector<std::string> arguments = {});

  // --- steps ------------------------------------------------------------------
  static Step call(uint64_t number, std::vector<Value> arguments = {});
  static Step set(unsigned index, Value value);
  static Step jump_if(std::function<bool(const State&)> condition, uint64_t target);
  static Step jump(uint64_t target);
  Step store(Value address, Value value);  // 8 bytes
  Step load(unsigned index, Value address);
  static Step check(std::function<void(const State&)> look);
  static std::vector<Step> exit_with(Value status) { return {call(94, {std::move(status)})}; }

  void expect_all_given_back();

  std::vector<std::string> said;
  std::atomic<bool> stop{false};
  bool terminal = false;  // --tty

 private:
  hw::Trap user(State& state, Cycles until);
  AddressSpace& space();
  std::optional<hw::Trap> reach(uint64_t address, Access access, uint8_t*& bytes);

  static OsConfig with_swap(OsConfig config) {
    config.swap.size = uint64_t{1} << 20;
    return config;
  }

  std::filesystem::path directory_;
  OsConfig config_;
  DiskContent disk_;
  std::map<uint64_t, Step> steps_;

 public:
  FakeCpu cpu;
  Scheduler scheduler;
  MemoryManager memory;
  Vfs vfs;
  Kernel kernel;
};

}  // namespace faultline::os
