// ChampSim's records of 64 bytes, one an instruction, little-endian (ChampSim,
// inc/trace_instruction.h, input_instr):
//    0  ip                         8 bytes
//    8  is_branch, branch_taken    1 byte each
//   10  destination registers      2 of 1 byte
//   12  source registers           4 of 1 byte
//   16  destination memory         2 of 8 bytes, 0 for none
//   32  source memory              4 of 8 bytes, 0 for none
// They tell no sizes: each reference is one byte, so that it never crosses a page.
#include <cstring>

#include "cli/trace/trace_reader.h"

namespace faultline::cli {
namespace {

constexpr size_t kRecordBytes = 64;
constexpr size_t kRecords = 2048;  // in one batch
constexpr size_t kFlags = 8;
constexpr size_t kDestinations = 16;
constexpr size_t kSources = 32;

uint64_t word(const uint8_t* at) {
  uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

class ChampsimReader final : public TraceReader {
 public:
  explicit ChampsimReader(TraceInput& input) : input_(input) {}

  bool read(std::vector<Reference>& batch) override {
    batch.clear();
    const std::span<const uint8_t> bytes = input_.window(kRecordBytes);
    if (bytes.empty()) return false;
    if (bytes.size() < kRecordBytes) fail(input_.offset(), "the trace ends within a record of 64 bytes");
    size_t at = 0;
    for (; bytes.size() - at >= kRecordBytes && at < kRecords * kRecordBytes; at += kRecordBytes) {
      if (sound(bytes.data() + at)) {
        add(bytes.data() + at, input_.offset() + at, batch);
      } else if (at == 0) {
        fail(input_.offset(), "not a record of ChampSim: its branch flags are neither 0 nor 1");
      } else {
        break;
      }
    }
    records_ += at / kRecordBytes;
    input_.advance(at);
    return true;
  }

  [[noreturn]] void fail(uint64_t position, const std::string& what) const override { input_.fail_at(position, what); }

 private:
  static bool sound(const uint8_t* record) { return record[kFlags] <= 1 && record[kFlags + 1] <= 1; }

  static void add(const uint8_t* record, uint64_t position, std::vector<Reference>& batch) {
    batch.push_back({word(record), position, 1, Access::fetch});
    for (size_t i = 0; i < 4; ++i) {
      const uint64_t address = word(record + kSources + 8 * i);
      if (address != 0) batch.push_back({address, position, 1, Access::load});
    }
    for (size_t i = 0; i < 2; ++i) {
      const uint64_t address = word(record + kDestinations + 8 * i);
      if (address != 0) batch.push_back({address, position, 1, Access::store});
    }
  }

  TraceInput& input_;
};

}  // namespace

std::unique_ptr<TraceReader> make_champsim_reader(TraceInput& input) { return std::make_unique<ChampsimReader>(input); }

}  // namespace faultline::cli
