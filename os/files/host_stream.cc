#include "os/files/host_stream.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "os/files/open_file.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

constexpr uint64_t kPiece = 4096;

// Bytes read, 0 at the end. EINTR only when the host wants the run to stop.
Result<uint64_t> read_host(int fd, uint8_t* to, uint64_t bytes, const std::atomic<bool>* stop) {
  for (;;) {
    const ssize_t got = ::read(fd, to, bytes);
    if (got >= 0) return static_cast<uint64_t>(got);
    if (errno == EINTR && stop && stop->load()) return Errno{EINTR};
    if (errno != EINTR) return Errno{errno == EISDIR || errno == EBADF ? errno : EIO};
  }
}

Result<> write_host(int fd, const uint8_t* from, uint64_t bytes, const std::atomic<bool>* stop) {
  uint64_t done = 0;
  while (done < bytes) {
    const ssize_t put = ::write(fd, from + done, bytes - done);
    if (put > 0) {
      done += static_cast<uint64_t>(put);
    } else if (errno == EINTR || errno == EAGAIN) {
      if (stop && stop->load()) return Errno{EINTR};
    } else {
      return Errno{errno == EPIPE || errno == ENOSPC || errno == EFBIG || errno == EBADF ? errno : EIO};
    }
  }
  return Unit{};
}

}  // namespace

HostStream::HostStream(const Mount& mount, uint64_t number, Attributes given, int input, int output, bool terminal,
                       const std::atomic<bool>* stop)
    : Inode(mount, terminal ? InodeType::character : InodeType::fifo, number, given),
      input_(input),
      output_(output),
      terminal_(terminal),
      stop_(stop) {}

Co<Result<uint64_t>> HostStream::read(IoContext& io, OpenFile&, uint64_t, VirtAddr to, uint64_t bytes) {
  uint64_t done = 0;
  std::array<uint8_t, kPiece> piece;
  while (done < bytes) {
    // The buffer first, up to the end of its page: input read into a buffer
    // that is not there would be lost.
    const VirtAddr at = to + done;
    const uint64_t wanted = std::min(bytes - done, kPiece - at.value % kPiece);
    auto present = co_await io.user.zero(at, 1);
    if (!present) {
      if (done != 0) break;
      co_return present.error();
    }
    Result<uint64_t> got = read_host(input_, piece.data(), wanted, stop_);
    if (!got) {
      if (done != 0) break;
      co_return got.error();
    }
    if (*got == 0) break;
    auto copied = co_await io.user.write(at, std::span<const uint8_t>(piece.data(), *got));
    if (!copied) {
      if (done != 0) break;
      co_return copied.error();
    }
    done += *got;
    if (terminal_ && *got < wanted) break;
  }
  co_return done;
}

Co<Result<uint64_t>> HostStream::write(IoContext& io, OpenFile&, uint64_t&, VirtAddr from, uint64_t bytes) {
  uint64_t done = 0;
  std::array<uint8_t, kPiece> piece;
  while (done < bytes) {
    const VirtAddr at = from + done;
    const uint64_t wanted = std::min(bytes - done, kPiece - at.value % kPiece);
    auto copied = co_await io.user.read(at, std::span<uint8_t>(piece.data(), wanted));
    Result<> put = copied ? write_host(output_, piece.data(), wanted, stop_) : Result<>(copied.error());
    if (!put) {
      io.reader_gone = put.error() == Errno{EPIPE};
      if (done != 0) break;
      co_return put.error();
    }
    done += wanted;
  }
  co_return done;
}

}  // namespace faultline::os
