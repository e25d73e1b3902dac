#include "os/files/regular_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "os/files/open_file.h"
#include "os/memory/page_cache.h"

namespace faultline::os {

namespace {

// Pages of a run are reserved at once up to this many bytes, so that a file of
// ordinary size lies in one piece.
constexpr uint64_t kExtentBytes = uint64_t{64} << 20;

}  // namespace

RegularFile::RegularFile(TreeServices& services, const Mount& mount, uint64_t number, Attributes given)
    : Inode(mount, InodeType::regular, number, given), services_(services), write_lock_(services.executor) {}

RegularFile::RegularFile(TreeServices& services, const Mount& mount, uint64_t number, Attributes given,
                         HostNodePtr node, uint64_t size)
    : RegularFile(services, mount, number, given) {
  host_ = std::make_unique<HostFile>();
  host_->node = std::move(node);
  host_->writes_through = mount.writes_through;
  size_ = host_size_ = std::min(size, kFileSizeMax);
}

RegularFile::~RegularFile() {
  services_.cache.forget(*this);
  services_.disk.release(extents_);
  services_.kept_bytes -= written_.size() << services_.disk.page().shift;
  if (!host_) return;
  services_.descriptors.forget(*host_);
  const auto known = services_.host_files.find({host_->node->identity(), host_->writes_through});
  if (known != services_.host_files.end() && known->second.expired()) services_.host_files.erase(known);
}

// --- places on the disk ---------------------------------------------------------

const DiskContent::Extent* RegularFile::extent_of(uint64_t page) const {
  auto it = std::upper_bound(extents_.begin(), extents_.end(), page,
                             [](uint64_t p, const DiskContent::Extent& e) { return p < e.first_page; });
  if (it == extents_.begin()) return nullptr;
  --it;
  return page - it->first_page < it->pages ? &*it : nullptr;
}

// A file that grows gets runs that double, a file whose size is known one run.
const DiskContent::Extent* RegularFile::allocate(uint64_t page) {
  const PageSize size = services_.disk.page();
  const uint64_t most = std::max<uint64_t>(kExtentBytes >> size.shift, 1);
  auto next = std::upper_bound(extents_.begin(), extents_.end(), page,
                               [](uint64_t p, const DiskContent::Extent& e) { return p < e.first_page; });
  const uint64_t to_end = size.pages(size_) > page ? size.pages(size_) - page : 0;
  const uint64_t before = next == extents_.begin() ? 0 : std::prev(next)->pages;
  uint64_t pages = std::clamp<uint64_t>(std::max(to_end, before), 1, most);
  if (next != extents_.end()) pages = std::min(pages, next->first_page - page);
  const auto extent = services_.disk.allocate(*this, page, pages);
  if (!extent) return nullptr;
  return &*extents_.insert(next, *extent);
}

uint64_t RegularFile::sector(uint64_t page_index) {
  const DiskContent::Extent* extent = extent_of(page_index);
  if (!extent) extent = allocate(page_index);
  if (!extent) return kNoSector;
  return services_.disk.sector_of(extent->first_block + (page_index - extent->first_page));
}

Result<> RegularFile::reserve(uint64_t begin, uint64_t end) {
  const PageSize page = services_.disk.page();
  uint64_t index = begin >> page.shift;
  const uint64_t end_index = page.pages(end);
  if (services_.full() && !(host_ && host_->writes_through)) return Errno{ENOSPC};
  while (index < end_index) {
    const DiskContent::Extent* extent = extent_of(index);
    if (!extent) extent = allocate(index);
    if (!extent) return Errno{ENOSPC};
    index = extent->first_page + extent->pages;
  }
  return Unit{};
}

void RegularFile::hold(uint64_t begin, uint64_t end) {
  const PageSize page = services_.disk.page();
  held_.add(begin >> page.shift, page.pages(end));
}

void RegularFile::note_data(uint64_t begin, uint64_t end) {
  const PageSize page = services_.disk.page();
  hold(begin, end);
  data_.add(begin >> page.shift, page.pages(end));
}

// A page beyond the end is the mapping's alone.
void RegularFile::page_changed(uint64_t page_index) {
  const unsigned shift = services_.disk.page().shift;
  if (page_index << shift < size_) note_data(page_index << shift, (page_index + 1) << shift);
}

void RegularFile::stored_through_mapping() {
  attributes.modified = attributes.changed = services_.now();
  services_.note_change(*this);
}

// What lseek(2) says are data, and not st_blocks: that one changes by itself
// when the host gets round to writing.
void RegularFile::find_host_data() const {
  if (!host_ || host_data_known_) return;
  host_data_known_ = true;
  const PageSize page = services_.disk.page();
  Result<int> fd = services_.descriptors.use(*host_);
  uint64_t at = 0;
  while (at < host_size_) {
    const off_t data = fd ? ::lseek(*fd, static_cast<off_t>(at), SEEK_DATA) : -1;
    if (data < 0 && fd && errno == ENXIO) return;  // a hole to the end
    const off_t hole = data < 0 ? -1 : ::lseek(*fd, data, SEEK_HOLE);
    // A host that cannot tell: all is data.
    const uint64_t begin = data < 0 ? at : std::min(static_cast<uint64_t>(data), host_size_);
    const uint64_t end = hole <= data ? host_size_ : std::min(static_cast<uint64_t>(hole), host_size_);
    held_.add(begin >> page.shift, page.pages(end));
    data_.add(begin >> page.shift, page.pages(end));
    at = end;
  }
}

uint64_t RegularFile::disk_sectors() const {
  find_host_data();
  return held_.count() << (services_.disk.page().shift - 9);
}

std::optional<uint64_t> RegularFile::next_data(uint64_t offset) const {
  find_host_data();
  const unsigned shift = services_.disk.page().shift;
  const std::optional<uint64_t> page = data_.next_in(offset >> shift);
  if (!page || *page << shift >= size_) return std::nullopt;
  return std::max(offset, *page << shift);
}

uint64_t RegularFile::next_hole(uint64_t offset) const {
  find_host_data();
  const unsigned shift = services_.disk.page().shift;
  return std::min(size_, std::max(offset, data_.next_out(offset >> shift) << shift));
}

// --- bytes behind the page cache --------------------------------------------------

bool RegularFile::read_host(uint64_t offset, std::span<uint8_t> to) {
  Result<int> fd = services_.descriptors.use(*host_);
  if (!fd) return false;
  size_t done = 0;
  while (done < to.size()) {
    const ssize_t got = ::pread(*fd, to.data() + done, to.size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;  // the host made it shorter meanwhile: zeros
    done += static_cast<size_t>(got);
  }
  return true;
}

bool RegularFile::write_host(uint64_t offset, std::span<const uint8_t> from) {
  Result<int> fd = services_.descriptors.use(*host_);
  if (!fd) return false;
  size_t done = 0;
  while (done < from.size()) {
    const ssize_t put = ::pwrite(*fd, from.data() + done, from.size() - done, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    done += static_cast<size_t>(put);
  }
  return true;
}

bool RegularFile::read_page(uint64_t index, std::span<uint8_t> page) {
  std::fill(page.begin(), page.end(), uint8_t{0});
  const uint64_t begin = index << services_.disk.page().shift;
  if (begin >= size_) return true;
  if (const auto it = written_.find(index); it != written_.end()) {
    std::memcpy(page.data(), it->second.get(), std::min<uint64_t>(page.size(), size_ - begin));
    return true;
  }
  const uint64_t end = std::min(size_, host_size_);
  if (!host_ || begin >= end) return true;
  return read_host(begin, page.subspan(0, std::min<uint64_t>(page.size(), end - begin)));
}

bool RegularFile::write_page(uint64_t index, std::span<const uint8_t> page) {
  const uint64_t begin = index << services_.disk.page().shift;
  if (begin >= size_) return true;
  const uint64_t bytes = std::min<uint64_t>(page.size(), size_ - begin);
  note_data(begin, begin + bytes);
  if (host_ && host_->writes_through) {
    host_size_ = std::max(host_size_, begin + bytes);
    return write_host(begin, page.subspan(0, bytes));
  }
  services_.note_change(*this);
  if (!written_.contains(index) && services_.full()) return false;
  auto& kept = written_[index];
  if (!kept) {
    kept = std::make_unique<uint8_t[]>(page.size());
    services_.kept_bytes += page.size();
  }
  std::memcpy(kept.get(), page.data(), bytes);
  std::memset(kept.get() + bytes, 0, page.size() - bytes);
  return true;
}

// What lay beyond `size` must not come back when the file grows again.
void RegularFile::cut_content(uint64_t size) {
  const PageSize page = services_.disk.page();
  host_size_ = std::min(host_size_, size);
  held_.cut(page.pages(size));
  data_.cut(page.pages(size));
  const uint64_t last = size >> page.shift;
  for (auto it = written_.begin(); it != written_.end();) {
    if (it->first > last || (it->first == last && page.aligned(size))) {
      it = written_.erase(it);
      services_.kept_bytes -= page.bytes();
      continue;
    }
    if (it->first == last) std::memset(it->second.get() + (size & page.mask()), 0, page.bytes() - (size & page.mask()));
    ++it;
  }
}

// --- size and attributes ----------------------------------------------------------------

Co<Result<>> RegularFile::open(OpenFile& file, Sleeper&) {
  if (!host_ || file.path_only()) co_return Unit{};
  // What the host does not let faultline read, the guest cannot read either.
  Result<int> fd = services_.descriptors.use(*host_);
  if (!fd) co_return fd.error() == Errno{ELOOP} ? Errno{EACCES} : fd.error();
  if (file.writable() && host_->writes_through && (::fcntl(*fd, F_GETFL) & O_ACCMODE) != O_RDWR) {
    co_return Errno{EACCES};
  }
  co_return Unit{};
}

// Takes the pages beyond `size` from the cache, and zeroes the rest of the last
// one: a mapping may have written there.
Co<Result<>> RegularFile::cut_cache(uint64_t size) {
  for (;;) {
    Reply<> reply = services_.cache.truncate(*this, size);
    if (reply.must_sleep()) {
      co_await reply.queue().sleep();
      continue;
    }
    if (reply.failed()) co_return reply.error();
    co_return Unit{};
  }
}

Co<Result<>> RegularFile::set_size(uint64_t size) {
  if (size > kFileSizeMax) co_return Errno{EFBIG};
  co_await write_lock_.lock();
  if ((size < size_ && sealed(kSealShrink)) || (size > size_ && sealed(kSealGrow))) {
    write_lock_.unlock();
    co_return Errno{EPERM};
  }
  if (host_ && host_->writes_through) {
    Result<int> fd = services_.descriptors.use(*host_);
    if (!fd || ::ftruncate(*fd, static_cast<off_t>(size)) != 0) {
      const Errno error = fd ? Errno{errno} : fd.error();
      write_lock_.unlock();
      co_return error;
    }
    host_size_ = size;
  }
  const uint64_t before = size_;
  size_ = std::min(size, before);
  attributes.modified = attributes.changed = services_.now();
  services_.note_change(*this);
  if (size < before) cut_content(size);
  auto outcome = co_await cut_cache(size_);
  size_ = size;
  write_lock_.unlock();
  co_return outcome;
}

Co<Result<>> RegularFile::truncate(IoContext& io, uint64_t size) {
  if (size > io.file_size_limit) co_return Errno{EFBIG};
  auto outcome = co_await set_size(size);
  co_return outcome;
}

Result<> RegularFile::attributes_changed() {
  services_.note_change(*this);
  if (!host_ || !host_->writes_through) return Unit{};
  if (host_->pinned) {
    if (::fchmod(host_->fd.get(), attributes.permissions & 0777) != 0) return Errno{errno};
    return Unit{};
  }
  return host_->node->change_permissions(attributes.permissions);
}

std::optional<uint64_t> RegularFile::readable_bytes(const OpenFile& file) const {
  return file.offset < size_ ? size_ - file.offset : 0;
}

Result<> RegularFile::keep_after_unlink() {
  if (!host_ || host_->pinned) return Unit{};
  return services_.descriptors.pin(*host_);
}

}  // namespace faultline::os
