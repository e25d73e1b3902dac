#include "os/files/proc_page_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>

#include "os/files/open_file.h"
#include "os/files/process_facts.h"
#include "os/files/vfs.h"
#include "os/memory/address_space.h"
#include "os/memory/page_facts.h"
#include "os/memory/user_memory.h"

namespace faultline::os {

namespace {

// Linux, Documentation/admin-guide/mm/pagemap.rst. There are no soft-dirty bits.
constexpr uint64_t kPresent = uint64_t{1} << 63;
constexpr uint64_t kSwapped = uint64_t{1} << 62;
constexpr uint64_t kOfFile = uint64_t{1} << 61;
constexpr uint64_t kAlone = uint64_t{1} << 56;
constexpr unsigned kSwapOffsetShift = 5;  // below it: the number of the swap area, 0

using HeldSpace = std::weak_ptr<AddressSpace>;

// The address space that the process had when the file was opened, for as long
// as somebody runs in it.
Result<std::shared_ptr<const void>> hold_space(const Vfs& vfs, int32_t pid) {
  const auto process = vfs.processes()->process(pid);
  if (!process) return Errno{ESRCH};
  return std::shared_ptr<const void>(std::make_shared<const HeldSpace>(process->space));
}

std::shared_ptr<AddressSpace> held_space(const OpenFile& file) {
  const auto held = std::static_pointer_cast<const HeldSpace>(file.snapshot);
  return held ? held->lock() : nullptr;
}

class PageMap final : public Inode {
 public:
  PageMap(const Vfs& vfs, const Mount& mount, uint64_t number, Attributes given, int32_t pid)
      : Inode(mount, InodeType::regular, number, given), vfs_(vfs), pid_(pid) {}

  bool seekable() const override { return true; }

  Co<Result<>> open(OpenFile& file, Sleeper&) override {
    auto space = hold_space(vfs_, pid_);
    if (!space) co_return space.error();
    file.snapshot = *space;
    co_return Unit{};
  }

  Co<Result<uint64_t>> read(IoContext& io, OpenFile& file, uint64_t offset, VirtAddr to, uint64_t bytes) override {
    if (offset % sizeof(uint64_t) != 0 || bytes % sizeof(uint64_t) != 0) co_return Errno{EINVAL};
    uint64_t done = 0;
    std::array<uint64_t, 512> entries;
    while (done < bytes) {
      const uint64_t wanted = std::min<uint64_t>(entries.size(), (bytes - done) / sizeof(uint64_t));
      const uint64_t count = fill(file, (offset + done) / sizeof(uint64_t), std::span(entries).first(wanted));
      if (count == 0) break;
      const auto* from = reinterpret_cast<const uint8_t*>(entries.data());
      auto copied = co_await io.user.write(to + done, std::span(from, count * sizeof(uint64_t)));
      if (!copied && done == 0) co_return copied.error();
      if (!copied) break;
      done += count * sizeof(uint64_t);
    }
    co_return done;
  }

 private:
  // How many of them there are, from this page on.
  uint64_t fill(const OpenFile& file, uint64_t page, std::span<uint64_t> entries) const {
    const std::shared_ptr<AddressSpace> space = held_space(file);
    if (!space) return 0;
    const unsigned shift = space->page().shift;
    const uint64_t end = space->user_end().value >> shift;
    if (page >= end) return 0;
    const uint64_t count = std::min<uint64_t>(entries.size(), end - page);
    for (uint64_t i = 0; i < count; ++i) entries[i] = entry(space->page_facts(VirtAddr((page + i) << shift)));
    return count;
  }

  uint64_t entry(const PageFacts& facts) const {
    uint64_t bits = (facts.present ? kPresent : 0) | (facts.swapped ? kSwapped : 0);
    if (facts.of_file) bits |= kOfFile;
    if (facts.alone) bits |= kAlone;
    if (vfs_.uid() != 0) return bits;
    if (facts.present) bits |= facts.frame.value;
    if (facts.swapped) bits |= facts.slot << kSwapOffsetShift;
    return bits;
  }

  const Vfs& vfs_;
  int32_t pid_;
};

class ClearReferences final : public Inode {
 public:
  ClearReferences(const Vfs& vfs, const Mount& mount, uint64_t number, Attributes given, int32_t pid)
      : Inode(mount, InodeType::regular, number, given), vfs_(vfs), pid_(pid) {}

  bool seekable() const override { return true; }
  Co<Result<>> truncate(IoContext&, uint64_t) override { co_return Unit{}; }

  Co<Result<>> open(OpenFile& file, Sleeper&) override {
    auto space = hold_space(vfs_, pid_);
    if (!space) co_return space.error();
    file.snapshot = *space;
    co_return Unit{};
  }

  Co<Result<uint64_t>> write(IoContext& io, OpenFile& file, uint64_t& offset, VirtAddr from, uint64_t bytes) override {
    std::array<char, 12> text{};
    const uint64_t length = std::min<uint64_t>(bytes, text.size());
    auto copied = co_await io.user.read(from, std::span(reinterpret_cast<uint8_t*>(text.data()), length));
    if (!copied) co_return copied.error();
    int what = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + length, what);
    const bool whole = parsed.ec == std::errc() && (parsed.ptr == text.data() + length || *parsed.ptr == '\n');
    if (!whole || what < kAll || what > kPeak) co_return Errno{EINVAL};
    if (const auto space = held_space(file)) clear(*space, what);
    offset += bytes;
    co_return bytes;
  }

 private:
  enum What : int { kAll = 1, kAnonymous = 2, kFiles = 3, kSoftDirty = 4, kPeak = 5 };

  static void clear(AddressSpace& space, int what) {
    switch (what) {
      case kAll:
        return space.clear_references(AddressSpace::References::all);
      case kAnonymous:
        return space.clear_references(AddressSpace::References::anonymous);
      case kFiles:
        return space.clear_references(AddressSpace::References::files);
      case kPeak:
        return space.table().forget_peak();
      default:
        return;  // soft-dirty bits, of which there are none
    }
  }

  const Vfs& vfs_;
  int32_t pid_;
};

}  // namespace

InodePtr make_page_map(const Vfs& vfs, const Mount& mount, uint64_t number, Attributes given, int32_t pid) {
  return std::make_shared<PageMap>(vfs, mount, number, given, pid);
}

InodePtr make_clear_references(const Vfs& vfs, const Mount& mount, uint64_t number, Attributes given, int32_t pid) {
  return std::make_shared<ClearReferences>(vfs, mount, number, given, pid);
}

}  // namespace faultline::os
