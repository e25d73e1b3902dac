// A recording's records, made again on a machine: its table writes into memory,
// its references through the Mmu. A sink of CompactReader's.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <utility>

#include "cli/trace/compact_reader.h"
#include "cli/trace/trace_hart.h"
#include "hw/hart/region_mark.h"
#include "hw/memory/backing_store.h"
#include "hw/mmu/mmu.h"

namespace faultline::cli {

class Replay {
 public:
  // `memory_bytes`: of the store's front, where the recorded tables lie. What a
  // recording says is not trusted: reader.fail() ends it where it names other memory
  // or where the replay does not fault as the recorded run did. `on_mark` is called
  // where the program had executed a region mark.
  Replay(CompactReader& reader, TraceHart& hart, hw::Mmu& mmu, hw::BackingStore& memory, uint64_t memory_bytes,
         std::function<void(hw::RegionMark)> on_mark = {})
      : reader_(reader),
        hart_(hart),
        mmu_(mmu),
        memory_(memory),
        memory_bytes_(memory_bytes),
        on_mark_(std::move(on_mark)) {}

  void fetch_run(const FetchRun& run, bool faulted) {
    if (!faulted && hart_.fetch_run(run.begin, run.bytes, run.count)) [[likely]]
      return;
    VirtAddr at = run.begin;
    for (unsigned i = 0; i < run.count; ++i) {
      const unsigned bytes = (run.lengths >> i & 1) != 0 ? 4 : 2;
      refer(Access::fetch, at, bytes, faulted);
      at += bytes;
    }
  }
  void data(Access access, VirtAddr address, unsigned bytes, bool faulted) {
    refer(access, address, bytes, faulted);
    if (faulted) [[unlikely]]
      hart_.note_trap();
  }
  void kernel(bool write, VirtAddr address) {
    if (hart_.refer_as_kernel(address, write) != TraceHart::Outcome::ok)
      reader_.fail("an access of the OS layer to what is not mapped");
  }

  void table_write(PhysAddr entry, uint64_t raw) {
    const unsigned bytes = mmu_.format().entry_bytes();
    require_inside(entry, bytes);
    if (bytes == 4) {
      memory_.store<uint32_t>(entry, static_cast<uint32_t>(raw));
    } else {
      memory_.store<uint64_t>(entry, raw);
    }
  }
  void table_zero(PhysAddr begin, uint64_t bytes) {
    require_inside(begin, bytes);
    if (bytes > mmu_.format().page().bytes()) reader_.fail("zeros for more than a page");
    // What is zero stays untouched: it may be memory that the host has not given yet.
    uint8_t* const from = memory_.at(begin);
    if (std::any_of(from, from + bytes, [](uint8_t byte) { return byte != 0; })) std::memset(from, 0, bytes);
  }
  void address_space(PhysAddr root, Asid asid) {
    require_inside(root, mmu_.format().table_bytes(mmu_.format().root_level()));
    mmu_.set_address_space(root, asid);
  }
  void flush_page(Asid asid, VirtAddr address) { mmu_.flush_page(asid, address); }
  void flush_asid(Asid asid) { mmu_.flush_asid(asid); }
  void flush_all() { mmu_.flush_all(); }
  void process(uint64_t) {}
  void mark(uint64_t number) {
    if (number > UINT16_MAX) reader_.fail("no region mark has this number");
    switch (const auto mark = static_cast<hw::RegionMark>(number)) {
      case hw::RegionMark::begin:
      case hw::RegionMark::end:
      case hw::RegionMark::warmup_end:
        if (on_mark_) on_mark_(mark);
        return;
    }
    reader_.fail("no region mark has this number");
  }

 private:
  void refer(Access access, VirtAddr address, unsigned bytes, bool faulted) {
    const TraceHart::Outcome outcome = hart_.refer(access, address, bytes, [](VirtAddr) { return true; });
    if ((outcome == TraceHart::Outcome::faulted) == faulted) return;
    reader_.fail(faulted ? "the recorded run faulted here, and its replay does not"
                         : "the recorded run did not fault here, and its replay does");
  }
  void require_inside(PhysAddr begin, uint64_t bytes) const {
    if (begin.value > memory_bytes_ || bytes > memory_bytes_ - begin.value)
      reader_.fail("page tables beyond the recorded memory");
  }

  CompactReader& reader_;
  TraceHart& hart_;
  hw::Mmu& mmu_;
  hw::BackingStore& memory_;
  uint64_t memory_bytes_;
  std::function<void(hw::RegionMark)> on_mark_;
};

}  // namespace faultline::cli
