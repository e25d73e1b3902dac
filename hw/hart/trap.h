// Why a hart came back to the OS. Traps are return values, never exceptions.
#pragma once

#include <cstdint>

#include "hw/base/types.h"

namespace faultline::hw {

struct Trap {
  enum class Cause : uint8_t {
    budget,  // the cycles given are used up, or an interrupt waits
    ecall,   // pc is that of the ecall; the OS moves it on
    ebreak,
    illegal_instruction,  // `instruction` holds its bits
    page_fault,           // no valid translation that permits the access
    misaligned,           // only where hart.misaligned = "trap", and for AMO, LR, SC
    access_fault,         // a translation that points outside physical memory
    mark,                 // a region mark, `instruction`, was executed; never leaves Hart::run
    step,                 // FetchMode::step: one instruction was executed; never leaves Hart::run
  };

  Cause cause = Cause::budget;
  Access access = Access::fetch;  // of page_fault, misaligned, access_fault
  VirtAddr address{};             // the byte at fault
  uint32_t instruction = 0;       // raw bits where known, else 0
  // HartState::pc is the pc of the instruction that trapped; it changed nothing.
};

}  // namespace faultline::hw
