#include "os/files/pipe.h"

#include <cerrno>

#include "files_world.h"

namespace faultline::os::test {
namespace {

class PipeTest : public ::testing::Test {
 protected:
  PipeTest() {
    world.build_in(host);
    std::tie(reading, writing) = world.vfs.make_pipe(0);
  }
  // Begins a call that may sleep; `result` is set when it ends.
  struct Call {
    Strand strand;
    std::optional<IoContext> io;
    std::optional<Co<Result<uint64_t>>> life;
    uint64_t offset = 0;
    bool done() const { return life->done(); }
    Result<uint64_t>& result() { return life->result(); }
  };
  void begin_read(Call& call, VirtAddr to, uint64_t bytes) {
    call.io.emplace(world.io());
    world.executor.start(call.strand,
                         [&] { call.life.emplace(reading->inode().read(*call.io, *reading, 0, to, bytes)); });
  }
  void begin_write(Call& call, VirtAddr from, uint64_t bytes) {
    call.io.emplace(world.io());
    world.executor.start(
        call.strand, [&] { call.life.emplace(writing->inode().write(*call.io, *writing, call.offset, from, bytes)); });
  }

  HostDirectory host;
  FilesWorld world;
  OpenFilePtr reading, writing;
};

TEST_F(PipeTest, AReaderWaitsForBytes) {
  Call call;
  begin_read(call, world.buffer, 100);
  world.settle();
  EXPECT_FALSE(call.done());
  world.put(world.buffer + 1000, "hello");
  EXPECT_EQ(world.write_at(writing, 0, world.buffer + 1000, 5).value(), 5u);
  world.settle();
  ASSERT_TRUE(call.done());
  EXPECT_EQ(call.result().value(), 5u);
  EXPECT_EQ(world.get(world.buffer, 5), "hello");
}

TEST_F(PipeTest, AWriterWaitsForRoomAndLosesNothing) {
  std::string text;
  for (int i = 0; text.size() < 200'000; ++i) text += std::to_string(i) + ",";
  world.put(world.buffer, text);
  Call call;
  begin_write(call, world.buffer, text.size());
  world.settle();
  EXPECT_FALSE(call.done());
  EXPECT_EQ(reading->inode().readable_bytes(*reading), Pipe::kCapacity);
  std::string got;
  const VirtAddr to = world.buffer + 500'000;
  while (got.size() < text.size()) {
    Result<uint64_t> moved = world.read_at(reading, 0, to, 7777);
    ASSERT_TRUE(moved.ok());
    got += world.get(to, *moved);
    world.settle();
  }
  ASSERT_TRUE(call.done());
  EXPECT_EQ(call.result().value(), text.size());
  EXPECT_EQ(got, text);
}

TEST_F(PipeTest, SmallWritesAreOnePiece) {
  world.put(world.buffer, std::string(65'536, 'a'));
  ASSERT_EQ(world.write_at(writing, 0, world.buffer, 65'536 - 100).value(), 65'536u - 100);
  Call call;
  begin_write(call, world.buffer, 4096);  // does not fit: waits for all its room
  world.settle();
  EXPECT_FALSE(call.done());
  EXPECT_EQ(reading->inode().readable_bytes(*reading), 65'536u - 100);
  ASSERT_TRUE(world.read_at(reading, 0, world.buffer, 4000).ok());
  world.settle();
  EXPECT_TRUE(call.done());
}

TEST_F(PipeTest, AReaderThatGoesInTheMiddleIsTold) {
  Call call;
  begin_write(call, world.buffer, 200'000);
  world.settle();
  ASSERT_FALSE(call.done());
  reading.reset();
  world.settle();
  ASSERT_TRUE(call.done());
  EXPECT_EQ(call.result().value(), Pipe::kCapacity);
  EXPECT_TRUE(call.io->reader_gone) << "SIGPIPE is due with the part that was written";
}

TEST_F(PipeTest, NonBlockingEndsAnswerEAGAIN) {
  reading->flags |= kOpenNonBlocking;
  writing->flags |= kOpenNonBlocking;
  EXPECT_EQ(world.read_at(reading, 0, world.buffer, 1).error(), Errno{EAGAIN});
  EXPECT_EQ(world.write_at(writing, 0, world.buffer, 100'000).value(), 65'536u);
  EXPECT_EQ(world.write_at(writing, 0, world.buffer, 1).error(), Errno{EAGAIN});
}

TEST_F(PipeTest, EndsThatCloseAreNoticed) {
  world.put(world.buffer, "last");
  ASSERT_TRUE(world.write_at(writing, 0, world.buffer, 4).ok());
  EXPECT_EQ(reading->inode().poll(*reading), kPollIn);
  writing.reset();
  EXPECT_EQ(reading->inode().poll(*reading), kPollIn | kPollHangUp);
  EXPECT_EQ(world.read_at(reading, 0, world.buffer, 100).value(), 4u);
  EXPECT_EQ(world.read_at(reading, 0, world.buffer, 100).value(), 0u);
}

TEST_F(PipeTest, AWriterWithoutReadersIsToldSo) {
  world.put(world.buffer, std::string(100'000, 'x'));
  Call call;
  begin_write(call, world.buffer, 100'000);
  world.settle();
  ASSERT_FALSE(call.done());
  reading.reset();
  world.settle();
  ASSERT_TRUE(call.done());
  EXPECT_EQ(call.result().value(), 65'536u);
  EXPECT_EQ(world.write_at(writing, 0, world.buffer, 1).error(), Errno{EPIPE});
  EXPECT_TRUE(writing->inode().poll(*writing) & kPollError);
}

TEST_F(PipeTest, ANotFullPipeWithoutReadersIsWritableAndInError) {
  reading.reset();
  EXPECT_EQ(writing->inode().poll(*writing), kPollOut | kPollError);
}

TEST_F(PipeTest, ASignalEndsTheWait) {
  world.sleeper.interrupt_next = true;
  EXPECT_EQ(world.read_at(reading, 0, world.buffer, 1).error(), kInterruptedBySignal);
}

TEST_F(PipeTest, ABadBufferLosesNoBytes) {
  world.put(world.buffer, "kept");
  ASSERT_TRUE(world.write_at(writing, 0, world.buffer, 4).ok());
  const VirtAddr bad = world.buffer + FilesWorld::kBufferBytes;
  EXPECT_EQ(world.read_at(reading, 0, bad, 4).error(), Errno{EFAULT});
  EXPECT_EQ(world.read_at(reading, 0, world.buffer + 100, 4).value(), 4u);
  EXPECT_EQ(world.get(world.buffer + 100, 4), "kept");
  EXPECT_EQ(world.write_at(writing, 0, bad, 4).error(), Errno{EFAULT});
}

TEST_F(PipeTest, TheBuffersOfAllPipesHaveALimit) {
  std::vector<std::pair<OpenFilePtr, OpenFilePtr>> pipes;
  world.put(world.buffer, "x");
  for (uint64_t i = 0; i < TreeServices::kPipeBytesMost / Pipe::kCapacity; ++i) {
    pipes.push_back(world.vfs.make_pipe(0));
    ASSERT_TRUE(world.write_at(pipes.back().second, 0, world.buffer, 1).ok()) << i;
  }
  EXPECT_EQ(world.write_at(writing, 0, world.buffer, 1).error(), Errno{ENOMEM});
  pipes.pop_back();
  EXPECT_TRUE(world.write_at(writing, 0, world.buffer, 1).ok());
}

TEST_F(PipeTest, ItsCapacityCanBeChanged) {
  auto& pipe = dynamic_cast<Pipe&>(writing->inode());
  writing->flags |= kOpenNonBlocking;
  EXPECT_EQ(pipe.capacity(), 65'536u);
  EXPECT_EQ(pipe.set_capacity(5000).value(), 8192u) << "the next power of two";
  EXPECT_EQ(pipe.set_capacity(1).value(), 4096u) << "at least a page";
  EXPECT_EQ(world.write_at(writing, 0, world.buffer, 100'000).value(), 4096u);
  EXPECT_EQ(pipe.set_capacity(uint64_t{1} << 20).value(), uint64_t{1} << 20);
  EXPECT_EQ(pipe.set_capacity((uint64_t{1} << 20) + 1).error(), Errno{EPERM});
  EXPECT_EQ(pipe.set_capacity((uint64_t{1} << 31) + 1).error(), Errno{EINVAL});
  EXPECT_EQ(world.write_at(writing, 0, world.buffer, 100'000).value(), 100'000u);
  EXPECT_EQ(pipe.set_capacity(65'536).error(), Errno{EBUSY});
}

TEST_F(PipeTest, WhatIsInItSurvivesAnotherCapacity) {
  // The bytes lie across the end of the ring.
  world.put(world.buffer, std::string(60'000, '-'));
  ASSERT_TRUE(world.write_at(writing, 0, world.buffer, 60'000).ok());
  ASSERT_EQ(world.read_at(reading, 0, world.buffer, 60'000).value(), 60'000u);
  std::string text;
  for (int i = 0; text.size() < 10'000; ++i) text += std::to_string(i) + ",";
  world.put(world.buffer, text);
  ASSERT_TRUE(world.write_at(writing, 0, world.buffer, text.size()).ok());
  ASSERT_TRUE(dynamic_cast<Pipe&>(writing->inode()).set_capacity(16'384).ok());
  world.put(world.buffer, std::string(text.size(), ' '));
  EXPECT_EQ(world.read_at(reading, 0, world.buffer, 20'000).value(), text.size());
  EXPECT_EQ(world.get(world.buffer, text.size()), text);
}

TEST_F(PipeTest, AWriterThatWaitsGoesOnWithMoreRoom) {
  Call call;
  begin_write(call, world.buffer, 100'000);
  world.settle();
  ASSERT_FALSE(call.done());
  ASSERT_TRUE(dynamic_cast<Pipe&>(writing->inode()).set_capacity(131'072).ok());
  world.settle();
  EXPECT_TRUE(call.done());
}

TEST_F(PipeTest, SeveralPiecesAreOneSmallWrite) {
  auto& pipe = dynamic_cast<Pipe&>(writing->inode());
  ASSERT_EQ(world.write_at(writing, 0, world.buffer, 65'536 - 100).value(), 65'536u - 100);
  world.put(world.buffer, "first");
  world.put(world.buffer + 500, "second");
  const std::vector<UserPiece> pieces = {{world.buffer, 5}, {world.buffer + 9999, 0}, {world.buffer + 500, 100}};
  IoContext io = world.io();
  Strand strand;
  std::optional<Co<Result<uint64_t>>> life;
  world.executor.start(strand, [&] { life.emplace(pipe.write_atomically(io, *writing, pieces)); });
  world.settle();
  EXPECT_FALSE(life->done());
  EXPECT_EQ(reading->inode().readable_bytes(*reading), 65'536u - 100) << "5 bytes would fit, 105 do not";
  ASSERT_EQ(world.read_at(reading, 0, world.buffer + 20'000, 65'436).value(), 65'436u);
  world.settle();
  ASSERT_TRUE(life->done());
  EXPECT_EQ(life->result().value(), 105u);
  EXPECT_EQ(world.read_at(reading, 0, world.buffer + 20'000, 200).value(), 105u);
  EXPECT_EQ(world.get(world.buffer + 20'000, 11), "firstsecond");
}

TEST_F(PipeTest, AFifoWaitsForItsOtherEnd) {
  ASSERT_TRUE(world.vfs.make_node(world.here(), "fifo", 0010644).ok());
  EXPECT_EQ(world.open("fifo", kOpenWriteOnly | kOpenNonBlocking).error(), Errno{ENXIO});
  Strand strand;
  std::optional<Co<Result<OpenFilePtr>>> reader;
  world.executor.start(strand,
                       [&] { reader.emplace(world.vfs.open(world.here(), "fifo", kOpenReadOnly, 0, world.sleeper)); });
  EXPECT_FALSE(reader->done());
  Result<OpenFilePtr> writer = world.open("fifo", kOpenWriteOnly);
  ASSERT_TRUE(writer.ok());
  world.settle();
  ASSERT_TRUE(reader->done());
  ASSERT_TRUE(reader->result().ok());
  world.put(world.buffer, "through");
  ASSERT_TRUE(world.write_at(*writer, 0, world.buffer, 7).ok());
  EXPECT_EQ(world.read_at(*reader->result(), 0, world.buffer + 50, 7).value(), 7u);
}

}  // namespace
}  // namespace faultline::os::test
