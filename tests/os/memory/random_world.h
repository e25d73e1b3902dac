// Several processes that map, unmap, protect, fork, write and read at random,
// each beside its model.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "memory_model.h"
#include "tests/os/support/fake_process.h"

namespace faultline::os::test {

struct Scenario {
  const char* format;
  uint64_t frames;
  uint64_t seed;
  const char* policy;
  bool flush_on_clear = true;
  uint64_t most_processes = 6;
  uint64_t check_every = 8;
  uint64_t arena_pages = 128;
  HugePages huge = HugePages::never;
  uint64_t large_maps = 0;  // percent of the operations
};

inline std::ostream& operator<<(std::ostream& out, const Scenario& s) {
  return out << s.format << "_" << s.frames << "_" << s.policy << "_" << s.seed
             << (s.huge == HugePages::never ? "" : "_huge");
}

class World {
 public:
  explicit World(const Scenario& scenario) : scenario_(scenario), kernel_(settings(scenario)), random_(scenario.seed) {
    for (const uint64_t size : {uint64_t{20} * kPage + 100, uint64_t{7} * kPage, uint64_t{33}}) {
      ModelFile file{kernel_.file("file", size), std::make_shared<Bytes>((size + kPage - 1) / kPage * kPage)};
      for (uint64_t i = 0; i < size; ++i) (*file.bytes)[i] = static_cast<uint8_t>(random_());
      std::copy(file.bytes->begin(), file.bytes->end(), kernel_.machine.disk_bytes(file.file->sector(0)));
      files_.push_back(file);
    }
    pause_ = std::make_unique<WaitQueue>(kernel_.machine);
  }

  void run(uint64_t operations) {
    std::unique_ptr<AddressSpace> first = kernel_.new_space();
    Model model;
    // All of the arena, so that memory is short from the start.
    kernel_.map(*first, scenario_.arena_pages, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed, nullptr,
                0, kArena);
    for (uint64_t i = 0; i < scenario_.arena_pages; ++i)
      model.pages[kArena / kPage + i].protection = kProtRead | kProtWrite;
    begin_process(std::move(first), std::move(model));
    left_ = operations;
    ASSERT_TRUE(kernel_.machine.run([&] { return processes_ == 0 || testing::Test::HasFailure(); }));
    ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << scenario_.seed;
    ASSERT_EQ(processes_, 0u);
    kernel_.expect_all_given_back();
    check_files();
    for (ModelFile& file : files_) kernel_.memory.page_cache().forget(*file.file);
    kernel_.settle();
    kernel_.expect_sound();
    EXPECT_EQ(kernel_.memory.frames().file, 0u);
  }

  FakeKernel& kernel() { return kernel_; }

 private:
  static Settings settings(const Scenario& scenario) {
    Settings settings;
    settings.frames = scenario.frames;
    settings.format = scenario.format;
    settings.swap_pages = scenario.huge == HugePages::never ? 2048 : 8000;
    settings.config.vm.replacement = scenario.policy;
    settings.config.vm.flush_on_clear = scenario.flush_on_clear;
    settings.config.vm.batch = 4;
    settings.config.vm.lotsfree = 24;
    settings.config.huge.transparent = scenario.huge;
    settings.config.huge.collapse_milliseconds = 1;
    return settings;
  }

  uint64_t any(uint64_t bound) { return random_() % bound; }

  void begin_process(std::unique_ptr<AddressSpace> space, Model model) {
    ++processes_;
    kernel_.machine.start([this, space = std::shared_ptr<AddressSpace>(std::move(space)), model]() mutable -> Co<> {
      return process(std::move(space), std::move(model));
    });
  }

  Co<> process(std::shared_ptr<AddressSpace> space, Model model) {
    co_await yield();
    while (left_ > 0 && !testing::Test::HasFailure()) {
      --left_;
      const uint64_t what = any(100);
      if (what < 40) {
        co_await write(*space, model);
      } else if (what < 40 + scenario_.large_maps) {
        large(*space, model);
      } else if (what < 84) {
        co_await read(*space, model);
      } else if (what < 89) {
        map(*space, model);
      } else if (what < 90) {
        unmap(*space, model);
      } else if (what < 92) {
        protect(*space, model);
        co_await hold_locked(*space, model);
      } else if (what < 93) {
        drop(*space, model);
      } else if (what < 95) {
        move(*space, model);
        co_await hold_locked(*space, model);
      } else if (what < 96) {
        co_await sync();
      } else if (what < 98) {
        co_await fork(*space, model);
      } else if (what < 99 && processes_ > 1) {
        break;
      } else if (what == 99) {
        co_await lock(*space, model);
      }
      if (any(8) == 0) expect_locked_in_memory(*space, model);
      if (any(4) == 0) co_await yield();
      if (any(scenario_.check_every) != 0) continue;
      check();
      EXPECT_EQ(kernel_.machine.untold_bytes(space->root()), 0u);
    }
    space.reset();
    check();
    --processes_;
  }

  void check() {
    const std::string broken = kernel_.memory.check_invariants().value_or("");
    ASSERT_EQ(broken, "") << "seed " << scenario_.seed << ", " << left_ << " operations before the end";
  }

  Co<> yield() { co_await pause_->sleep_interruptibly(kernel_.machine.now() + Cycles(1)); }

  uint64_t any_address() { return kArena + any(scenario_.arena_pages * kPage); }

  Co<> write(AddressSpace& space, Model& model) {
    const uint64_t start = any_address();
    const uint64_t count = 1 + any(12);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t address = start + i * kPage;
      PhysAddr where;
      const FaultReply::Kind kind = co_await kernel_.access(space, address, Access::store, where);
      EXPECT_EQ(kind, model.expect(address, Access::store));
      if (kind != FaultReply::Kind::resolved || testing::Test::HasFailure()) co_return;
      // Beyond the file's end a page may be written, but forgets it when it leaves.
      if (model.beyond_end(address)) continue;
      const auto value = static_cast<uint8_t>(random_());
      *kernel_.machine.memory().at(where) = value;
      model.write(address, value);
    }
  }

  Co<> read(AddressSpace& space, Model& model) {
    const uint64_t address = any_address();
    PhysAddr where;
    const FaultReply::Kind kind = co_await kernel_.access(space, address, Access::load, where);
    EXPECT_EQ(kind, model.expect(address, Access::load));
    if (kind != FaultReply::Kind::resolved || testing::Test::HasFailure()) co_return;
    // The whole page, without leaving the hart.
    const uint8_t* page = kernel_.machine.memory().at(PhysAddr(where.value / kPage * kPage));
    const uint64_t base = address / kPage * kPage;
    for (uint64_t i = 0; i < kPage; ++i) {
      if (page[i] == model.read(base + i)) continue;
      ADD_FAILURE() << "byte " << std::hex << base + i << " is " << +page[i] << ", not " << +model.read(base + i);
      co_return;
    }
  }

  void map(AddressSpace& space, Model& model) {
    const uint64_t pages = 1 + any(16);
    const uint64_t first = any(scenario_.arena_pages - pages);
    const bool shared = any(2) == 0;
    const int protections[] = {0, kProtRead, kProtRead | kProtWrite, kProtRead | kProtWrite, kProtRead | kProtWrite};
    MapRequest request;
    request.hint = VirtAddr(kArena + first * kPage);
    request.length = pages * kPage;
    request.protection = protections[any(5)];
    request.flags = kMapFixed | (shared ? kMapShared : kMapPrivate);
    ModelPage page;
    page.protection = request.protection;
    page.is_private = !shared;
    uint64_t offset = 0;
    if (any(2) == 0) {
      const ModelFile& file = files_[any(files_.size())];
      offset = any(4) * kPage;
      request.file = file.file;
      request.offset = offset;
      page.shared = file.bytes;
      page.limit = file.file->size();
    } else {
      request.flags |= kMapAnonymous;
      if (shared) page.shared = std::make_shared<Bytes>(pages * kPage, uint8_t{0});
    }
    ASSERT_TRUE(space.map(request).ok());
    for (uint64_t i = 0; i < pages; ++i) {
      page.offset = offset + i * kPage;
      model.pages[kArena / kPage + first + i] = page;
    }
  }

  // A new area for large pages, not quite on their borders, or advice about them.
  void large(AddressSpace& space, Model& model) {
    const uint64_t step = kernel_.memory.format().entry_span(1) / kPage;
    const uint64_t first = any(2) == 0 ? 0 : any(scenario_.arena_pages / step) * step + any(3);
    const uint64_t pages = std::min(step * (1 + any(2)) + any(3), scenario_.arena_pages - first);
    const uint64_t start = kArena + first * kPage;
    if (any(4) == 0) {
      const int advice[] = {kMadvHugePage, kMadvNoHugePage};
      (void)space.advise(VirtAddr(start), pages * kPage, advice[any(2)]);
      return;
    }
    kernel_.map(space, pages, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0, start);
    for (uint64_t i = 0; i < pages; ++i) {
      model.pages[kArena / kPage + first + i] = {};
      model.pages[kArena / kPage + first + i].protection = kProtRead | kProtWrite;
    }
    if (scenario_.huge == HugePages::madvise) {
      ASSERT_TRUE(space.advise(VirtAddr(start), pages * kPage, kMadvHugePage).ok());
    }
  }

  void unmap(AddressSpace& space, Model& model) {
    const uint64_t pages = 1 + any(12);
    const uint64_t first = kArena / kPage + any(scenario_.arena_pages - pages);
    ASSERT_TRUE(space.unmap(VirtAddr(first * kPage), pages * kPage).ok());
    model.pages.erase(model.pages.lower_bound(first), model.pages.lower_bound(first + pages));
  }

  void protect(AddressSpace& space, Model& model) {
    const uint64_t pages = 1 + any(12);
    const uint64_t first = kArena / kPage + any(scenario_.arena_pages - pages);
    const int protections[] = {0, kProtRead, kProtRead | kProtWrite};
    const int protection = protections[any(3)];
    const Result<> done = space.protect(VirtAddr(first * kPage), pages * kPage, protection);
    bool hole = false;
    for (uint64_t i = first; i < first + pages; ++i) {
      const auto page = model.pages.find(i);
      if (page == model.pages.end()) {
        hole = true;
        break;  // as on Linux: what lies before the hole has changed
      }
      page->second.protection = protection;
    }
    ASSERT_EQ(done.ok(), !hole);
  }

  void drop(AddressSpace& space, Model& model) {
    const uint64_t pages = 1 + any(6);
    const uint64_t first = kArena / kPage + any(scenario_.arena_pages - pages);
    (void)space.advise(VirtAddr(first * kPage), pages * kPage, kMadvDontNeed);
    for (uint64_t i = first; i < first + pages; ++i) {
      const VmArea* area = space.find_area(VirtAddr(i * kPage));
      if (area && area->lock != AreaLock::none) return;  // EINVAL: nothing from here on
      const auto page = model.pages.find(i);
      if (page != model.pages.end()) page->second.own = nullptr;
    }
  }

  void move(AddressSpace& space, Model& model) {
    const uint64_t pages = 1 + any(6);
    const uint64_t from = kArena / kPage + any(scenario_.arena_pages - pages);
    const uint64_t to = kArena / kPage + any(scenario_.arena_pages - pages);
    if (from < to + pages && to < from + pages) return;
    const VmArea* area = space.find_area(VirtAddr(from * kPage));
    const bool inside = area && area->end >= (from + pages) * kPage;
    const Result<VirtAddr> moved = space.remap(VirtAddr(from * kPage), pages * kPage, pages * kPage,
                                               kMremapMayMove | kMremapFixed, VirtAddr(to * kPage));
    ASSERT_EQ(moved.ok(), inside);
    if (!inside) return;
    for (uint64_t i = 0; i < pages; ++i) {
      model.pages[to + i] = model.pages.at(from + i);
      model.pages.erase(from + i);
    }
  }

  // A few pages of each process at most: what is locked must not be all there is.
  Co<> lock(AddressSpace& space, Model& model) {
    const AreaLock ways[] = {AreaLock::none, AreaLock::whole, AreaLock::whole, AreaLock::on_fault};
    const AreaLock how = ways[any(4)];
    const uint64_t pages = how == AreaLock::none ? 1 + any(40) : 1 + any(4);
    const uint64_t first = kArena / kPage + any(scenario_.arena_pages - pages);
    space.set_limits({.locked = kMostLocked * kPage});
    (void)space.lock(VirtAddr(first * kPage), pages * kPage, how);
    co_await hold_locked(space, model);
  }

  // What the system calls do after they changed areas; as far as it goes.
  Co<> hold_locked(AddressSpace& space, Model& model) {
    for (const auto& [start, end] : locked_ranges(space)) {
      for (uint64_t at = start; at < end; at += kPage) {
        (void)co_await kernel_.populated(space, at, at + kPage, Populate::locked);
        // What may be written has been copied by now.
        const auto page = model.pages.find(at / kPage);
        if (page != model.pages.end() && space.private_pages().find(at / kPage)) page->second.copy();
      }
    }
  }

  static std::vector<std::pair<uint64_t, uint64_t>> locked_ranges(const AddressSpace& space) {
    std::vector<std::pair<uint64_t, uint64_t>> ranges;
    if (space.locked_bytes() == 0) return ranges;
    space.for_each_area([&](const VmArea& area) {
      if (area.lock != AreaLock::none) ranges.emplace_back(area.start, area.end);
    });
    return ranges;
  }

  void expect_locked_in_memory(AddressSpace& space, const Model& model) {
    for (const auto& [start, end] : locked_ranges(space)) {
      const VmArea& area = *space.find_area(VirtAddr(start));
      if (area.lock != AreaLock::whole || area.protection == 0) continue;
      for (uint64_t at = start; at < end; at += kPage) {
        if (model.expect(at, Access::load) != FaultReply::Kind::resolved) continue;
        const bool zero_page = area.anonymous() && !area.shared && !space.private_pages().find(at / kPage);
        EXPECT_TRUE(zero_page || space.in_memory(VirtAddr(at))) << std::hex << at << " is locked and gone";
      }
    }
  }

  Co<> sync() {
    FakeFile& file = *files_[any(files_.size())].file;
    for (;;) {
      Reply<> reply = kernel_.memory.page_cache().flush(file);
      if (!reply.must_sleep()) {
        EXPECT_TRUE(reply.ok());
        co_return;
      }
      co_await reply.queue().sleep();
    }
  }

  Co<> fork(AddressSpace& space, Model& model) {
    if (processes_ >= scenario_.most_processes) co_return;
    for (;;) {
      Reply<std::unique_ptr<AddressSpace>> reply = space.fork();
      if (!reply.must_sleep()) {
        // A linear table may find no run of frames.
        if (reply.ok()) begin_process(std::move(*reply), model.forked());
        co_return;
      }
      co_await reply.queue().sleep();
    }
  }

  void check_files() {
    kernel_.machine.complete([this]() -> Co<> {
      for (ModelFile& file : files_) {
        for (;;) {
          Reply<> reply = kernel_.memory.page_cache().flush(*file.file);
          if (!reply.must_sleep()) break;
          co_await reply.queue().sleep();
        }
      }
    });
    for (ModelFile& file : files_) {
      const uint8_t* disk = kernel_.machine.disk_bytes(file.file->sector(0));
      for (uint64_t i = 0; i < file.file->size(); ++i) ASSERT_EQ(disk[i], (*file.bytes)[i]) << "byte " << i;
    }
  }

  Scenario scenario_;
  FakeKernel kernel_;
  std::mt19937_64 random_;
  std::vector<ModelFile> files_;
  std::unique_ptr<WaitQueue> pause_;
  uint64_t processes_ = 0;
  uint64_t left_ = 0;
};

}  // namespace faultline::os::test
