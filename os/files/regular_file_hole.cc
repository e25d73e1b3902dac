// Holes that are made in regular files.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "os/files/regular_file.h"
#include "os/memory/page_cache.h"

namespace faultline::os {

// Of one page.
Co<Result<>> RegularFile::zero_in_page(uint64_t begin, uint64_t end) {
  if (begin >= end) co_return Unit{};
  const PageSize page = services_.disk.page();
  for (;;) {
    Reply<Pfn> reply = services_.cache.page(*this, begin >> page.shift, Fill::read);
    if (reply.must_sleep()) {
      co_await reply.queue().sleep();
      continue;
    }
    if (reply.failed()) co_return reply.error();
    services_.cache.zero_part(*reply, begin & page.mask(), end - begin);
    services_.cache.mark_dirty(*reply);
    co_return Unit{};
  }
}

Co<Result<>> RegularFile::drop_pages(uint64_t first, uint64_t end) {
  for (;;) {
    Reply<> reply = services_.cache.punch(*this, first, end);
    if (reply.ok()) break;
    if (reply.failed()) co_return reply.error();
    co_await reply.queue().sleep();
  }
  for (auto kept = written_.begin(); kept != written_.end();) {
    const bool gone = kept->first >= first && kept->first < end;
    if (gone) services_.kept_bytes -= services_.disk.page().bytes();
    kept = gone ? written_.erase(kept) : std::next(kept);
  }
  held_.remove(first, end);
  data_.remove(first, end);
  co_return Unit{};
}

Co<Result<>> RegularFile::punch_hole(uint64_t begin, uint64_t end) {
  if (sealed(kSealWrite | kSealFutureWrite)) co_return Errno{EPERM};
  if (host_ && !host_->writes_through) co_return Errno{EOPNOTSUPP};
  co_await write_lock_.lock();
  end = std::min(end, size_);
  Result<> done = Unit{};
  if (begin < end) {
    const PageSize page = services_.disk.page();
    // The rest of the last page of the file goes with it.
    const uint64_t first = page.pages(begin);
    const uint64_t last = end == size_ ? page.pages(end) : end >> page.shift;
    if (first < last) {
      done = punch_host(first << page.shift, std::min(last << page.shift, size_));
      if (done) done = co_await drop_pages(first, last);
      if (done) done = co_await zero_in_page(begin, first << page.shift);
      if (done) done = co_await zero_in_page(last << page.shift, end);
    } else if (first == last) {
      done = co_await zero_in_page(begin, std::min(first << page.shift, end));
      if (done) done = co_await zero_in_page(first << page.shift, end);
    } else {
      done = co_await zero_in_page(begin, end);
    }
    attributes.modified = attributes.changed = services_.now();
    services_.note_change(*this);
  }
  write_lock_.unlock();
  co_return done;
}

Result<> RegularFile::punch_host(uint64_t begin, uint64_t end) {
  if (!host_) return Unit{};
  Result<int> fd = services_.descriptors.use(*host_);
  if (!fd) return fd.error();
  // What lies beyond the host's end is only in memory so far.
  end = std::min(end, host_size_);
  if (begin >= end) return Unit{};
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (::fallocate(*fd, mode, static_cast<off_t>(begin), static_cast<off_t>(end - begin)) != 0) return Errno{errno};
  return Unit{};
}

}  // namespace faultline::os
