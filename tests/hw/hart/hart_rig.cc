#include "hart_rig.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "hw/riscv/decode.h"
#include "tests/hw/mmu/page_table_builder.h"

int sc_main(int, char**) { return 0; }

namespace faultline::hw {
namespace {

constexpr uint64_t kStackBytes = 64 * 1024;
constexpr uint64_t kWrite = 64, kExit = 93;

void add(std::ostringstream& out, const char* name, const TlbStatistics& tlb) {
  out << name << ' ' << tlb.lookups << ' ' << tlb.hits << ' ' << tlb.misses << ' ' << tlb.evictions << '\n';
}

}  // namespace

class HartRig::NoStorage : public BlockStorage {
 public:
  bool read(uint64_t, std::span<uint8_t>) override { return false; }
  bool write(uint64_t, std::span<const uint8_t>) override { return false; }
};

HartRig::HartRig(const MachineConfig& config, std::span<const uint8_t> image, uint64_t image_bytes)
    : storage_(std::make_unique<NoStorage>()), machine_(std::make_unique<Machine>(config, *storage_)) {
  BackingStore& memory = machine_->memory();
  const PageSize page = memory.page();
  tables_ = std::make_unique<PageTableBuilder>(machine_->format(), memory, Pfn(1));
  // Frames in an order that keeps no two pages side by side.
  uint64_t next = 1000;
  const auto take = [&next, &memory] {
    next = (next + 37) % (memory.frames() - 1000) + 1000;
    return Pfn(next);
  };
  for (uint64_t at = 0; at < image.size() + image_bytes; at += page.bytes()) {
    const Pfn frame = take();
    map(kImageBase + at, frame);
    if (at < image.size()) {
      const uint64_t n = std::min<uint64_t>(page.bytes(), image.size() - at);
      std::memcpy(memory.at(page.address(frame)), image.data() + at, n);
    }
  }
  for (uint64_t at = kStackTop - kStackBytes; at < kStackTop; at += page.bytes()) map(at, take());
  state_.x[2] = kStackTop;
}

HartRig::~HartRig() = default;

void HartRig::map(uint64_t va, Pfn frame) {
  tables_->map(VirtAddr(va), frame, kUserRw);
  frames_.emplace_back(va, frame);
}

void HartRig::unmap(uint64_t va) { tables_->write(tables_->entry(VirtAddr(va), 0), 0); }

void HartRig::map_again(uint64_t va) {
  tables_->map(VirtAddr(va), machine_->memory().page().pfn(physical(va)), kUserRw);
}

PhysAddr HartRig::physical(uint64_t va) const {
  const PageSize page = machine_->format().page();
  for (const auto& [start, frame] : frames_) {
    if (start == page.round_down(va)) return page.address(frame) + (va & page.mask());
  }
  throw std::out_of_range("not mapped");
}

bool HartRig::system_call(std::string& output) {
  if (state_.x[17] != kWrite) return false;
  for (uint64_t i = 0; i < state_.x[12]; ++i) {
    output += static_cast<char>(machine_->memory().load<uint8_t>(physical(state_.x[11] + i)));
  }
  state_.x[10] = state_.x[12];
  state_.pc += 4;
  return true;
}

void HartRig::use_tables() { machine_->hart().mmu().set_address_space(tables_->root(), 1); }

RunResult HartRig::run(uint64_t entry, uint64_t until) {
  RunResult result;
  state_.pc = entry;
  Hart& hart = machine_->hart();
  hart.on_start([&] {
    use_tables();
    for (;;) {
      const Cycles limit = until == 0 ? Cycles(~uint64_t{0}) : hart.now() + Cycles(until);
      result.trap = hart.run(state_, limit);
      if (result.trap.cause == Trap::Cause::budget) {
        ++budgets_;
        continue;
      }
      if (result.trap.cause == Trap::Cause::ecall && system_call(result.output)) continue;
      const bool exit = result.trap.cause == Trap::Cause::ecall && state_.x[17] == kExit;
      if (!exit && on_trap_ && on_trap_(result.trap)) continue;
      break;
    }
    hart.synchronise();
    result.cycles = hart.now().value;
    result.hart = hart.statistics();
    result.statistics = statistics();
    sc_core::sc_stop();
  });
  sc_core::sc_set_stop_mode(sc_core::SC_STOP_IMMEDIATE);
  sc_core::sc_start();
  result.state = state_;
  return result;
}

std::string HartRig::statistics() const {
  std::ostringstream out;
  Hart& hart = machine_->hart();
  const HartStatistics counts = hart.statistics();
  out << "cycles " << hart.now().value << " booked " << hart.ledger().total() << '\n';
  for (size_t i = 0; i < kCycleAccounts; ++i) {
    out << kCycleAccountNames[i] << ' ' << hart.ledger()[static_cast<CycleAccount>(i)] << '\n';
  }
  out << "instructions " << counts.instructions << " references " << counts.fetch_references << ' '
      << counts.load_references << ' ' << counts.store_references << '\n';
  const TranslationStatistics& walks = machine_->mmu().statistics();
  out << "walks " << walks.walks << ' ' << walks.dirty_walks << ' ' << walks.walk_reads << ' ' << walks.walk_writes
      << ' ' << walks.fault_walk_reads << '\n';
  add(out, "itlb", machine_->mmu().l1i(counts.fetch_references));
  add(out, "dtlb", machine_->mmu().l1d(counts.load_references + counts.store_references));
  add(out, "l2tlb", machine_->mmu().l2());
  for (const auto& [name, cache] : machine_->caches()) {
    const CacheStatistics c = cache->statistics();
    out << name << ' ' << c.accesses << ' ' << c.hits << ' ' << c.misses << ' ' << c.writebacks << '\n';
  }
  const DramStatistics& dram = machine_->dram()->statistics();
  for (size_t i = 0; i < kRequesters; ++i) {
    out << kRequesterNames[i] << ' ' << dram.reads[i] << ' ' << dram.writes[i] << '\n';
  }
  out << "rows " << dram.row_hits << ' ' << dram.row_misses << '\n';
  for (unsigned i = 0; i < 32; ++i) out << state_.x[i] << ' ';  // what x0 is written with is nobody's
  for (const uint64_t f : state_.f) out << f << ' ';
  out << state_.pc << ' ' << unsigned{state_.fflags} << ' ' << unsigned{state_.frm} << '\n';
  uint64_t hash = 14695981039346656037u;  // FNV-1a over all mapped pages
  for (const auto& [va, frame] : frames_) {
    const uint8_t* bytes = machine_->memory().at(machine_->memory().page().address(frame));
    for (uint64_t i = 0; i < machine_->memory().page().bytes(); ++i) hash = (hash ^ bytes[i]) * 1099511628211u;
  }
  out << "memory " << hash << '\n';
  return out.str();
}

MachineConfig flat_machine() {
  MachineConfig config;
  config.dram.size = 64ull << 20;
  return config;
}

MachineConfig flat_machine_with_costs() {
  MachineConfig config = flat_machine();
  config.hart.misaligned = Misaligned::slow;
  config.hart.multiply_cycles = 3;
  config.hart.divide_cycles = 20;
  config.hart.float_cycles = 4;
  config.hart.float_divide_cycles = 25;
  config.tlb.l1i.hit_cycles = 1;
  config.tlb.l1d.hit_cycles = 2;
  return config;
}

MachineConfig cached_machine() {
  MachineConfig config = flat_machine();
  config.cache.enabled = true;
  config.cache.l1i.hit_cycles = 1;
  config.cache.l1d.hit_cycles = 3;
  config.tlb.l2.enabled = true;
  config.tlb.l2.hit_cycles = 7;
  config.dram.timing = DramTiming::banks;
  config.walker.entry = WalkerEntry::l2;
  return config;
}

std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    const std::string text = body();
    for (size_t at = 0; at < text.size();) {
      const ssize_t n = write(ends[1], text.data() + at, text.size() - at);
      if (n <= 0) _exit(1);
      at += static_cast<size_t>(n);
    }
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;) text.append(buffer, static_cast<size_t>(n));
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error("the child failed");
  return text;
}

std::vector<uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<uint8_t> assemble(std::initializer_list<uint32_t> instructions) {
  std::vector<uint8_t> bytes;
  for (const uint32_t bits : instructions) {
    for (unsigned i = 0; i < (is_compressed(bits) ? 2u : 4u); ++i) bytes.push_back(static_cast<uint8_t>(bits >> 8 * i));
  }
  return bytes;
}

}  // namespace faultline::hw
