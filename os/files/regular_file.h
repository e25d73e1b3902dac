// A regular file: its bytes come from the host or from the guest, lie on the
// modelled disk, and reach programs through the page cache only.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "os/files/disk_content.h"
#include "os/files/inode.h"
#include "os/files/page_runs.h"
#include "os/files/sleep_lock.h"
#include "os/files/tree_services.h"

namespace faultline::os {

// The largest size a file may have, in bytes (that of ext4 with 4 KB blocks).
inline constexpr uint64_t kFileSizeMax = uint64_t{16} << 40;

class RegularFile final : public Inode, public DiskFile {
 public:
  // Empty, in memory.
  RegularFile(TreeServices& services, const Mount& mount, uint64_t number, Attributes given);
  // With the bytes of a host file.
  RegularFile(TreeServices& services, const Mount& mount, uint64_t number, Attributes given, HostNodePtr node,
              uint64_t size);
  ~RegularFile() override;

  // --- FileBacking
  uint64_t size() const override { return size_; }
  // kNoSector when the disk is full: any transfer there fails.
  uint64_t sector(uint64_t page_index) override;
  void page_changed(uint64_t page_index) override;
  void stored_through_mapping() override;
  static constexpr uint64_t kNoSector = ~uint64_t{0} >> 1;

  Mapping mapping() const override { return Mapping::file; }

  // --- DiskFile
  bool read_page(uint64_t index, std::span<uint8_t> page) override;
  bool write_page(uint64_t index, std::span<const uint8_t> page) override;
  std::string_view path() const override { return name(); }

  // --- Inode
  Co<Result<>> open(OpenFile& file, Sleeper& sleeper) override;
  bool seekable() const override { return true; }
  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override;
  Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes) override;
  Co<Result<>> truncate(IoContext& io, uint64_t size) override;
  Result<> attributes_changed() override;
  std::optional<uint64_t> readable_bytes(const OpenFile& file) const override;
  // Pages that were allocated and never written are holes.
  std::optional<uint64_t> next_data(uint64_t offset) const override;
  uint64_t next_hole(uint64_t offset) const override;

  // O_TRUNC, which has no IoContext yet.
  Co<Result<>> set_size(uint64_t size);
  // posix_fallocate: room on the disk for every page up to `end`. ENOSPC.
  Result<> reserve(uint64_t begin, uint64_t end);
  // 512-byte units of the disk that the file takes (st_blocks): of the pages that
  // were written or allocated, and those of the host's file that are no holes.
  uint64_t disk_sectors() const;
  // The pages of these bytes take room from now on (fallocate).
  void hold(uint64_t begin, uint64_t end);
  // fallocate(2), FALLOC_FL_PUNCH_HOLE: the bytes read as zeros from now on, and
  // whole pages take no room. EOPNOTSUPP for a host's file that is not bound :rw.
  Co<Result<>> punch_hole(uint64_t begin, uint64_t end);
  // The host's name goes while the guest still has the file.
  Result<> keep_after_unlink();
  const std::unique_ptr<HostFile>& host() const { return host_; }

 private:
  bool read_host(uint64_t offset, std::span<uint8_t> to);
  bool write_host(uint64_t offset, std::span<const uint8_t> from);
  const DiskContent::Extent* extent_of(uint64_t page) const;
  const DiskContent::Extent* allocate(uint64_t page);
  void cut_content(uint64_t size);
  Co<Result<>> zero_in_page(uint64_t begin, uint64_t end);
  Co<Result<>> drop_pages(uint64_t first, uint64_t end);
  Result<> punch_host(uint64_t begin, uint64_t end);
  // The pages of these bytes were written.
  void note_data(uint64_t begin, uint64_t end);
  void find_host_data() const;
  Co<Result<>> cut_cache(uint64_t size);
  Co<Result<uint64_t>> write_piece(IoContext& io, uint64_t offset, VirtAddr from, uint64_t bytes);

  TreeServices& services_;
  uint64_t size_ = 0;
  std::vector<DiskContent::Extent> extents_;  // by first page
  // The guest's own version of pages, once written to the disk. Files bound
  // :rw have none: theirs go to the host.
  std::unordered_map<uint64_t, std::unique_ptr<uint8_t[]>> written_;
  std::unique_ptr<HostFile> host_;
  uint64_t host_size_ = 0;  // bytes of the host's file that still count
  // Pages that take room. The host is asked for its file's when somebody wants to know.
  mutable PageRuns held_;
  mutable PageRuns data_;  // of these, those that are no holes
  mutable bool host_data_known_ = false;
  SleepLock write_lock_;
};

}  // namespace faultline::os
