// Host code that finds a line which is not the most recent one of its set.
#pragma once

#include "hw/hart/translate/assembler.h"
#include "hw/memory/line_table.h"

namespace faultline::hw {

inline constexpr size_t kMostLineSearchBytes = 192;

// A function in host code, for loads or for stores: LineTable::quick_hit() of
// the address in rax. rcx: the set's distance from `lines.sets`, which r13
// holds. Carry: not found, nothing has happened. Changes rcx, rsi and r12.
void write_line_search(x86::Assembler& out, const RecentLines& lines, bool write);

// The turn of the way whose hint is in rsi, of the set whose word is in memory
// at `order`. `base` holds `lines.sets`; changes `scratch`, leaves no carry.
void write_turn(x86::Assembler& out, const RecentLines& lines, x86::Reg base, x86::Memory order, x86::Reg scratch);

}  // namespace faultline::hw
