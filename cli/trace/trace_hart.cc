#include "cli/trace/trace_hart.h"

#include <optional>

#include "hw/memory/memory_port.h"

namespace faultline::cli {
namespace {

// What every access to this side takes, if that is so.
std::optional<Cycles> flat_cycles(hw::MemorySide& side) {
  auto* port = dynamic_cast<hw::MemoryPort*>(&side);
  const std::optional<hw::FlatLatency> flat = port != nullptr ? port->flat_latency() : std::nullopt;
  return flat && flat->read == flat->write ? std::optional(flat->read) : std::nullopt;
}

}  // namespace

TraceHart::TraceHart(const Environment& environment) : env_(environment), page_(environment.mmu.format().page()) {
  for (const Access access : {Access::fetch, Access::load, Access::store}) {
    const auto side = static_cast<size_t>(access);
    each_[side] = env_.mmu.first_level_cycles(access);
    if (!env_.in_bulk) continue;
    const std::optional<Cycles> flat = flat_cycles(access == Access::fetch ? env_.fetch_side : env_.data_side);
    if (!flat) continue;
    flat_[side] = true;
    access_[side] = *flat;
    each_[side] += *flat;
  }
}

TraceHart::Outcome TraceHart::refer_as_kernel(VirtAddr va, bool write) {
  const Cycles from = now_;
  const hw::Translation found = env_.mmu.translate_kernel(va, write, now_);
  ledger_.book(CycleAccount::walk, now_ - from);
  return found.status == hw::Translation::Status::ok ? Outcome::ok : Outcome::faulted;
}

// One access for each line.
void TraceHart::transport(Access access, PhysAddr address, uint64_t bytes) {
  const bool fetch = access == Access::fetch;
  hw::MemorySide& side = fetch ? env_.fetch_side : env_.data_side;
  const uint64_t line = fetch ? env_.fetch_line : env_.data_line;
  while (bytes != 0) {
    const uint64_t here = std::min(bytes, line - (address.value & (line - 1)));
    const Cycles done = side.access(address, static_cast<unsigned>(here), access == Access::store,
                                    fetch ? hw::Requester::fetch : hw::Requester::data, now_);
    ledger_.book(fetch ? CycleAccount::fetch : CycleAccount::data, done - now_);
    now_ = done;
    address += here;
    bytes -= here;
  }
}

void TraceHart::settle() {
  std::array<uint64_t, 3> since{};
  for (const Access access : {Access::fetch, Access::load, Access::store}) {
    const auto side = static_cast<size_t>(access);
    since[side] = references_[side] - settled_[side];
    ledger_.book(CycleAccount::tlb, env_.mmu.first_level_cycles(access) * since[side]);
    if (!flat_[side]) {
      since[side] = 0;  // made one by one
    } else {
      ledger_.book(access == Access::fetch ? CycleAccount::fetch : CycleAccount::data, access_[side] * since[side]);
    }
  }
  ledger_.book(CycleAccount::compute, env_.base_cycles * (instructions_ - settled_instructions_));
  settled_ = references_;
  settled_instructions_ = instructions_;
  env_.mmu.settle();
  if (env_.counter == nullptr) return;
  const auto count = [&](Access access) { return since[static_cast<size_t>(access)]; };
  env_.counter->count_bulk(hw::Requester::fetch, count(Access::fetch), 0);
  env_.counter->count_bulk(hw::Requester::data, count(Access::load), count(Access::store));
}

}  // namespace faultline::cli
