// Traces of other tools: what their records mean, and what is wrong with damaged ones.
#include <gmock/gmock.h>

#include <cstring>

#include "tests/cli/trace/trace_text.h"

namespace faultline::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr Access kFetch = Access::fetch;
constexpr Access kLoad = Access::load;
constexpr Access kStore = Access::store;

std::string lackey_error(const std::string& text) { return read_trace(make_lackey_reader, text).error; }
std::string din_error(const std::string& text) { return read_trace(make_din_reader, text).error; }

TEST(Lackey, ReadsAllKindsAndSkipsBanners) {
  const ReadTrace trace = read_trace(make_lackey_reader,
                                     "==12== Lackey, an example Valgrind tool\n\n"
                                     "I  04001090,3\n"
                                     " L 1ffefffe7c,4\n"
                                     " S 1FFEFFFE68,8\r\n"
                                     "SB 04001090\n"
                                     " M 0421c7cc,16\n"
                                     "==12== \n"
                                     "I  ffffffffffffffff,1");
  EXPECT_EQ(trace.error, "");
  EXPECT_THAT(trace.references,
              ElementsAre(Reference{0x4001090, 3, 3, kFetch}, Reference{0x1ffefffe7c, 4, 4, kLoad},
                          Reference{0x1ffefffe68, 5, 8, kStore}, Reference{0x421c7cc, 7, 16, kLoad},
                          Reference{0x421c7cc, 7, 16, kStore}, Reference{~uint64_t{0}, 9, 1, kFetch}));
  EXPECT_EQ(trace.records, 5u);
}

TEST(Lackey, NamesTheLineOfADamagedRecord) {
  EXPECT_EQ(lackey_error("I  1000,4\n L zz,4\n"), "t:2: no hexadecimal address");
  EXPECT_EQ(lackey_error(" L 1000\n"), "t:1: no comma after the address");
  EXPECT_EQ(lackey_error(" L 1000,\n"), "t:1: no size after the address");
  EXPECT_EQ(lackey_error(" L 1000,4 4\n"), "t:1: more than an address and a size");
  EXPECT_EQ(lackey_error(" L 1000,0\n"), "t:1: a reference of no bytes");
  EXPECT_EQ(lackey_error(" L 1000,65537\n"), "t:1: a reference of more than 64 KiB");
  EXPECT_EQ(lackey_error(" L 1000,99999999999999999999999999\n"), "t:1: a reference of more than 64 KiB");
  EXPECT_EQ(lackey_error(" L 10000000000000000,4\n"), "t:1: an address of more than 64 bits");
  EXPECT_EQ(lackey_error(" L ffffffffffffffff,2\n"), "t:1: a reference beyond the last address");
  EXPECT_EQ(lackey_error(" X 1000,4\n"), "t:1: not a line of lackey's --trace-mem=yes");
  EXPECT_EQ(lackey_error("hello\n"), "t:1: not a line of lackey's --trace-mem=yes");
}

TEST(Lackey, GivesWhatComesBeforeTheDamage) {
  const ReadTrace trace = read_trace(make_lackey_reader, " L 1000,4\n L 2000,4\nI  30");
  EXPECT_EQ(trace.references.size(), 2u);
  EXPECT_EQ(trace.error, "t:3: no comma after the address");
}

TEST(Lackey, CountsLinesAcrossWindows) {
  std::string text;
  const size_t lines = 3 * TraceInput::kWindowBytes / 10;
  for (size_t i = 0; i < lines; ++i) text += " L 1000,4\n";
  const ReadTrace trace = read_trace(make_lackey_reader, text + "?");
  ASSERT_EQ(trace.references.size(), lines);
  EXPECT_EQ(trace.references.back().position, lines);
  EXPECT_THAT(trace.error, StartsWith("t:" + std::to_string(lines + 1) + ": "));
}

TEST(Lackey, RefusesEndlessLines) {
  EXPECT_EQ(lackey_error(" L 1000,4\n" + std::string(3 << 20, '1')), "t:2: a line of more than 4096 characters");
}

TEST(Din, ReadsBothGenerations) {
  const ReadTrace trace = read_trace(make_din_reader,
                                     "2 400\n"
                                     "0 1003 a comment\n"
                                     "  1\t0x70f60890\n"
                                     "4 0\n"
                                     "r 7fff1002 8\n"
                                     "W 10 0x20 more\n"
                                     "i 20 2\n"
                                     "m 30 1\n"
                                     "v 30 1\n");
  EXPECT_EQ(trace.error, "");
  EXPECT_THAT(trace.references, ElementsAre(Reference{0x400, 1, 4, kFetch}, Reference{0x1000, 2, 4, kLoad},
                                            Reference{0x70f60890, 3, 4, kStore}, Reference{0x7fff1002, 5, 8, kLoad},
                                            Reference{0x10, 6, 0x20, kStore}, Reference{0x20, 7, 2, kFetch},
                                            Reference{0x30, 8, 1, kLoad}));
  EXPECT_EQ(trace.records, 9u);
}

TEST(Din, NamesTheLineOfADamagedRecord) {
  EXPECT_THAT(din_error("2 400\n7 400\n"), StartsWith("t:2: no label"));
  EXPECT_THAT(din_error("22 400\n"), StartsWith("t:1: no label"));
  EXPECT_EQ(din_error("2\n"), "t:1: no hexadecimal address after the label");
  EXPECT_EQ(din_error("2 4g\n"), "t:1: no hexadecimal address after the label");
  EXPECT_EQ(din_error("r 400\n"), "t:1: no hexadecimal size after the address");
  EXPECT_EQ(din_error("r 400 0\n"), "t:1: a reference of no bytes");
  EXPECT_EQ(din_error("r 400 ffffffff\n"), "t:1: a reference of more than 64 KiB");
  EXPECT_EQ(din_error("r 400 fffffffffffffffff\n"), "t:1: a reference of more than 64 KiB");
}

struct ChampsimRecord {
  uint64_t ip;
  uint8_t is_branch = 0;
  uint8_t taken = 0;
  uint8_t registers[6] = {};
  uint64_t destination[2] = {};
  uint64_t source[4] = {};
};
static_assert(sizeof(ChampsimRecord) == 64);

std::string bytes_of(const ChampsimRecord& record) {
  std::string bytes(sizeof record, '\0');
  std::memcpy(bytes.data(), &record, sizeof record);
  return bytes;
}

TEST(Champsim, ReadsMemoryOperands) {
  const ChampsimRecord record{.ip = 0x401000, .destination = {0, 0x2000}, .source = {0x3000, 0, 0, 0x4000}};
  const ReadTrace trace =
      read_trace(make_champsim_reader, bytes_of(record) + bytes_of({.ip = 0x401004, .is_branch = 1}));
  EXPECT_EQ(trace.error, "");
  EXPECT_THAT(trace.references, ElementsAre(Reference{0x401000, 0, 1, kFetch}, Reference{0x3000, 0, 1, kLoad},
                                            Reference{0x4000, 0, 1, kLoad}, Reference{0x2000, 0, 1, kStore},
                                            Reference{0x401004, 64, 1, kFetch}));
}

TEST(Champsim, NamesTheByteOfADamagedRecord) {
  const std::string sound = bytes_of({.ip = 0x401000});
  const ReadTrace cut = read_trace(make_champsim_reader, sound + sound.substr(0, 63));
  EXPECT_EQ(cut.references.size(), 1u);
  EXPECT_EQ(cut.error, "t: byte 64: the trace ends within a record of 64 bytes");
  const ReadTrace bad = read_trace(make_champsim_reader, sound + sound + bytes_of({.ip = 1, .is_branch = 2}));
  EXPECT_EQ(bad.references.size(), 2u);
  EXPECT_THAT(bad.error, StartsWith("t: byte 128: not a record of ChampSim"));
}

TraceFormat detected(const std::string& bytes, const std::string& name = "t") {
  TraceInput input = input_of(bytes, name);
  return detect_trace_format(input);
}

TEST(Detection, LooksAtNameAndFirstBytes) {
  EXPECT_EQ(detected("==1== Lackey\n"), TraceFormat::lackey);
  EXPECT_EQ(detected("\n L 1000,4\n"), TraceFormat::lackey);
  EXPECT_EQ(detected("I  1000,4\n"), TraceFormat::lackey);
  EXPECT_EQ(detected("i 1000 4\n"), TraceFormat::din);
  EXPECT_EQ(detected("0 1000\n"), TraceFormat::din);
  EXPECT_EQ(detected(bytes_of({.ip = 0x401000})), TraceFormat::champsim);
  EXPECT_EQ(detected("FLTTRACE1"), TraceFormat::faultline);
  EXPECT_EQ(detected("??", "a.champsimtrace.xz"), TraceFormat::champsim);
  EXPECT_EQ(detected("", "a.din.gz"), TraceFormat::din);
  EXPECT_THROW(detected("hello\n"), TraceError);
  EXPECT_THROW(detected(""), TraceError);
}

}  // namespace
}  // namespace faultline::cli
