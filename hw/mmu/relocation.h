// What hardware had before page tables: one or two registers that every reference
// of a program passes on its way to memory.
//
//   fence            address < fence ?  trap : address
//   base and bounds  address < bounds ? base + address : trap
//
// There are no entries to look up, so there is no TLB and a reference is exactly
// one access. Registers count in pages (older machines had blocks of their own:
// 512 words on the IBM 7094, 64 bytes on the PDP-11), so that an access of several
// bytes that begins within them ends there too, or meets the check once more.
#pragma once

#include <cstdint>

#include "hw/base/types.h"
#include "hw/config/machine_config.h"
#include "hw/mmu/translation.h"

namespace faultline::hw {

struct RelocationStatistics {
  uint64_t checks = 0;       // references compared with a register, those that trapped too
  uint64_t additions = 0;    // of the base register
  uint64_t below_fence = 0;  // traps, by reason
  uint64_t beyond_bounds = 0;
  uint64_t beyond_memory = 0;  // past the fence, and no memory is there
  uint64_t loads = 0;          // of the registers, by the OS layer
};

class RelocationUnit {
 public:
  // `model` is not MemoryModel::paging. `memory_bytes` is a whole number of pages.
  RelocationUnit(MemoryModel model, PageSize page, uint64_t memory_bytes)
      : model_(model), page_(page), memory_bytes_(memory_bytes) {}

  MemoryModel model() const { return model_; }
  PageSize page() const { return page_; }

  // MemoryModel::fence: the first frame that user mode may touch.
  void set_fence(Pfn first) {
    fence_ = page_.address(first).value;
    ++statistics_.loads;
  }
  // MemoryModel::base_bounds: [base, base + pages) must lie in memory.
  void set_base_and_bounds(Pfn base, uint64_t pages) {
    base_ = page_.address(base).value;
    bounds_ = pages << page_.shift;
    ++statistics_.loads;
  }

  // One reference of user mode. A check that fails is a page fault; beyond the end
  // of memory it is an access fault.
  Translation translate(VirtAddr va) {
    ++statistics_.checks;
    return model_ == MemoryModel::fence ? past_fence(va) : within_bounds(va);
  }

  const RelocationStatistics& statistics() const { return statistics_; }

 private:
  Translation past_fence(VirtAddr va) {
    if (va.value < fence_) {
      ++statistics_.below_fence;
      return {Translation::Status::page_fault, {}};
    }
    if (va.value >= memory_bytes_) {
      ++statistics_.beyond_memory;
      return {Translation::Status::access_fault, {}};
    }
    return {Translation::Status::ok, PhysAddr(va.value)};
  }

  Translation within_bounds(VirtAddr va) {
    if (va.value >= bounds_) {
      ++statistics_.beyond_bounds;
      return {Translation::Status::page_fault, {}};
    }
    ++statistics_.additions;
    return {Translation::Status::ok, PhysAddr(base_ + va.value)};
  }

  MemoryModel model_;
  PageSize page_;
  uint64_t memory_bytes_;
  uint64_t fence_ = 0;
  uint64_t base_ = 0;
  uint64_t bounds_ = 0;  // nothing may be touched before the first load
  RelocationStatistics statistics_;
};

}  // namespace faultline::hw
