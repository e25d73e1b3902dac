// Several processes map, unmap, protect, fork, write and read at random in too
// little memory, each beside a model that is nothing but byte arrays. Every
// byte read must be the model's, every fault the one that the model expects,
// and the invariants hold all the time.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kArena = 0x10000000;
constexpr uint64_t kArenaPages = 128;
constexpr uint64_t kPage = 4096;
constexpr uint64_t kMostLocked = 6;  // pages of one process

using Bytes = std::vector<uint8_t>;

struct ModelFile {
  std::shared_ptr<FakeFile> file;
  std::shared_ptr<Bytes> bytes;  // whole pages; beyond size() zeros that may be written
};

struct ModelPage {
  void copy() {
    if (own) return;
    own = std::make_shared<Bytes>(kPage, uint8_t{0});
    if (shared) std::copy_n(shared->begin() + static_cast<ptrdiff_t>(offset), kPage, own->begin());
  }

  int protection = 0;
  bool may_write = true;
  std::shared_ptr<Bytes> shared;       // the object that it shows, if any
  uint64_t offset = 0;                 // of the page in it
  uint64_t limit = uint64_t{1} << 40;  // bytes of the file: beyond its pages SIGBUS
  bool is_private = true;
  std::shared_ptr<Bytes> own;  // a private page once written
};

class Model {
 public:
  std::map<uint64_t, ModelPage> pages;  // by number

  FaultReply::Kind expect(uint64_t address, Access access) const {
    const auto page = pages.find(address / kPage);
    if (page == pages.end()) return FaultReply::Kind::segv_maperr;
    const ModelPage& here = page->second;
    const bool permitted = access == Access::store ? (here.protection & kProtWrite) != 0 : here.protection != 0;
    if (!permitted) return FaultReply::Kind::segv_accerr;
    if (!here.own && here.offset >= (here.limit + kPage - 1) / kPage * kPage) return FaultReply::Kind::bus_adrerr;
    return FaultReply::Kind::resolved;
  }
  uint8_t read(uint64_t address) const {
    const ModelPage& here = pages.at(address / kPage);
    if (here.own) return (*here.own)[address % kPage];
    return here.shared ? (*here.shared)[here.offset + address % kPage] : 0;
  }
  bool beyond_end(uint64_t address) const {
    const ModelPage& here = pages.at(address / kPage);
    return !here.is_private && here.offset + address % kPage >= here.limit;
  }
  void write(uint64_t address, uint8_t value) {
    ModelPage& here = pages.at(address / kPage);
    if (!here.is_private) {
      (*here.shared)[here.offset + address % kPage] = value;
      return;
    }
    here.copy();
    (*here.own)[address % kPage] = value;
  }
  Model forked() const {
    Model child = *this;
    for (auto& [number, page] : child.pages) {
      if (page.own) page.own = std::make_shared<Bytes>(*page.own);
    }
    return child;
  }
};

struct Scenario {
  const char* format;
  uint64_t frames;
  uint64_t seed;
  const char* policy;
  bool flush_on_clear = true;
  uint64_t most_processes = 6;
  uint64_t check_every = 8;
};

std::ostream& operator<<(std::ostream& out, const Scenario& s) {
  return out << s.format << "_" << s.frames << "_" << s.policy << "_" << s.seed;
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
    kernel_.map(*first, kArenaPages, kProtRead | kProtWrite, kMapPrivate | kMapAnonymous | kMapFixed, nullptr, 0,
                kArena);
    for (uint64_t i = 0; i < kArenaPages; ++i) model.pages[kArena / kPage + i].protection = kProtRead | kProtWrite;
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
    settings.swap_pages = 2048;
    settings.config.vm.replacement = scenario.policy;
    settings.config.vm.flush_on_clear = scenario.flush_on_clear;
    settings.config.vm.batch = 4;
    settings.config.vm.lotsfree = 24;
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

  uint64_t any_address() { return kArena + any(kArenaPages * kPage); }

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
    const uint64_t first = any(kArenaPages - pages);
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

  void unmap(AddressSpace& space, Model& model) {
    const uint64_t pages = 1 + any(12);
    const uint64_t first = kArena / kPage + any(kArenaPages - pages);
    ASSERT_TRUE(space.unmap(VirtAddr(first * kPage), pages * kPage).ok());
    model.pages.erase(model.pages.lower_bound(first), model.pages.lower_bound(first + pages));
  }

  void protect(AddressSpace& space, Model& model) {
    const uint64_t pages = 1 + any(12);
    const uint64_t first = kArena / kPage + any(kArenaPages - pages);
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
    const uint64_t first = kArena / kPage + any(kArenaPages - pages);
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
    const uint64_t from = kArena / kPage + any(kArenaPages - pages);
    const uint64_t to = kArena / kPage + any(kArenaPages - pages);
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
    const uint64_t first = kArena / kPage + any(kArenaPages - pages);
    space.set_limits({.locked = kMostLocked * kPage});
    (void)space.lock(VirtAddr(first * kPage), pages * kPage, how);
    co_await hold_locked(space, model);
  }

  // What the system calls do after they changed areas; as far as it goes.
  Co<> hold_locked(AddressSpace& space, Model& model) {
    if (space.locked_bytes() == 0) co_return;
    for (uint64_t at = kArena; at < kArena + kArenaPages * kPage; at += kPage) {
      (void)co_await kernel_.populated(space, at, at + kPage, Populate::locked);
      // What may be written has been copied by now.
      const auto page = model.pages.find(at / kPage);
      if (page != model.pages.end() && space.private_pages().find(at / kPage)) page->second.copy();
    }
  }

  void expect_locked_in_memory(AddressSpace& space, const Model& model) {
    for (uint64_t at = kArena; at < kArena + kArenaPages * kPage; at += kPage) {
      const VmArea* area = space.find_area(VirtAddr(at));
      if (!area || area->lock != AreaLock::whole || area->protection == 0) continue;
      if (model.expect(at, Access::load) != FaultReply::Kind::resolved) continue;
      const bool zero_page = area->anonymous() && !area->shared && !space.private_pages().find(at / kPage);
      EXPECT_TRUE(zero_page || space.in_memory(VirtAddr(at))) << std::hex << at << " is locked and gone";
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

class RandomMemory : public testing::TestWithParam<Scenario> {};

TEST_P(RandomMemory, IsTheModelToTheByte) {
  World world(GetParam());
  world.run(20'000);
  const MemoryManager& memory = world.kernel().memory;
  // Otherwise this test would test little.
  EXPECT_GT(memory.swap().outs, GetParam().frames < 1000 ? 100u : 0u);
  EXPECT_GT(memory.swap().ins, GetParam().frames < 1000 ? 100u : 0u);
  EXPECT_GT(memory.faults().cow, 10u);
  EXPECT_GT(memory.faults().cow_reuse, 0u);
}

std::vector<Scenario> scenarios() {
  std::vector<Scenario> all;
  for (uint64_t seed = 1; seed <= 6; ++seed) all.push_back({"x86-64", 130, seed, "two-handed"});
  for (uint64_t seed = 11; seed <= 14; ++seed) all.push_back({"ia32", 110, seed, "two-handed"});
  for (uint64_t seed = 21; seed <= 22; ++seed) all.push_back({"sv39", 120, seed, "one-handed"});
  all.push_back({"sv48", 130, 31, "fifo"});
  all.push_back({"sv48", 130, 32, "lru"});
  all.push_back({"linear32", 3 * 1024 + 180, 41, "two-handed", true, 3, 2000});
  // A set bit stays in the TLB when it is cleared in memory: worse choices, never wrong bytes.
  all.push_back({"x86-64", 130, 51, "two-handed", false});
  return all;
}

INSTANTIATE_TEST_SUITE_P(, RandomMemory, testing::ValuesIn(scenarios()));

}  // namespace
}  // namespace faultline::os::test
