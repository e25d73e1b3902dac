// read and write of regular files: byte for byte, and each error.
#include <unistd.h>

#include <cerrno>

#include "files_world.h"
#include "os/files/regular_file.h"

namespace faultline::os::test {
namespace {

class FileIo : public ::testing::Test {
 protected:
  FileIo() { world.build_in(host); }
  OpenFilePtr make(std::string_view name, uint32_t flags = 0) {
    Result<OpenFilePtr> file = world.open(name, kOpenReadWrite | kOpenCreate | flags);
    EXPECT_TRUE(file.ok());
    return file.ok() ? *file : nullptr;
  }

  HostDirectory host;
  FilesWorld world;
};

std::string pattern(size_t bytes, unsigned seed = 1) {
  std::string text(bytes, '\0');
  uint32_t state = seed;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

TEST_F(FileIo, WhatIsWrittenIsRead) {
  const OpenFilePtr file = make("f");
  const std::string text = pattern(100'000);
  world.put(world.buffer, text);
  Result<uint64_t> wrote = world.write_at(file, 0, world.buffer, text.size());
  ASSERT_TRUE(wrote.ok());
  EXPECT_EQ(*wrote, text.size());
  EXPECT_EQ(file->inode().size(), text.size());
  EXPECT_EQ(world.contents("f"), text);
}

TEST_F(FileIo, UnalignedPiecesFitTogether) {
  const OpenFilePtr file = make("f");
  std::string expected;
  for (int i = 0; i < 40; ++i) {
    const std::string piece = pattern(static_cast<size_t>(1 + i * 137 % 5000), static_cast<unsigned>(i));
    const VirtAddr from = world.buffer + static_cast<uint64_t>(i * 313 % 4096);
    world.put(from, piece);
    ASSERT_TRUE(world.write_at(file, expected.size(), from, piece.size()).ok());
    expected += piece;
  }
  EXPECT_EQ(world.contents("f"), expected);
}

TEST_F(FileIo, ReadsEndAtTheEnd) {
  host.write("f", "0123456789");
  Result<OpenFilePtr> file = world.open("f");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(world.read_at(*file, 6, world.buffer, 100).value(), 4u);
  EXPECT_EQ(world.read_at(*file, 10, world.buffer, 100).value(), 0u);
  EXPECT_EQ(world.read_at(*file, 1ull << 50, world.buffer, 100).value(), 0u);
}

TEST_F(FileIo, AppendGoesToTheEnd) {
  const OpenFilePtr file = make("f", kOpenAppend);
  world.put(world.buffer, "abcdef");
  ASSERT_TRUE(world.write_at(file, 0, world.buffer, 3).ok());
  ASSERT_TRUE(world.write_at(file, 0, world.buffer + 3, 3).ok());
  EXPECT_EQ(world.contents("f"), "abcdef");
}

TEST_F(FileIo, HolesAreZero) {
  const OpenFilePtr file = make("f");
  world.put(world.buffer, "x");
  ASSERT_TRUE(world.write_at(file, 20'000, world.buffer, 1).ok());
  EXPECT_EQ(world.contents("f"), std::string(20'000, '\0') + "x");
}

TEST_F(FileIo, ABadBufferMovesWhatItCan) {
  const OpenFilePtr file = make("f");
  const VirtAddr edge = world.buffer + FilesWorld::kBufferBytes;
  world.put(edge - 6000, std::string(6000, 'y'));
  Result<uint64_t> wrote = world.write_at(file, 0, edge - 6000, 10'000);
  ASSERT_TRUE(wrote.ok());
  EXPECT_EQ(*wrote, 6000u);
  EXPECT_EQ(file->inode().size(), 6000u);
  EXPECT_EQ(world.write_at(file, 0, edge, 10).error(), Errno{EFAULT});
  EXPECT_EQ(world.read_at(file, 0, edge, 10).error(), Errno{EFAULT});
  EXPECT_EQ(world.read_at(file, 0, edge - 100, 6000).value(), 100u);
  EXPECT_EQ(world.read_at(file, 0, VirtAddr(~0ull - 10), 6000).error(), Errno{EFAULT});
}

// A page that is to be overwritten whole is not read from the disk; when its
// buffer turns out bad, nothing of what the frame held before may show.
TEST_F(FileIo, AFailedOverwriteShowsNothing) {
  host.write("f", std::string(8192, 'h'));
  Result<OpenFilePtr> file = world.open("f", kOpenReadWrite);
  ASSERT_TRUE(file.ok());
  const VirtAddr edge = world.buffer + FilesWorld::kBufferBytes;
  EXPECT_EQ(world.write_at(*file, 0, edge, 4096).error(), Errno{EFAULT});
  EXPECT_EQ(world.contents("f"), std::string(8192, 'h'));
}

TEST_F(FileIo, WildSizesHaveTheirErrors) {
  const OpenFilePtr file = make("f");
  world.put(world.buffer, "x");
  EXPECT_EQ(world.write_at(file, kFileSizeMax, world.buffer, 1).error(), Errno{EFBIG});
  EXPECT_EQ(world.truncate(file, kFileSizeMax + 1).error(), Errno{EFBIG});
  EXPECT_TRUE(world.truncate(file, kFileSizeMax).ok());
  EXPECT_EQ(file->inode().size(), kFileSizeMax);
  EXPECT_TRUE(world.write_at(file, kFileSizeMax - 1, world.buffer, 1).ok());
}

TEST_F(FileIo, AFullDiskIsENOSPC) {
  const OpenFilePtr file = make("f");
  // 64 MB of disk less 4 MB of swap: room for 60 MB and no more.
  Result<> reserved = static_cast<RegularFile&>(file->inode()).reserve(0, 60ull << 20);
  ASSERT_TRUE(reserved.ok());
  world.put(world.buffer, "x");
  EXPECT_EQ(world.write_at(file, 60ull << 20, world.buffer, 1).error(), Errno{ENOSPC});
  EXPECT_TRUE(world.write_at(file, 0, world.buffer, 1).ok());
  ASSERT_TRUE(world.vfs.remove(world.here(), "f", false).ok());
}

TEST_F(FileIo, TheDiskIsGivenBackWithTheFile) {
  const uint64_t before = world.disk.free_bytes();
  {
    const OpenFilePtr file = make("f");
    ASSERT_TRUE(static_cast<RegularFile&>(file->inode()).reserve(0, 1 << 20).ok());
    EXPECT_LT(world.disk.free_bytes(), before);
    ASSERT_TRUE(world.vfs.remove(world.here(), "f", false).ok());
  }
  EXPECT_EQ(world.disk.free_bytes(), before);
}

TEST_F(FileIo, ExclusiveAndDirectoryFlags) {
  host.make_directory("d");
  host.write("f", "");
  EXPECT_EQ(world.open("f", kOpenReadWrite | kOpenCreate | kOpenExclusive).error(), Errno{EEXIST});
  EXPECT_EQ(world.open("f", kOpenDirectory).error(), Errno{ENOTDIR});
  EXPECT_EQ(world.open("d", kOpenReadWrite).error(), Errno{EISDIR});
  EXPECT_EQ(world.open("new/", kOpenReadWrite | kOpenCreate).error(), Errno{EISDIR});
  host.link("f", "l");
  EXPECT_EQ(world.open("l", kOpenNoFollow).error(), Errno{ELOOP});
  EXPECT_TRUE(world.open("l", kOpenNoFollow | kOpenPath).ok());
  host.link("made", "dangling");
  EXPECT_TRUE(world.open("dangling", kOpenReadWrite | kOpenCreate).ok());
  EXPECT_EQ(world.error_of("made"), 0);
}

TEST_F(FileIo, SharedMappingsAgreeWithReads) {
  const OpenFilePtr file = make("f");
  world.put(world.buffer, pattern(5000));
  ASSERT_TRUE(world.write_at(file, 0, world.buffer, 5000).ok());
  MapRequest request;
  request.length = 8192;
  request.protection = 3;
  request.flags = 1;  // MAP_SHARED
  request.file = file->inode_pointer();
  Result<VirtAddr> mapped = world.space->map(request);
  ASSERT_TRUE(mapped.ok());
  EXPECT_EQ(world.get(*mapped, 5000), pattern(5000));
  world.put(*mapped + 100, "through the mapping");
  std::string expected = pattern(5000);
  expected.replace(100, 19, "through the mapping");
  EXPECT_EQ(world.contents("f"), expected);
  // Bytes behind the end are not part of the file, even after it grows.
  world.put(*mapped + 5000, "behind the end");
  ASSERT_TRUE(world.truncate(file, 8192).ok());
  EXPECT_EQ(world.contents("f"), expected + std::string(8192 - 5000, '\0'));
  ASSERT_TRUE(world.space->unmap(*mapped, 8192).ok());
}

}  // namespace
}  // namespace faultline::os::test
