// The OS layer of a machine without paging: a resident monitor below the fence, as
// such machines had. It loads free-standing programs into contiguous memory, gives
// each a time slice in turn, and knows few system calls:
//
//   write read openat close lseek pread64 brk exit exit_group getpid getppid
//   sched_yield wait4, and spawn(path, argv), which is no call of Linux
//
// All others are ENOSYS: there is no fork, since the child would need its parent's
// addresses, and no mmap, since there are no pages.
//
// It waits for its disk with the processor idle, so that a swap costs all the time
// that it takes. Nothing here sleeps; a call that cannot be answered yet is made
// again when its program runs next.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hw/mmu/relocation.h"
#include "loader/program_image.h"
#include "os/config.h"
#include "os/cpu.h"
#include "os/early/file_reader.h"
#include "os/early/image_store.h"
#include "os/early/program.h"
#include "os/early/statistics.h"
#include "os/memory/statistics.h"
#include "os/run_outcome.h"

namespace faultline::os {
class Vfs;
}

namespace faultline::os::early {

// A number that Linux leaves free (1024 and above have no calls).
inline constexpr uint64_t kSpawnCall = 1024;

class Monitor {
 public:
  // All must outlive the monitor.
  struct Parts {
    Cpu& cpu;
    BlockDevice& disk;
    hw::RelocationUnit& registers;
    Vfs& vfs;  // built; the name space alone is used
    const OsConfig& config;
    std::function<void(std::string_view)> say;  // one line to whoever watches the run
    const std::atomic<bool>* stop = nullptr;    // set by the host (Ctrl-C); may be null
  };

  explicit Monitor(Parts parts);
  ~Monitor();
  Monitor(const Monitor&) = delete;
  Monitor& operator=(const Monitor&) = delete;

  // Runs the first program and all that comes of it. Called once, on the thread
  // that stands for the hart.
  RunOutcome run(const RunRequest& request);

  // --- statistics, after run() ------------------------------------------------------
  const Statistics& statistics() const { return statistics_; }
  uint64_t context_switches() const { return switches_; }
  const std::vector<ProcessRecord>& process_records() const { return records_; }  // by pid
  std::vector<std::pair<std::string, uint64_t>> syscall_counts() const;           // by number
  // As they were when the first program ended.
  const FrameStatistics& frames_at_exit() const { return frames_at_exit_; }
  const Layout& layout_at_exit() const { return layout_at_exit_; }
  // When all have ended.
  uint64_t pages_left() const { return store_.resident_pages(); }
  uint64_t slots_left() const { return store_.slot_pages(); }

 private:
  struct Loaded {
    Program* program = nullptr;
    int error = 0;
    std::string what;
  };
  // What a system call came to: a value or -errno; or the call is made again later,
  // or its program is gone.
  struct Answer {
    enum class Kind : uint8_t { value, again, gone };
    Kind kind = Kind::value;
    int64_t value = 0;
  };
  using Registers = std::array<uint64_t, 6>;
  using Handler = Answer (Monitor::*)(Program&, const Registers&);

  const OsCosts& costs() const { return parts_.config.costs; }
  Cpu& cpu() { return parts_.cpu; }

  // --- programs
  Loaded load(const std::string& path, const std::vector<std::string>& arguments,
              const std::vector<std::string>& environment, int32_t parent);
  Result<> fill(Program& program, const InodePtr& file, const loader::ProgramImage& image,
                const std::vector<std::string>& arguments, const std::vector<std::string>& environment);
  Result<InodePtr> find_executable(std::string_view path) const;
  std::string no_room_for(const Image& image) const;
  void end(Program& program, ExitStatus status);
  void reap(int32_t pid);
  void record(const Program& program);
  void take_pictures();
  std::vector<Program*> children_of(int32_t pid);

  // --- running
  Program* next_ready();
  void run_slice(Program& program);
  // False: the slice is over for this program.
  bool handle(Program& program, const hw::Trap& trap);
  void die(Program& program, int signal, const hw::Trap& trap);
  uint32_t instruction_at(const Program& program, uint64_t pc);

  // --- system calls (calls.cc)
  static Handler handler_of(uint64_t number);
  bool system_call(Program& program);
  void count_call(uint64_t number, bool known);
  Answer do_write(Program& program, const Registers& a);
  Answer do_read(Program& program, const Registers& a);
  Answer do_pread(Program& program, const Registers& a);
  Answer do_open(Program& program, const Registers& a);
  Answer do_close(Program& program, const Registers& a);
  Answer do_seek(Program& program, const Registers& a);
  Answer do_brk(Program& program, const Registers& a);
  Answer do_exit(Program& program, const Registers& a);
  Answer do_getpid(Program& program, const Registers& a);
  Answer do_getppid(Program& program, const Registers& a);
  Answer do_yield(Program& program, const Registers& a);
  Answer do_wait(Program& program, const Registers& a);
  Answer do_spawn(Program& program, const Registers& a);
  Answer read_file(Program& program, const OpenProgramFile& file, uint64_t offset, uint64_t to, uint64_t bytes);
  Answer read_input(Program& program, uint64_t to, uint64_t bytes);
  Result<std::string> user_string(const Program& program, uint64_t address, uint64_t most);
  Result<uint64_t> user_word(const Program& program, uint64_t address);

  Parts parts_;
  Statistics statistics_;
  FileReader files_;
  ImageStore store_;
  // By pid; in turn from the one that ran last.
  std::map<int32_t, std::unique_ptr<Program>> programs_;
  int32_t next_pid_ = 2;
  int32_t first_pid_ = 0;
  int32_t last_run_ = 0;
  uint64_t turns_ = 0;
  uint64_t switches_ = 0;
  Cycles slice_end_{};
  bool yielded_ = false;
  RunOutcome outcome_;
  FrameStatistics frames_at_exit_;
  Layout layout_at_exit_;
  std::vector<ProcessRecord> records_;
  std::map<uint64_t, uint64_t> calls_;
  std::set<uint64_t> unknown_calls_;
};

}  // namespace faultline::os::early
