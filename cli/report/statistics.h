// Everything that a run counted, gathered from the parts that counted it. The
// JSON of --stats and the text report are both made from this, and nothing else.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/config/configuration.h"
#include "cli/report/observed.h"
#include "hw/base/cycle_ledger.h"
#include "hw/memory/cache.h"
#include "hw/memory/dram.h"
#include "hw/mmu/mmu.h"
#include "hw/mmu/relocation.h"
#include "os/early/statistics.h"
#include "os/memory/statistics.h"

namespace faultline::cli {

// What was run, as the command line names it.
struct RunIdentity {
  std::string machine;  // preset or file
  std::string program;
  std::vector<std::string> arguments;  // argv without the program
};

// A process that died of an instruction of its own.
struct CrashRecord {
  int pid = 0;
  std::string command;
  int signal = 0;
  uint64_t pc = 0;
  uint64_t address = 0;
  uint32_t instruction = 0;  // its bits, 0 where they cannot be read
  std::string disassembly;   // empty with them
};

struct ExitRecord {
  // "exited", "killed", "interrupted", "deadlock" or "time over".
  std::string reason = "exited";
  int status = 0;  // of the first process
  int signal = 0;  // that killed it, else 0
  std::optional<CrashRecord> crash = {};
};

// User-mode references: one for each page that an access touches.
struct References {
  uint64_t fetch = 0;
  uint64_t load = 0;
  uint64_t store = 0;

  uint64_t total() const { return fetch + load + store; }
};

struct CacheLevelStatistics {
  std::string name;  // "l1i"
  hw::CacheStatistics counts;
};

struct WalkCacheLevel {
  unsigned level = 0;  // 1: of the tables above the last
  hw::WalkCacheStatistics counts;
};

// The OS layer's own accesses, which never count as references.
struct KernelAccesses {
  uint64_t reads = 0;  // of at most 8 bytes
  uint64_t writes = 0;
  hw::KernelTranslationStatistics translation;  // zero unless os.translated
};

struct DiskCounts {
  uint64_t reads = 0;  // transfers
  uint64_t writes = 0;
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;
  uint64_t merged = 0;  // requests that went with a neighbour's transfer
  uint64_t errors = 0;  // transfers that failed, as a whole or in part
  uint64_t failed_pages = 0;
  uint64_t injected = 0;  // of them, by disk.fault_*
  uint64_t queued_peak = 0;
  double busy_seconds = 0;  // simulated time with a request in service
  double seek_seconds = 0;  // of the transfers, summed over all (they overlap on an SSD)
  double rotation_seconds = 0;
  double transfer_seconds = 0;
};

// A page that could not be moved.
struct DiskFailure {
  uint64_t sector = 0;
  bool write = false;
  std::string path;  // the guest's; empty: swap's, or of a file that was gone
  uint64_t offset = 0;
};

struct ProcessStatistics {
  int pid = 0;
  std::string command;
  int exit = 0;  // status as a shell tells it: 128 + signal where one killed it
  uint64_t instructions = 0;
  uint64_t minor_faults = 0;
  uint64_t major_faults = 0;
  uint64_t max_rss_pages = 0;
};

// What is left when the last process has gone: all zero, or something leaked.
struct AfterExit {
  uint64_t anonymous_frames = 0;
  uint64_t page_table_frames = 0;
  uint64_t swap_slots = 0;
};

// Where the guest marked regions of interest: the counters are theirs alone.
struct RegionStatistics {
  struct Whole {  // run
    uint64_t instructions = 0;
    uint64_t cycles = 0;
    double seconds = 0;
  };
  uint64_t count = 0;    // regions begun
  uint64_t ignored = 0;  // marks: begins within a region, ends without one
  bool open = false;     // the last one lasted to the end of the run
  Whole whole = {};
};

// Where a part of the run was asked for (`run` settings): the counters are its alone.
struct PartStatistics {
  uint64_t fast_forwarded = 0;  // instructions
  uint64_t warm_up = 0;         // the same
  bool measured = false;        // the run came so far
  RegionStatistics::Whole whole;
};

// TLB shoot-downs (os/platform/machine_cpu.h).
struct ShootdownCounts {
  uint64_t sent = 0;
  uint64_t received = 0;
  uint64_t pages = 0;
  uint64_t spaces = 0;
  uint64_t deferred = 0;
};

// One of several harts.
struct HartRecord {
  uint64_t instructions = 0;
  uint64_t idle = 0;  // cycles
  References references;
  hw::TranslationStatistics translation;
  hw::TlbStatistics l1i;
  hw::TlbStatistics l1d;
  hw::TlbStatistics l2;
};

struct HostStatistics {
  double seconds = 0;  // from the start of faultline's process
  double mips = 0;     // million guest instructions a host second
};

// Of `faultline trace`.
struct TraceStatistics {
  uint64_t records = 0;  // read
  std::string format;    // as --format names it
};

// Of a machine without paging.
struct EarlyRun {
  hw::RelocationStatistics registers;
  os::early::Statistics images;
  os::early::Layout layout;  // when the first program ended
};

struct RunStatistics {
  RunIdentity run;
  Configuration config;
  ExitRecord exit;

  std::optional<TraceStatistics> trace;     // in place of a program
  std::optional<RegionStatistics> regions;  // where there was a mark
  std::optional<PartStatistics> part;       // where one was asked for
  std::optional<EarlyRun> early;            // where memory.model is not paging

  uint64_t instructions = 0;
  uint64_t cycles = 0;  // when the run ended, by the hart that was last
  double seconds = 0;   // simulated

  References references;
  hw::TranslationStatistics translation;
  uint64_t levels = 0;                      // of the page-table format: reads of a walk with small pages
  std::vector<WalkCacheLevel> walk_caches;  // those that exist, in the order in which they are asked
  hw::NestedStatistics nested;
  uint64_t host_levels = 0;       // of the host's tables; 0: no nested translation
  uint64_t host_table_bytes = 0;  // above the guest's memory
  hw::TlbStatistics l1i;
  hw::TlbStatistics l1d;
  hw::TlbStatistics l2;
  std::vector<CacheLevelStatistics> caches;  // those that exist, nearest first
  hw::DramStatistics dram;
  CycleLedger cycle_stack;
  std::vector<HartRecord> harts;  // where there are several
  ShootdownCounts shootdowns;
  uint64_t hart_interrupts = 0;  // but shoot-downs
  uint64_t migrations = 0;
  Observed observed;

  os::FaultStatistics faults;
  // Taken when the first process exits, before anything of it is given back.
  os::FrameStatistics frames;
  os::FragmentationStatistics fragmentation;
  os::PageTableStatistics page_tables;          // at the end
  os::PageTableStatistics page_tables_at_exit;  // when `frames` was taken
  os::AreaStatistics areas{};                   // then too
  os::HugeStatistics huge;
  os::LayoutStatistics layout;  // of the first process, when it exits
  os::CopyStatistics copies;
  os::ZeroStatistics zeroed;
  os::SwapStatistics swap;
  os::PageoutStatistics pageout;
  os::PageCacheStatistics page_cache;
  os::CommitStatistics commit;
  uint64_t context_switches = 0;
  KernelAccesses kernel;
  DiskCounts disk;
  std::vector<DiskFailure> disk_failures;                  // the first ones
  uint64_t files_changed_in_memory = 0;                    // guest writes that end with the run
  std::vector<std::pair<std::string, uint64_t>> syscalls;  // by number
  std::vector<ProcessStatistics> processes;                // by pid
  AfterExit after_exit;
  HostStatistics host;

  // Memory accesses for each reference: itself, and the walk's share. 1 when
  // there was no reference.
  double penalty() const;
  // Of the whole run, whatever was marked.
  uint64_t all_instructions() const {
    return part ? part->whole.instructions : regions ? regions->whole.instructions : instructions;
  }
};

}  // namespace faultline::cli
