#include "os/early/file_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "hw/devices/block_storage.h"

namespace faultline::os::early {

bool FileReader::transfer(uint64_t sector, std::vector<Pfn> frames, bool write) {
  bool ended = false;
  bool good = false;
  cpu_.charge(Cycles(costs_.disk_submit));
  disk_.submit(
      {.sector = sector, .frames = std::move(frames), .write = write, .done = [&](const hw::TransferOutcome& outcome) {
         ended = true;
         good = outcome.ok();
       }});
  while (!ended && cpu_.idle(Cpu::kForever)) cpu_.deliver_interrupts();
  return good;
}

bool FileReader::fill(const InodePtr& file, uint64_t page) {
  const PageSize size = cpu_.memory().page();
  const uint64_t page_sectors = size.bytes() / hw::kSectorBytes;
  const uint64_t sector = file->sector(page);
  const uint64_t end = size.pages(file->size());
  uint64_t pages = 1;
  while (pages < frames_ && page + pages < end && file->sector(page + pages) == sector + pages * page_sectors) ++pages;
  std::vector<Pfn> frames;
  for (uint64_t i = 0; i < pages; ++i) frames.push_back(first_frame_ + i);
  held_ = nullptr;
  if (!transfer(sector, std::move(frames), false)) return false;
  held_ = file;
  held_first_ = page;
  held_pages_ = pages;
  return true;
}

std::span<const uint8_t> FileReader::buffered(const InodePtr& file, uint64_t offset) {
  const PageSize size = cpu_.memory().page();
  const uint64_t page = offset >> size.shift;
  const bool here = held_ == file && page >= held_first_ && page - held_first_ < held_pages_;
  if (!here && !fill(file, page)) return {};
  const PhysAddr at = size.address(first_frame_ + (page - held_first_)) + (offset & size.mask());
  const uint64_t bytes = std::min(size.bytes() - (offset & size.mask()), file->size() - offset);
  return {cpu_.memory().at(at), bytes};
}

Result<uint64_t> FileReader::look(const InodePtr& file, uint64_t offset, std::span<uint8_t> to) {
  uint64_t done = 0;
  while (done < to.size() && offset + done < file->size()) {
    const std::span<const uint8_t> from = buffered(file, offset + done);
    if (from.empty()) return Errno{EIO};
    const uint64_t bytes = std::min<uint64_t>(from.size(), to.size() - done);
    cpu_.touch(PhysAddr(static_cast<uint64_t>(from.data() - cpu_.memory().base())), bytes, false);
    std::memcpy(to.data() + done, from.data(), bytes);
    done += bytes;
  }
  return done;
}

Result<uint64_t> FileReader::read(const InodePtr& file, uint64_t offset, PhysAddr to, uint64_t bytes) {
  const PageSize size = cpu_.memory().page();
  uint64_t done = 0;
  while (done < bytes && offset + done < file->size()) {
    const std::span<const uint8_t> from = buffered(file, offset + done);
    if (from.empty()) return Errno{EIO};
    const PhysAddr at = to + done;
    const uint64_t room = size.bytes() - (at.value & size.mask());
    const uint64_t piece = std::min({uint64_t{from.size()}, bytes - done, room});
    cpu_.touch(PhysAddr(static_cast<uint64_t>(from.data() - cpu_.memory().base())), piece, false);
    std::memcpy(cpu_.memory().at(at), from.data(), piece);
    cpu_.touch(at, piece, true);
    done += piece;
  }
  return done;
}

}  // namespace faultline::os::early
