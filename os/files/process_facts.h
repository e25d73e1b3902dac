// What /proc tells of processes and of the machine: the kernel fills it when a
// file of /proc is opened.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace faultline::os {

class AddressSpace;
class Directory;
class FileTable;

// What exec knew of the program that runs; its processes share it.
struct ProgramFacts {
  std::string environment;  // as the program found it, each with its zero byte
  std::string auxiliary;    // the vector's bytes
  // Addresses: of the executable and the writable segments, the stack pointer at
  // the first instruction, and the strings on the stack.
  uint64_t code_begin = 0, code_end = 0, data_begin = 0, data_end = 0;
  uint64_t stack_pointer = 0;
  uint64_t arguments_begin = 0, arguments_end = 0, environment_begin = 0, environment_end = 0;
};

struct ProcessFacts {
  int32_t pid = 0, parent = 0, group = 0, session = 0;
  int32_t task = 0;  // of which the files tell; 0: of the process
  uint64_t threads = 1;
  std::vector<int32_t> tasks;   // their numbers, ascending
  uint32_t terminal = 0;        // device number of the controlling terminal, 0: none
  int32_t terminal_group = -1;  // in its foreground
  int32_t nice = 0;
  int32_t oom_adjustment = 0;  // -1000..1000
  uint32_t personality = 0;
  uint64_t timer_slack = 0;  // nanoseconds
  char state = 'R';
  std::string command;     // comm
  std::string executable;  // absolute path in the guest's name space
  std::vector<std::string> arguments;
  std::shared_ptr<const ProgramFacts> program;  // null before the first exec
  struct Limit {
    uint64_t soft = ~uint64_t{0}, hard = ~uint64_t{0};  // all ones: unlimited
  };
  std::array<Limit, 16> limits{};  // by number (getrlimit(2))
  // Null for a zombie.
  std::shared_ptr<AddressSpace> space;
  std::shared_ptr<FileTable> files;
  std::shared_ptr<Directory> current;  // directory
  uint32_t uid = 0, gid = 0;
  uint64_t minor_faults = 0, major_faults = 0;
  uint64_t user_ticks = 0, system_ticks = 0, start_ticks = 0;  // 100 a second
  uint64_t pending_signals = 0, blocked_signals = 0, ignored_signals = 0, caught_signals = 0;
};

struct SystemFacts {
  uint64_t memory_bytes = 0, free_bytes = 0, page_cache_bytes = 0, anonymous_bytes = 0, dirty_bytes = 0;
  uint64_t page_table_bytes = 0, kernel_bytes = 0;
  uint64_t swap_bytes = 0, swap_free_bytes = 0;
  uint64_t commit_limit_bytes = 0, committed_bytes = 0;
  unsigned overcommit = 0, overcommit_ratio = 0;
  unsigned harts = 1;
  uint64_t uptime_ticks = 0, idle_ticks = 0, user_ticks = 0, system_ticks = 0;  // 100 a second
  uint64_t context_switches = 0, processes_made = 0;
  uint64_t interrupts = 0;
  uint64_t mapped_bytes = 0, shared_memory_bytes = 0, writeback_bytes = 0;
  uint64_t swap_cached_bytes = 0, large_bytes = 0, hugetlb_bytes = 0;
  unsigned running = 0, blocked = 0, tasks = 0;  // tasks
  int32_t newest_pid = 0;
  // /proc/vmstat, in its order.
  std::vector<std::pair<const char*, uint64_t>> memory_counters;
};

class ProcessDirectory {
 public:
  virtual ~ProcessDirectory() = default;
  virtual int32_t current_pid() const = 0;
  virtual int32_t current_task() const = 0;       // of that process
  virtual std::vector<int32_t> pids() const = 0;  // ascending
  virtual std::optional<ProcessFacts> process(int32_t pid) const = 0;
  // As `process`, with what is one task's own.
  virtual std::optional<ProcessFacts> task(int32_t pid, int32_t tid) const = 0;
  virtual SystemFacts system() const = 0;
  // Of a process that memory is taken from when there is none: false where it is gone.
  virtual bool set_oom_adjustment(int32_t pid, int32_t value) const = 0;
};

}  // namespace faultline::os
