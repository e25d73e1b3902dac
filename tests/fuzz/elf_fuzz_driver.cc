// Drives elf_fuzz.cc without libFuzzer: damages real programs again and again,
// mostly in their headers, with a seeded generator.
//
//   elf_fuzz ROUNDS SEED PROGRAM...
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Bytes = std::vector<uint8_t>;

constexpr uint64_t kHeaderBytes = 64;
constexpr uint64_t kTableBytes = 56 * 12;  // more program headers than the programs have

// Numbers at which size and address arithmetic breaks, if it does.
constexpr uint64_t kEdges[] = {
    0,           1,          2,          0x7f,       0xff,       0xfff,      0x1000,     0x1001,
    0x7fff,      0xffff,     0x10000,    0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32, 1ull << 47,
    ~0ull << 47, 1ull << 63, ~0ull >> 1, ~0ull,      ~0ull - 1,  ~0xfffull,  ~0xffull,   0x7ffffffff000,
};

class Damager {
 public:
  Damager(const Bytes& sound, uint64_t seed) : bytes_(sound), random_(seed) {}

  // Tries one damaged file, then repairs it.
  void round() {
    for (uint64_t changes = 1 + below(4); changes > 0; --changes) change();
    const uint64_t size = below(8) == 0 ? below(bytes_.size() + 1) : bytes_.size();
    // A copy of exact size, so that a sanitizer sees every byte read beyond it.
    const Bytes file(bytes_.begin(), bytes_.begin() + static_cast<ptrdiff_t>(size));
    LLVMFuzzerTestOneInput(file.data(), file.size());
    for (; !undo_.empty(); undo_.pop_back()) bytes_[undo_.back().first] = undo_.back().second;
  }

 private:
  uint64_t below(uint64_t n) { return random_() % n; }

  void set(uint64_t at, uint8_t value) {
    if (at >= bytes_.size()) return;
    undo_.emplace_back(at, bytes_[at]);
    bytes_[at] = value;
  }

  void change() {
    const uint64_t header = below(kHeaderBytes + kTableBytes);
    switch (below(5)) {
      case 0:  // one bit
        return set(header, bytes_[header] ^ static_cast<uint8_t>(1u << below(8)));
      case 1:  // one byte, anywhere
        return set(below(bytes_.size()), static_cast<uint8_t>(random_()));
      case 2:
        return field(kEdges[below(std::size(kEdges))]);
      case 3:  // a value near one that is there
        return field(number_at(header & ~uint64_t{7}) + below(33) - 16);
      default:  // a program header over another
        return copy_header(kHeaderBytes + below(12) * 56, kHeaderBytes + below(12) * 56);
    }
  }

  // Overwrites an aligned field of the headers.
  void field(uint64_t value) {
    const uint64_t width = uint64_t{2} << below(3);
    const uint64_t at = below(kHeaderBytes + kTableBytes) / width * width;
    for (uint64_t i = 0; i < width; ++i) set(at + i, static_cast<uint8_t>(value >> (8 * i)));
  }

  uint64_t number_at(uint64_t at) const {
    uint64_t value = 0;
    for (uint64_t i = 0; i < 8; ++i) value |= uint64_t{bytes_[at + i]} << (8 * i);
    return value;
  }

  void copy_header(uint64_t from, uint64_t to) {
    for (uint64_t i = 0; i < 56; ++i) set(to + i, bytes_[from + i]);
  }

  Bytes bytes_;
  std::mt19937_64 random_;
  std::vector<std::pair<uint64_t, uint8_t>> undo_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: elf_fuzz ROUNDS SEED PROGRAM...\n");
    return 2;
  }
  const uint64_t rounds = std::strtoull(argv[1], nullptr, 0);
  const uint64_t seed = std::strtoull(argv[2], nullptr, 0);
  for (int i = 3; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    const Bytes sound(std::istreambuf_iterator<char>(file), {});
    if (sound.size() < kHeaderBytes + kTableBytes) {
      std::fprintf(stderr, "elf_fuzz: %s: cannot be read, or too short\n", argv[i]);
      return 2;
    }
    Damager damager(sound, seed + static_cast<uint64_t>(i));
    for (uint64_t n = 0; n < rounds; ++n) damager.round();
  }
  std::printf("%llu rounds on each of %d programs\n", static_cast<unsigned long long>(rounds), argc - 3);
  return 0;
}
