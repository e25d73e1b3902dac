// faultline's own trace format: there and back, and what is wrong with damaged recordings.
#include <gmock/gmock.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <optional>
#include <random>

#include "cli/trace/compact_reader.h"
#include "cli/trace/compact_writer.h"
#include "tests/cli/trace/trace_text.h"

namespace faultline::cli {
namespace {

using testing::HasSubstr;

// One line for each event, whoever tells it.
class Log : public hw::Recorder {
 public:
  void fetch(VirtAddr a, unsigned bytes, bool faulted) override { add("fetch", a.value, bytes, faulted); }
  void fetch_run(const FetchRun& run, bool faulted) {
    uint64_t at = run.begin.value;
    for (unsigned i = 0; i < run.count; ++i) {
      const unsigned bytes = (run.lengths >> i & 1) != 0 ? 4 : 2;
      fetch(VirtAddr(at), bytes, faulted);
      at += bytes;
    }
    EXPECT_EQ(at - run.begin.value, run.bytes);
  }
  void data(Access access, VirtAddr a, unsigned bytes, bool faulted) override {
    add(access == Access::store ? "store" : "load", a.value, bytes, faulted);
  }
  void kernel(bool write, VirtAddr a) override { add("kernel", write, a.value); }
  void table_write(PhysAddr entry, uint64_t raw) override { add("table", entry.value, raw); }
  void table_zero(PhysAddr begin, uint64_t bytes) override { add("zero", begin.value, bytes); }
  void address_space(PhysAddr root, Asid asid) override { add("space", root.value, asid); }
  void flush_page(Asid asid, VirtAddr a) override { add("page", asid, a.value); }
  void flush_asid(Asid asid) override { add("asid", asid); }
  void flush_all() override { add("all"); }
  void process(uint64_t pid) override { add("process", pid); }
  void mark(uint64_t number) override { add("mark", number); }

  std::vector<std::string> lines;

 private:
  void add(std::string what, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0) {
    lines.push_back(what + ' ' + std::to_string(a) + ' ' + std::to_string(b) + ' ' + std::to_string(c));
  }
};

const RecordingHeader kHeader{"x86-64", 4096, 256 << 20, 1000, "./hello"};
const RecordedCounts kCounts{300, 1, 1ull << 40};

std::string written(const std::function<void(hw::Recorder&)>& tell, bool finish = true) {
  std::string file;
  CompactWriter writer(kHeader, [&](std::span<const uint8_t> bytes) { file.append(bytes.begin(), bytes.end()); });
  tell(writer);
  if (finish) writer.finish(kCounts);
  return file;
}

std::string unpacked(const std::string& file) {
  auto source = decompress(read_memory({reinterpret_cast<const uint8_t*>(file.data()), file.size()}));
  std::string out;
  std::vector<uint8_t> room(1000);
  while (const size_t got = source->read(room)) out.append(room.begin(), room.begin() + static_cast<ptrdiff_t>(got));
  return out;
}

struct ReadRecording {
  Log log;
  RecordingHeader header;
  RecordedCounts counts;
  std::string error;
};

ReadRecording read_recording(const std::string& file) {
  ReadRecording result;
  try {
    TraceInput input = input_of(file);
    CompactReader reader(input);
    result.header = reader.header();
    while (reader.read(result.log)) {
    }
    result.counts = reader.counts();
  } catch (const TraceError& error) {
    result.error = error.what();
  }
  return result;
}

// Every kind of event, with small and large numbers.
void tell_events(hw::Recorder& to, uint64_t seed, unsigned events) {
  std::mt19937_64 random(seed);
  const auto number = [&] { return random() >> random() % 64; };
  uint64_t pc = 0x10000;
  for (unsigned i = 0; i < events; ++i) {
    const unsigned bytes = 1u << random() % 4;
    const bool faulted = random() % 16 == 0;
    switch (random() % 24) {
      case 0:
        pc = number() >> 1 & ~uint64_t{1};
        break;
      case 1:
        to.kernel(random() % 2, VirtAddr(number()));
        break;
      case 2:
        to.table_write(PhysAddr(number()), number());
        break;
      case 3:
        to.table_zero(PhysAddr(number()), number());
        break;
      case 4:
        to.address_space(PhysAddr(number()), static_cast<Asid>(random() % 0xFFFF));
        break;
      case 5:
        to.flush_page(static_cast<Asid>(random() % 0xFFFF), VirtAddr(number()));
        break;
      case 6:
        to.flush_asid(7);
        break;
      case 7:
        to.flush_all();
        break;
      case 8:
        to.process(number());
        break;
      case 9:
        to.mark(number());
        break;
      case 10:
        to.data(Access::load, VirtAddr(number()), 1 + random() % 65536, faulted);
        break;
      case 11:
        to.data(Access::store, VirtAddr(number()), bytes, faulted);
        break;
      case 12:
        to.data(Access::load, VirtAddr(number()), bytes, faulted);
        break;
      default: {
        const unsigned length = random() % 2 ? 4 : 2;
        to.fetch(VirtAddr(pc), length, faulted);
        pc += faulted ? 0 : length;
      }
    }
  }
}

TEST(Compact, ReadsWhatWasWritten) {
  Log told;
  tell_events(told, 1, 200'000);
  const std::string file = written([](hw::Recorder& to) { tell_events(to, 1, 200'000); });
  const ReadRecording read = read_recording(file);
  EXPECT_EQ(read.error, "");
  EXPECT_EQ(read.header, kHeader);
  EXPECT_EQ(read.counts, kCounts);
  EXPECT_TRUE(read.log.lines == told.lines);
}

TEST(Compact, SixSequentialFetchesTakeOneByte) {
  const auto size = [](unsigned fetches) {
    return unpacked(written([=](hw::Recorder& to) {
             for (unsigned i = 0; i < fetches; ++i) to.fetch(VirtAddr(4 * i), 4, false);
           }))
        .size();
  };
  EXPECT_EQ(size(600) - size(0), 100u);
}

TEST(Compact, EqualRunsGiveEqualBytes) {
  const auto tell = [](hw::Recorder& to) { tell_events(to, 2, 50'000); };
  EXPECT_EQ(written(tell), written(tell));
}

// Of page-out: a sink that has no paging() is not told, one that has is told all.
void tell_paging(CompactWriter& to) {
  to.policy_name("a-name-of-twenty-ch.");
  to.policy_setting(kFrames, 1ull << 40);
  to.process(1);
  to.paging(kPageCame, 5);
  to.paging(kPolicyStep);
  to.paging(kPolicyLooked | 3, (1ull << 40) - 1);
  to.paging(kPolicyAsked | 1, 0);
  to.process(2);
  to.paging(kPolicyTook, 7);
  to.paging(kPageLeft, 7);
  to.paging(kPolicyReturned);
}

std::string written_paging() {
  std::string file;
  CompactWriter writer(kHeader, [&](std::span<const uint8_t> bytes) { file.append(bytes.begin(), bytes.end()); });
  tell_paging(writer);
  writer.finish(kCounts);
  return file;
}

struct PagingLog : Log {
  void policy_name(std::string_view name) { lines.push_back("policy " + std::string(name)); }
  void policy_setting(uint64_t which, uint64_t value) {
    lines.push_back("setting " + std::to_string(which) + " " + std::to_string(value));
  }
  void paging(uint8_t op, std::optional<uint64_t> frame) {
    lines.push_back("paging " + std::to_string(op) + (frame ? " " + std::to_string(*frame) : ""));
  }
};

TEST(Compact, PageOutIsForThoseWhoWantIt) {
  const std::string file = written_paging();
  EXPECT_EQ(read_recording(file).error, "");
  EXPECT_EQ(read_recording(file).log.lines, (std::vector<std::string>{"process 1 0 0", "process 2 0 0"}));
  TraceInput input = input_of(file);
  CompactReader reader(input);
  PagingLog log;
  while (reader.read(log)) {
  }
  EXPECT_EQ(log.lines,
            (std::vector<std::string>{"policy a-name-of-twenty-ch.", "setting 0 1099511627776", "process 1 0 0",
                                      "paging 16 5", "paging 19", "paging 31 1099511627775", "paging 25 0",
                                      "process 2 0 0", "paging 22 7", "paging 17 7", "paging 20"}));
  const std::string whole = unpacked(file);
  for (size_t bytes = 0; bytes < whole.size(); ++bytes)
    ASSERT_NE(read_recording(whole.substr(0, bytes)).error, "") << bytes;
}

TEST(Compact, ManyFramesAreOneRecording) {
  // Nothing but fetches in a row, which alone must end frames too.
  const auto tell = [](hw::Recorder& to) {
    for (uint64_t i = 0; i < 60'000'000; ++i) to.fetch(VirtAddr(2 * i), 2, false);
  };
  struct {
    uint64_t fetches = 0;
    void fetch_run(const FetchRun& run, bool) { fetches += run.count; }
    void data(Access, VirtAddr, unsigned, bool) {}
    void kernel(bool, VirtAddr) {}
    void table_write(PhysAddr, uint64_t) {}
    void table_zero(PhysAddr, uint64_t) {}
    void address_space(PhysAddr, Asid) {}
    void flush_page(Asid, VirtAddr) {}
    void flush_asid(Asid) {}
    void flush_all() {}
    void process(uint64_t) {}
    void mark(uint64_t) {}
  } count;
  const std::string file = written(tell);
  TraceInput input = input_of(file);
  CompactReader reader(input);
  while (reader.read(count)) {
  }
  EXPECT_EQ(count.fetches, 60'000'000u);
}

TEST(Compact, EveryCutIsAnError) {
  const std::string whole = unpacked(written([](hw::Recorder& to) { tell_events(to, 3, 300); }));
  ASSERT_EQ(read_recording(whole).error, "");
  for (size_t bytes = 0; bytes < whole.size(); ++bytes)
    ASSERT_NE(read_recording(whole.substr(0, bytes)).error, "") << bytes;
  const std::string packed = written([](hw::Recorder& to) { tell_events(to, 3, 300); });
  for (size_t bytes = 0; bytes < packed.size(); ++bytes)
    ASSERT_NE(read_recording(packed.substr(0, bytes)).error, "") << bytes;
}

// Zstandard has bits that decoders ignore: unused ones of a frame header's
// descriptor (RFC 8878, 3.1.1.1.1) and padding of its tables. Then nothing has changed.
TEST(Compact, AChangedByteOfTheFileIsAnErrorOrChangesNothing) {
  std::string packed = written([](hw::Recorder& to) { tell_events(to, 4, 300); });
  const ReadRecording whole = read_recording(packed);
  size_t errors = 0;
  for (size_t at = 0; at < packed.size(); ++at) {
    packed[at] = static_cast<char>(packed[at] ^ 0x08);
    const ReadRecording read = read_recording(packed);
    errors += !read.error.empty();
    EXPECT_TRUE(!read.error.empty() || read.log.lines == whole.log.lines) << at;
    packed[at] = static_cast<char>(packed[at] ^ 0x08);
  }
  EXPECT_GT(errors, packed.size() * 9 / 10);
}

TEST(Compact, SaysWhatIsWrongAndWhere) {
  const std::string empty = unpacked(written([](hw::Recorder&) {}));
  EXPECT_THAT(read_recording("FLTTRACE0").error, HasSubstr("t: byte 0: a recording of another version"));
  EXPECT_THAT(read_recording("hello").error, HasSubstr("t: byte 0: not a recording"));
  EXPECT_THAT(read_recording(empty + "x").error, HasSubstr("bytes after the end of the recording"));
  EXPECT_THAT(read_recording(written([](hw::Recorder&) {}, false)).error, HasSubstr("byte 0: not a recording"));
}

std::string gzipped(const std::string& text) {
  std::string out(compressBound(text.size()) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string xzed(const std::string& text) {
  std::string out(lzma_stream_buffer_bound(text.size()), '\0');
  size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const uint8_t*>(text.data()),
                                    text.size(), reinterpret_cast<uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

std::string zstd(const std::string& text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

TEST(Decompression, OfAllKindsAndOfSeveralInARow) {
  std::string text;
  for (unsigned i = 0; i < 100'000; ++i) text += std::to_string(i * 7919) + "\n";
  for (const auto& pack : {gzipped, xzed, zstd}) {
    EXPECT_TRUE(unpacked(pack(text)) == text);
    EXPECT_TRUE(unpacked(pack(text) + pack(text)) == text + text);
    EXPECT_EQ(unpacked(pack("")), "");
    const std::string packed = pack(text);
    for (const size_t cut : {packed.size() - 1, packed.size() / 2, size_t{10}})
      EXPECT_THROW(unpacked(packed.substr(0, cut)), TraceError) << cut;
  }
  EXPECT_EQ(unpacked("abc"), "abc");
  EXPECT_EQ(unpacked(""), "");
}

}  // namespace
}  // namespace faultline::cli
