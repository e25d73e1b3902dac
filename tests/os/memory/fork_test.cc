#include <gtest/gtest.h>

#include <vector>

#include "tests/os/support/fake_process.h"

namespace faultline::os::test {
namespace {

constexpr uint64_t kPage = 4096;

TEST(Fork, SharesPagesAndCopiesOnlyWhatIsWritten) {
  FakeKernel kernel;
  auto parent = kernel.new_space();
  const uint64_t at = kernel.map(*parent, 100);
  for (uint64_t i = 0; i < 100; ++i) kernel.store(*parent, at + i * kPage, static_cast<uint8_t>(i));
  const uint64_t frames = kernel.memory.frames().anonymous;
  auto child = kernel.fork(*parent);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(kernel.memory.frames().anonymous, frames);
  EXPECT_EQ(child->resident_pages(), 100u);  // tables are duplicated
  EXPECT_EQ(kernel.memory.copies().pages, 0u);
  kernel.expect_sound();

  EXPECT_EQ(kernel.store(*child, at + 5 * kPage, 200), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.load(*parent, at + 5 * kPage), 5);
  EXPECT_EQ(kernel.load(*child, at + 5 * kPage), 200);
  EXPECT_EQ(kernel.memory.copies().pages, 1u);
  // The parent is the last owner now.
  EXPECT_EQ(kernel.store(*parent, at + 5 * kPage, 201), FaultReply::Kind::resolved);
  EXPECT_EQ(kernel.memory.copies().pages, 1u);
  EXPECT_EQ(kernel.memory.faults().cow_reuse, 1u);
  EXPECT_EQ(kernel.load(*child, at + 5 * kPage), 200);

  child.reset();
  for (uint64_t i = 0; i < 100; ++i) kernel.store(*parent, at + i * kPage + 1, 1);
  EXPECT_EQ(kernel.memory.copies().pages, 1u);
  parent.reset();
  kernel.expect_all_given_back();
}

TEST(Fork, SharedAnonymousStaysShared) {
  FakeKernel kernel;
  auto parent = kernel.new_space();
  const uint64_t at = kernel.map(*parent, 4, kProtRead | kProtWrite, kMapShared | kMapAnonymous);
  kernel.store(*parent, at, 1);
  auto child = kernel.fork(*parent);
  kernel.store(*child, at, 2);
  kernel.store(*child, at + kPage, 3);  // first touched after the fork
  EXPECT_EQ(kernel.load(*parent, at), 2);
  EXPECT_EQ(kernel.load(*parent, at + kPage), 3);
  EXPECT_EQ(kernel.memory.copies().pages, 0u);
  parent.reset();
  EXPECT_EQ(kernel.load(*child, at), 2);
  child.reset();
  kernel.expect_all_given_back();
}

// A page that each generation writes, and one that none does: no generation
// may leave anything behind.
TEST(Fork, ChainOfForksLeavesNothingBehind) {
  FakeKernel kernel;
  auto space = kernel.new_space();
  const uint64_t at = kernel.map(*space, 2);
  kernel.store(*space, at, 1);
  kernel.store(*space, at + kPage, 77);
  for (int generation = 0; generation < 300; ++generation) {
    auto child = kernel.fork(*space);
    ASSERT_NE(child, nullptr);
    kernel.store(*child, at, static_cast<uint8_t>(generation));
    space = std::move(child);
    ASSERT_EQ(kernel.memory.frames().anonymous, 2u);
    ASSERT_EQ(kernel.memory.anons().live(), 2u);
  }
  EXPECT_EQ(kernel.load(*space, at + kPage), 77);
  space.reset();
  kernel.expect_all_given_back();
}

TEST(Fork, OfMoreThanHalfOfMemory) {
  Settings settings;
  settings.frames = 1024;
  FakeKernel kernel(settings);
  auto parent = kernel.new_space();
  const uint64_t pages = 700;
  const uint64_t at = kernel.map(*parent, pages);
  for (uint64_t i = 0; i < pages; ++i) kernel.store(*parent, at + i * kPage, static_cast<uint8_t>(i));
  auto child = kernel.fork(*parent);
  ASSERT_NE(child, nullptr);
  EXPECT_EQ(kernel.memory.copies().pages, 0u);
  for (uint64_t i = 0; i < pages; ++i)
    ASSERT_EQ(kernel.store(*child, at + i * kPage, static_cast<uint8_t>(i + 1)), FaultReply::Kind::resolved);
  for (uint64_t i = 0; i < pages; ++i) {
    ASSERT_EQ(kernel.load(*parent, at + i * kPage), static_cast<uint8_t>(i));
    ASSERT_EQ(kernel.load(*child, at + i * kPage), static_cast<uint8_t>(i + 1));
  }
  kernel.expect_sound();
  parent.reset();
  child.reset();
  kernel.expect_all_given_back();
}

TEST(Fork, LinearTableNeedsOneFreePiece) {
  Settings settings;
  settings.format = "linear32";
  settings.frames = 2048 + 300;
  FakeKernel kernel(settings);
  auto parent = kernel.new_space();
  ASSERT_NE(parent, nullptr);
  EXPECT_EQ(kernel.memory.page_table_statistics().bytes, 4u << 20);
  EXPECT_EQ(kernel.memory.page_table_statistics().linear_bytes, 4u << 20);
  auto child = kernel.fork(*parent);
  ASSERT_NE(child, nullptr);
  const Reply<std::unique_ptr<AddressSpace>> third = parent->fork();
  ASSERT_TRUE(third.failed());
  EXPECT_EQ(third.error().value, ENOMEM);
  child.reset();
  EXPECT_NE(kernel.fork(*parent), nullptr);
  parent.reset();
  kernel.expect_all_given_back();
}

}  // namespace
}  // namespace faultline::os::test
