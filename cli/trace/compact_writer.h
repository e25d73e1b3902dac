// Writes a recording in faultline's trace format.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "cli/trace/compact_format.h"
#include "hw/mmu/recorder.h"

namespace faultline::cli {

// Takes the bytes of the file, in order. May throw; the writer passes it on.
using ByteSink = std::function<void(std::span<const uint8_t>)>;

class CompactWriter final : public hw::Recorder {
 public:
  // Zstandard frames, each with its checksum.
  CompactWriter(const RecordingHeader& header, ByteSink sink);
  ~CompactWriter() override;

  void fetch(VirtAddr address, unsigned bytes, bool faulted) override;
  void data(Access access, VirtAddr address, unsigned bytes, bool faulted) override;
  void kernel(bool write, VirtAddr address) override;
  void table_write(PhysAddr entry, uint64_t raw) override;
  void table_zero(PhysAddr begin, uint64_t bytes) override;
  void address_space(PhysAddr root, Asid asid) override;
  void flush_page(Asid asid, VirtAddr address) override;
  void flush_asid(Asid asid) override;
  void flush_all() override;
  void process(uint64_t pid) override;
  void mark(uint64_t number) override;

  // Page-out's records; `frame` where the operation has one.
  void policy_name(std::string_view name);
  void policy_setting(PolicySettingNumber which, uint64_t value);
  void paging(uint8_t op, std::optional<uint64_t> frame = std::nullopt);

  // Writes the end record and the last frame. Nothing may follow. A file without
  // it counts as cut short.
  void finish(const RecordedCounts& counts);

 private:
  struct Compressor;

  void put(uint8_t byte) { buffer_.push_back(byte); }
  void put_varint(uint64_t value);
  void put_text(std::string_view text);
  void end_run();
  // Begins any record but one of fetches.
  void begin(CompactOp op);
  void write_frame_if_full();
  void write_frame();

  ByteSink sink_;
  std::unique_ptr<Compressor> compressor_;
  std::vector<uint8_t> buffer_;      // of the frame under way
  std::vector<uint8_t> compressed_;  // room for one
  uint64_t next_pc_ = 0;
  uint8_t run_ = 1;  // lengths below the highest bit
  unsigned run_length_ = 0;
  uint64_t last_data_[2] = {0, 0};  // load, store
  uint64_t last_entry_ = 0;
  uint64_t last_kernel_ = 0;
  uint64_t last_frame_ = 0;
};

}  // namespace faultline::cli
