#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;

class UserCopy : public testing::Test {
 protected:
  template <class Body>
  void run(Body body) {
    kernel.machine.complete(std::move(body));
  }
  FakeKernel kernel;
  std::unique_ptr<AddressSpace> space = kernel.new_space();
  UserMemory user = kernel.memory.user_memory(*space);
};

TEST_F(UserCopy, CrossesPagesAndFaultsOnTheWay) {
  const uint64_t at = kernel.map(*space, 4) + kPage - 10;
  run([&]() -> Co<> {
    std::array<uint8_t, 2 * kPage> out;
    for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<uint8_t>(i * 13);
    const Result<> written = co_await user.write(VirtAddr(at), out);
    EXPECT_TRUE(written.ok());
    std::array<uint8_t, 2 * kPage> in{};
    const Result<> read = co_await user.read(VirtAddr(at), in);
    EXPECT_TRUE(read.ok());
    EXPECT_EQ(in, out);
    const Result<> zeroed = co_await user.zero(VirtAddr(at + 100), kPage);
    EXPECT_TRUE(zeroed.ok());
  });
  EXPECT_EQ(kernel.load(*space, at + 99), static_cast<uint8_t>(99 * 13));
  EXPECT_EQ(kernel.load(*space, at + 100), 0);
  EXPECT_EQ(kernel.load(*space, at + 100 + kPage), static_cast<uint8_t>((100 + kPage) * 13));
}

TEST_F(UserCopy, WildAddressesAreEfaultAndCountNoSignal) {
  const uint64_t read_only = kernel.map(*space, 1, kProtRead);
  run([&]() -> Co<> {
    std::array<uint8_t, 16> bytes{};
    for (const uint64_t address : {uint64_t{0}, uint64_t{8}, ~uint64_t{0} - 3, uint64_t{1} << 47, uint64_t{1} << 63,
                                   uint64_t{0xffff'8000'0000'0000}, read_only + kPage - 8}) {
      const Result<> read = co_await user.read(VirtAddr(address), bytes);
      EXPECT_FALSE(read.ok()) << address;
      const Result<> written = co_await user.write(VirtAddr(address), bytes);
      EXPECT_FALSE(written.ok()) << address;
    }
    const Result<> written = co_await user.write(VirtAddr(read_only), bytes);
    EXPECT_EQ(written.error().value, EFAULT);
  });
  EXPECT_EQ(kernel.memory.faults().protection, 0u);
}

// The kernel's copies set bits as an access of the program does; a replay must hear of it.
TEST_F(UserCopy, SetsReferencedBitsAndTellsOfThem) {
  const uint64_t at = kernel.map(*space, 1);
  kernel.store(*space, at, 1);
  const hw::Entry before = space->table().find(VirtAddr(at));
  kernel.memory.page_tables().clear_referenced(before.pfn);
  ASSERT_FALSE(space->table().find(VirtAddr(at)).referenced);
  run([&]() -> Co<> {
    const std::array<uint8_t, 4> bytes{};
    EXPECT_TRUE((co_await user.write(VirtAddr(at), bytes)).ok());
  });
  EXPECT_TRUE(space->table().find(VirtAddr(at)).referenced);
  EXPECT_EQ(kernel.machine.untold_bytes(space->root()), 0u);
}

TEST_F(UserCopy, FaultsOfTheKernelCountForTheAddressSpace) {
  const uint64_t at = kernel.map(*space, 4);
  kernel.store(*space, at, 1);
  run([&]() -> Co<> {
    const Result<> zeroed = co_await user.zero(VirtAddr(at), 3 * kPage);
    EXPECT_TRUE(zeroed.ok());
  });
  EXPECT_EQ(space->take_fault_counts().minor, 3u);
  EXPECT_EQ(space->take_fault_counts().minor, 0u);
  EXPECT_EQ(kernel.memory.faults().minor, 3u);
}

TEST_F(UserCopy, Strings) {
  const uint64_t at = kernel.map(*space, 2);
  const uint64_t start = at + kPage - 3;
  run([&]() -> Co<> {
    const std::string text = "hello, world";
    const Result<> written = co_await user.write(
        VirtAddr(start), std::span(reinterpret_cast<const uint8_t*>(text.c_str()), text.size() + 1));
    EXPECT_TRUE(written.ok());
    const Result<std::string> whole = co_await user.read_string(VirtAddr(start), 100);
    EXPECT_TRUE(whole.ok());
    EXPECT_EQ(whole.value(), text);
    const Result<std::string> cut = co_await user.read_string(VirtAddr(start), 5);
    EXPECT_EQ(cut.error().value, ENAMETOOLONG);
    const Result<> filled = co_await user.write(VirtAddr(at + 2 * kPage - 2), std::array<uint8_t, 2>{'x', 'y'});
    EXPECT_TRUE(filled.ok());
    const Result<std::string> open = co_await user.read_string(VirtAddr(at + 2 * kPage - 2), 100);
    EXPECT_EQ(open.error().value, EFAULT);
  });
}

TEST_F(UserCopy, BetweenFramesAndUsers) {
  auto file = kernel.file("a", kPage);
  std::fill_n(kernel.machine.disk_bytes(file->sector(0)), kPage, 0x21);
  const uint64_t at = kernel.map(*space, 2) + kPage - 100;
  PageCache& cache = kernel.memory.page_cache();
  run([&]() -> Co<> {
    Reply<Pfn> reply = cache.page(*file, 0, Fill::read);
    while (reply.must_sleep()) {
      co_await reply.queue().sleep();
      reply = cache.page(*file, 0, Fill::read);
    }
    const Pfn pfn = *reply;
    cache.pin(pfn);
    const Result<> out = co_await user.copy_from_frame(VirtAddr(at), pfn, 50, 300);
    EXPECT_TRUE(out.ok());
    const Result<> put = co_await user.put<uint32_t>(VirtAddr(at), 0xdeadbeef);
    EXPECT_TRUE(put.ok());
    const Result<uint32_t> got = co_await user.get<uint32_t>(VirtAddr(at));
    EXPECT_EQ(got.value(), 0xdeadbeef);
    const Result<> in = co_await user.copy_to_frame(pfn, 0, VirtAddr(at), 4);
    EXPECT_TRUE(in.ok());
    EXPECT_EQ(*kernel.machine.memory().at(PhysAddr(pfn.value * kPage)), 0xef);
    cache.unpin(pfn);
  });
  EXPECT_EQ(kernel.load(*space, at + 299), 0x21);
  EXPECT_EQ(kernel.load(*space, at + 300), 0);
  EXPECT_EQ(kernel.memory.copies().bytes, 304u);
  space.reset();
  cache.forget(*file);
}

}  // namespace
}  // namespace faultline::os::test
