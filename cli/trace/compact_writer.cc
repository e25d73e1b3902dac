#include "cli/trace/compact_writer.h"

#include <zstd.h>

#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

namespace faultline::cli {
namespace {

constexpr size_t kFrameBytes = 4 << 20;
constexpr int kLevel = 3;

// The index in kDistanceBytes of the shortest that holds the distance.
unsigned distance_code(int64_t distance) {
  for (unsigned code = 0; code + 1 < kDistanceBytes.size(); ++code) {
    const unsigned bits = 8u * kDistanceBytes[code];
    if (bits == 0 ? distance == 0 : distance >= -(int64_t{1} << (bits - 1)) && distance < int64_t{1} << (bits - 1))
      return code;
  }
  return static_cast<unsigned>(kDistanceBytes.size() - 1);
}

}  // namespace

struct CompactWriter::Compressor {
  Compressor() : context(ZSTD_createCCtx()) {
    if (!context) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
  }
  ~Compressor() { ZSTD_freeCCtx(context); }
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  ZSTD_CCtx* context;
};

CompactWriter::CompactWriter(const RecordingHeader& header, ByteSink sink)
    : sink_(std::move(sink)),
      compressor_(std::make_unique<Compressor>()),
      compressed_(ZSTD_compressBound(2 * kFrameBytes)) {
  buffer_.reserve(kFrameBytes + 4096);
  for (const char c : kCompactMagic) put(static_cast<uint8_t>(c));
  put_text(header.paging);
  put_varint(header.page_bytes);
  put_varint(header.memory_bytes);
  put_varint(header.clock_mhz);
  put_text(std::string_view(header.program).substr(0, kLongestText));
}

CompactWriter::~CompactWriter() = default;

void CompactWriter::put_varint(uint64_t value) {
  for (; value >= 0x80; value >>= 7) put(static_cast<uint8_t>(value | 0x80));
  put(static_cast<uint8_t>(value));
}

void CompactWriter::put_text(std::string_view text) {
  put_varint(text.size());
  buffer_.insert(buffer_.end(), text.begin(), text.end());
}

void CompactWriter::end_run() {
  if (run_length_ == 0) return;
  put(static_cast<uint8_t>(kFetchRun | run_));
  run_ = 1;
  run_length_ = 0;
}

void CompactWriter::begin(CompactOp op) {
  end_run();
  write_frame_if_full();
  put(op);
}

void CompactWriter::fetch(VirtAddr address, unsigned bytes, bool faulted) {
  if (address.value != next_pc_) {
    begin(kJump);
    put_varint(zigzag(static_cast<int64_t>(address.value - next_pc_) >> 1));
  }
  if (faulted) begin(kFaulted);
  const auto marker = static_cast<unsigned>(1u << run_length_);
  run_ = static_cast<uint8_t>((run_ ^ marker) | (bytes == 4 ? marker : 0) | marker << 1);
  next_pc_ = address.value + bytes;
  if (++run_length_ < kLongestRun && !faulted) return;
  end_run();
  write_frame_if_full();
}

void CompactWriter::data(Access access, VirtAddr address, unsigned bytes, bool faulted) {
  if (faulted) begin(kFaulted);
  const unsigned store = access == Access::store ? 1 : 0;
  const auto distance = static_cast<int64_t>(address.value - last_data_[store]);
  last_data_[store] = address.value;
  if (bytes > 8 || !std::has_single_bit(bytes)) {
    begin(kSizedData);
    put_varint(uint64_t{bytes} << 1 | store);
    put_varint(zigzag(distance));
    return;
  }
  const unsigned code = distance_code(distance);
  const auto log2 = static_cast<unsigned>(std::countr_zero(bytes));
  begin(static_cast<CompactOp>(kData | store << 5 | log2 << 3 | code));
  for (unsigned i = 0; i < kDistanceBytes[code]; ++i) put(static_cast<uint8_t>(distance >> (8 * i)));
}

void CompactWriter::kernel(bool write, VirtAddr address) {
  begin(write ? kKernelStore : kKernelLoad);
  put_varint(zigzag(static_cast<int64_t>(address.value - last_kernel_)));
  last_kernel_ = address.value;
}

void CompactWriter::table_write(PhysAddr entry, uint64_t raw) {
  begin(kTableWrite);
  put_varint(zigzag(static_cast<int64_t>(entry.value - last_entry_)));
  put_varint(raw);
  last_entry_ = entry.value;
}

void CompactWriter::table_zero(PhysAddr begin_of, uint64_t bytes) {
  begin(kTableZero);
  put_varint(begin_of.value);
  put_varint(bytes);
}

void CompactWriter::address_space(PhysAddr root, Asid asid) {
  begin(kAddressSpace);
  put_varint(root.value);
  put_varint(asid);
}

void CompactWriter::flush_page(Asid asid, VirtAddr address) {
  begin(kFlushPage);
  put_varint(asid);
  put_varint(address.value);
}

void CompactWriter::flush_asid(Asid asid) {
  begin(kFlushAsid);
  put_varint(asid);
}

void CompactWriter::flush_all() { begin(kFlushAll); }

void CompactWriter::process(uint64_t pid) {
  begin(kProcess);
  put_varint(pid);
}

void CompactWriter::mark(uint64_t number) {
  begin(kMark);
  put_varint(number);
}

void CompactWriter::policy_name(std::string_view name) {
  begin(kPolicyName);
  put_text(name.substr(0, kLongestPolicyName));
}

void CompactWriter::policy_setting(PolicySettingNumber which, uint64_t value) {
  begin(kPolicySetting);
  put_varint(which);
  put_varint(value);
}

void CompactWriter::paging(uint8_t op, std::optional<uint64_t> frame) {
  begin(static_cast<CompactOp>(op));
  if (!frame) return;
  put_varint(zigzag(static_cast<int64_t>(*frame - last_frame_)));
  last_frame_ = *frame;
}

void CompactWriter::finish(const RecordedCounts& counts) {
  begin(kEnd);
  put_varint(counts.fetch);
  put_varint(counts.load);
  put_varint(counts.store);
  write_frame();
}

// Frames end between records.
void CompactWriter::write_frame_if_full() {
  if (buffer_.size() >= kFrameBytes) write_frame();
}

void CompactWriter::write_frame() {
  const size_t size =
      ZSTD_compress2(compressor_->context, compressed_.data(), compressed_.size(), buffer_.data(), buffer_.size());
  if (ZSTD_isError(size)) throw std::runtime_error(std::string("Zstandard: ") + ZSTD_getErrorName(size));
  sink_(std::span(compressed_).first(size));
  buffer_.clear();
}

}  // namespace faultline::cli
