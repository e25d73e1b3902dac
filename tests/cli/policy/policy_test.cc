// faultline policy: its texts, what recordings hold for it, and damaged ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "cli/config/user_error.h"
#include "cli/policy/paging_record.h"
#include "cli/policy/policy_arguments.h"
#include "cli/policy/policy_command.h"
#include "cli/policy/recorded_paging.h"
#include "cli/policy/reference_source.h"
#include "cli/trace/compact_writer.h"
#include "cli/trace/trace_error.h"
#include "tests/cli/trace/trace_text.h"

namespace faultline::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class Action>
std::string refusal(Action&& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  } catch (const TraceError& error) {
    return error.what();
  }
  return "";
}

TEST(Frames, AreNumbersAndRanges) {
  EXPECT_THAT(parse_frames("3"), ElementsAre(3u));
  EXPECT_THAT(parse_frames("8,1-3,2"), ElementsAre(1u, 2u, 3u, 8u));
  for (const char* text : {"", "0", "-3", "3-", "3-1", "1,,2", "x", "1 2", "99999999999", "18446744073709551617"})
    EXPECT_THAT(refusal([=] { parse_frames(text); }), HasSubstr("--frames")) << text;
  EXPECT_THAT(refusal([] { parse_frames("1-1001"); }), HasSubstr("at most 1000 sizes"));
  EXPECT_EQ(parse_frames("1-1000").size(), 1000u);
}

TEST(References, AreNumberedAsTheyComeUp) {
  const NamedReferences references = parse_references("t", "7, 0x10 7\n\t# 9 9\n16,0");
  EXPECT_THAT(references.string.pages, ElementsAre(0u, 1u, 0u, 1u, 2u));
  EXPECT_EQ(references.string.distinct, 3u);
  EXPECT_THAT(references.names, ElementsAre(7u, 16u, 0u));
  EXPECT_EQ(refusal([] { parse_references("t", " ,\n# 1\n"); }), "t: there is no reference in it");
  EXPECT_EQ(refusal([] { parse_references("t", "1\n2 18446744073709551616"); }),
            "t: line 2: \"18446744073709551616\" is no page number: expected a whole number");
  EXPECT_THAT(refusal([] { parse_references("t", "0x"); }), HasSubstr("\"0x\" is no page number"));
}

const RecordingHeader kHeader{"x86-64", 4096, 1 << 20, 1000, "./p"};

std::string recording(const std::function<void(CompactWriter&)>& tell) {
  std::string file;
  CompactWriter writer(kHeader, [&](std::span<const uint8_t> bytes) { file.append(bytes.begin(), bytes.end()); });
  tell(writer);
  writer.finish({});
  return file;
}

// A page for each address space; the same one in a row once, whoever refers to it;
// what crosses pages is both; what faulted was made again.
TEST(RecordedPages, AreTheRunsReferences) {
  const std::string file = recording([](CompactWriter& to) {
    to.address_space(PhysAddr(0x1000), 1);
    to.fetch(VirtAddr(0x10000), 4, false);
    to.fetch(VirtAddr(0x10004), 4, false);
    to.data(Access::load, VirtAddr(0x10100), 8, false);
    to.data(Access::store, VirtAddr(0x20000), 8, true);
    to.data(Access::store, VirtAddr(0x20000), 8, false);
    to.data(Access::load, VirtAddr(0x20FFC), 8, false);
    to.address_space(PhysAddr(0x2000), 2);
    to.data(Access::load, VirtAddr(0x20000), 8, false);
    to.address_space(PhysAddr(0x1000), 1);
    to.data(Access::load, VirtAddr(0x20000), 8, false);
  });
  TraceInput input = input_of(file);
  CompactReader reader(input);
  RecordedPages pages(reader);
  while (reader.read(pages)) {
  }
  const NamedReferences references = pages.take();
  EXPECT_THAT(references.string.pages, ElementsAre(0u, 1u, 2u, 3u, 1u));
  EXPECT_EQ(references.names[2], (uint64_t{1} << 48) + 0x21);
}

class Folder {
 public:
  Folder() : path_(std::filesystem::temp_directory_path() / ("faultline-policy-" + std::to_string(getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& bytes) const {
    const std::string name = path_ / "recording";
    std::ofstream(name, std::ios::binary) << bytes;
    return name;
  }

 private:
  std::filesystem::path path_;
};

PolicyReport replay(const std::string& file, std::vector<std::string> policies = {},
                    std::vector<uint64_t> frames = {}) {
  PolicyOptions options;
  options.replay = file;
  options.policies = std::move(policies);
  options.frames = std::move(frames);
  return policy_command(options);
}

// FIFO in two frames; `taken`: the frame that it is said to have taken first.
std::string fifo_record(uint64_t taken) {
  return recording([=](CompactWriter& to) {
    PagingRecorder recorder(to);
    recorder.policy("fifo", {.frames = 2});
    using Kind = os::PolicyEvent::Kind;
    recorder.event({.kind = Kind::came, .frame = Pfn(1)});
    recorder.event({.kind = Kind::came, .frame = Pfn(0)});
    recorder.event({.kind = Kind::step});
    recorder.event({.kind = Kind::looked, .frame = Pfn(taken), .hand = os::Hand::back, .answer = true});
    recorder.event({.kind = Kind::taken, .frame = Pfn(taken)});
    recorder.event({.kind = Kind::left, .frame = Pfn(taken)});
    recorder.event({.kind = Kind::returned});
  });
}

TEST(Replay, SaysWhetherTheRecordIsThePolicys) {
  const Folder folder;
  const PolicyReport same = replay(folder.file(fifo_record(1)));
  EXPECT_EQ(same.status, 0);
  EXPECT_EQ(
      same.text,
      "fifo, 2 frames: 7 events, 1 steps, 1 looks, 1 pages taken\nthe same pages as in the run, in the same order\n");
  const PolicyReport other = replay(folder.file(fifo_record(0)));
  EXPECT_EQ(other.status, 1);
  EXPECT_THAT(other.text, HasSubstr("different: event 4: in the run the back hand looks at frame 0, and here the back "
                                    "hand looks at frame 1\n"));
  EXPECT_THAT(refusal([&] { replay(folder.file(fifo_record(1)), {}, {3}); }),
              HasSubstr("in 2 frames: leave --frames away"));
  EXPECT_THAT(refusal([&] { replay(folder.file(fifo_record(1)), {"lru"}); }),
              HasSubstr("not enough to say what lru would do"));
}

TEST(Replay, RefusesWhatNoRunWrites) {
  const auto error_of = [](const std::function<void(CompactWriter&)>& tell) {
    return refusal([&] {
      const std::string file = recording(tell);
      TraceInput input = input_of(file);
      CompactReader reader(input);
      RecordedPaging recorded(reader);
      while (reader.read(recorded)) {
      }
    });
  };
  EXPECT_THAT(error_of([](CompactWriter& to) { to.paging(kPolicyStep); }), HasSubstr("without a policy"));
  EXPECT_THAT(error_of([](CompactWriter& to) {
                to.policy_name("fifo");
                to.paging(kPolicyStep);
              }),
              HasSubstr("without frames"));
  EXPECT_THAT(error_of([](CompactWriter& to) {
                to.policy_name("best");
                to.policy_setting(kFrames, 1);
                to.paging(kPolicyStep);
              }),
              HasSubstr("there is no policy best"));
  EXPECT_THAT(error_of([](CompactWriter& to) {
                to.policy_name("opt");
                to.policy_setting(kFrames, 1);
                to.paging(kPolicyStep);
              }),
              HasSubstr("there is no policy opt that can be replayed"));
  EXPECT_THAT(error_of([](CompactWriter& to) { to.policy_setting(kFrames, uint64_t{1} << 27); }),
              HasSubstr("no frames, or too many"));
}

// Whatever stands in the file: an answer, or what is wrong.
TEST(Replay, AnyBytesGetAnAnswer) {
  std::mt19937_64 random(11);
  const uint8_t operations[] = {kPageCame,       kPageLeft,         kPolicyTick,     kPolicyStep,
                                kPolicyReturned, kPolicyCleared,    kPolicyTook,     kPolicyAsked,
                                kPolicyLooked,   kPolicyLooked + 3, kPolicyAsked + 1};
  const std::string_view names[] = {"two-handed", "one-handed", "fifo", "lru", "random", "nfu", "aging"};
  for (unsigned round = 0; round < 3000; ++round) {
    const std::string file = recording([&](CompactWriter& to) {
      to.policy_name(names[round % std::size(names)]);
      to.policy_setting(kFrames, 1 + random() % 5);
      to.policy_setting(kHandSpread, random() >> random() % 64);
      for (unsigned i = 0; i < 200; ++i) {
        const uint8_t op = operations[random() % std::size(operations)];
        const bool plain = op == kPolicyTick || op == kPolicyStep || op == kPolicyReturned;
        to.paging(op, plain ? std::nullopt : std::optional<uint64_t>(random() % 5));
      }
    });
    TraceInput input = input_of(file);
    CompactReader reader(input);
    RecordedPaging recorded(reader);
    while (reader.read(recorded)) {
    }
    ASSERT_NE(recorded.replay(), nullptr);
    EXPECT_LE(recorded.replay()->events(), 200u);
  }
}

}  // namespace
}  // namespace faultline::cli
