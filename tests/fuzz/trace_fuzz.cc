// Any bytes at all as a trace: every reader must answer or say what is wrong, and
// a replay must stay in the memory that it was given. The first byte chooses
// the reader. libFuzzer's entry; trace_fuzz_driver.cc calls it too.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "cli/trace/compact_reader.h"
#include "cli/trace/replay.h"
#include "cli/trace/trace_error.h"
#include "cli/trace/trace_hart.h"
#include "cli/trace/trace_reader.h"
#include "tests/hw/mmu/mmu_rig.h"

namespace faultline::cli {
namespace {

constexpr unsigned kMostBatches = 256;  // a few compressed bytes may hold any number

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "trace_fuzz: broken: %s\n", what);
  std::abort();
}

void check_error(const TraceError& error) {
  const std::string text = error.what();
  require(text.starts_with("t:"), "an error names the file");
  require(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; }),
          "an error is one printable line");
}

void read_list(TraceReader& reader) {
  std::vector<Reference> batch;
  for (unsigned i = 0; i < kMostBatches && reader.read(batch); ++i) {
    require(!batch.empty(), "a batch holds references");
    for (const Reference& reference : batch) {
      require(reference.bytes >= 1 && reference.bytes <= kMaxReferenceBytes, "a reference has bytes");
      require(reference.address <= ~uint64_t{0} - (reference.bytes - 1), "a reference ends before addresses do");
    }
  }
}

// A machine that all recordings are replayed on, one after another, whatever the one before left.
struct Target {
  struct Side final : hw::MemorySide {
    explicit Side(uint64_t size) : end(size) {}
    Cycles access(PhysAddr address, unsigned bytes, bool, hw::Requester, Cycles now) override {
      require(address.value < end && bytes <= end - address.value, "accesses lie in memory");
      return now + Cycles(1);
    }
    uint64_t end;
  };
  Target() { sc_core::sc_start(sc_core::SC_ZERO_TIME); }

  hw::MmuRig rig{"rig", hw::MachineConfig{}};
  Side side{rig.memory.size()};
  TraceHart hart{{.mmu = rig.mmu,
                  .memory = rig.memory,
                  .fetch_side = side,
                  .data_side = side,
                  .fetch_line = 64,
                  .data_line = 64,
                  .base_cycles = Cycles(1)}};
};

void replay(TraceInput& input) {
  static Target target;
  CompactReader reader(input);
  Replay sink(reader, target.hart, target.rig.mmu, target.rig.memory, target.rig.memory.size());
  for (unsigned i = 0; i < kMostBatches && reader.read(sink); ++i) continue;
}

void read_one(uint8_t kind, TraceInput& input) {
  switch (kind % 5) {
    case 0:
      return read_list(*make_lackey_reader(input));
    case 1:
      return read_list(*make_din_reader(input));
    case 2:
      return read_list(*make_champsim_reader(input));
    case 3:
      return replay(input);
    default:
      detect_trace_format(input);
  }
}

}  // namespace
}  // namespace faultline::cli

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace faultline::cli;
  if (size == 0) return 0;
  try {
    TraceInput input("t", decompress(read_memory(std::span(data + 1, size - 1))));
    read_one(data[0], input);
  } catch (const TraceError& error) {
    check_error(error);
  }
  return 0;
}
