// What the guest can see of the host, and that it is all.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "files_world.h"

namespace faultline::os::test {
namespace {

using ::testing::Test;

TEST(Namespace, SeesTheCurrentDirectoryAtItsHostPath) {
  HostDirectory host;
  host.write("hello", "hello, guest\n");
  FilesWorld world;
  world.build_in(host);
  EXPECT_EQ(world.contents("hello"), "hello, guest\n");
  EXPECT_EQ(world.contents(host.at("hello")), "hello, guest\n");
  Result<std::string> here = world.vfs.path_of(*world.here());
  ASSERT_TRUE(here.ok());
  EXPECT_EQ(*here, host.path());
}

TEST(Namespace, HidesWhatWasNotGiven) {
  HostDirectory host, other;
  other.write("secret", "do not read");
  FilesWorld world;
  world.build_in(host);
  EXPECT_EQ(world.error_of(other.at("secret")), ENOENT);
  EXPECT_EQ(world.error_of("/etc/passwd"), ENOENT);
  EXPECT_EQ(world.error_of("/root"), ENOENT);
  // The directories that lead to the current one hold nothing else.
  std::filesystem::path at = host.path();
  const std::string name = at.filename();
  at = at.parent_path();
  const auto names = world.list(at.string());
  EXPECT_NE(std::find(names.begin(), names.end(), name), names.end());
  EXPECT_EQ(std::find(names.begin(), names.end(), std::filesystem::path(other.path()).filename().string()),
            names.end());
}

TEST(Namespace, DotDotDoesNotLeave) {
  HostDirectory host;
  host.write("inside", "x");
  FilesWorld world;
  world.build_in(host);
  EXPECT_EQ(world.error_of("../../../../../../../../../../etc/passwd"), ENOENT);
  EXPECT_EQ(world.contents("/../../.." + host.at("inside")), "x");
  Result<InodePtr> root = world.vfs.find(world.here(), "/..", Vfs::Last::follow);
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->get(), world.vfs.root().get());
}

TEST(Namespace, LinksMeanPathsOfTheGuest) {
  HostDirectory host, other;
  other.write("secret", "do not read");
  host.link("/etc/passwd", "absolute");
  host.link("../../../../../../../etc/passwd", "climbing");
  host.link(other.path(), "directory");
  host.link("/", "root");
  host.link("loop", "loop");
  host.write("target", "t");
  host.link(host.at("target"), "inside");
  FilesWorld world;
  world.build_in(host);
  EXPECT_EQ(world.error_of("absolute"), ENOENT);
  EXPECT_EQ(world.error_of("climbing"), ENOENT);
  EXPECT_EQ(world.error_of("directory/secret"), ENOENT);
  EXPECT_EQ(world.error_of("root/etc/passwd"), ENOENT);
  EXPECT_EQ(world.error_of("loop"), ELOOP);
  EXPECT_EQ(world.contents("inside"), "t");
  EXPECT_EQ(world.contents("root" + host.at("target")), "t");
}

TEST(Namespace, DoesNotFollowALinkThatTheHostPutsInTheWay) {
  HostDirectory host, other;
  host.make_directory("sub");
  host.write("sub/file", "mine");
  other.write("file", "secret");
  FilesWorld world;
  world.build_in(host);
  // The guest knows the directory; then somebody puts a link in its place.
  Result<InodePtr> known = world.vfs.find(world.here(), "sub", Vfs::Last::follow);
  ASSERT_TRUE(known.ok());
  std::filesystem::remove_all(host.at("sub"));
  host.link(other.path(), "sub");
  EXPECT_NE(world.contents("sub/file"), "secret");
  EXPECT_NE(world.error_of("sub/file"), 0);
}

TEST(Namespace, DoesNotReadAFileThatTheHostPutInPlaceOfAnother) {
  HostDirectory host, other;
  host.write("file", "mine");
  other.write("secret", "secret");
  FilesWorld world;
  world.build_in(host);
  ASSERT_TRUE(world.vfs.find(world.here(), "file", Vfs::Last::follow).ok());
  // Made while the first one lives, so that it cannot get its inode number.
  other.write("another", "another");
  std::filesystem::remove(host.at("file"));
  host.link(other.at("secret"), "file");
  EXPECT_NE(world.error_of("file"), 0);
  std::filesystem::rename(other.at("another"), host.at("file"));
  EXPECT_EQ(world.error_of("file"), ESTALE);
}

TEST(Namespace, ListingsAreSorted) {
  HostDirectory host;
  for (const char* name : {"pear", "apple", "fig", "Zebra", "10", "9"}) host.write(name, "");
  FilesWorld world;
  world.build_in(host);
  ASSERT_TRUE(world.write_file("cherry", "new").ok());
  EXPECT_EQ(world.list("."), (std::vector<std::string>{"10", "9", "Zebra", "apple", "cherry", "fig", "pear"}));
}

TEST(Namespace, NumbersAndTimesAreNotTheHosts) {
  HostDirectory host;
  host.write("a", "");
  FilesWorld world;
  world.build_in(host);
  Result<InodePtr> inode = world.vfs.find(world.here(), "a", Vfs::Last::follow);
  ASSERT_TRUE(inode.ok());
  struct stat real;
  ASSERT_EQ(::stat(host.at("a").c_str(), &real), 0);
  EXPECT_LT((*inode)->number(), 1000u);
  EXPECT_EQ((*inode)->attributes.modified.seconds, 1'704'067'200);
  EXPECT_EQ((*inode)->attributes.uid, 1000u);
}

TEST(Namespace, SpecialFilesOfTheHostCannotBeOpened) {
  HostDirectory host;
  ASSERT_EQ(::mkfifo(host.at("fifo").c_str(), 0666), 0);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof(address.sun_path), "%s", host.at("socket").c_str());
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  FilesWorld world;
  world.build_in(host);
  EXPECT_EQ(world.error_of("fifo"), ENXIO);  // and does not wait for a writer
  EXPECT_NE(world.error_of("socket"), 0);
  ::close(fd);
}

TEST(Namespace, ProvidesTheModelsOwnDirectories) {
  HostDirectory host;
  FilesWorld world;
  world.build_in(host);
  EXPECT_EQ(world.list("/dev"), (std::vector<std::string>{"fd", "full", "null", "random", "shm", "stderr", "stdin",
                                                          "stdout", "tty", "urandom", "zero"}));
  EXPECT_TRUE(world.write_file("/tmp/faultline-guest-only", "in memory").ok());
  EXPECT_FALSE(std::filesystem::exists("/tmp/faultline-guest-only"));
  EXPECT_EQ(world.contents("/tmp/faultline-guest-only"), "in memory");
  EXPECT_TRUE(world.write_file("/dev/shm/x", "shared").ok());
  EXPECT_EQ(world.error_of("/dev/tty"), ENXIO);
  EXPECT_EQ(world.contents("/dev/null"), "");
  EXPECT_EQ(world.write_file("/dev/full", "x", 0).error(), Errno{ENOSPC});
  EXPECT_EQ(world.write_file("/elsewhere", "x").error(), Errno{EACCES});
}

TEST(Namespace, RootMakesADirectoryTheWholeWorld) {
  HostDirectory host;
  host.make_directory("bin");
  host.write("bin/program", "#!", 0755);
  host.link("/bin/program", "link");
  FilesWorld world;
  NamespaceConfig config;
  config.root = host.path();
  config.program = "bin/program";
  ASSERT_FALSE(world.build(config).has_value());
  EXPECT_EQ(world.vfs.program_path(), "/bin/program");
  EXPECT_EQ(world.here().get(), world.vfs.root().get());
  EXPECT_EQ(world.contents("/link"), "#!");
  EXPECT_EQ(world.error_of(host.path()), ENOENT);
  EXPECT_EQ(world.error_of("/lib/libc.so.6"), ENOENT);
}

TEST(Namespace, TheProgramsOwnFileIsThereAndNothingBesideIt) {
  HostDirectory host, other;
  other.write("program", "ELF", 0755);
  other.write("beside", "no");
  FilesWorld world;
  ASSERT_EQ(::chdir(host.path().c_str()), 0);
  NamespaceConfig config;
  config.program = "../" + std::filesystem::path(other.path()).filename().string() + "/program";
  ASSERT_FALSE(world.build(config).has_value());
  EXPECT_EQ(world.vfs.program_path(), other.at("program"));
  EXPECT_EQ(world.contents(world.vfs.program_path()), "ELF");
  EXPECT_EQ(world.error_of(other.at("beside")), ENOENT);
}

TEST(Namespace, ProgramBelowTheCurrentDirectoryIsTheSameFile) {
  HostDirectory host;
  host.write("program", "ELF", 0755);
  FilesWorld world;
  ASSERT_EQ(::chdir(host.path().c_str()), 0);
  NamespaceConfig config;
  config.program = "./program";
  ASSERT_FALSE(world.build(config).has_value());
  Result<InodePtr> by_path = world.vfs.find(world.here(), world.vfs.program_path(), Vfs::Last::follow);
  Result<InodePtr> by_name = world.vfs.find(world.here(), "program", Vfs::Last::follow);
  ASSERT_TRUE(by_path.ok() && by_name.ok());
  EXPECT_EQ(by_path->get(), by_name->get());
}

TEST(Namespace, BindsAddFilesAndDirectories) {
  HostDirectory host, other;
  other.write("data", "bound");
  other.make_directory("sub");
  other.write("sub/deep", "deep");
  FilesWorld world;
  world.build_in(host, {{other.path(), "/mnt/data", false}, {other.at("data"), "/mnt/one", false}});
  EXPECT_EQ(world.contents("/mnt/data/sub/deep"), "deep");
  EXPECT_EQ(world.contents("/mnt/one"), "bound");
  EXPECT_EQ(world.list("/mnt"), (std::vector<std::string>{"data", "one"}));
  // A mount stays where it is.
  EXPECT_EQ(world.vfs.remove(world.here(), "/mnt/one", false).error(), Errno{EACCES});
}

TEST(Namespace, SaysInOneLineWhatIsMissing) {
  HostDirectory host;
  ASSERT_EQ(::chdir(host.path().c_str()), 0);
  std::vector<std::pair<std::string, NamespaceConfig>> cases(6);
  cases[0].first = "/no/such/place";
  cases[0].second.binds = {{"/no/such/place", "/x", false}};
  cases[1].first = "/no/such/root";
  cases[1].second.root = "/no/such/root";
  cases[2].first = "no-such-program";
  cases[2].second.program = "no-such-program";
  cases[3].first = "/no/such/sysroot";
  cases[3].second.sysroot = "/no/such/sysroot";
  cases[3].second.sysroot_required = true;
  cases[4].first = "relative";
  cases[4].second.binds = {{host.path(), "relative", false}};
  cases[5].first = "/proc/x";
  cases[5].second.binds = {{host.path(), "/proc/x", false}};
  for (const auto& [part, config] : cases) {
    FilesWorld world;
    const auto wrong = world.build(config);
    ASSERT_TRUE(wrong.has_value()) << part;
    EXPECT_NE(wrong->find(part), std::string::npos) << *wrong;
    EXPECT_EQ(wrong->find('\n'), std::string::npos);
  }
}

TEST(Namespace, LongAndDamagedPathsHaveTheirErrors) {
  HostDirectory host;
  host.write("file", "");
  FilesWorld world;
  world.build_in(host);
  EXPECT_EQ(world.error_of(""), ENOENT);
  EXPECT_EQ(world.error_of(std::string(256, 'n')), ENAMETOOLONG);
  EXPECT_EQ(world.error_of(std::string(255, 'n')), ENOENT);
  EXPECT_EQ(world.error_of(std::string(4096, '/')), ENAMETOOLONG);
  EXPECT_EQ(world.error_of("file/"), ENOTDIR);
  EXPECT_EQ(world.error_of("file/more"), ENOTDIR);
  EXPECT_EQ(world.error_of(std::string_view("fi\0le", 5)), ENOENT);
}

TEST(Namespace, DeepDirectoriesDoNoHarm) {
  HostDirectory host;
  FilesWorld world;
  world.build_in(host);
  DirectoryPtr at = world.here();
  for (int depth = 0; depth < 100'000; ++depth) {
    ASSERT_TRUE(world.vfs.make_directory(at, "d", 0755).ok());
    Result<InodePtr> next = world.vfs.find(at, "d", Vfs::Last::follow);
    ASSERT_TRUE(next.ok());
    at = as_directory(*next);
  }
  EXPECT_EQ(world.vfs.path_of(*at).error(), Errno{ENAMETOOLONG});
}

TEST(Namespace, SnapshotsOfProcHaveALimit) {
  HostDirectory host;
  FilesWorld world;
  world.build_in(host);
  {
    Result<OpenFilePtr> file = world.open("/proc/filesystems");
    ASSERT_TRUE(file.ok());
    EXPECT_GT(world.vfs.snapshots()->used, 0u);
  }
  EXPECT_EQ(world.vfs.snapshots()->used, 0u);
  world.vfs.snapshots()->used = SnapshotBudget::kMost;
  EXPECT_EQ(world.error_of("/proc/filesystems"), ENOMEM);
}

}  // namespace
}  // namespace faultline::os::test
