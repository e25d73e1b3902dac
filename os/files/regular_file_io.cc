// read and write of regular files: page by page between the page cache and the
// caller's buffer.
#include <algorithm>
#include <cerrno>

#include "os/cpu.h"
#include "os/files/open_file.h"
#include "os/files/regular_file.h"
#include "os/memory/page_cache.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

// How much can move in one piece: inside one page of the file and one page of
// the buffer, so that a piece moves whole or not at all.
uint64_t piece_length(PageSize page, uint64_t offset, VirtAddr user, uint64_t bytes) {
  const uint64_t in_file = page.bytes() - (offset & page.mask());
  const uint64_t in_buffer = page.bytes() - (user.value & page.mask());
  return std::min({bytes, in_file, in_buffer});
}

}  // namespace

Co<Result<uint64_t>> RegularFile::read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) {
  const PageSize page = services_.disk.page();
  uint64_t done = 0;
  while (done < bytes && offset + done < size_) {
    const uint64_t at = offset + done;
    Reply<Pfn> reply = io.cache.page(*this, at >> page.shift, Fill::read, file.use.get());
    if (reply.must_sleep()) {
      co_await reply.queue().sleep();
      continue;
    }
    if (reply.failed()) {
      if (done != 0) break;
      co_return reply.error();
    }
    const Pfn frame = *reply;
    const uint64_t piece = std::min(piece_length(page, at, to + done, bytes - done), size_ - at);
    io.cache.pin(frame);
    auto copied = co_await io.user.copy_from_frame(to + done, frame, at & page.mask(), piece);
    io.cache.unpin(frame);
    if (!copied) {
      if (done != 0) break;
      co_return copied.error();
    }
    done += piece;
  }
  attributes.accessed = io.now;
  co_return done;
}

// Moves one piece. The buffer's page is made present first, and no sleep lies
// between that and the copy into a frame that was not read from disk: such a
// frame holds what its last owner left, and must never be seen half filled.
Co<Result<uint64_t>> RegularFile::write_piece(IoContext& io, uint64_t offset, VirtAddr from, uint64_t bytes) {
  const PageSize page = services_.disk.page();
  const uint64_t piece = piece_length(page, offset, from, bytes);
  const uint64_t index = offset >> page.shift;
  Result<> room = reserve(offset, offset + piece);
  if (!room) co_return room.error();
  const Fill fill = piece == page.bytes() ? Fill::overwrite : Fill::read;
  for (;;) {
    uint8_t probe = 0;
    auto present = co_await io.user.read(from, std::span<uint8_t>(&probe, 1));
    if (!present) co_return present.error();
    Reply<Pfn> reply = io.cache.page(*this, index, fill);
    if (reply.must_sleep()) {
      co_await reply.queue().sleep();
      continue;
    }
    if (reply.failed()) co_return reply.error();
    const Pfn frame = *reply;
    io.cache.pin(frame);
    auto copied = co_await io.user.copy_to_frame(frame, offset & page.mask(), from, piece);
    if (copied) {
      size_ = std::max(size_, offset + piece);
      note_data(offset, offset + piece);
      io.cache.mark_dirty(frame);
    }
    io.cache.unpin(frame);
    if (!copied) co_return copied.error();
    co_return piece;
  }
}

Co<Result<uint64_t>> RegularFile::write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from,
                                        uint64_t bytes) {
  if (bytes == 0) co_return uint64_t{0};
  co_await write_lock_.lock();
  if (file.flags & kOpenAppend) offset = size_;
  const uint64_t limit = std::min(kFileSizeMax, io.file_size_limit);
  if (offset >= limit) {
    write_lock_.unlock();
    co_return Errno{EFBIG};
  }
  bytes = std::min(bytes, limit - offset);
  if (sealed(kSealWrite | kSealFutureWrite) || (sealed(kSealGrow) && offset + bytes > size_)) {
    write_lock_.unlock();
    co_return Errno{EPERM};
  }
  if (offset > size_) {
    // What a mapping left behind the end must not show in the gap.
    auto cut = co_await cut_cache(size_);
    if (!cut) {
      write_lock_.unlock();
      co_return cut.error();
    }
  }
  uint64_t done = 0;
  Result<uint64_t> outcome = uint64_t{0};
  while (done < bytes) {
    if (WaitQueue* room = io.cache.too_dirty()) {
      co_await room->sleep();
      continue;
    }
    outcome = co_await write_piece(io, offset + done, from + done, bytes - done);
    if (!outcome) break;
    done += *outcome;
  }
  if (done != 0) {
    attributes.modified = attributes.changed = io.now;
    attributes.permissions &= 01777u;  // a write takes set-user-ID away
    services_.note_change(*this);
    offset += done;
  }
  write_lock_.unlock();
  if (done == 0 && !outcome) co_return outcome.error();
  co_return done;
}

}  // namespace faultline::os
