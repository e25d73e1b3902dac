// A queue of messages with priorities (mq_overview(7)).
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "os/files/open_file.h"
#include "os/files/vfs.h"

namespace faultline::os {

class FileTable;

class PosixQueue final : public Inode {
 public:
  // Limits for users without privileges (/proc/sys/fs/mqueue), and of a priority.
  static constexpr int64_t kMessagesMost = 10, kBytesMost = 8192;
  static constexpr size_t kQueuesMost = 256;
  static constexpr uint32_t kPriorities = 32768;

  PosixQueue(const Vfs::Unnamed& place, uint32_t permissions, int64_t messages, int64_t bytes);
  ~PosixQueue() override { services_.queue_bytes -= cost(most_, bytes_most_); }

  // What a queue takes of RLIMIT_MSGQUEUE (getrlimit(2)), with 48 bytes for each of the two structures of a message.
  static uint64_t cost(int64_t messages, int64_t bytes) {
    return static_cast<uint64_t>(messages) * (static_cast<uint64_t>(bytes) + 2 * 48);
  }

  uint64_t size() const override { return kStatusBytes; }
  uint32_t poll(const OpenFile&) const override {
    return (count_ != 0 ? uint32_t{kPollIn} : 0u) | (count_ < most_ ? uint32_t{kPollOut} : 0u);
  }
  uint64_t activity(uint32_t) const override { return changes_; }

  struct Message {
    uint32_t priority = 0;
    std::vector<uint8_t> bytes;
  };
  // EAGAIN, ETIMEDOUT, a signal. True: somebody has to be told that the queue was empty.
  Co<Result<bool>> send(IoContext& io, Message message, bool waits, Cycles until);
  Co<Result<Message>> receive(IoContext& io, bool waits, Cycles until);

  int64_t most() const { return most_; }
  int64_t bytes_most() const { return bytes_most_; }
  int64_t count() const { return count_; }

  // mq_notify(3): who is told once of a message in an empty queue; pid 0: nobody.
  struct Notice {
    int32_t pid = 0;
    int signal = 0;  // 0: none is sent
    uint64_t value = 0;
    const FileTable* files = nullptr;  // of the one who asked
  };
  Notice notice;
  // Who closes any descriptor of the queue wants no notice any more (mq_close(3)).
  void descriptor_closed(const FileTable& of) {
    if (notice.files == &of) notice = {};
  }

 private:
  static constexpr uint64_t kStatusBytes = 80;  // what Linux says that its status takes
  void changed(WaitQueue& sleepers);

  TreeServices& services_;
  WaitQueue receivers_;
  WaitQueue senders_;
  const int64_t most_, bytes_most_;
  int64_t count_ = 0;
  uint64_t changes_ = 0;
  // By priority, the highest first; the oldest of each first.
  std::map<uint32_t, std::vector<Message>, std::greater<>> messages_;
};

}  // namespace faultline::os
