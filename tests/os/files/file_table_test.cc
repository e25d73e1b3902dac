#include "os/files/file_table.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "files_world.h"
#include "os/files/file_locks.h"

namespace faultline::os::test {
namespace {

OpenFilePtr some_file() {
  static const Mount nowhere;
  struct Plain final : Inode {
    Plain() : Inode(nowhere, InodeType::regular, 1, {}) {}
  };
  return std::make_shared<OpenFile>(std::make_shared<Plain>(), kOpenReadOnly);
}

TEST(FileTable, GivesTheLowestFreeDescriptor) {
  FileTable table;
  EXPECT_EQ(table.add(some_file(), false, 8).value(), 0);
  EXPECT_EQ(table.add(some_file(), false, 8).value(), 1);
  EXPECT_EQ(table.add(some_file(), false, 8, 5).value(), 5);
  EXPECT_TRUE(table.close(0).ok());
  EXPECT_EQ(table.add(some_file(), false, 8).value(), 0);
  EXPECT_EQ(table.add(some_file(), false, 8).value(), 2);
}

TEST(FileTable, HasItsErrors) {
  FileTable table;
  EXPECT_EQ(table.get(0).error(), Errno{EBADF});
  EXPECT_EQ(table.get(-1).error(), Errno{EBADF});
  EXPECT_EQ(table.close(7).error(), Errno{EBADF});
  EXPECT_EQ(table.add(some_file(), false, 4, 4).error(), Errno{EINVAL});
  EXPECT_EQ(table.add(some_file(), false, 4, -1).error(), Errno{EINVAL});
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(table.add(some_file(), false, 4).ok());
  EXPECT_EQ(table.add(some_file(), false, 4).error(), Errno{EMFILE});
  EXPECT_EQ(table.place(4, some_file(), false, 4).error(), Errno{EBADF});
  EXPECT_TRUE(table.place(3, some_file(), false, 4).ok());
}

TEST(FileTable, ForkSharesAndExecCloses) {
  FileTable table;
  const OpenFilePtr file = some_file();
  ASSERT_TRUE(table.add(file, false, 8).ok());
  ASSERT_TRUE(table.add(file, true, 8).ok());
  const auto child = table.duplicate();
  child->exec();
  EXPECT_TRUE(child->get(0).ok());
  EXPECT_EQ(child->get(1).error(), Errno{EBADF});
  EXPECT_EQ(table.get(1).value().get(), file.get());
  table.close_range(0, ~0u);
  EXPECT_EQ(table.get(0).error(), Errno{EBADF});
  EXPECT_EQ(child->get(0).value().get(), file.get());
}

TEST(FileLocks, RangesConflictSplitAndGo) {
  LoopExecutor executor;
  FileLocks locks(executor);
  int a = 0, b = 0;
  locks.set({&a, 1, true, 0, 99});
  EXPECT_TRUE(locks.conflict({&b, 2, false, 50, 60}).has_value());
  EXPECT_FALSE(locks.conflict({&a, 1, true, 50, 60}).has_value());
  EXPECT_FALSE(locks.conflict({&b, 2, true, 100, 200}).has_value());
  locks.clear(&a, 40, 59);
  EXPECT_FALSE(locks.conflict({&b, 2, true, 40, 59}).has_value());
  EXPECT_EQ(locks.conflict({&b, 2, true, 30, 70})->last, 39u);
  EXPECT_TRUE(locks.conflict({&b, 2, true, 60, 60}).has_value());
  locks.set({&a, 1, false, 0, 99});
  EXPECT_FALSE(locks.conflict({&b, 2, false, 0, 99}).has_value());
  EXPECT_TRUE(locks.conflict({&b, 2, true, 0, 99}).has_value());
  locks.clear_all(&a);
  EXPECT_FALSE(locks.conflict({&b, 2, true, 0, ~uint64_t{0}}).has_value());
}

TEST(FileLocks, HaveALimit) {
  LoopExecutor executor;
  FileLocks locks(executor);
  int owner = 0;
  for (uint64_t i = 0; i < 4096; ++i) {
    ASSERT_FALSE(locks.full());
    locks.set({&owner, 1, true, 2 * i, 2 * i});
  }
  EXPECT_TRUE(locks.full());
}

TEST(FileLocks, ClosingAnyDescriptorDropsRecordLocks) {
  LoopExecutor executor;
  FileTable table;
  const OpenFilePtr file = some_file();
  ASSERT_TRUE(table.add(file, false, 8).ok());
  ASSERT_TRUE(table.add(file, false, 8).ok());
  file->inode().record_locks = std::make_unique<FileLocks>(executor);
  file->inode().record_locks->set({&table, 1, true, 0, 9});
  int other = 0;
  EXPECT_TRUE(file->inode().record_locks->conflict({&other, 2, true, 0, 9}).has_value());
  ASSERT_TRUE(table.close(1).ok());
  EXPECT_FALSE(file->inode().record_locks->conflict({&other, 2, true, 0, 9}).has_value());
}

}  // namespace
}  // namespace faultline::os::test
