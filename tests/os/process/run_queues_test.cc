// Several harts: who runs where. The harts have clocks and no hardware; a test
// takes their threads' steps itself.
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "os/process/scheduler.h"

namespace faultline::os {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class FakeHarts final : public Cpu {
 public:
  explicit FakeHarts(unsigned count) : clocks(count), interrupted(count) {}

  std::vector<Cycles> clocks;
  std::vector<unsigned> interrupted;  // how often
  unsigned on = 0;
  uint64_t charged = 0;

  unsigned harts() const override { return static_cast<unsigned>(clocks.size()); }
  unsigned hart() const override { return on; }
  Cycles now_on(unsigned hart) const override { return clocks[hart]; }
  void interrupt(unsigned hart) override { ++interrupted[hart]; }

  Cycles now() const override { return clocks[on]; }
  uint64_t clock_hz() const override { return 1'000'000; }
  void charge(Cycles cycles) override {
    clocks[on] += cycles;
    charged += cycles.value;
  }
  CycleAccount set_account(CycleAccount account) override { return std::exchange(account_, account); }
  void rebook(CycleAccount, CycleAccount, Cycles) override {}
  uint64_t load(PhysAddr, unsigned) override { return 0; }
  void store(PhysAddr, unsigned, uint64_t) override {}
  void zero_frame(Pfn) override {}
  void copy_frame(Pfn, Pfn) override {}
  void touch(PhysAddr, uint64_t, bool) override {}
  hw::BackingStore& memory() override { return memory_; }
  void set_address_space(PhysAddr, Asid) override {}
  void flush_page(Asid, VirtAddr) override {}
  void flush_asid(Asid) override {}
  hw::Trap run_user(hw::HartState&, Cycles) override { return {}; }
  bool idle(Cycles until) override {
    if (until == kForever) return false;
    clocks[on] = std::max(clocks[on], until);
    return true;
  }
  void deliver_interrupts() override {}

 private:
  hw::BackingStore memory_{1 << 16, PageSize{}};
  CycleAccount account_ = CycleAccount::syscall;
};

OsConfig without_costs() {
  OsConfig config;  // 1 MHz, 250 Hz: slices of 4000 cycles
  config.costs = {};
  config.costs.context_switch = config.costs.interrupt = config.costs.hart_interrupt = 0;
  return config;
}

struct HartsTest : testing::Test {
  FakeHarts cpu{4};
  OsConfig config = without_costs();
  Scheduler scheduler{cpu, config};
  std::vector<std::string> log;
  std::vector<Co<>> lives;

  Scheduler::Step step(unsigned hart) {
    cpu.on = hart;
    return scheduler.step();
  }
  // Says where it runs, each time that its turn comes.
  Co<> tell(std::string name, int times) {
    for (int i = 0; i < times; ++i) {
      log.push_back(name + " on " + std::to_string(cpu.on));
      co_await scheduler.yield();
    }
  }
  void start(Strand& strand, std::string name, int times = 3) {
    lives.push_back(scheduler.start(strand, [this, name, times] { return tell(name, times); }));
  }
};

TEST_F(HartsTest, NewStrandsGoToHartsThatAreFree) {
  Strand a, b, c, d;
  start(a, "a");
  start(b, "b");
  start(c, "c");
  start(d, "d");
  for (unsigned hart = 0; hart < 4; ++hart) step(hart);
  EXPECT_THAT(log, ElementsAre("a on 0", "b on 1", "c on 2", "d on 3"));
  EXPECT_THAT(cpu.interrupted, ElementsAre(0, 1, 1, 1)) << "the hart that started them needs no interrupt";
  EXPECT_EQ(scheduler.statistics().hart_interrupts, 3u);
}

TEST_F(HartsTest, AWokenStrandGoesWhereItRanWhenThatIsFree) {
  Strand a, b;
  WaitQueue queue(scheduler);
  start(a, "a");
  lives.push_back(scheduler.start(b, [&]() -> Co<> {
    co_await queue.sleep();
    log.push_back("b on " + std::to_string(cpu.on));
  }));
  step(1);
  step(0);
  queue.wake_one();
  EXPECT_EQ(b.hart, 1u);
  EXPECT_EQ(cpu.interrupted[1], 2u) << "at its start and at its wake";
  step(1);
  EXPECT_THAT(log, ElementsAre("a on 0", "b on 1"));
}

TEST_F(HartsTest, AHartWithoutWorkTakesFromTheLongestQueue) {
  Strand strands[8];
  // Hart 1 runs one strand and would never give it up: the others wait behind those that run.
  for (int i = 0; i < 8; ++i) start(strands[i], std::string(1, static_cast<char>('a' + i)), 1);
  EXPECT_THAT(log, IsEmpty());
  for (unsigned hart = 0; hart < 4; ++hart) step(hart);
  EXPECT_EQ(log.size(), 4u);
  for (unsigned round = 0; round < 16 && log.size() < 8; ++round) step(3);
  EXPECT_EQ(log.size(), 5u) << "hart 3 has its own second strand only: the others' harts run nobody now";
}

// While one runs, what waits behind it is taken by another hart.
TEST_F(HartsTest, AHartWithoutWorkTakesWhatWaitsBehindARunningStrand) {
  Strand a, b;
  bool looked = false;
  cpu.on = 0;
  lives.push_back(scheduler.start(a, [&]() -> Co<> {
    // It runs: what becomes runnable while all are busy waits here.
    scheduler.set_affinity(b, 0b0001);
    lives.push_back(scheduler.start(b, [&] { return tell("b", 1); }));
    scheduler.set_affinity(b, 0b1001);
    const unsigned here = std::exchange(cpu.on, 3u);
    cpu.clocks[3] = cpu.clocks[here];
    looked = true;
    scheduler.step();
    cpu.on = here;
    co_return;
  }));
  step(0);
  EXPECT_TRUE(looked);
  EXPECT_THAT(log, ElementsAre("b on 3"));
}

TEST_F(HartsTest, NobodyRunsBeforeTheMomentAtWhichHeBecameRunnable) {
  Strand a, b;
  WaitQueue queue(scheduler);
  Cycles ran{};
  lives.push_back(scheduler.start(a, [&]() -> Co<> {
    co_await queue.sleep();
    ran = cpu.now();
  }));
  step(0);
  cpu.on = 1;
  cpu.clocks[1] = Cycles(50'000);  // ahead
  queue.wake_one();
  EXPECT_EQ(a.hart, 0u);
  step(0);  // idles up to there
  step(0);
  EXPECT_EQ(ran, Cycles(50'000));
}

TEST_F(HartsTest, AffinityIsKept) {
  Strand a;
  a.harts = 0b0100;
  start(a, "a");
  for (int round = 0; round < 3; ++round) {
    for (unsigned hart = 0; hart < 4; ++hart) step(hart);
  }
  EXPECT_THAT(log, ElementsAre("a on 2", "a on 2", "a on 2"));
}

TEST_F(HartsTest, AWaitingStrandMovesWhenItMayNotStay) {
  Strand a;
  start(a, "a", 2);
  step(0);
  scheduler.set_affinity(a, 0b1000);
  for (unsigned hart = 0; hart < 4; ++hart) step(hart);
  EXPECT_THAT(log, ElementsAre("a on 0", "a on 3"));
  EXPECT_EQ(scheduler.affinity(a), 0b1000u);
}

TEST_F(HartsTest, CpuTimeOfAStrandOnAnotherHartIsByThatHartsClock) {
  Strand a;
  Cycles seen{};
  lives.push_back(scheduler.start(a, [&]() -> Co<> {
    cpu.clocks[0] += Cycles(700);
    const unsigned here = std::exchange(cpu.on, 2u);
    cpu.clocks[2] = Cycles(5);
    seen = scheduler.cpu_time(a);
    cpu.on = here;
    co_return;
  }));
  step(0);
  EXPECT_EQ(seen, Cycles(700));
}

TEST_F(HartsTest, AStrandThatRunsElsewhereIsNudged) {
  Strand a;
  lives.push_back(scheduler.start(a, [&]() -> Co<> {
    const unsigned here = std::exchange(cpu.on, 1u);
    scheduler.nudge(a);
    cpu.on = here;
    co_return;
  }));
  step(0);
  EXPECT_EQ(cpu.interrupted[0], 1u);
  cpu.on = 1;
  scheduler.nudge(a);
  EXPECT_EQ(cpu.interrupted[0], 1u) << "it does not run any more";
}

TEST(RunQueuesTest, EqualRunsAreEqual) {
  const auto run = [] {
    FakeHarts cpu(3);
    const OsConfig config = without_costs();
    Scheduler scheduler(cpu, config);
    std::string log;
    std::vector<std::unique_ptr<Strand>> strands;
    std::vector<Co<>> lives;
    for (int i = 0; i < 10; ++i) {
      Strand& strand = *strands.emplace_back(std::make_unique<Strand>());
      lives.push_back(scheduler.start(strand, [&log, &cpu, &scheduler, i]() -> Co<> {
        for (int n = 0; n < 4; ++n) {
          log += std::to_string(i) + "@" + std::to_string(cpu.on) + " ";
          cpu.clocks[cpu.on] += Cycles(static_cast<uint64_t>(100 * (i + 1)));
          co_await scheduler.yield();
        }
      }));
    }
    for (int n = 0; n < 100; ++n) {
      cpu.on = static_cast<unsigned>(n % 3);
      scheduler.step();
    }
    return log;
  };
  const std::string once = run();
  EXPECT_EQ(once, run());
  EXPECT_NE(once.find("@2"), std::string::npos);
}

}  // namespace
}  // namespace faultline::os
