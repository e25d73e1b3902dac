// A small machine for tests of files: memory and page cache are the real ones,
// the processor only counts, the disk answers when the test lets it.
#pragma once

#include <gtest/gtest.h>

#include <coroutine>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hw/memory/backing_store.h"
#include "hw/mmu/page_table_format.h"
#include "os/config.h"
#include "os/cpu.h"
#include "os/files/open_file.h"
#include "os/files/vfs.h"
#include "os/memory/memory_manager.h"
#include "os/process/wait_queue.h"

namespace faultline::os::test {

// A directory of the host that goes with the test.
class HostDirectory {
 public:
  HostDirectory();
  ~HostDirectory();
  HostDirectory(const HostDirectory&) = delete;
  HostDirectory& operator=(const HostDirectory&) = delete;

  const std::string& path() const { return path_; }
  std::string at(std::string_view name) const { return path_ + "/" + std::string(name); }
  void write(std::string_view name, std::string_view text, unsigned mode = 0644) const;
  void make_directory(std::string_view name) const;
  void link(std::string_view target, std::string_view name) const;  // symbolic
  std::string read(std::string_view name) const;                    // "" when missing
  bool exists(std::string_view name) const;

 private:
  std::string path_;
};

class CountingCpu final : public Cpu, public BlockDevice {
 public:
  CountingCpu(uint64_t memory_bytes, PageSize page, hw::BlockStorage& storage, uint64_t disk_bytes)
      : memory_(memory_bytes, page), storage_(storage), disk_bytes_(disk_bytes) {}

  Cycles now() const override { return now_; }
  uint64_t clock_hz() const override { return 1'000'000'000; }
  void charge(Cycles cycles) override { now_ += cycles; }
  CycleAccount set_account(CycleAccount account) override { return std::exchange(account_, account); }
  void rebook(CycleAccount, CycleAccount, Cycles) override {}
  uint64_t load(PhysAddr address, unsigned bytes) override;
  void store(PhysAddr address, unsigned bytes, uint64_t value) override;
  void zero_frame(Pfn frame) override;
  void copy_frame(Pfn to, Pfn from) override;
  void touch(PhysAddr, uint64_t, bool) override { now_ += Cycles(1); }
  hw::BackingStore& memory() override { return memory_; }
  void set_address_space(PhysAddr, Asid) override {}
  void flush_page(Asid, VirtAddr) override {}
  void flush_asid(Asid) override {}
  hw::Trap run_user(hw::HartState&, Cycles) override { return {}; }
  bool idle(Cycles) override { return !requests_.empty(); }
  void deliver_interrupts() override;

  void submit(BlockRequest request) override { requests_.push_back(std::move(request)); }
  uint64_t sectors() const override { return disk_bytes_ / 512; }

  bool disk_busy() const { return !requests_.empty(); }
  uint64_t reads = 0, writes = 0;

 private:
  hw::BackingStore memory_;
  hw::BlockStorage& storage_;
  uint64_t disk_bytes_;
  Cycles now_{};
  CycleAccount account_ = CycleAccount::syscall;
  std::deque<BlockRequest> requests_;
};

// Runs strands until none can go on.
class LoopExecutor final : public Executor {
 public:
  Strand& current() override { return *current_; }
  void make_runnable(Strand& strand) override { runnable_.push_back(&strand); }
  void set_timeout(Strand&, Cycles) override {}

  // Begins `body` on a strand of its own.
  void start(Strand& strand, const std::function<void()>& body);
  // False when there was nothing to run.
  bool step();

 private:
  Strand* current_ = nullptr;
  std::deque<Strand*> runnable_;
};

class NeverInterrupted final : public Sleeper {
 public:
  Co<Wake> sleep(WaitQueue& queue) override;
  bool interrupt_next = false;
};

class FilesWorld {
 public:
  explicit FilesWorld(uint64_t memory_bytes = 16 << 20, uint64_t disk_bytes = 64 << 20);
  ~FilesWorld();

  // Builds the name space; answers the error line or nothing.
  std::optional<std::string> build(const NamespaceConfig& config);
  // The same with this directory of the host as the current one, and success.
  void build_in(const HostDirectory& host, std::vector<Bind> binds = {});

  // Runs a coroutine to its end; the disk works when everybody sleeps.
  template <class T>
  T run(std::function<Co<T>()> body) {
    Strand strand;
    std::optional<Co<T>> life;
    executor.start(strand, [&] { life.emplace(body()); });
    while (!life->done()) go_on();
    return std::move(life->result());
  }
  // One step of whoever can go on; fails the test when nobody can.
  void go_on();
  // All steps that are possible.
  void settle();

  // --- what a guest does, with a buffer in its memory -------------------------
  Result<OpenFilePtr> open(std::string_view path, uint32_t flags = kOpenReadOnly, uint32_t permissions = 0644);
  Result<uint64_t> read_at(const OpenFilePtr& file, uint64_t offset, VirtAddr to, uint64_t bytes);
  Result<uint64_t> write_at(const OpenFilePtr& file, uint64_t offset, VirtAddr from, uint64_t bytes);
  Result<> truncate(const OpenFilePtr& file, uint64_t size);
  // The whole file as text; "<errno N>" when it cannot be had.
  std::string contents(std::string_view path);
  // Creates or replaces a file.
  Result<> write_file(std::string_view path, std::string_view text, uint32_t flags = kOpenCreate | kOpenTruncate);
  std::vector<std::string> list(std::string_view path);
  int error_of(std::string_view path);  // errno of open for reading, 0 when it goes
  const DirectoryPtr& here() { return context->current; }

  void put(VirtAddr to, std::string_view text);
  std::string get(VirtAddr from, uint64_t bytes);
  IoContext io() { return {*user, cpu, memory.page_cache(), config.costs, sleeper, vfs.now()}; }

  static constexpr uint64_t kBufferBytes = 1 << 20;
  VirtAddr buffer{};  // kBufferBytes of anonymous memory; what follows is not mapped

  OsConfig config;
  const hw::PageTableFormat& format;
  LoopExecutor executor;
  DiskContent disk;
  CountingCpu cpu;
  MemoryManager memory;
  NeverInterrupted sleeper;
  Vfs vfs;
  std::unique_ptr<AddressSpace> space;
  std::unique_ptr<UserMemory> user;
  std::shared_ptr<FsContext> context;

 private:
  static OsConfig small_config();
};

}  // namespace faultline::os::test
