// Pipes and FIFOs (pipe(7), fifo(7)).
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "os/files/inode.h"

namespace faultline::os {

struct TreeServices;

// A piece of a user buffer.
struct UserPiece {
  VirtAddr at{};
  uint64_t bytes = 0;
};

class Pipe final : public Inode {
 public:
  // Bytes that fit in a new pipe, that an unprivileged process may ask for
  // (/proc/sys/fs/pipe-max-size), and that are written in one piece (pipe(7)).
  static constexpr uint64_t kCapacity = 65536;
  static constexpr uint64_t kCapacityMost = uint64_t{1} << 20;
  static constexpr uint64_t kAtomic = 4096;

  Pipe(TreeServices& services, const Mount& mount, uint64_t number, Attributes given);
  ~Pipe() override { drop_buffer(); }

  // Of a FIFO in the name space: waits for the other end. The ends of pipe(2)
  // are both there from the beginning: use open_end.
  Co<Result<>> open(OpenFile& file, Sleeper& sleeper) override;
  void open_end(OpenFile& file);
  void close(OpenFile& file) override;

  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  // EPIPE when nobody can read any more; the caller raises SIGPIPE, also after a
  // part (IoContext::reader_gone). ENOMEM when too many pipes hold bytes.
  Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes) override;
  // Several pieces of user memory as one write. Up to kAtomic bytes of them go in
  // together or not at all.
  Co<Result<uint64_t>> write_atomically(IoContext& io, OpenFile& file, std::span<const UserPiece> pieces);
  uint32_t poll(const OpenFile& file) const override;
  uint64_t activity(uint32_t events) const override {
    return ((events & kPollIn) ? arrivals_ : 0) + ((events & kPollOut) ? departures_ : 0) + ends_;
  }

  // Nothing more goes in, and whoever has read what is there has read all
  // (shutdown(2) of a socket).
  void shut();
  bool ended() const { return shut_ || (writers_ == 0 && writers_seen_ > 0); }  // for who reads
  bool unheard() const { return shut_ || readers_ == 0; }                       // for who writes
  bool has_room() const { return room() >= kAtomic; }

  // For calls that move bytes between files. How many there are, or may be put in,
  // after the wait for the first: 0 where there will be no more. EAGAIN unless
  // `waits`, EPIPE.
  Co<Result<uint64_t>> wait_for_bytes(IoContext& io, bool waits);
  Co<Result<uint64_t>> wait_for_room(IoContext& io, bool waits);
  // The next bytes, which stay; how many. And off with those that were moved on.
  uint64_t peek(std::span<uint8_t> to) const;
  void drop(uint64_t bytes);

  uint64_t capacity() const { return capacity_; }
  // F_SETPIPE_SZ: at least so much; the capacity that it has now. EINVAL, EPERM,
  // EBUSY when more than that is in it.
  Result<uint64_t> set_capacity(uint64_t bytes);
  std::optional<uint64_t> readable_bytes(const OpenFile&) const override { return used_; }

 private:
  uint64_t room() const { return capacity_ - used_; }
  // What a write with O_DIRECT put in is a packet: a read takes no more than one,
  // and what it has no room for is lost (pipe(2)). Bytes that are no packet are
  // one run with those before them.
  struct Run {
    uint64_t bytes;
    bool packet;
  };
  void note_put(uint64_t bytes, bool packet);
  void note_taken(uint64_t bytes);
  // Puts `bytes` of them in, or with `whole` all; sleeps until that can be done.
  Co<Result<uint64_t>> put_piece(IoContext& io, OpenFile& file, std::span<const uint8_t> bytes, bool whole);
  uint64_t take(uint8_t* to, uint64_t bytes);
  void put(const uint8_t* from, uint64_t bytes);
  void put_back(const uint8_t* from, uint64_t bytes);
  void changed(WaitQueue& sleepers);
  bool have_buffer();
  void drop_buffer();

  TreeServices& services_;
  WaitQueue readers_wait_;  // for bytes, or for a writer
  WaitQueue writers_wait_;  // for room, or for a reader
  uint32_t readers_ = 0;
  uint32_t writers_ = 0;
  bool shut_ = false;
  uint64_t readers_seen_ = 0;  // opened so far: a FIFO's open waits for the next
  uint64_t writers_seen_ = 0;
  uint64_t arrivals_ = 0;  // of bytes
  uint64_t departures_ = 0;
  uint64_t ends_ = 0;  // that were opened or closed
  uint64_t capacity_ = kCapacity;
  std::vector<uint8_t> ring_;  // taken at the first write
  uint64_t first_ = 0;
  uint64_t used_ = 0;
  std::deque<Run> runs_;  // of what is in it, the oldest first; empty while there were no packets
};

}  // namespace faultline::os
