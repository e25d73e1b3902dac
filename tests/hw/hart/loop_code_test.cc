// Random programs with loops, calls, code that changes and traps: every way to
// run them gives the same registers, memory, counts and cycles at every trap
// and at the end; and what qemu-riscv64 prints where nothing traps.
// FAULTLINE_LOOP_FIRST and FAULTLINE_LOOP_SEEDS choose other seeds, and more.
#include "loop_code.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iterator>
#include <map>
#include <sstream>

#include "hart_rig.h"
#include "hw/riscv/decode.h"
#include "qemu_output.h"

namespace faultline::hw {
namespace {

constexpr unsigned kPrograms = 12;
// Cycles of a piece; 0: all at once.
constexpr uint64_t kPieces[] = {0, 1'000, 30, 200};
constexpr unsigned kMostTraps = 20'000;

enum class How { in_full, interpreted, translated, translated_at_once, translated_soon };
constexpr How kWays[] = {How::interpreted, How::translated, How::translated_at_once, How::translated_soon};

uint64_t number_from(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

MachineConfig costly_machine() {
  MachineConfig config = flat_machine_with_costs();
  config.paging_format = "sv39";
  return config;
}

MachineConfig little_machine() {
  MachineConfig config = cached_machine();
  config.cache.l1i.size = 1024;
  config.cache.l1i.ways = 2;
  config.cache.l1d.size = 3 * 2 * 64;
  config.cache.l1d.ways = 2;
  config.tlb.l1i.sets = 1;
  config.tlb.l1i.ways = 1;
  config.tlb.l1d.sets = 3;
  config.tlb.l1d.replacement = Replacement::random;
  return config;
}

MachineConfig machine_without_tlb() {
  MachineConfig config = flat_machine();
  config.tlb.enabled = false;
  return config;
}

MachineConfig machine_of(uint64_t seed) {
  switch (seed % 5) {
    case 0:
      return flat_machine();
    case 1:
      return cached_machine();
    case 2:
      return costly_machine();
    case 3:
      return little_machine();
    default:
      return machine_without_tlb();
  }
}

// Writes down each trap and all that can be seen there, and goes on behind the
// instruction, or, at every fourth touch of a hole, maps the page and tries again.
class Traps {
 public:
  explicit Traps(HartRig& rig) : rig_(rig) {
    for (uint64_t va = kHoles; va < kHoles + kHoleBytes; va += 2 * kPageBytes) rig.unmap(va);
    rig.on_trap([this](const Trap& trap) { return note(trap); });
  }
  std::string text() const { return text_.str(); }
  unsigned count() const { return count_; }

 private:
  static constexpr uint64_t kPageBytes = 4096;

  bool note(const Trap& trap) {
    HartState& s = rig_.state();
    const Hart& hart = rig_.machine().hart();
    const HartStatistics counts = hart.statistics();
    text_ << static_cast<int>(trap.cause) << ' ' << static_cast<int>(trap.access) << ' ' << std::hex
          << trap.address.value << ' ' << trap.instruction << " pc " << s.pc << std::dec << " now " << hart.now().value
          << " counts " << counts.instructions << ' ' << counts.fetch_references << ' ' << counts.load_references << ' '
          << counts.store_references << " fcsr " << unsigned{s.frm} << ' ' << unsigned{s.fflags} << " registers "
          << hash() << '\n';
    if (++count_ > kMostTraps) return false;
    const uint64_t page = trap.address.value & ~(kPageBytes - 1);
    if (trap.cause == Trap::Cause::page_fault && ++touches_[page] % 4 == 0) {
      rig_.map_again(page);
    } else {
      s.pc += is_compressed(trap.instruction) ? 2 : 4;
    }
    return true;
  }

  uint64_t hash() const {
    uint64_t hash = 14695981039346656037u;  // FNV-1a, of words
    for (unsigned i = 0; i < 32; ++i) {
      hash = (hash ^ rig_.state().x[i]) * 1099511628211u;
      hash = (hash ^ rig_.state().f[i]) * 1099511628211u;
    }
    return hash;
  }

  HartRig& rig_;
  std::ostringstream text_;
  unsigned count_ = 0;
  std::map<uint64_t, unsigned> touches_;
};

// Lines of traps, a line of their number, statistics and output.
std::string run(MachineConfig config, How how, const RandomCode& code, uint64_t until) {
  return in_child([&] {
    config.hart.fast_path = how != How::in_full;
    config.hart.translate = how != How::in_full && how != How::interpreted;
    if (how == How::translated_at_once) config.hart.translate_after = 1;
    if (how == How::translated_soon) config.hart.translate_after = 3;
    HartRig rig(config, code.image, 0);
    Traps traps(rig);
    const RunResult result = rig.run(kImageBase, until);
    return traps.text() + "traps " + std::to_string(traps.count()) + "\n" + result.statistics + "budgets " +
           std::to_string(rig.budgets()) + "\noutput\n" + result.output;
  });
}

std::string output_of(const std::string& told) { return told.substr(told.find("\noutput\n") + 8); }

// The first line of what is told that is not the same.
std::string first_difference(const std::string& got, const std::string& expected) {
  if (got == expected) return "";
  std::istringstream a(got), b(expected);
  std::string x, y;
  for (unsigned n = 1;; ++n) {
    const bool more = static_cast<bool>(std::getline(a, x)), other = static_cast<bool>(std::getline(b, y));
    if (!more || !other || x != y) return "line " + std::to_string(n) + ": " + x + "\nin full: " + y;
  }
}

void expect_equal_ways(uint64_t seed, const RandomCode& code, uint64_t until, std::string& told) {
  const MachineConfig config = machine_of(seed);
  told = run(config, How::in_full, code, until);
  for (const How how : kWays) {
    EXPECT_EQ(first_difference(run(config, how, code, until), told), "")
        << "seed " << seed << " way " << static_cast<int>(how);
  }
}

uint64_t first_seed() { return number_from("FAULTLINE_LOOP_FIRST", 1); }
uint64_t seeds() { return number_from("FAULTLINE_LOOP_SEEDS", std::getenv("FAULTLINE_SOAK") != nullptr ? 1000 : 20); }

TEST(LoopCode, AgreesWithQemuInEveryWay) {
  for (uint64_t seed = first_seed(); seed < first_seed() + seeds(); ++seed) {
    const RandomCode code = make_loop_code(seed, kPrograms, false);
    const std::string theirs = run_qemu(code.image, "loop_code_" + std::to_string(seed));
    ASSERT_FALSE(theirs.empty());
    std::string told;
    expect_equal_ways(seed, code, 0, told);
    EXPECT_NE(told.find("traps 0\n"), std::string::npos) << "seed " << seed << "\n" << told.substr(0, 200);
    EXPECT_EQ(dump_difference(output_of(told), theirs), "") << "seed " << seed;
  }
}

// Cut into pieces too: that loses the reservation of an LR, so it is not for qemu.
TEST(LoopCode, TrapsAreExactInEveryWay) {
  uint64_t traps = 0;
  for (uint64_t seed = first_seed(); seed < first_seed() + seeds(); ++seed) {
    std::string told;
    expect_equal_ways(seed, make_loop_code(seed, kPrograms, true), kPieces[seed / 5 % std::size(kPieces)], told);
    traps += std::strtoull(told.c_str() + told.find("traps ") + 6, nullptr, 10);
  }
  EXPECT_GT(traps, 100 * seeds());
}

}  // namespace
}  // namespace faultline::hw
