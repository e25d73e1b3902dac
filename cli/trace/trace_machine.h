// A machine that a trace drives in a program's place.
#pragma once

#include <optional>

#include "cli/config/configuration.h"
#include "cli/observation.h"
#include "cli/report/statistics.h"
#include "cli/trace/trace_hart.h"
#include "hw/devices/block_storage.h"
#include "hw/machine/machine.h"

namespace faultline::cli {

class TraceMachine {
 public:
  // Binds the modules, once in a process; what a trace does takes its own count
  // of time. Throws as hw::Machine does.
  explicit TraceMachine(const Configuration& configuration);

  hw::Machine& machine() { return machine_; }
  TraceHart& hart() { return *hart_; }
  const TraceHart& hart() const { return *hart_; }
  Observation& observation() { return observation_; }

  // What the hardware has counted up to now.
  RunStatistics counted();

 private:
  // A trace has no files: nobody asks.
  class NoStorage final : public hw::BlockStorage {
   public:
    bool read(uint64_t, std::span<uint8_t>) override { return false; }
    bool write(uint64_t, std::span<const uint8_t>) override { return false; }
  };

  NoStorage storage_;
  hw::Machine machine_;
  Observation observation_;
  std::optional<TraceHart> hart_;  // once all is bound
};

}  // namespace faultline::cli
