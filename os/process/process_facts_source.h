// What /proc and sysinfo show of processes and of the machine.
#pragma once

#include "os/files/process_facts.h"

namespace faultline::os {

class Kernel;

class ProcessFactsSource final : public ProcessDirectory {
 public:
  explicit ProcessFactsSource(Kernel& kernel) : kernel_(kernel) {}

  int32_t current_pid() const override;
  int32_t current_task() const override;
  std::vector<int32_t> pids() const override;
  std::optional<ProcessFacts> process(int32_t pid) const override;
  std::optional<ProcessFacts> task(int32_t pid, int32_t tid) const override;
  SystemFacts system() const override;
  bool set_oom_adjustment(int32_t pid, int32_t value) const override;

 private:
  uint64_t ticks(uint64_t cycles) const;
  void count_memory(SystemFacts& facts) const;
  void count_tasks(SystemFacts& facts) const;
  Kernel& kernel_;
};

}  // namespace faultline::os
