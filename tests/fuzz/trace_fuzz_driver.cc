// Drives trace_fuzz.cc without libFuzzer: damages sound traces of every format
// again and again, with a seeded generator.
//
//   trace_fuzz ROUNDS SEED
#include <zstd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <random>
#include <span>
#include <string>
#include <systemc>
#include <vector>

#include "cli/trace/compact_writer.h"
#include "hw/mmu/page_table_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

Bytes with_kind(uint8_t kind, const std::string& text) {
  const std::string bytes = static_cast<char>(kind) + text;
  return {bytes.begin(), bytes.end()};
}

std::string lackey(std::mt19937_64& random) {
  static constexpr const char* kKinds[] = {"I  ", " L ", " S ", " M "};
  std::string text = "==12== Lackey, an example Valgrind tool\n";
  char line[64];
  for (unsigned i = 0; i < 40; ++i) {
    std::snprintf(line, sizeof line, "%s%08lx,%lu\n", kKinds[random() % 4], random() >> (random() % 64),
                  1 + random() % 16);
    text += line;
  }
  return text;
}

std::string din(std::mt19937_64& random) {
  std::string text;
  char line[64];
  for (unsigned i = 0; i < 40; ++i) {
    if (i % 2 == 0) {
      std::snprintf(line, sizeof line, "%lu %lx\n", random() % 5, random() >> (random() % 64));
    } else {
      std::snprintf(line, sizeof line, "%c %lx %lx\n", "rwimcv"[random() % 6], random() >> (random() % 64),
                    1 + random() % 16);
    }
    text += line;
  }
  return text;
}

std::string champsim(std::mt19937_64& random) {
  std::string bytes;
  for (unsigned i = 0; i < 20; ++i) {
    std::string record(64, '\0');
    for (size_t at = 0; at < record.size(); ++at) record[at] = static_cast<char>(at % 8 < 5 ? random() : 0);
    record[8] = static_cast<char>(random() % 2);
    record[9] = static_cast<char>(random() % 2);
    bytes += record;
  }
  return bytes;
}

// A page at 0x1000 under tables that begin at 0x10000, referred to, and everything else that there is.
std::string recording(std::mt19937_64& random) {
  using namespace faultline;
  const hw::PageTableFormat& format = *hw::find_page_table_format("x86-64");
  std::string file;
  cli::CompactWriter writer({"x86-64", 4096, 64 << 20, 1000, "p"}, [&](std::span<const uint8_t> bytes) {
    file.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  for (uint64_t table = 0x10; table < 0x14; ++table) writer.table_zero(PhysAddr(table << 12), 4096);
  for (uint64_t table = 0x10; table < 0x13; ++table)
    writer.table_write(PhysAddr(table << 12), format.encode_table(Pfn(table + 1)));
  constexpr hw::Permissions kAll{.read = true, .write = true, .execute = true, .user = true};
  writer.table_write(PhysAddr(0x13008), format.encode_leaf(Pfn(0x20), kAll));
  writer.address_space(PhysAddr(0x10000), 1);
  for (uint64_t i = 0; i < 30; ++i) {
    writer.fetch(VirtAddr(0x1000 + random() % 2040 * 2), i % 2 == 0 ? 2 : 4, false);
    writer.data(i % 3 == 0 ? Access::store : Access::load, VirtAddr(0x1000 + random() % 4000), 1 + i % 9, false);
    writer.data(Access::load, VirtAddr(0x2000 + random() % 4096), 8, true);
  }
  writer.process(2);
  writer.mark(0x4f1);
  writer.flush_page(1, VirtAddr(0x1000));
  writer.flush_asid(1);
  writer.flush_all();
  writer.finish({.fetch = 30, .load = 20, .store = 10});
  std::string plain(ZSTD_getFrameContentSize(file.data(), file.size()), '\0');
  ZSTD_decompress(plain.data(), plain.size(), file.data(), file.size());
  return random() % 8 == 0 ? file : plain;
}

void damage(Bytes& bytes, std::mt19937_64& random) {
  const auto below = [&random](uint64_t n) { return n == 0 ? 0 : random() % n; };
  const uint64_t at = 1 + below(bytes.size() - 1);
  switch (below(6)) {
    case 0:
      bytes[at % bytes.size()] ^= static_cast<uint8_t>(1u << below(8));
      return;
    case 1:
      bytes[at % bytes.size()] = static_cast<uint8_t>(random());
      return;
    case 2:  // numbers that end nowhere, or are all ones
      for (uint64_t i = at; i < std::min<uint64_t>(at + below(12), bytes.size()); ++i) bytes[i] = 0xFF;
      return;
    case 3:
      bytes.resize(1 + below(bytes.size()));
      return;
    case 4:
      bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(std::min<uint64_t>(at, bytes.size())), 1 + below(40),
                   static_cast<uint8_t>(random()));
      return;
    default: {
      const Bytes again(bytes.begin() + static_cast<std::ptrdiff_t>(below(bytes.size())), bytes.end());
      bytes.insert(bytes.end(), again.begin(), again.end());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: trace_fuzz ROUNDS SEED\n");
    return 2;
  }
  const uint64_t rounds = std::strtoull(argv[1], nullptr, 0);
  std::mt19937_64 random(std::strtoull(argv[2], nullptr, 0));
  sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
  for (uint64_t n = 0; n < rounds; ++n) {
    const Bytes sound[] = {with_kind(0, lackey(random)), with_kind(1, din(random)), with_kind(2, champsim(random)),
                           with_kind(3, recording(random)), with_kind(4, recording(random))};
    Bytes bytes = sound[random() % std::size(sound)];
    // One in a hundred stays sound.
    for (uint64_t changes = random() % 100 == 0 ? 0 : 1 + random() % 4; changes > 0; --changes) damage(bytes, random);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  }
  std::printf("%llu rounds\n", static_cast<unsigned long long>(rounds));
  return 0;
}
