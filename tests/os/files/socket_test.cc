#include "os/files/socket.h"

#include <cerrno>

#include "files_world.h"

namespace faultline::os::test {
namespace {

class SocketTest : public ::testing::Test {
 protected:
  SocketTest() { world.build_in(host); }

  struct Pair {
    OpenFilePtr one, other;
  };
  Pair make_pair(SocketKind kind) {
    const auto one = world.vfs.new_socket(kFamilyLocal, kind), other = world.vfs.new_socket(kFamilyLocal, kind);
    Socket::join(one, other, {});
    return {Vfs::open_socket(one, kOpenNonBlocking), Vfs::open_socket(other, kOpenNonBlocking)};
  }
  static Socket& socket_of(const OpenFilePtr& file) { return static_cast<Socket&>(file->inode()); }

  // A byte with a file beside it.
  Result<uint64_t> send_file(const OpenFilePtr& from, const OpenFilePtr& file) {
    const UserPiece piece{world.buffer, 1};
    IoContext io = world.io();
    Socket::Outgoing message{.pieces = {&piece, 1}, .sender = {}, .waits = false};
    if (file) message.files.push_back(file);
    return world.run<Result<uint64_t>>([&] { return socket_of(from).send(io, message); });
  }

  HostDirectory host;
  FilesWorld world;
};

TEST_F(SocketTest, AMessageKeepsItsFileOpenUntilItIsReceived) {
  const Pair pair = make_pair(SocketKind::stream);
  auto [reading, writing] = world.vfs.make_pipe(kOpenNonBlocking);
  ASSERT_TRUE(send_file(pair.one, writing).ok());
  writing.reset();
  EXPECT_EQ(world.read_at(reading, 0, world.buffer, 1).error(), Errno{EAGAIN}) << "there is still a writer";
  {
    const UserPiece piece{world.buffer, 1};
    IoContext io = world.io();
    Socket::Incoming message{.pieces = {&piece, 1}, .waits = false};
    const auto got = world.run<Result<uint64_t>>([&] { return socket_of(pair.other).receive(io, message); });
    EXPECT_EQ(got.value(), 1u);
    ASSERT_EQ(message.files.size(), 1u);
    EXPECT_EQ(world.vfs.socket_names().files_under_way, 0u);
  }
  EXPECT_EQ(world.read_at(reading, 0, world.buffer, 1).value(), 0u) << "the last one is gone";
}

// Each socket holds the next one's end: with the first all of them go.
TEST_F(SocketTest, ALongChainOfSocketsInSocketsComesApart) {
  constexpr unsigned kLong = 4000;
  OpenFilePtr last;
  for (unsigned i = 0; i < kLong; ++i) {
    const Pair pair = make_pair(SocketKind::datagrams);
    ASSERT_TRUE(send_file(pair.one, last).ok()) << i;
    last = pair.other;
  }
  EXPECT_EQ(world.vfs.socket_names().files_under_way, kLong - 1);
  last.reset();
  EXPECT_EQ(world.vfs.socket_names().files_under_way, 0u);
}

TEST_F(SocketTest, ASocketUnderWayToItselfGoesWithTheRun) {
  {
    const Pair pair = make_pair(SocketKind::stream);
    ASSERT_TRUE(send_file(pair.one, pair.other).ok());
  }
  EXPECT_EQ(world.vfs.socket_names().files_under_way, 1u);
  world.vfs.socket_names().drop_everything();
  EXPECT_EQ(world.vfs.socket_names().files_under_way, 0u);
}

TEST_F(SocketTest, NamesThatAreFreeAgain) {
  SocketNames& names = world.vfs.socket_names();
  const SocketName name{kFamilyLocal, std::string("\0abc", 4)};
  auto first = world.vfs.new_socket(kFamilyLocal, SocketKind::stream);
  auto second = world.vfs.new_socket(kFamilyLocal, SocketKind::stream);
  ASSERT_TRUE(names.take(first, name).ok());
  first->set_name(name);
  EXPECT_EQ(names.take(second, name).error(), Errno{EADDRINUSE});
  EXPECT_EQ(names.find(SocketKind::stream, name), first);
  EXPECT_EQ(names.find(SocketKind::datagrams, name), nullptr);
  Vfs::open_socket(first, 0).reset();  // closes it
  EXPECT_TRUE(names.take(second, name).ok());
}

TEST_F(SocketTest, PortsOfAllAddressesMeetThoseOfOne) {
  SocketNames& names = world.vfs.socket_names();
  InternetPlace any{.port = 4000}, loopback{.port = 4000};
  any.address = loopback.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0};
  loopback.address[12] = 127, loopback.address[15] = 1;
  auto first = world.vfs.new_socket(kFamilyInternet, SocketKind::datagrams);
  auto second = world.vfs.new_socket(kFamilyInternet, SocketKind::datagrams);
  ASSERT_TRUE(names.take(first, any.name(kFamilyInternet)).ok());
  EXPECT_EQ(names.take(second, loopback.name(kFamilyInternet)).error(), Errno{EADDRINUSE});
  EXPECT_EQ(names.find(SocketKind::datagrams, loopback.name(kFamilyInternet)), first);
  EXPECT_EQ(names.find(SocketKind::stream, loopback.name(kFamilyInternet)), nullptr);
}

}  // namespace
}  // namespace faultline::os::test
