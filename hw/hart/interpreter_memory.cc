// The interpreter's way to memory where the host-side shortcuts do not serve.
#include <algorithm>
#include <cstring>

#include "hw/hart/interpreter.h"

namespace faultline::hw {
namespace {
size_t index_of(Access access) { return access == Access::store ? 1 : 0; }
}  // namespace

// ---- Instructions ----------------------------------------------------------

Block* Interpreter::fetch(HartState& s, uint64_t pc) {
  const uint64_t before = now;
  uint64_t time = now;
  env_.mmu.set_pc(pc);
  const Translation found = translate(pc, Access::fetch, time);
  fetch_walk_ = walk_between(before, time);
  fetch_walk_counts_ = counts;
  if (found.status != Translation::Status::ok) {
    s.pc = pc;
    set_trap(found, Access::fetch, pc);
    if (recorder_ != nullptr) recorder_->fetch(VirtAddr(pc), 2, true);
    return nullptr;
  }
  piece = pc & ~kPieceMask;
  Block* const block = block_at(found.address);
  // One instruction; none where it straddles pieces, which is told when its
  // other half has been looked up.
  if (recorder_ != nullptr && block->end != block->start) {
    recorder_->fetch(VirtAddr(pc), static_cast<unsigned>(block->end - block->start), false);
  }
  return block;
}

Block* Interpreter::block_at(PhysAddr address) {
  const uint64_t offset = address.value & kPieceMask;
  CodePage* page = code.page(address);
  if (page != nullptr && page->at(offset) != nullptr) return page->at(offset);
  note_code(address);
  CodePage& made = code.make_page(address);
  Block* block = builder_.build(made, env_.memory, address);
  made.put(offset, block);
  return block;
}

// From now on a store to the frame, of any hart, must be noticed.
void Interpreter::note_code(PhysAddr address) {
  const Pfn frame = page_.pfn(address);
  if (!env_.memory.has_code(frame)) env_.memory.mark_code(frame);
}

void Interpreter::fetch_access(const Block& block) {
  const unsigned bytes = std::min<unsigned>(block.end - block.start, kPieceBytes - block.start);
  fetch_access_at(PhysAddr(block.address), std::max(bytes, 2u), now + costs_.fetch_tlb);
}

void Interpreter::fetch_access_at(PhysAddr address, unsigned bytes, uint64_t time) {
  if (costs_.fetch_in_bulk) return;
  const Cycles done = env_.l1i != nullptr
                          ? env_.l1i->access(address, false, Requester::fetch, Cycles(time))
                          : env_.fetch_side.access(address, bytes, false, Requester::fetch, Cycles(time));
  spend(CycleAccount::fetch, done.value - time - costs_.fetch);
  ++window_.fetches_in_full;
}

void Interpreter::fetch_second_line(const Op* op, bool in_bulk) {
  ++window_.fetch_accesses;
  const PhysAddr last((block_of(op).address & ~kPieceMask) + info_of(op).offset + 3);
  if (in_bulk && env_.l1i->is_mru(last, false)) return;
  const uint64_t line = last.value >> env_.l1i->line_shift() << env_.l1i->line_shift();
  fetch_access_at(PhysAddr(line), 2, fetch_time(op));
}

Block* Interpreter::fetch_straddling(HartState& s, const Op* op) {
  const PhysAddr first((block_of(op).address & ~kPieceMask) + (kPieceBytes - 2));
  PhysAddr second = first + 2;  // of the same page, where pages are larger than pieces
  const uint64_t second_va = piece + kPieceBytes;
  uint64_t time = now + fetch_static_;
  const bool two_pages = page_.aligned(second_va);
  if (two_pages) {
    env_.mmu.set_pc(piece + kPieceBytes - 2);
    if (fetch_walk_counts_ != counts) fetch_walk_.reset();
    const Translation found = translate_beside(second_va, Access::fetch, fetch_walk_, time);
    fetch_walk_.reset();
    if (found.status != Translation::Status::ok) {
      now += fetch_static_;  // of the first half
      ++window_.fetch_references;
      ++window_.fetch_accesses;
      s.pc = piece + kPieceBytes - 2;
      set_trap(found, Access::fetch, second_va);
      if (recorder_ != nullptr) recorder_->fetch(VirtAddr(second_va - 2), 4, true);
      return nullptr;
    }
    second = found.address;
    ++window_.fetch_references;
    now += costs_.fetch_tlb;
    time += costs_.fetch_tlb;
  }
  if (two_pages || env_.l1i != nullptr) {
    ++window_.fetch_accesses;
    now += costs_.fetch;
    const bool recent = costs_.fetch_mode == FetchMode::line && env_.l1i->is_mru(second, false);
    if (!recent) fetch_access_at(second, 2, time);
  }
  if (recorder_ != nullptr) recorder_->fetch(VirtAddr(second_va - 2), 4, false);
  const uint32_t bits = env_.memory.load<uint16_t>(first) | uint32_t{env_.memory.load<uint16_t>(second)} << 16;
  note_code(first);
  CodePage& page = code.make_page(first);
  Block* block = page.straddling(bits);
  if (block == nullptr) {
    block = builder_.build_straddling(page, first, bits);
    page.put_straddling(bits, block);
  }
  return block;
}

// ---- Data ------------------------------------------------------------------

bool Interpreter::locate(HartState& s, const Op* op, uint64_t va, unsigned bytes, Access access, Parts& parts) {
  if ((va & (bytes - 1)) != 0) {
    if (config_.misaligned == Misaligned::trap) {
      trap(s, op, Trap::Cause::misaligned, access, va);
      return false;
    }
    if (config_.misaligned == Misaligned::slow) spend(CycleAccount::data, config_.misaligned_cycles);
  }
  const bool found = look_up_parts(s, op, va, bytes, access, parts);
  if (recorder_ != nullptr) recorder_->data(access, VirtAddr(va), bytes, !found);
  return found;
}

bool Interpreter::look_up_parts(HartState& s, const Op* op, uint64_t va, unsigned bytes, Access access, Parts& parts) {
  const uint64_t before = data_time(op);
  uint64_t time = before;
  env_.mmu.set_pc(piece + info_of(op).offset);
  const Translation first = translate(va, access, time);
  if (first.status != Translation::Status::ok) {
    trap(s, op, Trap::Cause::page_fault, access, va);
    set_trap_cause(first);
    return false;
  }
  const uint64_t in_first = std::min<uint64_t>(bytes, page_.bytes() - (va & page_.mask()));
  parts[0] = {first.address, static_cast<unsigned>(in_first)};
  if (in_first == bytes) return true;

  const std::optional<WalkTime> first_walk = walk_between(before, time);
  time += costs_.data_tlb;
  const uint64_t second_va = va + in_first;
  const Translation second = translate_beside(second_va, access, first_walk, time);
  // Either half is a reference of its own, the first one also where the second faults.
  ++window_.data_references[index_of(access)];
  if (second.status != Translation::Status::ok) {
    trap(s, op, Trap::Cause::page_fault, access, second_va);
    set_trap_cause(second);
    now += costs_.data_tlb;
    return false;
  }
  now += costs_.data_tlb;
  parts[1] = {second.address, static_cast<unsigned>(bytes - in_first)};
  return true;
}

uint8_t* Interpreter::translated(HartState& s, const Op* op, uint64_t va, Access access) {
  const uint64_t begun = data_time(op);
  Cycles time(begun);
  env_.mmu.set_pc(piece + info_of(op).offset);
  const Translation found = env_.mmu.translate(VirtAddr(va), access, time, ledger_);
  now += time.value - begun;
  window_.booked += time.value - begun;
  if (found.status == Translation::Status::ok) [[likely]]
    return env_.memory.at(found.address);
  trap(s, op, Trap::Cause::page_fault, access, va);
  set_trap_cause(found);
  return nullptr;
}

void Interpreter::set_trap_cause(const Translation& failed) {
  if (failed.status == Translation::Status::access_fault) trap_.cause = Trap::Cause::access_fault;
}

// One access, of which the block has counted costs_.data. Answers its end.
uint64_t Interpreter::data_access_at(PhysAddr address, unsigned bytes, bool write, uint64_t time) {
  if (costs_.data_mode == DataMode::flat) return time + costs_.data;
  const Cycles done = env_.l1d != nullptr ? env_.l1d->access(address, write, Requester::data, Cycles(time))
                                          : env_.data_side.access(address, bytes, write, Requester::data, Cycles(time));
  spend(CycleAccount::data, done.value - time - costs_.data);
  ++window_.data_in_full;
  return done.value;
}

// One access a line where there is a cache, else one a page. The block has
// counted one.
void Interpreter::data_accesses(const Op* op, const Parts& parts, bool write) {
  uint64_t time = data_time(op) + costs_.data_tlb * (parts[1].bytes != 0 ? 2 : 1);
  bool counted = true;
  for (const Part& part : parts) {
    PhysAddr at = part.address;
    for (unsigned left = part.bytes; left != 0;) {
      unsigned here = left;
      if (env_.l1d != nullptr) {
        const uint64_t line = env_.l1d->line_bytes();
        here = static_cast<unsigned>(std::min<uint64_t>(left, line - (at.value & (line - 1))));
      }
      if (!counted) {
        ++window_.data_accesses[write ? 1 : 0];
        now += costs_.data;
      }
      counted = false;
      time = data_access_at(at, here, write, time);
      at += here;
      left -= here;
    }
  }
}

bool Interpreter::load_slow(HartState& s, const Op* op, uint64_t va, unsigned bytes) {
  Parts parts;
  if (!locate(s, op, va, bytes, Access::load, parts)) return false;
  data_accesses(op, parts, false);
  std::array<uint8_t, 8> value{};
  std::memcpy(value.data(), env_.memory.at(parts[0].address), parts[0].bytes);
  if (parts[1].bytes != 0) std::memcpy(&value[parts[0].bytes], env_.memory.at(parts[1].address), parts[1].bytes);
  std::memcpy(&loaded, value.data(), sizeof(loaded));
  return true;
}

bool Interpreter::store_slow(HartState& s, const Op* op, uint64_t va, unsigned bytes, uint64_t value) {
  Parts parts;
  if (!locate(s, op, va, bytes, Access::store, parts)) return false;
  data_accesses(op, parts, true);
  const auto* from = reinterpret_cast<const uint8_t*>(&value);
  for (const Part& part : parts) {
    if (part.bytes == 0) continue;
    std::memcpy(env_.memory.at(part.address), from, part.bytes);
    env_.memory.wrote_frame(page_.pfn(part.address));
    from += part.bytes;
  }
  return true;
}

void Interpreter::further_data_access(const Op* op, const uint8_t* host, bool write) {
  // The instruction's own value comes next: from the host's memory, often.
  __builtin_prefetch(host);
  if (l1d_cache->hit_after_quick(reinterpret_cast<uintptr_t>(host), write)) return;
  const uint64_t time = data_time(op) + costs_.data_tlb;
  const Cycles done = l1d_cache->miss(physical(host), write, Requester::data, Cycles(time));
  spend(CycleAccount::data, done.value - time - costs_.data);
  ++window_.data_in_full;
}

// ---- Atomics ---------------------------------------------------------------

bool Interpreter::atomic_aligned(HartState& s, const Op* op, unsigned bytes, Access access) {
  const uint64_t va = s.x[op->rs1];
  if ((va & (bytes - 1)) == 0) return true;
  trap(s, op, Trap::Cause::misaligned, access, va);
  return false;
}

uint8_t* Interpreter::atomic_access(HartState& s, const Op* op, unsigned bytes, Access access) {
  Parts parts;
  if (!atomic_aligned(s, op, bytes, access)) return nullptr;
  if (!locate(s, op, s.x[op->rs1], bytes, access, parts)) return nullptr;
  // No block counts atomics, since an SC may make no access.
  ++window_.data_references[index_of(access)];
  ++window_.data_accesses[index_of(access)];
  const uint64_t time = data_time(op) + costs_.data_tlb;
  now += uint64_t{costs_.data_tlb} + costs_.data;
  data_access_at(parts[0].address, bytes, access == Access::store, time);
  return env_.memory.at(parts[0].address);
}

}  // namespace faultline::hw
