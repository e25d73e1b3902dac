// Reads a recording in faultline's trace format.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/trace/compact_format.h"
#include "cli/trace/trace_input.h"
#include "hw/base/types.h"

namespace faultline::cli {

// Up to kLongestRun instructions one after another, or one whose attempt faulted.
struct FetchRun {
  VirtAddr begin{};
  uint32_t bytes = 0;  // together
  uint8_t count = 0;
  uint8_t lengths = 0;  // bit n: instruction n has 4 bytes, else 2
};

class CompactReader {
 public:
  // Reads the header. `input` must outlive the reader. Throws TraceError, as all here do.
  explicit CompactReader(TraceInput& input);

  const RecordingHeader& header() const { return header_; }

  // Tells `sink` the next records, some thousands; false when the end record was
  // read, after which nothing may follow. A sink has the members of hw::Recorder,
  // but in place of fetch(): fetch_run(const FetchRun&, bool faulted), where only a
  // run of one can have faulted. One that wants page-out's records has policy_name(),
  // policy_setting() and paging() as CompactWriter; others are not told of them.
  template <class Sink>
  bool read(Sink& sink);

  uint64_t records() const { return records_; }
  // After the end record.
  const RecordedCounts& counts() const { return counts_; }

  // Of the record last told, for errors of the sink's.
  [[noreturn]] void fail(const std::string& what) const { input_.fail_at(record_, what); }

 private:
  // No record is longer: an operation and two varints of ten bytes.
  static constexpr size_t kMargin = 32;
  static constexpr size_t kBatchBytes = 64 << 10;

  template <class Sink>
  const uint8_t* record(const uint8_t* at, Sink& sink);
  template <class Sink>
  const uint8_t* rare_record(uint8_t op, const uint8_t* at, Sink& sink);
  template <class Sink>
  const uint8_t* paging_record(uint8_t op, const uint8_t* at, Sink& sink);
  template <class Sink>
  void data(Sink& sink, unsigned store, uint64_t distance, unsigned bytes) {
    const uint64_t address = last_data_[store] += distance;
    sink.data(store ? Access::store : Access::load, VirtAddr(address), bytes, faulted_);
    faulted_ = false;
  }

  uint64_t varint(const uint8_t*& at) const;
  uint64_t distance(const uint8_t*& at) const { return static_cast<uint64_t>(unzigzag(varint(at))); }
  Asid asid(const uint8_t*& at) const;
  std::string text();
  uint64_t number();
  void require_end();

  TraceInput& input_;
  RecordingHeader header_;
  RecordedCounts counts_;
  uint64_t records_ = 0;
  uint64_t record_ = 0;  // where the one under way begins
  bool ended_ = false;
  bool faulted_ = false;
  uint64_t pc_ = 0;
  uint64_t last_data_[2] = {0, 0};
  uint64_t last_entry_ = 0;
  uint64_t last_kernel_ = 0;
  uint64_t last_frame_ = 0;
};

template <class Sink>
bool CompactReader::read(Sink& sink) {
  if (ended_) return false;
  const std::span<const uint8_t> window = input_.window(kMargin);
  const uint64_t offset = input_.offset();
  // The last bytes are read with zeros behind them, so that no operation need ask for its end.
  std::array<uint8_t, 2 * kMargin> tail{};
  const bool at_end = window.size() < kMargin;
  if (at_end && !window.empty()) std::memcpy(tail.data(), window.data(), window.size());
  const uint8_t* const begin = at_end ? tail.data() : window.data();
  const uint8_t* const end = begin + window.size();
  const uint8_t* const last = at_end ? end : begin + std::min(window.size() - kMargin + 1, kBatchBytes);
  const uint8_t* at = begin;
  while (at < last && !ended_) {
    record_ = offset + static_cast<uint64_t>(at - begin);
    at = record(at, sink);
    ++records_;
    if (at > end) break;
  }
  if (at > end || (at_end && !ended_)) input_.fail_at(offset + window.size(), "the recording is cut short");
  input_.advance(static_cast<size_t>(at - begin));
  if (ended_) require_end();
  return !ended_;
}

template <class Sink>
inline const uint8_t* CompactReader::record(const uint8_t* at, Sink& sink) {
  const uint8_t op = *at++;
  if (op >= kFetchRun) {
    const unsigned bits = op & 0x7Fu;
    if (bits < 2) fail("a run of no instructions");
    const auto count = static_cast<unsigned>(std::bit_width(bits)) - 1;
    const unsigned lengths = bits ^ 1u << count;
    const uint32_t bytes = 2 * (count + static_cast<unsigned>(std::popcount(lengths)));
    if (faulted_ && count != 1) fail("a fault of more than one instruction");
    sink.fetch_run(FetchRun{VirtAddr(pc_), bytes, static_cast<uint8_t>(count), static_cast<uint8_t>(lengths)},
                   faulted_);
    faulted_ = false;
    pc_ += bytes;
    return at;
  }
  if (op >= kData) {
    const unsigned length = kDistanceBytes[op & 7u];
    uint64_t raw = 0;
    std::memcpy(&raw, at, sizeof raw);
    const unsigned unused = 64 - 8 * length;
    const uint64_t by = length == 0 ? 0 : static_cast<uint64_t>(static_cast<int64_t>(raw << unused) >> unused);
    data(sink, op >> 5 & 1u, by, 1u << (op >> 3 & 3u));
    return at + length;
  }
  return rare_record(op, at, sink);
}

template <class Sink>
const uint8_t* CompactReader::rare_record(uint8_t op, const uint8_t* at, Sink& sink) {
  if (faulted_ && op != kSizedData) fail("a fault of something that is no reference");
  switch (op) {
    case kEnd:
      counts_.fetch = varint(at);
      counts_.load = varint(at);
      counts_.store = varint(at);
      ended_ = true;
      break;
    case kJump:
      pc_ += distance(at) << 1;
      break;
    case kFaulted:
      faulted_ = true;
      break;
    case kTableWrite:
      last_entry_ += distance(at);
      sink.table_write(PhysAddr(last_entry_), varint(at));
      break;
    case kTableZero: {
      const uint64_t begin = varint(at);
      sink.table_zero(PhysAddr(begin), varint(at));
      break;
    }
    case kAddressSpace: {
      const uint64_t root = varint(at);
      sink.address_space(PhysAddr(root), asid(at));
      break;
    }
    case kSizedData: {
      const uint64_t form = varint(at);
      const uint64_t bytes = form >> 1;
      if (bytes == 0 || bytes > 64 << 10) fail("a reference of no bytes, or more than 64 KiB");
      data(sink, form & 1, distance(at), static_cast<unsigned>(bytes));
      break;
    }
    case kFlushPage: {
      const Asid space = asid(at);
      sink.flush_page(space, VirtAddr(varint(at)));
      break;
    }
    case kFlushAsid:
      sink.flush_asid(asid(at));
      break;
    case kFlushAll:
      sink.flush_all();
      break;
    case kProcess:
      sink.process(varint(at));
      break;
    case kMark:
      sink.mark(varint(at));
      break;
    case kKernelLoad:
    case kKernelStore:
      last_kernel_ += distance(at);
      sink.kernel(op == kKernelStore, VirtAddr(last_kernel_));
      break;
    default:
      return paging_record(op, at, sink);
  }
  return at;
}

template <class Sink>
const uint8_t* CompactReader::paging_record(uint8_t op, const uint8_t* at, Sink& sink) {
  constexpr bool wanted = requires { sink.paging(op, std::optional<uint64_t>()); };
  switch (op) {
    case kPolicyName: {
      const uint64_t length = varint(at);
      if (length > kLongestPolicyName) fail("a policy's name of more than 20 bytes");
      if constexpr (wanted) sink.policy_name(std::string_view(reinterpret_cast<const char*>(at), length));
      return at + length;
    }
    case kPolicySetting: {
      const uint64_t which = varint(at);
      const uint64_t value = varint(at);
      if constexpr (wanted) sink.policy_setting(which, value);
      return at;
    }
    case kPolicyTick:
    case kPolicyStep:
    case kPolicyReturned:
      if constexpr (wanted) sink.paging(op, std::nullopt);
      return at;
    case kPageCame:
    case kPageLeft:
    case kPolicyCleared:
    case kPolicyTook:
    case kPolicyAsked:
    case kPolicyAsked + 1:
    case kPolicyLooked:
    case kPolicyLooked + 1:
    case kPolicyLooked + 2:
    case kPolicyLooked + 3:
      last_frame_ += distance(at);
      if constexpr (wanted) sink.paging(op, last_frame_);
      return at;
    default:
      fail("no record begins with this byte");
  }
}

}  // namespace faultline::cli
