// A machine with memory management on it, and processes that touch bytes.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "os/memory/memory_manager.h"
#include "os/memory/mman.h"
#include "tests/os/support/fake_file.h"
#include "tests/os/support/fake_machine.h"

namespace faultline::os::test {

struct Settings {
  uint64_t frames = 512;
  uint64_t swap_pages = 1024;
  const char* format = "x86-64";
  OsConfig config;
};

class FakeKernel {
 public:
  explicit FakeKernel(const Settings& settings = {})
      : config_(with_swap(settings)),
        machine(settings.frames * 4096, uint64_t{64} << 20, *hw::find_page_table_format(settings.format)),
        memory(machine, machine, machine, *hw::find_page_table_format(settings.format), config_) {
    machine.start([this] { return memory.pageout_daemon(); });
    machine.start([this] { return memory.write_behind_daemon(); });
    machine.start([this] { return memory.collapse_daemon(); });
  }

  std::unique_ptr<AddressSpace> new_space() {
    std::unique_ptr<AddressSpace> space;
    machine.complete([&]() -> Co<> {
      for (;;) {
        Reply<std::unique_ptr<AddressSpace>> reply = memory.create_address_space();
        if (!reply.must_sleep()) {
          if (reply.ok()) space = std::move(*reply);
          co_return;
        }
        co_await reply.queue().sleep();
      }
    });
    return space;
  }

  std::unique_ptr<AddressSpace> fork(AddressSpace& parent) {
    std::unique_ptr<AddressSpace> space;
    machine.complete([&]() -> Co<> {
      for (;;) {
        Reply<std::unique_ptr<AddressSpace>> reply = parent.fork();
        if (!reply.must_sleep()) {
          if (reply.ok()) space = std::move(*reply);
          co_return;
        }
        co_await reply.queue().sleep();
      }
    });
    return space;
  }

  // One access as the hart makes it, with its faults; how the last one ended.
  Co<FaultReply::Kind> access(AddressSpace& space, uint64_t address, Access access, PhysAddr& where) {
    for (;;) {
      const std::optional<PhysAddr> found = machine.access(space.root(), space.asid(), VirtAddr(address), access);
      if (found) {
        where = *found;
        co_return FaultReply::Kind::resolved;
      }
      const FaultReply reply = co_await resolve_fault(space, VirtAddr(address), access);
      if (!reply.resolved()) co_return reply.kind;
    }
  }

  FaultReply::Kind store(AddressSpace& space, uint64_t address, uint8_t value) {
    FaultReply::Kind kind = FaultReply::Kind::must_sleep;
    machine.complete([&]() -> Co<> {
      PhysAddr where;
      kind = co_await access(space, address, Access::store, where);
      if (kind == FaultReply::Kind::resolved) *machine.memory().at(where) = value;
    });
    return kind;
  }
  // The byte, or 256 + the kind of failure.
  int load(AddressSpace& space, uint64_t address) {
    int result = -1;
    machine.complete([&]() -> Co<> {
      PhysAddr where;
      const FaultReply::Kind kind = co_await access(space, address, Access::load, where);
      result = kind == FaultReply::Kind::resolved ? *machine.memory().at(where) : 256 + static_cast<int>(kind);
    });
    return result;
  }

  uint64_t map(AddressSpace& space, uint64_t pages, int protection = kProtRead | kProtWrite,
               int flags = kMapPrivate | kMapAnonymous, std::shared_ptr<FileBacking> file = nullptr,
               uint64_t offset = 0, uint64_t hint = 0) {
    MapRequest request;
    request.hint = VirtAddr(hint);
    request.length = pages * 4096;
    request.protection = protection;
    request.flags = flags;
    request.file = std::move(file);
    request.offset = offset;
    const Result<VirtAddr> mapped = space.map(request);
    EXPECT_TRUE(mapped.ok());
    return mapped.ok() ? mapped.value().value : 0;
  }

  // As the system calls do it: how the last page that was asked for ended.
  Co<FaultReply::Kind> populated(AddressSpace& space, uint64_t at, uint64_t end, Populate which) {
    FaultProgress progress{.kernel = true};
    while (at < end) {
      const FaultReply reply = space.populate(at, end, which, progress);
      if (reply.kind == FaultReply::Kind::must_sleep) {
        co_await reply.queue->sleep();
      } else if (!reply.resolved()) {
        co_return reply.kind;
      }
    }
    co_return FaultReply::Kind::resolved;
  }
  FaultReply::Kind populate(AddressSpace& space, uint64_t at, uint64_t pages, Populate which = Populate::locked) {
    FaultReply::Kind kind = FaultReply::Kind::must_sleep;
    machine.complete([&]() -> Co<> { kind = co_await populated(space, at, at + pages * 4096, which); });
    return kind;
  }

  std::shared_ptr<FakeFile> file(const char* name, uint64_t size) {
    const uint64_t first = next_sector_;
    next_sector_ += (size + 0x10000) / 4096 * 8;
    return std::make_shared<FakeFile>(name, size, first);
  }

  // Lets transfers end.
  void settle() {
    machine.run([&] { return memory.requests_in_flight() == 0; });
  }
  void expect_sound() { EXPECT_EQ(memory.check_invariants().value_or(""), ""); }
  // After the last process has gone.
  void expect_all_given_back() {
    settle();
    expect_sound();
    EXPECT_EQ(memory.frames().anonymous, 0u);
    EXPECT_EQ(memory.frames().page_tables, 0u);
    EXPECT_EQ(memory.swap().slots_used, 0u);
    EXPECT_EQ(memory.commit_statistics().committed, 0u);
    expect_pristine_frames_of_zeros();
  }
  // Those that nobody has had yet are given out as they are.
  void expect_pristine_frames_of_zeros() {
    const uint64_t bytes = memory.page().bytes();
    std::as_const(memory.frame_allocator()).table().for_each_touched([&](uint64_t number, const Frame& frame) {
      if (frame.kind != FrameKind::free || !frame.pristine) return;
      const uint8_t* const begin = machine.memory().at(memory.page().address(Pfn(number)));
      EXPECT_TRUE(std::all_of(begin, begin + bytes, [](uint8_t byte) { return byte == 0; })) << "frame " << number;
    });
  }

 private:
  static OsConfig with_swap(const Settings& settings) {
    OsConfig config = settings.config;
    config.swap.size = settings.swap_pages * 4096;
    return config;
  }

  OsConfig config_;
  uint64_t next_sector_ = uint64_t{32} << 11;  // files in the disk's upper half

 public:
  FakeMachine machine;
  MemoryManager memory;
};

}  // namespace faultline::os::test
