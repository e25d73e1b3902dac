// Sockets between the guest's own processes: local ones (unix(7)), and those of the
// internet's families on the loopback (tcp(7), udp(7)). What is sent lies in the queue
// of the socket that it was sent to until it is received.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "os/files/open_file.h"
#include "os/files/pipe.h"
#include "os/files/socket_name.h"

namespace faultline::os {

struct TreeServices;

// socket(7). Those without a comment are kept and told, without effect.
struct SocketOptions {
  uint64_t receive_timeout = 0;  // nanoseconds; 0: none
  uint64_t send_timeout = 0;
  bool pass_credentials = false;  // messages say who sent them
  bool reuse_address = false;     // bind(2) may take a place that others have
  bool reuse_port = false;
  bool broadcast = false;
  bool keep_alive = false;
  bool out_of_band_inline = false;
  bool no_delay = false;
  bool timestamps = false;
  int32_t linger = -1;  // seconds; -1: off
  int32_t priority = 0;
  int32_t mark_low = 1;
  uint32_t send_buffer = 212'992;  // net.core.wmem_default
  uint32_t receive_buffer = 212'992;
};

class Socket final : public Inode {
 public:
  static constexpr uint64_t kBuffer = 212'992;           // bytes that a queue takes
  static constexpr uint64_t kOverhead = 512;             // what a message takes beside its bytes
  static constexpr size_t kDatagramsMost = 10;           // net.unix.max_dgram_qlen
  static constexpr uint32_t kReading = 1, kWriting = 2;  // shutdown(2), as bits

  Socket(TreeServices& services, const Mount& mount, uint64_t number, Attributes given, uint16_t family,
         SocketKind kind);
  ~Socket() override { drop_queue(); }

  void close(OpenFile& file) override;
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes) override;
  uint32_t poll(const OpenFile& file) const override;
  uint64_t activity(uint32_t events) const override;
  std::optional<uint64_t> readable_bytes(const OpenFile& file) const override;

  // --- what it is ---------------------------------------------------------------
  uint16_t family() const { return family_; }
  SocketKind kind() const { return kind_; }
  bool connects() const { return kind_ != SocketKind::datagrams; }  // before anything can be sent
  bool listening() const { return listening_; }
  bool connected() const { return connected_; }
  const SocketName& own_name() const { return name_; }
  void set_name(SocketName name) { name_ = std::move(name); }
  const SocketName& peer_name() const { return peer_name_; }
  const SocketCredentials& peer_credentials() const { return peer_credentials_; }
  SocketOptions options;
  int take_error() { return std::exchange(error_, 0); }

  // --- connections ----------------------------------------------------------------
  static void join(const std::shared_ptr<Socket>& a, const std::shared_ptr<Socket>& b, SocketCredentials who);
  void listen(uint32_t backlog, SocketCredentials who);
  // To one that listens: ECONNREFUSED, EAGAIN.
  Co<Result<>> connect(IoContext& io, std::shared_ptr<Socket> to, bool waits, SocketCredentials who);
  // Of datagrams: whom they go to, and come from; null: whomever.
  Result<> point_at(const std::shared_ptr<Socket>& to, SocketName name);
  Co<Result<std::shared_ptr<Socket>>> accept(IoContext& io, bool waits);
  void shut(uint32_t directions);

  // --- messages ---------------------------------------------------------------------
  struct Outgoing {
    std::span<const UserPiece> pieces;
    SocketCredentials sender;
    std::vector<OpenFilePtr> files{};
    std::shared_ptr<Socket> to{};  // of a datagram that names its receiver
    bool waits = true;
  };
  // EPIPE sets IoContext::reader_gone. What it takes of `message.files` is gone from it.
  Co<Result<uint64_t>> send(IoContext& io, Outgoing& message);

  struct Incoming {
    std::span<const UserPiece> pieces;
    bool waits = true;
    bool stays = false;  // MSG_PEEK
    bool all = false;    // MSG_WAITALL
    // What came with the bytes.
    SocketName from{};
    SocketCredentials sender{};
    std::vector<OpenFilePtr> files{};
    uint64_t whole = 0;  // bytes of the datagram
  };
  Co<Result<uint64_t>> receive(IoContext& io, Incoming& message);

  // Without a receiver: for the end of the run.
  void drop_queue();

 private:
  struct Message {
    std::vector<uint8_t> bytes;
    size_t taken = 0;  // of a stream's
    SocketName from{};
    SocketCredentials sender{};
    std::vector<OpenFilePtr> files{};
    uint64_t left() const { return bytes.size() - taken; }
  };

  void changed(WaitQueue& sleepers);
  Co<Result<>> wait(IoContext& io, WaitQueue& queue, bool waits, uint64_t timeout);
  uint64_t room() const { return queued_ < kBuffer ? kBuffer - queued_ : 0; }
  bool ended() const { return (shut_ & kReading) != 0; }
  void end(bool reset);
  bool enough_memory(uint64_t bytes) const;
  void enqueue(Message message);
  void append(std::span<const uint8_t> bytes, const SocketCredentials& sender, std::vector<OpenFilePtr>& files);
  void take_front();
  void fill(const Message& message, Incoming& to);
  Result<> may_send(IoContext& io) const;
  Co<Result<>> wait_for_message(IoContext& io, bool waits);
  Co<Result<uint64_t>> send_stream(IoContext& io, Outgoing& message);
  Co<Result<uint64_t>> send_packet(IoContext& io, Outgoing& message);
  Result<std::shared_ptr<Socket>> receiver(IoContext& io, const Outgoing& message);
  Co<Result<uint64_t>> receive_stream(IoContext& io, Incoming& message);
  Co<Result<uint64_t>> look_at_stream(IoContext& io, Incoming& message);
  Co<Result<uint64_t>> receive_packet(IoContext& io, Incoming& message);

  TreeServices& services_;
  const uint16_t family_;
  const SocketKind kind_;
  WaitQueue arrivals_wait_;  // for messages and connections
  WaitQueue room_wait_;      // for room in its queue or backlog
  SocketName name_, peer_name_;
  std::weak_ptr<Socket> peer_;
  SocketCredentials peer_credentials_, own_credentials_;
  bool connected_ = false;
  bool listening_ = false;
  bool closed_ = false;
  uint32_t shut_ = 0;
  int error_ = 0;  // of the connection, told once
  uint32_t backlog_most_ = 0;
  std::deque<std::shared_ptr<Socket>> backlog_;  // connected, not yet accepted
  std::deque<Message> queue_;
  uint64_t queued_ = 0;  // bytes, with what messages take beside them
  uint64_t readable_ = 0;
  uint64_t arrivals_ = 0, departures_ = 0, ends_ = 0;
};

// A name in a directory that a socket was bound to, or that mknod(2) made.
class SocketNode final : public Inode {
 public:
  SocketNode(const Mount& mount, uint64_t number, Attributes given) : Inode(mount, InodeType::socket, number, given) {}

  Co<Result<>> open(OpenFile&, Sleeper&) override { co_return Errno{ENXIO}; }
  uint32_t poll(const OpenFile&) const override { return 0; }

  std::weak_ptr<Socket> socket;
};

}  // namespace faultline::os
