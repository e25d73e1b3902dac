#include "hw/hart/translate/code_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <string>

#include "hw/hart/op.h"

namespace faultline::hw {
namespace {

constexpr size_t kChunks = 3;

std::shared_ptr<CodeMemory> make() {
  std::shared_ptr<CodeMemory> memory = CodeMemory::create(kChunks * CodeMemory::kChunkBytes);
  EXPECT_NE(memory, nullptr);
  return memory;
}

TEST(CodeMemory, WhatIsWrittenOnOneSideIsSeenOnTheOther) {
  const auto memory = make();
  const uint64_t chunk = memory->take();
  std::memcpy(memory->writable(chunk + 5), "code", 4);
  EXPECT_EQ(std::memcmp(reinterpret_cast<const void*>(chunk + 5), "code", 4), 0);
}

TEST(CodeMemory, NoPageIsBothWrittenAndExecuted) {
  const auto memory = make();
  unsigned mappings = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("faultline-host-code") == std::string::npos) continue;
    ++mappings;
    const std::string rights = line.substr(line.find(' ') + 1, 3);
    EXPECT_TRUE(rights == "rw-" || rights == "r-x") << line;
  }
  EXPECT_EQ(mappings, 2u);
}

TEST(CodeMemory, GivesChunksUntilAllAreTaken) {
  const auto memory = make();
  std::set<uint64_t> chunks;
  for (size_t i = 0; i < kChunks; ++i) chunks.insert(memory->take());
  EXPECT_EQ(chunks.size(), kChunks);
  EXPECT_EQ(chunks.count(0), 0u);
  EXPECT_EQ(memory->take(), 0u);
  memory->give_back(*chunks.begin());
  EXPECT_EQ(memory->take(), *chunks.begin());
}

TEST(HostCode, GivesItsChunksBack) {
  const auto memory = make();
  {
    HostCode code(memory);
    for (size_t i = 0; i < kChunks; ++i) {
      ASSERT_NE(code.reserve(CodeMemory::kChunkBytes), 0u);
      code.use(CodeMemory::kChunkBytes);
    }
    EXPECT_EQ(code.reserve(1), 0u);
  }
  EXPECT_NE(memory->take(), 0u);
}

TEST(HostCode, ConnectsTheJumpsThatWaitForABlock) {
  const auto memory = make();
  HostCode code(memory);
  const uint64_t at = code.reserve(64);
  Block one;
  Block* first = &one;
  Block* second = nullptr;
  code.wait_for(&first, at, false);
  code.wait_for(&second, at + 8, true);
  const auto displacement = [&](uint64_t place) {
    int32_t value;
    std::memcpy(&value, reinterpret_cast<const void*>(place), sizeof(value));
    return value;
  };
  code.connect(&one, at + 100, at + 120);
  EXPECT_EQ(displacement(at), 96);
  EXPECT_EQ(displacement(at + 8), 0);
  // Once linked, the other too; the first waits no more.
  second = &one;
  code.connect(&one, at + 200, at + 220);
  EXPECT_EQ(displacement(at), 96);
  EXPECT_EQ(displacement(at + 8), 208);
}

}  // namespace
}  // namespace faultline::hw
