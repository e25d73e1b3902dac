// Changes that stay in memory, and changes that reach the host.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "files_world.h"
#include "os/files/page_runs.h"
#include "os/files/regular_file.h"

namespace faultline::os::test {
namespace {

TEST(Overlay, WritesStayInMemory) {
  HostDirectory host;
  host.write("file", "from the host");
  FilesWorld world;
  world.build_in(host);
  ASSERT_TRUE(world.write_file("file", "FROM", 0).ok());
  EXPECT_EQ(world.contents("file"), "FROM the host");
  ASSERT_TRUE(world.write_file("new", "made").ok());
  EXPECT_FALSE(world.vfs.finish().has_value());
  EXPECT_EQ(host.read("file"), "from the host");
  EXPECT_FALSE(host.exists("new"));
  EXPECT_EQ(world.vfs.files_kept_in_memory(), 2u);
}

TEST(Overlay, ChangedPagesSurviveThePageCache) {
  HostDirectory host;
  host.write("file", std::string(20'000, 'h'));
  FilesWorld world;
  world.build_in(host);
  Result<OpenFilePtr> file = world.open("file", kOpenReadWrite);
  ASSERT_TRUE(file.ok());
  world.put(world.buffer, "guest");
  ASSERT_TRUE(world.write_at(*file, 8190, world.buffer, 5).ok());
  const bool flushed = world.run<bool>([&]() -> Co<bool> {
    for (;;) {
      Reply<> reply = world.memory.page_cache().flush((*file)->inode());
      if (!reply.must_sleep()) co_return reply.ok();
      co_await reply.queue().sleep();
    }
  });
  EXPECT_TRUE(flushed);
  EXPECT_GE(world.cpu.writes, 2u);
  world.memory.page_cache().forget((*file)->inode());
  std::string expected(20'000, 'h');
  expected.replace(8190, 5, "guest");
  EXPECT_EQ(world.contents("file"), expected);
  EXPECT_EQ(host.read("file"), std::string(20'000, 'h'));
}

// st_blocks, in pages of 8 units.
uint64_t pages_held(const Result<OpenFilePtr>& file) {
  return dynamic_cast<const RegularFile&>(file.value()->inode()).disk_sectors() / 8;
}

TEST(Overlay, HolesTakeNoRoom) {
  HostDirectory host;
  host.write("sparse", "begin");
  ASSERT_EQ(::truncate(host.at("sparse").c_str(), 1 << 20), 0);
  host.write("full", std::string(20'000, 'x'));
  FilesWorld world;
  world.build_in(host);
  Result<OpenFilePtr> sparse = world.open("sparse", kOpenReadWrite);
  EXPECT_EQ(sparse.value()->inode().size(), 1u << 20);
  EXPECT_EQ(pages_held(sparse), 1u);
  EXPECT_EQ(pages_held(world.open("full")), 5u);
  // The guest's own pages: two neighbours and one that was there.
  ASSERT_TRUE(world.write_at(sparse.value(), 8190, world.buffer, 5).ok());
  EXPECT_EQ(pages_held(sparse), 3u);
  ASSERT_TRUE(world.write_at(sparse.value(), 0, world.buffer, 5).ok());
  EXPECT_EQ(pages_held(sparse), 3u);
  // Growing makes a hole, cutting gives back, and what is cut stays a hole.
  ASSERT_TRUE(world.truncate(sparse.value(), 2 << 20).ok());
  EXPECT_EQ(pages_held(sparse), 3u);
  ASSERT_TRUE(world.truncate(sparse.value(), 5000).ok());
  EXPECT_EQ(pages_held(sparse), 2u);
  ASSERT_TRUE(world.truncate(sparse.value(), 1 << 20).ok());
  EXPECT_EQ(pages_held(sparse), 2u);
}

TEST(Overlay, NewFilesTakeRoomForWhatIsWritten) {
  HostDirectory host;
  FilesWorld world;
  world.build_in(host);
  Result<OpenFilePtr> file = world.open("new", kOpenReadWrite | kOpenCreate);
  EXPECT_EQ(pages_held(file), 0u);
  ASSERT_TRUE(world.write_at(file.value(), 1 << 30, world.buffer, 1).ok());
  EXPECT_EQ(pages_held(file), 1u);
}

// lseek(2), SEEK_DATA and SEEK_HOLE.
TEST(Overlay, KnowsWhereTheHolesAre) {
  HostDirectory host;
  host.write("sparse", "begin");
  ASSERT_EQ(::truncate(host.at("sparse").c_str(), 1 << 20), 0);
  FilesWorld world;
  world.build_in(host);
  Result<OpenFilePtr> file = world.open("sparse", kOpenReadWrite);
  ASSERT_TRUE(world.write_at(file.value(), 100'000, world.buffer, 5).ok());  // page 24
  auto& inode = dynamic_cast<RegularFile&>(file.value()->inode());
  EXPECT_EQ(inode.next_data(0), 0u);
  EXPECT_EQ(inode.next_hole(0), 4096u);
  EXPECT_EQ(inode.next_hole(5000), 5000u);
  EXPECT_EQ(inode.next_data(5000), 24u * 4096);
  EXPECT_EQ(inode.next_data(100'001), 100'001u);
  EXPECT_EQ(inode.next_hole(100'001), 25u * 4096);
  EXPECT_EQ(inode.next_data(25 * 4096), std::nullopt);
  // What is allocated and never written is a hole; what a mapping changed is none.
  inode.hold(40 * 4096, 42 * 4096);
  EXPECT_EQ(inode.next_data(25 * 4096), std::nullopt);
  inode.page_changed(41);
  EXPECT_EQ(inode.next_data(25 * 4096), 41u * 4096);
  inode.page_changed(256);  // beyond the end
  ASSERT_TRUE(world.truncate(file.value(), 41 * 4096 + 7).ok());
  EXPECT_EQ(inode.next_hole(41 * 4096), 41u * 4096 + 7);
  ASSERT_TRUE(world.truncate(file.value(), 2 << 20).ok());
  EXPECT_EQ(inode.next_hole(41 * 4096), 42u * 4096);
  EXPECT_EQ(inode.next_data(42 * 4096), std::nullopt);
}

TEST(PageRuns, MergeAndAreCut) {
  PageRuns runs;
  runs.add(10, 20);
  runs.add(30, 40);
  EXPECT_EQ(runs.count(), 20u);
  runs.add(20, 30);  // closes the gap
  EXPECT_EQ(runs.count(), 30u);
  runs.add(5, 12);
  runs.add(15, 16);
  EXPECT_EQ(runs.count(), 35u);
  runs.add(100, 100);
  EXPECT_EQ(runs.count(), 35u);
  runs.cut(38);
  EXPECT_EQ(runs.count(), 33u);
  runs.add(50, 60);
  runs.cut(5);
  EXPECT_EQ(runs.count(), 0u);
}

TEST(Overlay, RemovedNamesStayRemoved) {
  HostDirectory host;
  host.write("a", "1");
  host.write("b", "2");
  host.make_directory("empty");
  host.make_directory("full");
  host.write("full/x", "");
  FilesWorld world;
  world.build_in(host);
  EXPECT_TRUE(world.vfs.remove(world.here(), "a", false).ok());
  EXPECT_EQ(world.error_of("a"), ENOENT);
  EXPECT_TRUE(world.vfs.remove(world.here(), "empty", true).ok());
  EXPECT_EQ(world.vfs.remove(world.here(), "full", true).error(), Errno{ENOTEMPTY});
  EXPECT_EQ(world.vfs.remove(world.here(), "full", false).error(), Errno{EISDIR});
  EXPECT_EQ(world.vfs.remove(world.here(), "b", true).error(), Errno{ENOTDIR});
  EXPECT_TRUE(world.vfs.remove(world.here(), "full/x", false).ok());
  EXPECT_TRUE(world.vfs.remove(world.here(), "full", true).ok());
  EXPECT_EQ(world.list("."), (std::vector<std::string>{"b"}));
  ASSERT_TRUE(world.write_file("a", "again").ok());
  EXPECT_EQ(world.contents("a"), "again");
  EXPECT_EQ(host.read("a"), "1");
  EXPECT_TRUE(host.exists("full/x"));
  EXPECT_TRUE(host.exists("empty"));
}

TEST(Overlay, ADirectoryMadeAgainIsEmpty) {
  HostDirectory host;
  host.make_directory("sub");
  host.write("sub/old", "");
  FilesWorld world;
  world.build_in(host);
  ASSERT_TRUE(world.vfs.remove(world.here(), "sub/old", false).ok());
  ASSERT_TRUE(world.vfs.remove(world.here(), "sub", true).ok());
  ASSERT_TRUE(world.vfs.make_directory(world.here(), "sub", 0755).ok());
  EXPECT_TRUE(world.list("sub").empty());
}

TEST(Overlay, RenamesMoveHostFilesInTheGuestsEyesOnly) {
  HostDirectory host;
  host.write("from", "content");
  host.make_directory("sub");
  host.write("sub/deep", "deep");
  FilesWorld world;
  world.build_in(host);
  EXPECT_TRUE(world.vfs.rename(world.here(), "from", world.here(), "to", 0).ok());
  EXPECT_EQ(world.contents("to"), "content");
  EXPECT_EQ(world.error_of("from"), ENOENT);
  EXPECT_TRUE(world.vfs.rename(world.here(), "sub", world.here(), "moved", 0).ok());
  EXPECT_EQ(world.contents("moved/deep"), "deep");
  EXPECT_EQ(world.error_of("sub/deep"), ENOENT);
  EXPECT_EQ(world.list("."), (std::vector<std::string>{"moved", "to"}));
  EXPECT_TRUE(host.exists("from"));
  EXPECT_TRUE(host.exists("sub/deep"));
  EXPECT_FALSE(host.exists("to"));
}

TEST(Overlay, RenameHasItsErrors) {
  HostDirectory host;
  host.make_directory("dir/sub");
  host.write("file", "");
  host.write("other", "o");
  FilesWorld world;
  world.build_in(host);
  const DirectoryPtr here = world.here();
  EXPECT_EQ(world.vfs.rename(here, "dir", here, "dir/sub/x", 0).error(), Errno{EINVAL});
  EXPECT_EQ(world.vfs.rename(here, "file", here, "dir", 0).error(), Errno{EISDIR});
  EXPECT_EQ(world.vfs.rename(here, "dir", here, "file", 0).error(), Errno{ENOTDIR});
  EXPECT_EQ(world.vfs.rename(here, "dir/sub", here, "dir", 0).error(), Errno{ENOTEMPTY});
  EXPECT_EQ(world.vfs.rename(here, "missing", here, "x", 0).error(), Errno{ENOENT});
  EXPECT_EQ(world.vfs.rename(here, "file", here, "other", 1).error(), Errno{EEXIST});
  EXPECT_EQ(world.vfs.rename(here, "file", here, "/tmp/x", 0).error(), Errno{EXDEV});
  EXPECT_TRUE(world.vfs.rename(here, "file", here, "other", 2).ok());
  EXPECT_EQ(world.contents("file"), "o");
  EXPECT_EQ(world.contents("other"), "");
}

TEST(Overlay, TwoNamesOfAHostFileAreOneFile) {
  HostDirectory host;
  host.write("one", "x");
  std::filesystem::create_hard_link(host.at("one"), host.at("two"));
  FilesWorld world;
  world.build_in(host);
  ASSERT_TRUE(world.write_file("one", "changed").ok());
  EXPECT_EQ(world.contents("two"), "changed");
}

TEST(Overlay, CutBytesDoNotComeBack) {
  HostDirectory host;
  host.write("file", std::string(10'000, 'h'));
  FilesWorld world;
  world.build_in(host);
  Result<OpenFilePtr> file = world.open("file", kOpenReadWrite);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(world.truncate(*file, 5000).ok());
  ASSERT_TRUE(world.truncate(*file, 10'000).ok());
  EXPECT_EQ(world.contents("file"), std::string(5000, 'h') + std::string(5000, '\0'));
}

TEST(Overlay, ReadOnlyFilesOfTheHostAreReadOnly) {
  HostDirectory host;
  host.write("file", "x", 0444);
  FilesWorld world;
  world.build_in(host);
  EXPECT_EQ(world.write_file("file", "y", 0).error(), Errno{EACCES});
  EXPECT_EQ(world.contents("file"), "x");
}

// --- bound :rw --------------------------------------------------------------------------

class Writable : public ::testing::Test {
 protected:
  Writable() { world.build_in(empty, {{host.path(), "/rw", true}}); }
  DirectoryPtr here() { return world.here(); }

  HostDirectory empty, host;
  FilesWorld world;
};

TEST_F(Writable, ContentReachesTheHostAtTheEnd) {
  host.write("file", "0123456789");
  ASSERT_TRUE(world.write_file("/rw/file", "abc", 0).ok());
  ASSERT_TRUE(world.write_file("/rw/new", "made by the guest").ok());
  EXPECT_FALSE(world.vfs.finish().has_value());
  EXPECT_EQ(host.read("file"), "abc3456789");
  EXPECT_EQ(host.read("new"), "made by the guest");
  EXPECT_EQ(world.vfs.files_kept_in_memory(), 0u);
}

TEST_F(Writable, NamesReachTheHostAtOnce) {
  host.write("old", "content");
  ASSERT_TRUE(world.vfs.make_directory(here(), "/rw/dir", 0750).ok());
  struct stat made;
  ASSERT_EQ(::stat(host.at("dir").c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 0777, 0750u);
  ASSERT_TRUE(world.vfs.rename(here(), "/rw/old", here(), "/rw/dir/new", 0).ok());
  EXPECT_FALSE(host.exists("old"));
  EXPECT_EQ(host.read("dir/new"), "content");
  EXPECT_EQ(world.contents("/rw/dir/new"), "content");
  ASSERT_TRUE(world.vfs.make_symlink(here(), "/rw/link", "dir/new").ok());
  EXPECT_EQ(std::filesystem::read_symlink(host.at("link")), "dir/new");
  ASSERT_TRUE(world.vfs.rename(here(), "/rw/dir", here(), "/rw/folder", 0).ok());
  EXPECT_EQ(world.contents("/rw/folder/new"), "content");
  Result<InodePtr> file = world.vfs.find(here(), "/rw/folder/new", Vfs::Last::follow);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(world.vfs.link(*file, here(), "/rw/hard").ok());
  EXPECT_EQ(std::filesystem::hard_link_count(host.at("hard")), 2u);
  ASSERT_TRUE(world.vfs.remove(here(), "/rw/folder/new", false).ok());
  ASSERT_TRUE(world.vfs.remove(here(), "/rw/folder", true).ok());
  EXPECT_FALSE(host.exists("folder"));
  EXPECT_TRUE(host.exists("hard"));
}

TEST_F(Writable, SizeAndPermissionsReachTheHostAtOnce) {
  host.write("file", "0123456789");
  Result<OpenFilePtr> file = world.open("/rw/file", kOpenReadWrite);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(world.truncate(*file, 4).ok());
  EXPECT_EQ(host.read("file"), "0123");
  (*file)->inode().attributes.permissions = 04600;
  ASSERT_TRUE((*file)->inode().attributes_changed().ok());
  struct stat status;
  ASSERT_EQ(::stat(host.at("file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u) << "the guest makes no set-user-ID files on the host";
}

TEST_F(Writable, AnUnlinkedFileLivesOnUntilClosed) {
  host.write("file", std::string(9000, 'a'));
  Result<OpenFilePtr> file = world.open("/rw/file", kOpenReadWrite);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(world.vfs.remove(here(), "/rw/file", false).ok());
  EXPECT_FALSE(host.exists("file"));
  Result<uint64_t> got = world.read_at(*file, 4096, world.buffer, 10);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(world.get(world.buffer, *got), std::string(10, 'a'));
  ASSERT_TRUE(world.write_file("/rw/file", "second").ok());
  EXPECT_FALSE(world.vfs.finish().has_value());
  EXPECT_EQ(host.read("file"), "second");
}

TEST_F(Writable, LinksOfTheGuestDoNotLeadOutOfTheBind) {
  HostDirectory other;
  other.write("secret", "untouched");
  ASSERT_TRUE(world.vfs.make_symlink(here(), "/rw/out", other.path()).ok());
  EXPECT_EQ(world.write_file("/rw/out/secret", "overwritten").error(), Errno{ENOENT});
  EXPECT_EQ(world.write_file("/rw/out/new", "made").error(), Errno{ENOENT});
  EXPECT_FALSE(world.vfs.finish().has_value());
  EXPECT_EQ(other.read("secret"), "untouched");
  EXPECT_FALSE(other.exists("new"));
}

TEST_F(Writable, DoesNotWriteThroughALinkThatTheHostPutInPlaceOfAFile) {
  HostDirectory other;
  other.write("secret", "untouched");
  host.write("file", "mine");
  ASSERT_TRUE(world.vfs.find(here(), "/rw/file", Vfs::Last::follow).ok());
  std::filesystem::remove(host.at("file"));
  host.link(other.at("secret"), "file");
  EXPECT_FALSE(world.write_file("/rw/file", "overwritten", 0).ok());
  (void)world.vfs.finish();
  EXPECT_EQ(other.read("secret"), "untouched");
}

TEST_F(Writable, RefusesNodes) {
  EXPECT_EQ(world.vfs.make_node(here(), "/rw/fifo", 0010644).error(), Errno{EPERM});
  EXPECT_EQ(world.vfs.make_node(here(), "/rw/disk", 0060644).error(), Errno{EPERM});
  EXPECT_FALSE(host.exists("fifo"));
}

}  // namespace
}  // namespace faultline::os::test
