// Random legal instructions, against qemu-riscv64: every register, the flags
// and the memory after each short program must be equal.
#include "random_code.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "hart_rig.h"

namespace faultline::hw {
namespace {

constexpr unsigned kPrograms = 600, kLength = 60;
constexpr size_t kDumpBytes = 8 * (32 + 1 + 32);

std::string run_qemu(const std::vector<uint8_t>& image, uint64_t seed) {
  const std::string path =
      testing::TempDir() + "random_code_" + std::to_string(getpid()) + "_" + std::to_string(seed) + ".elf";
  const std::vector<uint8_t> elf = make_elf(image);
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(elf.data()), static_cast<std::streamsize>(elf.size()));
  chmod(path.c_str(), 0755);
  std::string output;
  FILE* pipe = popen(("qemu-riscv64 " + path).c_str(), "r");
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) output.append(buffer, n);
  pclose(pipe);
  unlink(path.c_str());
  return output;
}

uint64_t word(const std::string& bytes, size_t at) {
  uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// The first register that differs, in words.
std::string difference(const std::string& ours, const std::string& theirs) {
  if (ours.size() != theirs.size()) {
    return "sizes " + std::to_string(ours.size()) + " and " + std::to_string(theirs.size());
  }
  for (size_t at = 0; at < ours.size(); at += 8) {
    if (word(ours, at) == word(theirs, at)) continue;
    const size_t field = at % kDumpBytes / 8;
    std::ostringstream out;
    out << "program " << at / kDumpBytes << ", ";
    if (field < 32) out << 'x' << field;
    if (field == 32) out << "fcsr";
    if (field > 32) out << 'f' << field - 33;
    out << ": " << std::hex << word(ours, at) << ", qemu has " << word(theirs, at);
    return out.str();
  }
  return "";
}

class RandomCodeTest : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomCodeTest, AgreesWithQemu) {
  const RandomCode code = make_random_code(GetParam(), kPrograms, kLength);
  const std::string theirs = run_qemu(code.image, GetParam());
  ASSERT_GT(theirs.size(), kDumpBytes * kPrograms);
  for (const bool cached : {false, true}) {
    std::string statistics;
    for (const bool translate : {false, true}) {
      const std::string ours = in_child([&] {
        MachineConfig config = cached ? cached_machine() : flat_machine();
        config.hart.translate = translate;
        config.hart.translate_after = 1;
        HartRig rig(config, code.image, 0);
        const RunResult result = rig.run();
        return result.output + result.statistics;
      });
      const size_t output = std::min(theirs.size(), ours.size());
      EXPECT_EQ(difference(ours.substr(0, output), theirs), "") << (translate ? "translated" : "interpreted");
      // Every count and every cycle too.
      if (translate) {
        EXPECT_EQ(ours.substr(output), statistics);
      }
      statistics = ours.substr(output);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCodeTest, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace faultline::hw
