// What a hart tells its recorder: every reference, once, in the order of the
// program; and that nothing else changes by it.
#include "hw/mmu/recorder.h"

#include <gtest/gtest.h>

#include <sstream>

#include "hart_rig.h"

namespace faultline::hw {
namespace {

constexpr uint32_t kEcall = 0x00000073;
constexpr uint32_t kExit = 0x05d00893;  // li a7, 93

// References as text: "f 10000 4", a "!" behind those that faulted.
class TextRecorder final : public Recorder {
 public:
  void fetch(VirtAddr address, unsigned bytes, bool faulted) override { add('f', address, bytes, faulted); }
  void data(Access access, VirtAddr address, unsigned bytes, bool faulted) override {
    add(access == Access::store ? 's' : 'l', address, bytes, faulted);
  }
  void kernel(bool, VirtAddr) override {}
  void table_write(PhysAddr, uint64_t) override {}
  void table_zero(PhysAddr, uint64_t) override {}
  void address_space(PhysAddr, Asid) override {}
  void flush_page(Asid, VirtAddr) override {}
  void flush_asid(Asid) override {}
  void flush_all() override {}
  void process(uint64_t) override {}
  void mark(uint64_t) override {}

  std::string text;
  uint64_t fetches = 0;

 private:
  void add(char kind, VirtAddr address, unsigned bytes, bool faulted) {
    fetches += kind == 'f';
    std::ostringstream line;
    line << kind << ' ' << std::hex << address.value << ' ' << bytes << (faulted ? "!" : "");
    text += line.str() + "\n";
  }
};

MachineConfig sv39() {
  MachineConfig config = flat_machine();
  config.paging_format = "sv39";
  return config;
}

std::string recorded(const MachineConfig& config, uint64_t offset, std::initializer_list<uint32_t> instructions,
                     uint64_t unmapped = 0) {
  std::vector<uint8_t> image(offset);
  const std::vector<uint8_t> code = assemble(instructions);
  image.insert(image.end(), code.begin(), code.end());
  HartRig rig(config, image, 0);
  if (unmapped != 0) rig.unmap(unmapped);
  TextRecorder recorder;
  rig.machine().hart().record(&recorder);
  rig.run(kImageBase + offset);
  return recorder.text;
}

TEST(HartRecorder, TellsInstructionsAndThenTheirData) {
  // addi, c.addi, ld t0,-8(sp), sd t0,-16(sp), li, ecall
  EXPECT_EQ(recorded(cached_machine(), 0, {0x00150513, 0x0505, 0xff813283, 0xfe513823, kExit, kEcall}),
            "f 10000 4\nf 10004 2\nf 10006 4\nl 3ffffff8 8\nf 1000a 4\ns 3ffffff0 8\nf 1000e 4\nf 10012 4\n");
}

TEST(HartRecorder, TellsAnInstructionOfTwoPagesOnce) {
  EXPECT_EQ(recorded(sv39(), 0xffe, {0x00150513, kExit, kEcall}), "f 10ffe 4\nf 11002 4\nf 11006 4\n");
}

TEST(HartRecorder, TellsFaultsOfEitherHalf) {
  EXPECT_EQ(recorded(sv39(), 0xffe, {0x00150513, kExit, kEcall}, kImageBase + 0x1000), "f 10ffe 4!\n");
}

TEST(HartRecorder, TellsAFetchThatFaults) {
  EXPECT_EQ(recorded(sv39(), 0xffc, {0x00150513, kExit, kEcall}, kImageBase + 0x1000), "f 10ffc 4\nf 11000 2!\n");
}

TEST(HartRecorder, TellsDataOfTwoPagesOnce) {
  // sd t0,-4(sp): the page behind the stack is not mapped.
  EXPECT_EQ(recorded(sv39(), 0, {0x00500293, 0xfe513e23, kExit, kEcall}), "f 10000 4\nf 10004 4\ns 3ffffffc 8!\n");
}

TEST(HartRecorder, TellsNoDataWhereNoneIsLookedUp) {
  // sc.w a0,a1,(sp) without a reservation; then lw t0,-7(sp), which traps for its alignment.
  MachineConfig config = sv39();
  config.hart.misaligned = Misaligned::trap;
  EXPECT_EQ(recorded(config, 0, {0x18b1252f, 0xff912283, kExit, kEcall}), "f 10000 4\nf 10004 4\n");
}

TEST(HartRecorder, TellsAtomicsAsStores) {
  // addi sp,sp,-16; lr.d a0,(sp); sc.d a0,a1,(sp); amoadd.d a0,a1,(sp)
  EXPECT_EQ(recorded(sv39(), 0, {0xff010113, 0x1001352f, 0x18b1352f, 0x00b1352f, kExit, kEcall}),
            "f 10000 4\nf 10004 4\nl 3ffffff0 8\nf 10008 4\ns 3ffffff0 8\nf 1000c 4\ns 3ffffff0 8\n"
            "f 10010 4\nf 10014 4\n");
}

std::string mix(const MachineConfig& config, bool record) {
  return in_child([&] {
    HartRig rig(config, read_file(MIX_IMAGE), 2 << 20);
    TextRecorder recorder;
    if (record) rig.machine().hart().record(&recorder);
    const RunResult result = rig.run();
    EXPECT_EQ(recorder.fetches > 1000, record);
    return testing::Test::HasFailure() ? std::string() : result.output + "\n" + result.statistics;
  });
}

TEST(HartRecorder, ChangesNoCountAndNoCycle) {
  for (const MachineConfig& config : {flat_machine(), cached_machine()}) {
    const std::string alone = mix(config, false);
    ASSERT_NE(alone, "");
    EXPECT_EQ(mix(config, true), alone);
  }
}

}  // namespace
}  // namespace faultline::hw
